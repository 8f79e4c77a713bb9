"""Sign-in on a real api: nothing but the health checks answers without a token, and no token is ever written down."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pydantic import ValidationError

from services.api.__main__ import may_bind
from services.shared.settings import Settings
from tests.api.house import House
from tests.conftest import StartHouse

KEY = ec.generate_private_key(ec.SECP256R1())
CONTRACT = yaml.safe_load((Path(__file__).parents[2] / "contract" / "openapi.yaml").read_text())
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
OPERATIONS = [(method.upper(), path) for path, item in CONTRACT["paths"].items() for method in METHODS if method in item]
OIDC = {"auth": "oidc", "oidc_issuer": "https://issuer.example/", "oidc_audience": "headwater"}


@pytest.fixture
def jwks_url() -> Iterator[str]:
    """The issuer's key set on loopback."""
    document = json.dumps({"keys": [{**json.loads(ECAlgorithm.to_jwk(KEY.public_key())), "kid": "one"}]}).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()
    server.server_close()


def token(subject: str = "ada") -> str:
    """Return a good token."""
    claims = {"iss": OIDC["oidc_issuer"], "aud": "headwater", "sub": subject, "exp": int(time.time()) + 600}
    return jwt.encode(claims, KEY, algorithm="ES256", headers={"kid": "one"})


def test_nothing_answers_without_a_token(start_house: StartHouse, jwks_url: str) -> None:
    """Every operation of the contract but the health checks is 401 without a token, and with a bad one; health answers."""
    house: House = start_house(**OIDC, oidc_jwks_url=jwks_url)
    bad = token()[:-4] + "AAAA"
    for method, path in OPERATIONS:
        for headers in ({}, {"Authorization": f"Bearer {bad}"}, {"Authorization": "Basic YTpi"}):
            answer = house.http.request(method, path.replace("{", "").replace("}", ""), headers=headers)
            if path in ("/healthz", "/readyz"):
                assert answer.status_code == 200
                continue
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="headwater"')
            if method != "HEAD":
                assert answer.json()["code"] == "unauthenticated"
    assert house.http.get("/openapi.json").status_code == 401


def test_a_body_is_not_read_before_the_token(start_house: StartHouse, jwks_url: str) -> None:
    """An upload without a token is answered before its bytes are sent, and nothing of it is kept."""
    house: House = start_house(**OIDC, oidc_jwks_url=jwks_url)
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 1
            yield b"x" * 65536

    try:
        answer = house.http.post("/v1/uploads", content=body())
    except httpx.WriteError:
        pass
    else:
        assert answer.status_code == 401
    assert sent < 10_000
    assert house.http.get("/v1/uploads", headers={"Authorization": f"Bearer {token()}"}).json()["items"] == []


def test_the_bearer_owns_what_is_made(start_house: StartHouse, jwks_url: str, tmp_path: Path) -> None:
    """A good token works, what is made belongs to its subject, and the token is in no file of the home."""
    house: House = start_house(**OIDC, oidc_jwks_url=jwks_url)
    secret = token("ada lovelace")
    house.http.headers["Authorization"] = f"Bearer {secret}"
    upload = house.profiled(b"a,b\n1,2\n")
    assert house.publish(upload["id"], "signed")["state"] == "succeeded"
    assert house.get(f"/v1/queries/{house.query('SELECT a FROM signed')['id']}/results")["rows"] == [["1"]]
    assert house.services.jobs.get(upload["profile_job_id"]).owner == "ada lovelace"
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert secret.encode() not in content, file
            assert secret.rsplit(".", 1)[1].encode() not in content, file


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": ""},
        {"oidc_audience": ""},
        {"oidc_jwks_url": ""},
        {"oidc_jwks_url": "http://keys.example/"},
        {"oidc_jwks_url": "file:///etc/passwd"},
        {"oidc_jwks_url": "ftp://127.0.0.1/keys"},
    ],
)
def test_half_a_sign_in_is_refused(given: dict[str, str]) -> None:
    """Sign-in without an issuer, or with keys from an address that anyone may change, does not start."""
    whole = {**OIDC, "oidc_jwks_url": "https://issuer.example/keys"}
    assert Settings(**whole).auth == "oidc"
    with pytest.raises(ValidationError, match="HEADWATER_OIDC"):
        Settings(**(whole | given))


def test_sign_in_may_leave_loopback() -> None:
    """Where everyone signs in, the api may bind any address."""
    assert may_bind(Settings(**OIDC, oidc_jwks_url="https://issuer.example/keys", api_host="0.0.0.0"))  # noqa: S104 - what is tested
    assert not may_bind(Settings(api_host="0.0.0.0"))  # noqa: S104 - what is tested
