"""The rim of every request: who may send it, how large it may be, how it is named, and how a refusal looks."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from services.api.__main__ import may_bind
from services.shared.jobs.model import Kind, NewJob
from services.shared.principal import LOCAL
from services.shared.records.tables import jobs
from services.shared.settings import Settings
from tests.api.house import House, code
from tests.api.uploads.server import Server
from tests.conftest import StartHouse

CANCEL = "/v1/jobs/job_00000000000000000000000000/cancel"
EVIL = "http://evil.example"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::2]"])
def test_a_foreign_host_is_refused(api: House, host: str) -> None:
    """A name that is not ours gets nothing, whatever it asks (DNS rebinding)."""
    assert code(api.http.get("/v1/meta", headers={"Host": host})) == (400, "host_not_allowed")
    assert code(api.http.get("/healthz", headers={"Host": host})) == (400, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:9", "[::1]:8000", "LOCALHOST"])
def test_loopback_names_are_ours(api: House, host: str) -> None:
    """Loopback's names are accepted with any port."""
    assert api.http.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://localhost:1"},
    ],
)
def test_another_site_may_not_change_anything(api: House, headers: dict[str, str]) -> None:
    """A page of another site is refused before anything is looked up, and may still read."""
    for method in ("POST", "PATCH", "DELETE", "PUT"):
        assert code(api.http.request(method, CANCEL, headers=headers)) == (403, "cross_origin")
    assert code(api.http.post("/v1/uploads", content=b"a\n1\n", headers=headers)) == (403, "cross_origin")
    assert api.http.get("/v1/meta", headers=headers).status_code == 200


