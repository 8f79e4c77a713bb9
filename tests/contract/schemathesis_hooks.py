"""What schemathesis has to be told about this contract: how bytes are sent, and that a refusal's word is promised too."""

from __future__ import annotations

import schemathesis

PROBLEM = "application/problem+json"


@schemathesis.serializer("application/offset+octet-stream")
def bytes_as_they_are(_ctx: schemathesis.SerializationContext, value: object) -> bytes:
    """Send a tus body: bytes, or text as UTF-8."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.check
def problem_is_promised(_ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """Every refusal is a problem whose word the contract lists for this operation under this status."""
    if response.status_code < 400 or case.method == "HEAD" or case.method.lower() != case.operation.method.lower():
        return
    problem = response.json()
    promised = case.operation.definition.raw.get("x-problem-codes", {}).get(str(response.status_code), [])
    assert problem["code"] in promised, f"{problem['code']!r} is not among {promised} of {case.operation.label} {response.status_code}"
    assert problem["status"] == response.status_code
    assert "Traceback" not in problem["detail"]
