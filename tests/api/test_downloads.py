"""Downloads of a result in every form: made once, shared by all who ask, kept as long as the result."""

from __future__ import annotations

import email.message
import io
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import httpx
import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from services.api.answers import attachment
from services.api.results import MEDIA_TYPES
from services.query.exports import jsonl
from services.shared.clock import utc_now
from services.shared.errors import InsufficientStorage
from services.shared.records.tables import queries
from services.worker.reconcile import reconcile
from tests.api.house import House, code

SQL = "SELECT * FROM (VALUES (1, '=1+1', DATE '2026-01-02'), (2, CAST(NULL AS varchar), NULL), (3, '', NULL)) t (n, note, day)"
MADE = {"jsonl": {"format": "jsonl"}, "parquet": {"format": "parquet"}, "xlsx": {"format": "xlsx"}}
SAFE = {"csv": {"format": "csv", "safe": "spreadsheet"}, "xlsx": {"format": "xlsx", "safe": "spreadsheet"}}
FORMS = [*MADE.values(), *SAFE.values()]


@pytest.fixture
def query(api: House) -> dict[str, Any]:
    """A finished query of its own."""
    return api.query(SQL)


def get(api: House, query: dict[str, Any], **options: Any) -> httpx.Response:
    """Ask for the download."""
    return api.http.get(f"/v1/queries/{query['id']}/download", **options)


