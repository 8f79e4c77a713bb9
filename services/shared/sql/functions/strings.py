"""String functions; Trino counts code points (docs: functions/string)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, coerce, failure, invalid, refusal, unsupported
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.conditions import common_of
from services.shared.sql.functions.arrays import reversed_array
from services.shared.sql.functions.maps import multimap
from services.shared.sql.functions.simple import Form, simple
from services.shared.sql.names import text
from services.shared.sql.types import BIGINT, BOOLEAN, INTEGER, VARBINARY, VARCHAR, Kind, array_of, map_of

_SPACES = [*range(9, 14), *range(28, 33), 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x2028, 0x2029, 0x205F, 0x3000]
_MOST_PADDED = 1_000_000
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
    if call.arg(0).type == VARBINARY:
        return _substr_bytes(call)
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


def _substr_bytes(call: Call) -> Bound:
    value, start, size = call.arg(0), call.arg(1).number, call.arg(2).number if len(call.args) == 3 else 1 << 31
    if start is None or size is None or start < 1 or size < 0:
        raise unsupported(f"{call.name} of bytes with a start or a length that is not a positive literal", call.node)
    return Bound(f"array_slice({value.sql}, {start}, {start + size - 1})", VARBINARY)


def _upper(call: Call) -> Bound:
    """Code point by code point, so that ß stays as it is."""
    call.need(1)
    value = call.typed(0, VARCHAR)
    parts = f"array_to_string(list_transform(string_split({value.sql}, 'ß'), lambda p: upper(p)), 'ß')"
    return Bound(f"(CASE WHEN contains({value.sql}, 'ß') THEN {parts} ELSE upper({value.sql}) END)", VARCHAR)


def _reverse(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.kind is Kind.ARRAY:
        return reversed_array(value)
    if value.type == VARBINARY:
        raise unsupported("reverse of bytes", call.node)
    return Bound(f"array_to_string(list_reverse(string_split({coerce(value, VARCHAR, node=call.node).sql}, '')), '')", VARCHAR)


def _strpos(call: Call) -> Bound:
    """The nth place is counted on the pieces between, which is right for a text that can't overlap itself."""
    call.need(2, 3)
    value, part = call.typed(0, VARCHAR), call.typed(1, VARCHAR)
    if len(call.args) == 2:
        return Bound(f"strpos({value.sql}, {part.sql})", BIGINT)
    number, word = call.arg(2).number, part.string
    if not word or not number or any(word.startswith(word[i:]) for i in range(1, len(word))):
        raise unsupported("strpos of the nth place of a text that is no literal or overlaps itself", call.node)
    pieces = f"string_split({value.sql}, {part.sql})"
    count = str(number) if number > 0 else f"(len({pieces}) - {-number})"
    before = f"length(array_to_string(list_slice({pieces}, 1, {count}), {part.sql}))"
    inside = f"{count} BETWEEN 1 AND len({pieces}) - 1"
    return Bound(f"(CASE WHEN {value.sql} IS NULL THEN NULL WHEN {inside} THEN {before} + 1 ELSE CAST(0 AS BIGINT) END)", BIGINT)


def _concat(call: Call) -> Bound:
    call.need(2, 254)
    items = [call.arg(i) for i in range(len(call.args))]
    shared = common_of(items, call.node)
    if shared.kind is Kind.UNKNOWN:
        shared = VARCHAR
    if shared.kind not in (Kind.VARCHAR, Kind.ARRAY, Kind.VARBINARY):
        raise call.mismatch(f"concat does not take {shared}")
    return Bound("(" + " || ".join(coerce(i, shared).sql for i in items) + ")", shared)


