"""Which bearer tokens are believed: the Wycheproof vectors, and every claim and header that could be wrong."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from services.api.issuer import AGAIN_S, KEEP_S, STALE_S, Issuer
from services.api.tokens import ALGORITHMS, Expected, check_signature, read_header, read_key, read_subject
from services.shared.errors import Unauthenticated, Unavailable
from tests.corpora import folder

EXPECTED = Expected("https://issuer.example/", "headwater")
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
JWKS = [
    {**json.loads(RSAAlgorithm.to_jwk(RSA.public_key())), "kid": "rsa", "use": "sig", "alg": "RS256"},
    {**json.loads(ECAlgorithm.to_jwk(EC.public_key())), "kid": "ec", "use": "sig"},
]


def token(*, key: Any = RSA, algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Return a token that is good but for what is given; a claim that is None is left out."""
    now = int(time.time())
    good = {"iss": EXPECTED.issuer, "sub": "ada", "aud": "headwater", "exp": now + 300, "iat": now}
    chosen = {name: value for name, value in (good | claims).items() if value is not None}
    return jwt.encode(chosen, key, algorithm=algorithm, headers={"kid": "rsa", **(header or {})})


def subject_of(text: str, issuer: Issuer) -> str:
    """Read a token as the api does."""
    header = read_header(text)
    return read_subject(text, issuer.key_for(header), header.algorithm, EXPECTED)


@pytest.fixture
def issuer() -> Issuer:
    """The issuer with both keys."""
    return Issuer(lambda: json.dumps({"keys": JWKS}).encode())


def test_wycheproof(record_property: Callable[[str, object], None]) -> None:
    """Of 401 vectors none is believed that is invalid, and each valid one of our algorithms with a strong key is."""
    groups = json.loads((folder() / "wycheproof-jose" / "json_web_signature_test.json").read_text())["testGroups"]
    seen: Counter[str] = Counter()
    leaked, lost = [], []
    for group in groups:
        for vector in group["tests"]:
            believed = _believed(vector["jws"], group.get("public", group["private"]))
            seen[f"{vector['result']}, {'believed' if believed else 'refused'}"] += 1
            if believed and vector["result"] != "valid":
                leaked.append(vector["tcId"])
            if not believed and vector["result"] == "valid" and _is_ours(vector["jws"], group.get("public", {})):
                lost.append((vector["tcId"], vector["comment"]))
    record_property("wycheproof", dict(seen))
    assert sum(seen.values()) == 401
    assert leaked == []
    assert lost == []
    assert seen["valid, believed"] >= 5


def test_a_good_token(issuer: Issuer) -> None:
    """Either algorithm, one audience or several, and a Cognito access token are believed."""
    assert subject_of(token(), issuer) == "ada"
    assert subject_of(token(key=EC, algorithm="ES256", header={"kid": "ec", "typ": "at+jwt"}), issuer) == "ada"
    assert subject_of(token(aud=["other", "headwater"]), issuer) == "ada"
    cognito = {"aud": None, "token_use": "access", "client_id": "headwater"}
    assert subject_of(token(**cognito), issuer) == "ada"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://other.example/"}, "another issuer"),
        ({"iss": None}, "no claim iss"),
        ({"aud": "other"}, "another audience"),
        ({"aud": ["other"]}, "another audience"),
        ({"aud": {"headwater": 1}}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"aud": None, "token_use": "id", "client_id": "headwater"}, "another audience"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "no claim exp"),
        ({"exp": "never"}, "can't be read"),
        ({"nbf": 2**40}, "not valid yet"),
        ({"iat": 2**40}, "not valid yet"),
        ({"sub": None}, "no claim sub"),
        ({"sub": ""}, "1 to 255"),
        ({"sub": "x" * 256}, "1 to 255"),
        ({"sub": 7}, "can't be read"),
    ],
)
def test_claims_that_are_refused(issuer: Issuer, claims: dict[str, Any], why: str) -> None:
    """A wrong issuer, audience, time or subject is refused, and the problem says which."""
    with pytest.raises(Unauthenticated, match=why) as caught:
        subject_of(token(**claims), issuer)
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b.c",
        token() + "x",
        token() + "\n",
        token() + "=",
        token().rsplit(".", 1)[0] + ".",
        token(algorithm="PS256"),
        token(algorithm="RS512"),
        token(key="secret" * 9, algorithm="HS256"),
        token(header={"kid": "unknown"}),
        token(header={"kid": "ec"}),
        token(header={"typ": "secevent+jwt"}),
        token(header={"crit": ["exp"]}),
        token(key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        token(key=rsa.generate_private_key(public_exponent=65537, key_size=2048), header={"jwk": JWKS[0], "jku": "https://evil.example"}),
        token(padding="x" * 20_000),
    ],
)
def test_tokens_that_are_refused(issuer: Issuer, text: str) -> None:
    """Another algorithm, key, type, extension or form is refused; a key in the token itself is never used."""
    with pytest.raises(Unauthenticated):
        subject_of(text, issuer)


