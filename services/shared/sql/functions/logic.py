"""Conditional functions (docs: functions/conditional)."""

from __future__ import annotations

from services.shared.sql.bound import Bound, catchable, widen
from services.shared.sql.call import Call, Functions
from services.shared.sql.conditions import common_of
from services.shared.sql.operators import compare
from services.shared.sql.types import VARCHAR, Kind, duckdb_type


def _coalesce(call: Call) -> Bound:
    call.need(2, 1000)
    items = [call.arg(i) for i in range(len(call.args))]
    shared = common_of(items, call.node)
    return Bound(f"coalesce({', '.join(widen(i, shared).sql for i in items)})", shared)


def _nullif(call: Call) -> Bound:
    call.need(2)
    value, other = call.arg(0), call.arg(1)
    equal = compare("=", value, other, call.node)
    return Bound(f"(CASE WHEN {equal.sql} THEN NULL ELSE CAST({value.sql} AS {duckdb_type(value.type)}) END)", value.type)


def _try(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    return Bound(f"TRY({catchable(value.sql)})", value.type)


def _typeof(call: Call) -> Bound:
    call.need(1)
    kind = call.arg(0).type
    if kind == VARCHAR or kind.kind in (Kind.TIMESTAMP, Kind.TIMESTAMP_TZ) or any(part == VARCHAR or part.parts for part in kind.parts):
        raise call.unsupported(f"typeof of {kind} (whose length or precision is not kept)")
    return Bound(f"'{kind}'", VARCHAR)


FUNCTIONS: Functions = {"coalesce": _coalesce, "nullif": _nullif, "try": _try, "typeof": _typeof}