def test_our_own_page_and_clients_without_an_origin_pass(api: House) -> None:
    """Our origin is the address itself; curl sends none."""
    for headers in ({"Origin": api.server.url, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
        assert code(api.http.post(CANCEL, headers=headers)) == (404, "job_not_found")


def test_an_answer_before_the_body_ends_the_connection(api: House) -> None:
    """Who is refused before the body was taken is told that the connection ends; who was heard out keeps it."""
    refused = api.http.post("/v1/uploads", content=b"a\n1\n", headers={"Origin": EVIL})
    assert refused.headers.get("connection") == "close"
    assert "connection" not in api.http.post("/v1/uploads", content=b"a\n1\n").headers
    assert "connection" not in api.http.post("/v1/queries", json={"sql": "SELEC"}).headers
    for _ in range(50):
        assert code(api.http.post("/v1/uploads", content=b"a\n1\n", headers={"Origin": EVIL})) == (403, "cross_origin")
        assert api.http.get("/healthz").status_code == 200


def test_hosts_and_origins_of_the_settings(start_house: StartHouse) -> None:
    """A proxy's name and a front-end's origin are let in by settings alone."""
    house = start_house(allowed_hosts=("data.example",), allowed_origins=("http://front.example",), workers=1)
    assert house.http.get("/healthz", headers={"Host": "data.example"}).status_code == 200
    assert code(house.http.post(CANCEL, headers={"Origin": "http://front.example"})) == (404, "job_not_found")


def test_request_id(api: House) -> None:
    """A sane id is echoed, another is replaced, and a job remembers the id it was made under."""
    assert api.http.get("/healthz", headers={"X-Request-Id": "trace-1.a_b"}).headers["X-Request-Id"] == "trace-1.a_b"
    for strange in ("a b", "x" * 65, "a\tb", "é".encode()):
        answer = api.http.get("/healthz", headers={"X-Request-Id": strange})
        assert answer.headers["X-Request-Id"].startswith("req_")
    query = api.http.post("/v1/queries", json={"sql": "SELECT 1 AS one"}, headers={"X-Request-Id": "from-the-browser"})
    assert api.services.jobs.get(query.json()["id"]).request_id == "from-the-browser"
    assert "from-the-browser" in (api.server.home / "api.log").read_text()


def test_every_answer_is_safe(api: House) -> None:
    """Answers, problems and pages carry the headers that keep a browser careful."""
    for path in ("/v1/meta", "/v1/nothing", "/docs", "/openapi.json"):
        headers = api.http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Request-Id"]


def test_unknown_paths_and_methods(api: House) -> None:
    """What is not there and what is not done there are problems too."""
    assert code(api.http.get("/v1/nothing")) == (404, "not_found")
    assert code(api.http.get("/v1/jobs/")) == (404, "not_found")
    refused = api.http.put("/v1/jobs")
    assert code(refused) == (405, "method_not_allowed")
    assert refused.headers["Allow"] == "GET"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_a_limit(api: House, *, chunked: bool) -> None:
    """A JSON body that is too large is refused, its length announced or not."""
    body = b'{"sql": "' + b"x" * (api.settings.max_request_bytes + 1) + b'"}'
    headers = {"Content-Type": "application/json"}
    answer = api.http.post("/v1/queries", content=iter([body[:1000], body[1000:]]) if chunked else body, headers=headers)
    assert code(answer) == (413, "request_too_large")


def test_bodies_that_can_not_be_read(api: House) -> None:
    """No JSON, another media type and a missing body are told apart."""
    json = {"Content-Type": "application/json"}
    assert code(api.http.post("/v1/queries", content=b"{nope", headers=json)) == (400, "bad_request")
    assert code(api.http.post("/v1/queries", content=b"", headers=json)) == (400, "bad_request")
    assert code(api.http.post("/v1/queries", content=b'{"sql": "SELECT 1"}', headers={"Content-Type": "text/plain"})) == (
        415,
        "unsupported_media_type",
    )
    assert code(api.http.post("/v1/queries", data={"sql": "SELECT 1"})) == (415, "unsupported_media_type")
    assert code(api.http.post("/v1/queries", content=b"[1]", headers=json)) == (422, "validation_failed")
    assert code(api.http.post("/v1/queries", content=b"\xff\xfe", headers=json)) == (400, "bad_request")
    assert code(api.http.post("/v1/queries", content=b"[" * 100_000, headers=json)) == (400, "bad_request")


def test_a_refusal_names_the_value(api: House) -> None:
    """Every unacceptable value is listed with its place."""
    answer = api.http.get("/v1/jobs", params={"limit": 900, "state": "odd"})
    assert code(answer) == (422, "validation_failed")
    found = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert "900" in found["query/limit"]
    assert "odd" in found["query/state/0"]
    body = api.http.post("/v1/datasets", json={"upload_id": "upl_1", "name": "Orders!", "colums": []})
    assert code(body) == (422, "validation_failed")
    pointers = {error["pointer"]: error["detail"] for error in body.json()["errors"]}
    assert "Orders!" in pointers["#/name"]
    assert "#/colums" in pointers


def test_numbers_that_no_record_can_hold(api: House) -> None:
    """A version or a limit beyond what is stored is refused, in an address and in a body."""
    orders = api.profiled(b"k\n1\n")
    assert api.publish(orders["id"], "numbered")["state"] == "succeeded"
    versions = "/v1/datasets/numbered/versions"
    for path in (f"{versions}/{2**63}/rejects", f"{versions}/{2**31}/rejects", f"/v1/datasets/numbered/receipt?version={2**63}"):
        assert code(api.http.get(path)) == (422, "validation_failed")
    assert code(api.http.get(f"{versions}/{2**31 - 1}/rejects")) == (404, "version_not_found")
    assert code(api.http.post(f"{versions}/{2**63}/restore")) == (422, "validation_failed")
    again = {"upload_id": orders["id"], "name": "numbered", "mode": "append", "expected_version": 2**63}
    assert code(api.http.post("/v1/datasets", json=again)) == (422, "validation_failed")
    assert code(api.http.post("/v1/queries", json={"sql": "SELECT 1", "max_bytes_scanned": 2**63})) == (422, "validation_failed")
    assert api.query("SELECT 1", max_bytes_scanned=2**53 - 1)["state"] == "succeeded"


def test_a_failure_says_nothing_of_the_inside(start_house: StartHouse) -> None:
    """An error nobody foresaw is a plain 500; its log line has the details."""
    house = start_house(workers=1)
    with house.services.database.write() as tx:
        new = NewJob(kind=Kind.PROFILE, resource_type="upload", resource_id="upl_x", params={})
        job = house.services.jobs.submit(tx, new, principal=LOCAL)
        tx.execute(update(jobs).where(jobs.c.id == job.id).values(state="no such state"))
    answer = house.http.get("/v1/jobs")
    assert code(answer) == (500, "internal_error")
    assert "no such state" not in answer.text
    assert "Traceback" not in answer.text
    log = (house.server.home / "api.log").read_text()
    assert "no such state" in log
    assert answer.headers["X-Request-Id"] in log


def test_records_that_are_away(tmp_path: Path, redis_url: str) -> None:
    """Records that do not answer are 503 with a time to come again; readiness names them, and the process lives."""
    (tmp_path / "away").mkdir()
    server = Server(tmp_path, redis_url=redis_url, database_url=f"sqlite:///{tmp_path / 'away'}").start()
    answer = server.http.get("/v1/jobs")
    ready = server.http.get("/readyz")
    assert (code(answer), code(ready)) == ((503, "unavailable"), (503, "not_ready"))
    assert answer.headers["Retry-After"]
    assert str(tmp_path) not in answer.text + ready.text
    assert [error["pointer"] for error in ready.json()["errors"]] == ["#/checks/records"]
    assert server.http.get("/healthz").status_code == 200
    server.close()


@pytest.mark.parametrize(
    ("host", "allow", "may"),
    [
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("localhost", False, True),
        ("192.0.2.1", False, False),
        ("192.0.2.1", True, True),
        ("data.example", False, False),
    ],
)
def test_only_loopback_is_bound(host: str, *, allow: bool, may: bool) -> None:
    """Another address needs a setting that says so."""
    assert may_bind(Settings(api_host=host, allow_network=allow)) is may


def test_a_keep_alive_connection_serves_many(api: House) -> None:
    """A refused body leaves the connection's next request whole."""
    with httpx.Client(base_url=api.server.url, trust_env=False) as client:
        for _ in range(3):
            assert code(client.post("/v1/queries", content=b"{nope", headers={"Content-Type": "application/json"})) == (400, "bad_request")
            assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("datasets", "GET, POST"),
        ("datasets/kept", "DELETE, GET"),
        ("uploads", "GET, OPTIONS, POST"),
        ("uploads/upl_1/profile", "GET, POST"),
        ("queries/estimate", "POST"),
    ],
)
def test_an_address_names_all_its_methods(api: House, path: str, methods: str) -> None:
    """A method that an address does not know is answered with those it knows, of all its operations."""
    answer = api.http.put(f"/v1/{path}")
    assert code(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == methods
