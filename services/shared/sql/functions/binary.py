"""Bytes: encodings and hashes (docs: functions/binary)."""

from __future__ import annotations

from services.shared.sql.bound import failure, refusal
from services.shared.sql.call import Functions
from services.shared.sql.functions.simple import Form, simple
from services.shared.sql.types import BIGINT, VARBINARY, VARCHAR

_BASE64URL = "replace(replace(to_base64({0}), '+', '-'), '/', '_')"
_EIGHT = failure("'from_big_endian_64 takes 8 bytes'", BIGINT)
_UNSIGNED = "CAST(CAST('0x' || hex({0}) AS UBIGINT) AS HUGEINT)"
_SIGNED = f"CAST(CASE WHEN {_UNSIGNED} >= 9223372036854775808 THEN {_UNSIGNED} - 18446744073709551616 ELSE {_UNSIGNED} END AS BIGINT)"

FUNCTIONS: Functions = {
    "to_hex": simple(Form((VARBINARY,), VARCHAR, "hex({0})")),
    "from_hex": simple(Form((VARCHAR,), VARBINARY, "unhex({0})")),
    "to_utf8": simple(Form((VARCHAR,), VARBINARY, "encode({0})")),
    "from_utf8": simple(
        Form(
            (VARBINARY,),
            VARCHAR,
            f"(CASE WHEN {{0}} IS NULL THEN NULL ELSE coalesce(TRY(decode({{0}})), {refusal('from_utf8 of bytes that are no UTF-8', VARCHAR)}) END)",
        )
    ),
    "to_base64": simple(Form((VARBINARY,), VARCHAR, "to_base64({0})")),
    "from_base64": simple(Form((VARCHAR,), VARBINARY, "from_base64({0})")),
    "to_base64url": simple(Form((VARBINARY,), VARCHAR, _BASE64URL)),
    "from_base64url": simple(Form((VARCHAR,), VARBINARY, "from_base64(replace(replace({0}, '-', '+'), '_', '/'))")),
    "md5": simple(Form((VARBINARY,), VARBINARY, "unhex(md5({0}))")),
    "sha1": simple(Form((VARBINARY,), VARBINARY, "unhex(sha1({0}))")),
    "sha256": simple(Form((VARBINARY,), VARBINARY, "unhex(sha256({0}))")),
    "to_big_endian_64": simple(Form((BIGINT,), VARBINARY, "unhex(lpad(hex({0}), 16, '0'))")),
    "from_big_endian_64": simple(
        Form((VARBINARY,), BIGINT, f"(CASE WHEN {{0}} IS NULL THEN NULL WHEN octet_length({{0}}) = 8 THEN {_SIGNED} ELSE {_EIGHT} END)")
    ),
}
