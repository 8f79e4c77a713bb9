"""ORDER BY keys, LIMIT and OVER clauses; NULLs come last in both directions unless the user says otherwise (docs: sql/select)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from services.shared.sql.bound import Bound, invalid, unsupported
from services.shared.sql.literals import interval
from services.shared.sql.types import INTEGERS, MONTHS, Kind, Type

_SIDES = {"PRECEDING": "PRECEDING", "FOLLOWING": "FOLLOWING"}


def order_suffix(node: exp.Ordered) -> str:
    """Return direction and place of NULLs."""
    if node.args.get("with_fill") is not None:
        raise unsupported("WITH FILL", node)
    return f" {'DESC' if node.args.get('desc') else 'ASC'} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"


def order_keys(nodes: Sequence[exp.Expr], bind: Callable[[exp.Expr], Bound]) -> str:
    """Return the keys of an ORDER BY inside a call or a window."""
    keys = []
    for node in nodes:
        if not isinstance(node, exp.Ordered):
            raise unsupported("This ORDER BY", node)
        keys.append(_orderable(bind(node.this), node).sql + order_suffix(node))
    return ", ".join(keys)


def _orderable(bound: Bound, node: exp.Expr) -> Bound:
    if bound.type.kind is Kind.MAP:
        raise invalid(f"{bound.type} can't be ordered", node)
    return bound


def ordinal_of(node: exp.Expr, most: int) -> int | None:
    """Return the number of an output column that a key is written as; None: it is an expression."""
    if not isinstance(node, exp.Literal) or node.args.get("is_string") or not str(node.this).isdigit():
        return None
    if not 1 <= int(str(node.this)) <= most:
        raise invalid(f"There is no column {node.this} to sort or group by; there are {most}", node)
    return int(str(node.this))


def limits(query: exp.Expr) -> str:
    """Return a query's LIMIT and OFFSET."""
    written = ""
    for key in ("limit", "offset"):
        node = query.args.get(key)
        if node is None:
            continue
        if isinstance(node, exp.Fetch):
            if node.args.get("limit_options") is not None:
                raise unsupported("FETCH … WITH TIES", node)
            count = node.args.get("count")
        else:
            count = node.expression
        if isinstance(count, exp.Column) and count.name.lower() == "all":
            continue
        if not isinstance(count, exp.Literal) or not str(count.this).isdigit():
            raise unsupported(f"{key.upper()} with anything but a whole number", node)
        written += f" {key.upper()} {count.this}"
    return written


def window_clause(node: exp.Window, named: Mapping[str, exp.Window], bind: Callable[[exp.Expr], Bound]) -> tuple[str, bool]:
    """Return what stands between the parentheses of OVER, and whether it has an order."""
    if node.args.get("first") is not None or node.args.get("on") is not None:
        raise unsupported("This window", node)
    alias = node.args.get("alias")
    base = named.get(alias.name.lower()) if alias is not None else None
    if alias is not None and base is None:
        raise invalid(f"There is no window {alias.name}", node)
    source = base or node
    partition = source.args.get("partition_by") or node.args.get("partition_by") or []
    order = source.args.get("order") or node.args.get("order")
    spec = node.args.get("spec") or source.args.get("spec")
    parts = []
    if partition:
        parts.append("PARTITION BY " + ", ".join(bind(each).sql for each in partition))
    if order is not None:
        parts.append("ORDER BY " + order_keys(order.expressions, bind))
    if spec is not None:
        keys = [bind(each.this).type for each in order.expressions] if order is not None else []
        parts.append(_frame(spec, keys))
    return " ".join(parts), order is not None


def _frame(spec: exp.Expr, keys: Sequence[Type]) -> str:
    kind = str(spec.args.get("kind") or "").upper()
    if spec.args.get("exclude") is not None or kind not in ("ROWS", "RANGE", "GROUPS"):
        raise unsupported("A window frame of this form", spec)
    start = _edge(kind, spec.args.get("start"), spec.args.get("start_side"), spec, keys)
    end = spec.args.get("end")
    if end is None:
        return f"{kind} BETWEEN {start} AND CURRENT ROW"
    return f"{kind} BETWEEN {start} AND {_edge(kind, end, spec.args.get('end_side'), spec, keys)}"


def _edge(kind: str, edge: object, side: object, spec: exp.Expr, keys: Sequence[Type]) -> str:
    if isinstance(edge, str) and edge.upper() == "CURRENT ROW":
        return "CURRENT ROW"
    where = _SIDES.get(str(side).upper())
    if where is None:
        raise unsupported("A window frame of this form", spec)
    if isinstance(edge, str) and edge.upper() == "UNBOUNDED":
        return f"UNBOUNDED {where}"
    if isinstance(edge, exp.Literal) and not edge.args.get("is_string") and str(edge.this).isdigit() and kind != "RANGE":
        return f"{edge.this} {where}"
    if kind == "RANGE" and len(keys) == 1 and isinstance(edge, exp.Expr):
        return f"{_distance(edge, keys[0], spec)} {where}"
    raise unsupported(f"A {kind} window frame with this offset", spec)


def _distance(edge: exp.Expr, key: Type, spec: exp.Expr) -> str:
    if isinstance(edge, exp.Literal) and not edge.args.get("is_string") and str(edge.this).isdigit() and key.kind in (*INTEGERS, Kind.DECIMAL):
        return str(edge.this)
    if isinstance(edge, exp.Interval) and key.kind in (Kind.DATE, Kind.TIMESTAMP):
        amount = interval(edge)
        if amount.type == MONTHS:
            return f"to_months({amount.number})"
        if key.kind is Kind.TIMESTAMP or (amount.number or 0) % 86_400_000 == 0:
            return f"to_milliseconds({amount.number})"
    raise unsupported("A RANGE window frame with this offset", spec)
