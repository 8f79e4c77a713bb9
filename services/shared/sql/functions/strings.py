"""String functions; Trino counts code points (docs: functions/string)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, invalid, unsupported
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.conditions import common_of
from services.shared.sql.functions.simple import Form, simple
from services.shared.sql.names import text
from services.shared.sql.types import BIGINT, BOOLEAN, INTEGER, VARBINARY, VARCHAR, Kind, array_of

_SPACES = [*range(9, 14), *range(28, 33), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x2028, 0x2029, 0x205F, 0x3000]
_WHITESPACE = text("".join(map(chr, _SPACES)))


def _trim(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1, 2)
        value = call.typed(0, VARCHAR)
        characters = call.typed(1, VARCHAR).sql if len(call.args) == 2 else _WHITESPACE
        return Bound(f"{function}({value.sql}, {characters})", VARCHAR)

    return bind


def _substr(call: Call) -> Bound:
    call.need(2, 3)
    value, start = call.typed(0, VARCHAR), call.typed(1, BIGINT)
    length = call.typed(2, BIGINT) if len(call.args) == 3 else None
    size = "" if length is None else f", greatest({length.sql}, 0)" if length.number is None else f", {max(0, length.number)}"
    if start.number is not None and start.number > 0:
        return Bound(f"substring({value.sql}, {start.number}{size})", VARCHAR)
    if start.number == 0:
        return Bound(f"(CASE WHEN {value.sql} IS NULL THEN NULL ELSE '' END)", VARCHAR)
    at = f"CASE WHEN {start.sql} > 0 THEN {start.sql} ELSE length({value.sql}) + {start.sql} + 1 END"
    outside = f"{start.sql} = 0 OR {start.sql} < -length({value.sql})"
    null = f"{start.sql} IS NULL" + (f" OR {length.sql} IS NULL" if length is not None else "")
    return Bound(f"(CASE WHEN {null} THEN NULL WHEN {outside} THEN '' ELSE substring({value.sql}, {at}{size}) END)", VARCHAR)


def _concat(call: Call) -> Bound:
    call.need(2, 254)
    items = [call.arg(i) for i in range(len(call.args))]
    shared = common_of(items, call.node)
    if shared.kind is Kind.UNKNOWN:
        shared = VARCHAR
    if shared.kind not in (Kind.VARCHAR, Kind.ARRAY):
        raise call.mismatch(f"concat does not take {shared}")
    return Bound("(" + " || ".join(coerce(i, shared).sql for i in items) + ")", shared)


def _concat_ws(call: Call) -> Bound:
    call.need(2, 254)
    if call.arg(1).type.kind is Kind.ARRAY:
        raise unsupported("concat_ws of an array", call.node)
    items = [call.typed(i, VARCHAR).sql for i in range(len(call.args))]
    return Bound(f"(CASE WHEN {items[0]} IS NULL THEN NULL ELSE concat_ws({', '.join(items)}) END)", VARCHAR)


def _split_part(call: Call) -> Bound:
    call.need(3)
    value, mark, index = call.typed(0, VARCHAR), call.typed(1, VARCHAR), call.arg(2).number
    if not mark.string or index is None:
        raise unsupported("split_part with a delimiter or an index that is not a literal", call.node)
    if index < 1:
        raise invalid("split_part counts from 1", call.node)
    return Bound(f"string_split({value.sql}, {mark.sql})[{index}]", VARCHAR)


def _split(call: Call) -> Bound:
    call.need(2, 3)
    if len(call.args) == 3:
        raise unsupported("split with a limit", call.node)
    mark = call.typed(1, VARCHAR)
    if not mark.string:
        raise unsupported("split with a delimiter that is not a literal", call.node)
    return Bound(f"string_split({call.typed(0, VARCHAR).sql}, {mark.sql})", array_of(VARCHAR))


def _pad(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(3)
        value, size, fill = call.typed(0, VARCHAR), call.arg(1).number, call.typed(2, VARCHAR)
        if size is None or size < 0 or not fill.string:
            raise unsupported(f"{call.name} with a size or a padding that is not a literal", call.node)
        return Bound(f"{function}({value.sql}, CAST({size} AS INTEGER), {fill.sql})", VARCHAR)

    return bind


def _replace(call: Call) -> Bound:
    call.need(2, 3)
    value, search = call.typed(0, VARCHAR), call.typed(1, VARCHAR)
    if not search.string:
        raise unsupported("replace of a text that is not a literal", call.node)
    new = call.typed(2, VARCHAR).sql if len(call.args) == 3 else "''"
    return Bound(f"replace({value.sql}, {search.sql}, {new})", VARCHAR)


FUNCTIONS: Functions = {
    "length": simple(Form((VARCHAR,), BIGINT, "length({0})"), Form((VARBINARY,), BIGINT, "octet_length({0})")),
    "lower": simple(Form((VARCHAR,), VARCHAR, "lower({0})")),
    "upper": simple(Form((VARCHAR,), VARCHAR, "upper({0})")),
    "trim": _trim("trim"),
    "ltrim": _trim("ltrim"),
    "rtrim": _trim("rtrim"),
    "substr": _substr,
    "substring": _substr,
    "strpos": simple(Form((VARCHAR, VARCHAR), BIGINT, "strpos({0}, {1})")),
    "replace": _replace,
    "reverse": simple(Form((VARCHAR,), VARCHAR, "array_to_string(list_reverse(string_split({0}, '')), '')")),
    "lpad": _pad("lpad"),
    "rpad": _pad("rpad"),
    "split": _split,
    "split_part": _split_part,
    "starts_with": simple(Form((VARCHAR, VARCHAR), BOOLEAN, "starts_with({0}, {1})")),
    "concat": _concat,
    "concat_ws": _concat_ws,
    "chr": simple(Form((BIGINT,), VARCHAR, "chr(CAST({0} AS INTEGER))")),
    "codepoint": simple(Form((VARCHAR,), INTEGER, "unicode({0})")),
    "levenshtein_distance": simple(Form((VARCHAR, VARCHAR), BIGINT, "levenshtein({0}, {1})")),
    "to_hex": simple(Form((VARBINARY,), VARCHAR, "hex({0})")),
    "from_hex": simple(Form((VARCHAR,), VARBINARY, "unhex({0})")),
    "to_utf8": simple(Form((VARCHAR,), VARBINARY, "encode({0})")),
    "to_base64": simple(Form((VARBINARY,), VARCHAR, "to_base64({0})")),
    "from_base64": simple(Form((VARCHAR,), VARBINARY, "from_base64({0})")),
    "md5": simple(Form((VARBINARY,), VARBINARY, "unhex(md5({0}))")),
    "sha1": simple(Form((VARBINARY,), VARBINARY, "unhex(sha1({0}))")),
    "sha256": simple(Form((VARBINARY,), VARBINARY, "unhex(sha256({0}))")),
}
