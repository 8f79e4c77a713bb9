"""Aggregates with Trino's result types (docs: functions/aggregate)."""

from __future__ import annotations

from sqlglot import exp

from services.shared.sql.bound import Bound, coerce, unsupported
from services.shared.sql.call import Call, Function, Functions
from services.shared.sql.functions import collections
from services.shared.sql.functions.collections import most
from services.shared.sql.operators import round_half_up, scaled
from services.shared.sql.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, INTEGERS, NUMBERS, REAL, Kind, array_of, decimal, duckdb_type


def _count(call: Call) -> Bound:
    if not call.args or (len(call.args) == 1 and isinstance(call.args[0], exp.Star)):
        return Bound(call.aggregate("count", "*"), BIGINT)
    call.need(1)
    value = call.arg(0)
    if call.clauses.distinct and value.type.parts:
        raise unsupported(f"count(DISTINCT …) of {value.type}", call.node)
    return Bound(call.aggregate("count", value.sql), BIGINT)


def _count_if(call: Call) -> Bound:
    call.need(1)
    return Bound(f"CAST({call.aggregate('count_if', call.typed(0, BOOLEAN).sql)} AS BIGINT)", BIGINT)


def _sum(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    match value.type.kind:
        case kind if kind in INTEGERS:
            return Bound(f"CAST({call.aggregate('sum', value.sql)} AS BIGINT)", BIGINT)
        case Kind.DECIMAL:
            result = decimal(38, value.type.scale)
            return Bound(f"CAST({call.aggregate('sum', value.sql)} AS {duckdb_type(result)})", result)
        case Kind.REAL | Kind.DOUBLE:
            return Bound(f"CAST({call.aggregate('sum', value.sql)} AS {duckdb_type(value.type)})", value.type)
    raise call.mismatch(f"sum does not take {value.type}")


def _avg(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    if value.type.kind is Kind.DECIMAL:
        digits = f"CAST(replace(CAST({call.aggregate('sum', value.sql)} AS VARCHAR), '.', '') AS HUGEINT)"
        return scaled(round_half_up(digits, f"CAST(nullif({call.aggregate('count', value.sql)}, 0) AS HUGEINT)"), value.type)
    if value.type.kind not in NUMBERS:
        raise call.mismatch(f"avg does not take {value.type}")
    kind = REAL if value.type == REAL else DOUBLE
    return Bound(f"CAST({call.aggregate('avg', f'CAST({value.sql} AS DOUBLE)' if kind == REAL else value.sql)} AS {duckdb_type(kind)})", kind)


def _extreme(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1, 2)
        if len(call.args) == 2:
            return most(call, descending=function == "max")
        value = call.arg(0)
        if value.type.parts:
            raise unsupported(f"{call.name} of {value.type}", call.node)
        return Bound(call.aggregate(function, value.sql), value.type)

    return bind


def _by(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(2, 3)
        if len(call.args) == 3:
            return most(call, descending=function == "arg_max_null")
        value, key = call.arg(0), call.arg(1)
        if key.type.parts:
            raise unsupported(f"{call.name} by {key.type}", call.node)
        return Bound(call.aggregate(function, value.sql, key.sql), value.type)

    return bind


def _any_value(call: Call) -> Bound:
    call.need(1)
    value = call.arg(0)
    return Bound(call.aggregate("any_value", value.sql), value.type)


def _bools(function: str) -> Function:
    def bind(call: Call) -> Bound:
        call.need(1)
        return Bound(call.aggregate(function, call.typed(0, BOOLEAN).sql), BOOLEAN)

    return bind


def _statistic(function: str, parameters: int = 1) -> Function:
    def bind(call: Call) -> Bound:
        call.need(parameters)
        args = [coerce(call.arg(i), DOUBLE, node=call.node).sql for i in range(parameters)]
        return Bound(call.aggregate(function, *args), DOUBLE)

    return bind


def _approx_distinct(call: Call) -> Bound:
    call.need(1)
    call.binder.approximate(call.name)
    value = call.arg(0)
    return Bound(f"coalesce({call.aggregate('approx_count_distinct', value.sql)}, 0)", BIGINT)


def _approx_percentile(call: Call) -> Bound:
    if len(call.args) != 2:
        raise unsupported("approx_percentile with weights or an accuracy", call.node)
    call.binder.approximate(call.name)
    value, share = call.arg(0), call.arg(1)
    if value.type.kind not in (Kind.BIGINT, Kind.DOUBLE, Kind.REAL, Kind.INTEGER) or not _are_shares(call.args[1]):
        raise unsupported(f"approx_percentile of {value.type} at {share.type}", call.node)
    if share.type.kind is Kind.ARRAY:
        several = call.aggregate("approx_quantile", value.sql, f"[{', '.join(str(each.this) for each in call.args[1].expressions)}]")
        return Bound(f"CAST({several} AS {duckdb_type(value.type)}[])", array_of(value.type))
    return Bound(f"CAST({call.aggregate('approx_quantile', value.sql, share.sql)} AS {duckdb_type(value.type)})", value.type)


def _are_shares(node: exp.Expr) -> bool:
    return all(isinstance(each, exp.Literal) for each in (node.expressions if isinstance(node, exp.Array) else [node]))


def _grouping(call: Call) -> Bound:
    call.need(1, 30)
    return Bound(f"CAST(grouping({', '.join(call.arg(i).sql for i in range(len(call.args)))}) AS INTEGER)", INTEGER)


def _geometric_mean(call: Call) -> Bound:
    call.need(1)
    value = coerce(call.arg(0), DOUBLE, node=call.node)
    return Bound(f"exp({call.aggregate('avg', f'ln({value.sql})')})", DOUBLE)


FUNCTIONS: Functions = {
    "count": _count,
    "count_if": _count_if,
    "sum": _sum,
    "avg": _avg,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "min_by": _by("arg_min_null"),
    "max_by": _by("arg_max_null"),
    "arbitrary": _any_value,
    "any_value": _any_value,
    "bool_and": _bools("bool_and"),
    "every": _bools("bool_and"),
    "bool_or": _bools("bool_or"),
    **collections.FUNCTIONS,
    "regr_slope": _statistic("regr_slope", 2),
    "regr_intercept": _statistic("regr_intercept", 2),
    "stddev": _statistic("stddev_samp"),
    "stddev_samp": _statistic("stddev_samp"),
    "stddev_pop": _statistic("stddev_pop"),
    "variance": _statistic("var_samp"),
    "var_samp": _statistic("var_samp"),
    "var_pop": _statistic("var_pop"),
    "corr": _statistic("corr", 2),
    "covar_pop": _statistic("covar_pop", 2),
    "covar_samp": _statistic("covar_samp", 2),
    "geometric_mean": _geometric_mean,
    "approx_distinct": _approx_distinct,
    "approx_percentile": _approx_percentile,
    "grouping": _grouping,
}