def _concat_ws(call: Call) -> Bound:
    call.need(2, 254)
    if call.arg(1).type.kind is Kind.ARRAY:
        call.need(2)
        return Bound(f"array_to_string({coerce(call.arg(1), array_of(VARCHAR), node=call.node).sql}, {call.typed(0, VARCHAR).sql})", VARCHAR)
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
    value, mark = call.typed(0, VARCHAR), call.typed(1, VARCHAR)
    if not mark.string:
        raise unsupported("split with a delimiter that is not a literal", call.node)
    pieces = f"string_split({value.sql}, {mark.sql})"
    if len(call.args) == 2:
        return Bound(pieces, array_of(VARCHAR))
    limit = call.arg(2).number
    if limit is None or limit < 1:
        raise unsupported("split with a limit that is not a positive literal", call.node)
    rest = f"list_slice({pieces}, 1, {limit - 1}) || [array_to_string(list_slice({pieces}, {limit}, len({pieces})), {mark.sql})]"
    return Bound(f"(CASE WHEN len({pieces}) <= {limit} THEN {pieces} ELSE {rest} END)", array_of(VARCHAR))


def _split_to_map(call: Call) -> Bound:
    call.need(3)
    value, entry, pair = call.typed(0, VARCHAR), call.arg(1).string, call.arg(2).string
    if not entry or not pair or entry == pair:
        raise unsupported(f"{call.name} with delimiters that are not two different literals", call.node)
    pieces = f"string_split({value.sql}, {text(entry)})"
    whole = f"CASE WHEN {pieces}[-1] = '' THEN list_slice({pieces}, 1, len({pieces}) - 1) ELSE {pieces} END"
    entries = f"list_transform({whole}, lambda p: string_split(p, {text(pair)}))"
    single = call.name == "split_to_map"
    kind = map_of(VARCHAR, VARCHAR if single else array_of(VARCHAR))
    wrong = failure(f"'{call.name} takes entries of a key, the delimiter and a value'", kind)
    structs = f"list_transform({entries}, lambda p: struct_pack(k := p[1], v := p[2]))"
    made = f"MAP(list_transform({entries}, lambda p: p[1]), list_transform({entries}, lambda p: p[2]))" if single else multimap(structs, "k", "v")
    odd = f"len(list_filter({entries}, lambda p: len(p) <> 2)) > 0"
    return Bound(f"(CASE WHEN {value.sql} IS NULL THEN NULL WHEN {odd} THEN {wrong} ELSE {made} END)", kind)


def _levenshtein(call: Call) -> Bound:
    """DuckDB counts bytes: the characters of both texts are first replaced by as many single bytes, if there are no more than these."""
    call.need(2)
    first, second = call.typed(0, VARCHAR), call.typed(1, VARCHAR)
    characters = f"list_distinct(string_split({first.sql} || {second.sql}, ''))"
    name = call.binder.next_name("x")
    source = f"array_to_string({name}, '')"
    places = f"array_to_string(list_transform(range(1, len({name}) + 1), lambda i: chr(CAST(i AS INTEGER))), '')"
    replaced = (f"translate({side.sql}, {source}, {places})" for side in (first, second))
    many = refusal("levenshtein_distance of texts with more than 127 different characters", BIGINT)
    counted = f"CASE WHEN len({name}) > 127 THEN {many} ELSE levenshtein({', '.join(replaced)}) END"
    plain = " AND ".join(f"strlen({side.sql}) = length({side.sql})" for side in (first, second))
    return Bound(
        f"(CASE WHEN {plain} THEN levenshtein({first.sql}, {second.sql}) ELSE list_transform([{characters}], lambda {name}: {counted})[1] END)",
        BIGINT,
    )


def _hamming(call: Call) -> Bound:
    call.need(2)
    first, second = call.typed(0, VARCHAR).sql, call.typed(1, VARCHAR).sql
    wrong = failure("'hamming_distance takes two texts of the same length'", BIGINT)
    differing = f"list_filter(range(1, length({first}) + 1), lambda i: substring({first}, i, 1) <> substring({second}, i, 1))"
    return Bound(
        f"(CASE WHEN {first} IS NULL OR {second} IS NULL THEN NULL WHEN length({first}) <> length({second}) THEN {wrong} ELSE len({differing}) END)",
        BIGINT,
    )


def _normalize(call: Call) -> Bound:
    call.need(1, 2)
    form = call.args[1].name.upper() if len(call.args) == 2 else "NFC"
    if form != "NFC":
        raise unsupported(f"normalize to {form[:40]}", call.node)
    return Bound(f"nfc_normalize({call.typed(0, VARCHAR).sql})", VARCHAR)