def test_unsigned_tokens_are_refused(issuer: Issuer) -> None:
    """`none` and an HMAC made with the public key, the two classic forgeries, are refused."""
    claims = token().split(".")[1]
    for algorithm in ("none", "None", "nOnE"):
        header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": "rsa"}).encode()).rstrip(b"=").decode()
        with pytest.raises(Unauthenticated):
            subject_of(f"{header}.{claims}.", issuer)
        with pytest.raises(Unauthenticated):
            subject_of(f"{header}.{claims}.AAAA", issuer)


def test_a_weak_key_is_not_used() -> None:
    """An RSA key under 2,048 bits checks nothing, whoever publishes it."""
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - what is refused
    assert read_key(json.loads(RSAAlgorithm.to_jwk(weak.public_key())), "RS256") is None


def test_keys_are_fetched_seldom() -> None:
    """A token with an unknown key makes us ask again, but never more than once in ten seconds; a new key is found then."""
    now, fetches, keys = [0.0], [0], [JWKS[1]]

    def fetch() -> bytes:
        fetches[0] += 1
        return json.dumps({"keys": keys}).encode()

    issuer = Issuer(fetch, clock=lambda: now[0])
    for _ in range(50):
        with pytest.raises(Unauthenticated):
            subject_of(token(), issuer)
    assert fetches[0] == 1
    keys.append(JWKS[0])
    now[0] += AGAIN_S
    assert subject_of(token(), issuer) == "ada"
    assert subject_of(token(), issuer) == "ada"
    assert fetches[0] == 2
    now[0] += KEEP_S + 1
    assert subject_of(token(), issuer) == "ada"
    assert fetches[0] == 3


def test_an_issuer_that_is_away() -> None:
    """Known keys serve for an hour; after that, and before the first, the api says that it can't tell."""
    now, away = [0.0], [True]

    def fetch() -> bytes:
        if away[0]:
            raise OSError("refused")
        return json.dumps({"keys": JWKS}).encode()

    issuer = Issuer(fetch, clock=lambda: now[0])
    with pytest.raises(Unavailable):
        subject_of(token(), issuer)
    now[0], away[0] = AGAIN_S, False
    assert subject_of(token(), issuer) == "ada"
    now[0], away[0] = STALE_S, True
    assert subject_of(token(), issuer) == "ada"
    now[0] = AGAIN_S + STALE_S + 1
    with pytest.raises(Unavailable):
        subject_of(token(), issuer)


def _believed(text: str, jwk: dict[str, Any]) -> bool:
    try:
        header = read_header(text)
        key = read_key(jwk, header.algorithm)
        return key is not None and check_signature(text, key, header.algorithm) is not None
    except Unauthenticated:
        return False


def _is_ours(text: str, jwk: dict[str, Any]) -> bool:
    """Tell whether a valid vector is one that we take: our algorithm, said by the key too, and a payload."""
    encoded = text.split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return header["alg"] in ALGORITHMS and jwk.get("alg", header["alg"]) == header["alg"] and bool(text.split(".")[1])