def made(api: House, query: dict[str, Any], form: dict[str, str]) -> httpx.Response:
    """Have a form made and return its answer."""
    assert get(api, query, params=form).status_code == 202
    api.work()
    answer = get(api, query, params=form)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_form_is_made_once_and_then_a_file(api: House, query: dict[str, Any], form: dict[str, str]) -> None:
    """202 with the job and when to ask again, then 200 with type, name, strong ETag and ranges, for every form alike."""
    first = get(api, query, params=form)
    assert (first.status_code, first.headers["Retry-After"], first.headers["Location"]) == (202, "1", f"/v1/jobs/{first.json()['id']}")
    api.work()
    job = api.get(first.headers["Location"])
    whole = get(api, query, params=form)
    assert (job["state"], job["phase"], job["progress"]["percent"], job["progress"]["records_done"]) == ("succeeded", "exporting", 100.0, 3)
    assert job["result"] == {"query_id": query["id"], "format": form["format"], "safe": form.get("safe"), "bytes": len(whole.content)}
    assert whole.headers["content-type"].split(";")[0] == MEDIA_TYPES[form["format"]]
    name = f"{query['id']}{'-safe' if 'safe' in form else ''}.{form['format']}"
    assert whole.headers["content-disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    etag = whole.headers["ETag"]
    assert re.fullmatch('"[0-9a-f]+"', etag)
    assert get(api, query, params=form, headers={"If-None-Match": etag}).status_code == 304
    part = get(api, query, params=form, headers={"Range": "bytes=3-9", "If-Range": etag})
    assert (part.status_code, part.content, part.headers["ETag"]) == (206, whole.content[3:10], etag)
    assert part.headers["Content-Range"] == f"bytes 3-9/{len(whole.content)}"
    assert code(get(api, query, params=form, headers={"Range": "bytes=99999999-"})) == (416, "range_not_satisfiable")


def test_every_form_has_the_values(api: House, query: dict[str, Any]) -> None:
    """Each form is the same rows, written its way; safe ones are files of their own beside the exact ones."""
    assert [json.loads(line) for line in made(api, query, MADE["jsonl"]).text.splitlines()] == [
        {"n": 1, "note": "=1+1", "day": "2026-01-02"}, {"n": 2, "note": None, "day": None}, {"n": 3, "note": "", "day": None},
    ]  # fmt: skip
    assert pq.read_table(io.BytesIO(made(api, query, MADE["parquet"]).content)).column("note").to_pylist() == ["=1+1", None, ""]
    for form, note in ((MADE["xlsx"], "=1+1"), (SAFE["xlsx"], "'=1+1")):
        sheet = openpyxl.load_workbook(io.BytesIO(made(api, query, form).content)).active
        assert sheet is not None
        assert [[cell.value for cell in row][:2] for row in sheet.iter_rows()] == [["n", "note"], [1, note], [2, None], [3, ""]]
        assert sheet["B2"].data_type != "f"
    assert made(api, query, SAFE["csv"]).content == b'"n","note","day"\n"1","\'=1+1","2026-01-02"\n"2",,\n"3","",\n'
    assert get(api, query).content == b'"n","note","day"\n"1","=1+1","2026-01-02"\n"2",,\n"3","",\n'
    etags = {get(api, query, params=form).headers["ETag"] for form in [{}, *FORMS]}
    assert len(etags) == 1 + len(FORMS)


def test_all_who_ask_at_once_share_a_job(api: House, query: dict[str, Any]) -> None:
    """Twelve clients at once get one job for a form, and another one for its safe sister."""
    start = threading.Barrier(12)

    def ask(number: int) -> tuple[str, str]:
        form = SAFE["xlsx"] if number % 2 else MADE["xlsx"]
        with httpx.Client(base_url=api.http.base_url, trust_env=False, timeout=60) as client:
            start.wait()
            return str(form), client.get(f"/v1/queries/{query['id']}/download", params=form).json()["id"]

    with ThreadPoolExecutor(12) as pool:
        found = set(pool.map(ask, range(12)))
    assert len(found) == len({job for _, job in found}) == 2


def test_only_what_a_spreadsheet_opens_can_be_made_safe(api: House, query: dict[str, Any]) -> None:
    """jsonl and parquet have no safe form; the answer names the parameter and the way out."""
    for form in ("jsonl", "parquet"):
        answer = get(api, query, params={"format": form, "safe": "spreadsheet"})
        assert code(answer) == (422, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == "query/safe"
        assert form in answer.json()["detail"]
        assert "csv and xlsx" in answer.json()["detail"]
    for wrong in ({"format": "pdf"}, {"safe": "yes"}, {"format": "xlsx", "safe": ""}):
        assert code(get(api, query, params=wrong)) == (422, "validation_failed")


def test_what_can_not_be_made_is_a_problem(api: House) -> None:
    """An export that failed is answered with its problem, again and again, and the other forms can be had."""
    query = api.query(f"SELECT 1 AS n, '{'x' * 32_768}' AS note")
    job = get(api, query, params=MADE["xlsx"]).json()
    api.work()
    for _ in range(2):
        answer = get(api, query, params=MADE["xlsx"])
        assert code(answer) == (422, "spreadsheet_limit")
        assert 'Row 1 of the column "note" has a text of 32768 characters' in answer.json()["detail"]
    assert api.get(f"/v1/jobs/{job['id']}")["error"]["code"] == "spreadsheet_limit"
    assert len(made(api, query, MADE["jsonl"]).content) > 32_768


def test_what_failed_for_want_of_room_is_made_when_tried_again(api: House, query: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is 507 until the job is tried again, as the answer says."""

    def full(*_: Any, **__: Any) -> Any:
        raise InsufficientStorage("There is no room left.")

    first = get(api, query, params=MADE["jsonl"]).json()
    with monkeypatch.context() as patch:
        patch.setattr(jsonl, "read_texts", full)
        api.work()
    answer = get(api, query, params=MADE["jsonl"])
    assert code(answer) == (507, "insufficient_storage")
    assert f"POST /v1/jobs/{first['id']}/retry" in answer.json()["detail"]
    assert api.http.post(f"/v1/jobs/{first['id']}/retry").status_code == 202
    assert get(api, query, params=MADE["jsonl"]).json()["id"] == first["id"]
    api.work()
    assert get(api, query, params=MADE["jsonl"]).status_code == 200


def test_retention_frees_every_form(api: House, query: dict[str, Any]) -> None:
    """After its time a result is 410 in every form, no file of it is left, and an export that was under way leaves none."""
    for form in FORMS[:-1]:
        made(api, query, form)
    late = get(api, query, params=FORMS[-1]).json()
    with api.services.database.write() as tx:
        tx.execute(update(queries).where(queries.c.id == query["id"]).values(expires_at=utc_now() - timedelta(seconds=1)))
    for form in [{}, *FORMS]:
        assert code(get(api, query, params=form)) == (410, "result_expired")
    files = api.settings.home.joinpath("objects", "ws").rglob(f"results/{query['id']}/*/*")
    assert len([path.name for path in files]) == 3 + len(FORMS) - 1
    reconcile(api._worker)
    api.work()
    assert api.get(f"/v1/jobs/{late['id']}")["error"]["code"] == "result_expired"
    assert not list(api.settings.home.joinpath("objects", "ws").rglob(f"results/{query['id']}/*/*"))


def test_an_export_that_ends_after_the_result_did_leaves_nothing(api: House, query: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that is freed while a form of it is made takes the form with it."""
    read = jsonl.read_texts

    def expire_meanwhile(result: Any) -> Any:
        yield from read(result)
        with api.services.database.write() as tx:
            tx.execute(update(queries).where(queries.c.id == query["id"]).values(expires_at=utc_now() - timedelta(seconds=1)))

    job = get(api, query, params=MADE["jsonl"]).json()
    monkeypatch.setattr(jsonl, "read_texts", expire_meanwhile)
    api.work()
    assert api.get(f"/v1/jobs/{job['id']}")["error"]["code"] == "result_expired"
    assert not list(api.settings.home.joinpath("objects", "ws").rglob(f"results/{query['id']}/*/*"))


@given(st.text(st.characters()))
def test_no_filename_breaks_out_of_its_header(name: str) -> None:
    """Whatever a file is called: one line of ASCII, one attachment, two names, and a client that knows RFC 6266 gets it whole."""
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    plain, encoded = re.fullmatch(r"attachment; filename=\"([A-Za-z0-9._ -]*)\"; filename\*=UTF-8''([A-Za-z0-9._~%-]*)", header).groups()  # type: ignore[union-attr]
    assert len(plain) == len(name)
    assert unquote(encoded) == name.encode("utf-8", "replace").decode()
    message = email.message.Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    assert {key for key, _ in message.get_params(header="content-disposition") or ()} == {"attachment", "filename"}


@pytest.mark.parametrize(
    "name",
    ['a"; filename="evil.exe', "a\r\nSet-Cookie: x=1", "../../etc/passwd", "a;b", "naïve 🦀.csv", "a%00.csv", "\u202egpj.exe", "\udcff"],
)
def test_hostile_names_are_only_names(name: str) -> None:
    """Quotes, line breaks, paths, control and half characters do nothing in the header."""
    header = attachment(name)
    assert re.fullmatch(r"attachment; filename=\"[A-Za-z0-9._ -]*\"; filename\*=UTF-8''[A-Za-z0-9._~%-]*", header)