def _luhn(call: Call) -> Bound:
    call.need(1)
    value = call.typed(0, VARCHAR).sql
    digit = f"CAST(substring({value}, length({value}) - i, 1) AS INTEGER)"
    doubled = f"(CASE WHEN i % 2 = 1 THEN {digit} * 2 - (CASE WHEN {digit} > 4 THEN 9 ELSE 0 END) ELSE {digit} END)"
    other = refusal("luhn_check of a text that is not made of digits", BOOLEAN)
    checked = f"list_sum(list_transform(range(length({value})), lambda i: {doubled})) % 10 = 0"
    return Bound(f"(CASE WHEN {value} IS NULL THEN NULL WHEN regexp_full_match({value}, '[0-9]+') THEN {checked} ELSE {other} END)", BOOLEAN)


def _codepoint(call: Call) -> Bound:
    call.need(1)
    value = call.typed(0, VARCHAR).sql
    wrong = failure("'codepoint takes one character'", INTEGER)
    return Bound(f"(CASE WHEN length({value}) <> 1 THEN {wrong} ELSE unicode({value}) END)", INTEGER)


def _pad(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(3)
        value, size, fill = call.typed(0, VARCHAR), call.typed(1, BIGINT), call.typed(2, VARCHAR)
        if size.number is not None and 0 <= size.number <= _MOST_PADDED and fill.string:
            return Bound(f"{function}({value.sql}, CAST({size.number} AS INTEGER), {fill.sql})", VARCHAR)
        wrong = failure(f"'{function} takes a size of 0 to {_MOST_PADDED} and a padding that is not empty'", VARCHAR)
        outside = f"{size.sql} NOT BETWEEN 0 AND {_MOST_PADDED} OR {fill.sql} = ''"
        return Bound(f"(CASE WHEN {outside} THEN {wrong} ELSE {function}({value.sql}, CAST({size.sql} AS INTEGER), {fill.sql}) END)", VARCHAR)

    return bind


def _replace(call: Call) -> Bound:
    call.need(2, 3)
    value, search = call.typed(0, VARCHAR), call.typed(1, VARCHAR)
    new = call.typed(2, VARCHAR).sql if len(call.args) == 3 else "''"
    replaced = f"replace({value.sql}, {search.sql}, {new})"
    if search.string:
        return Bound(replaced, VARCHAR)
    between = f"CASE WHEN {value.sql} = '' THEN {new} ELSE {new} || array_to_string(string_split({value.sql}, ''), {new}) || {new} END"
    return Bound(f"(CASE WHEN {search.sql} = '' THEN {between} ELSE {replaced} END)", VARCHAR)


FUNCTIONS: Functions = {
    "length": simple(Form((VARCHAR,), BIGINT, "length({0})"), Form((VARBINARY,), BIGINT, "octet_length({0})")),
    "lower": simple(Form((VARCHAR,), VARCHAR, "lower({0})")),
    "upper": _upper,
    "trim": _trim("trim"),
    "ltrim": _trim("ltrim"),
    "rtrim": _trim("rtrim"),
    "substr": _substr,
    "substring": _substr,
    "strpos": _strpos,
    "replace": _replace,
    "reverse": _reverse,
    "translate": simple(Form((VARCHAR, VARCHAR, VARCHAR), VARCHAR, "translate({0}, {1}, {2})")),
    "normalize": _normalize,
    "luhn_check": _luhn,
    "split_to_map": _split_to_map,
    "split_to_multimap": _split_to_map,
    "lpad": _pad("lpad"),
    "rpad": _pad("rpad"),
    "split": _split,
    "split_part": _split_part,
    "starts_with": simple(Form((VARCHAR, VARCHAR), BOOLEAN, "starts_with({0}, {1})")),
    "concat": _concat,
    "concat_ws": _concat_ws,
    "chr": simple(Form((BIGINT,), VARCHAR, "chr(CAST({0} AS INTEGER))")),
    "codepoint": _codepoint,
    "levenshtein_distance": _levenshtein,
    "hamming_distance": _hamming,
}
