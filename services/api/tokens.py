"""Bearer tokens: what a JWT of the issuer must be before its bearer is believed (RFC 7519, RFC 8725, RFC 9068)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt import PyJWK
from jwt.exceptions import ExpiredSignatureError, ImmatureSignatureError, InvalidIssuerError, MissingRequiredClaimError, PyJWTError

from services.shared.errors import Unauthenticated

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}
MAX_TOKEN_CHARS = 16 * 1024
MIN_RSA_BITS = 2048
LEEWAY_S = 60
MAX_SUBJECT_CHARS = 255
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CLAIMS: Any = {
    "verify_signature": False,  # checked before, and with the issuer's key only
    "verify_exp": True,
    "verify_nbf": True,
    "verify_iat": True,
    "verify_iss": True,
    "verify_sub": True,
    "verify_aud": False,
    "require": ["exp", "iss", "sub"],
}
_TYPES = frozenset({None, "jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True)
class Expected:
    """Whom we trust, and for what."""

    issuer: str
    audience: str


@dataclass(frozen=True)
class Header:
    """What a token says of its own signature; nothing in it is believed, and a key in it is never used."""

    algorithm: str
    key_id: str | None


def read_header(token: str) -> Header:
    """Return the header of a token; raise Unauthenticated if it is none that we would check."""
    if len(token) > MAX_TOKEN_CHARS or _COMPACT.fullmatch(token) is None:
        raise refused("It is not a signed JWT.")
    try:
        header = jwt.get_unverified_header(token)
    except (PyJWTError, ValueError, RecursionError) as error:
        raise refused("Its header can't be read.") from error
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise refused(f"It is not signed with {' or '.join(ALGORITHMS)}.")
    if "crit" in header or "b64" in header:
        raise refused("It asks for an extension that is not supported.")
    if kind is not None and (not isinstance(kind, str) or kind.lower() not in _TYPES):
        raise refused("It is a token of another type.")
    return Header(algorithm, key_id if isinstance(key_id, str) else None)


def read_key(jwk: Mapping[str, Any], algorithm: str) -> PyJWK | None:
    """Return the issuer's key for checking signatures of this algorithm, or None if it is another kind of key, or too weak."""
    kind, curve = ALGORITHMS[algorithm]
    if jwk.get("kty") != kind or (curve is not None and jwk.get("crv") != curve) or jwk.get("alg", algorithm) != algorithm:
        return None
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        key = PyJWK.from_dict({name: value for name, value in jwk.items() if name != "d"}, algorithm=algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    return None if kind == "RSA" and key.key.key_size < MIN_RSA_BITS else key


def check_signature(token: str, key: PyJWK, algorithm: str) -> bytes:
    """Return the payload that was signed; raise Unauthenticated if it was not signed so with this key."""
    try:
        payload: bytes = jwt.api_jws.decode(token, key, algorithms=[algorithm])
    except (PyJWTError, ValueError) as error:
        raise refused("Its signature does not fit.") from error
    return payload


def read_subject(token: str, key: PyJWK, algorithm: str, expected: Expected) -> str:
    """Return whom the token speaks of; raise Unauthenticated unless it is signed, in time, from our issuer, for us."""
    check_signature(token, key, algorithm)
    try:
        claims = jwt.decode(token, options=_CLAIMS, issuer=expected.issuer, leeway=LEEWAY_S)
    except ExpiredSignatureError as error:
        raise refused("It has expired.") from error
    except ImmatureSignatureError as error:
        raise refused("It is not valid yet.") from error
    except InvalidIssuerError as error:
        raise refused("It is from another issuer.") from error
    except MissingRequiredClaimError as error:
        raise refused(f"It has no claim {error.claim}.") from error
    except (PyJWTError, ValueError, OverflowError, TypeError) as error:
        raise refused("Its claims can't be read.") from error
    if not _is_for(claims, expected.audience):
        raise refused("It is for another audience.")
    subject: str = claims["sub"]
    if not 0 < len(subject) <= MAX_SUBJECT_CHARS:
        raise refused(f"Its sub is not 1 to {MAX_SUBJECT_CHARS} characters long.")
    return subject


def refused(why: str) -> Unauthenticated:
    """Return the problem of a token that is not believed; it never repeats the token."""
    return Unauthenticated(f"The bearer token is refused. {why}", headers={"WWW-Authenticate": 'Bearer realm="headwater", error="invalid_token"'})


def _is_for(claims: Mapping[str, Any], audience: str) -> bool:
    """Tell whether the token is for us; Amazon Cognito's access tokens name their client instead of an audience."""
    given = claims.get("aud")
    if given is None:
        return claims.get("token_use") == "access" and claims.get("client_id") == audience
    return given == audience if isinstance(given, str) else isinstance(given, list) and audience in given
