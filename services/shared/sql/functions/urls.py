"""URLs: taken apart as RFC 3986 says, where the text is a plain URL; percent-encoding as Java's (docs: functions/url)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, refusal, unsupported
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.functions.simple import Form, simple
from services.shared.sql.names import text
from services.shared.sql.types import BIGINT, VARCHAR

_UNRESERVED = "A-Za-z0-9_.!~*''()-".replace("''", "'")
_ESCAPED = "%[0-9A-Fa-f]{2}"
_PCHAR = rf"(?:[{_UNRESERVED}:@&=+$,;]|{_ESCAPED})"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_SHAPE = rf"([A-Za-z][A-Za-z0-9+.-]*)://({_HOST})(?::([0-9]{{1,5}}))?((?:/{_PCHAR}*)*)(?:\?((?:{_PCHAR}|[/?])*))?(?:#((?:{_PCHAR}|[/?])*))?"
_PARTS = {"protocol": 1, "host": 2, "port": 3, "path": 4, "query": 5, "fragment": 6}


def _extract(part: str) -> Function:
    number = _PARTS[part]

    def bind(call: Call) -> Bound:
        call.need(1)
        found = _part(call, call.typed(0, VARCHAR).sql, number)
        match part:
            case "port":
                return Bound(f"CAST(nullif({found}, '') AS BIGINT)", BIGINT)
            case "path" | "fragment":
                return Bound(f"url_decode({found})", VARCHAR)
        return Bound(found, VARCHAR)

    return bind


def _part(call: Call, sql: str, number: int) -> str:
    other = refusal(f"{call.name} of a text that is no plain URL", VARCHAR)
    return (
        f"(CASE WHEN {sql} IS NULL THEN NULL WHEN regexp_full_match({sql}, {text(_SHAPE)}) "
        f"THEN regexp_extract({sql}, {text('^' + _SHAPE + '$')}, {number}) ELSE {other} END)"
    )


def _parameter(call: Call) -> Bound:
    call.need(2)
    query, name = _part(call, call.typed(0, VARCHAR).sql, _PARTS["query"]), call.text(1, "name")
    if not name.isalnum():
        raise unsupported(f"url_extract_parameter of {name[:40]!r}", call.node)
    pattern = text(rf"(?:^|&){name}(?:=([^&]*))?(?:&|$)")
    value = f"regexp_extract({query}, {pattern}, 1)"
    return Bound(f"(CASE WHEN regexp_matches({query}, {pattern}) THEN url_decode(replace({value}, '+', ' ')) END)", VARCHAR)


FUNCTIONS: Functions = {
    **{f"url_extract_{part}": _extract(part) for part in _PARTS},
    "url_extract_parameter": _parameter,
    "url_encode": simple(Form((VARCHAR,), VARCHAR, "replace(replace(replace(url_encode({0}), '%20', '+'), '%2A', '*'), '~', '%7E')")),
    "url_decode": simple(Form((VARCHAR,), VARCHAR, "url_decode(replace({0}, '+', ' '))")),
}
