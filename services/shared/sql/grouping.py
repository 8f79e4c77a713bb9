"""GROUP BY as a rule: what is selected, filtered or sorted by is grouped by or inside an aggregate (docs: sql/select)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp

from services.shared.sql.bound import Bound, invalid
from services.shared.sql.functions.registry import AGGREGATES
from services.shared.sql.scope import Scope


def holds_aggregate(nodes: Sequence[exp.Expr]) -> bool:
    """Tell whether an expression has an aggregate of its own query, one over a window aside."""
    return any(_is_aggregate(each) and not _is_windowed(each) for node in nodes for each in _own(node))


def check_grouped(node: exp.Expr, keys: Sequence[tuple[exp.Expr, str]], scope: Scope, bind: Callable[[exp.Expr], Bound]) -> None:
    """Raise SqlInvalid at a column that is neither a key nor inside an aggregate; `keys` are trees with their DuckDB text."""
    kinds = {type(key) for key, _ in keys}
    texts = {written for _, written in keys}
    pending = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, exp.Query | exp.Lambda) or (_is_aggregate(_called(each)) and not _is_windowed(each)):
            continue
        if isinstance(each, exp.Column | exp.Dot) and isinstance(each.this, exp.Identifier | exp.Column):
            _check_column(each, texts, scope)
            continue
        if type(each) in kinds and bind(each).sql in texts:
            continue
        pending += each.iter_expressions()


def _check_column(node: exp.Expr, texts: set[str], scope: Scope) -> None:
    inner = node
    while isinstance(inner, exp.Dot):
        inner = inner.this
    if not isinstance(inner, exp.Column):
        return
    own = scope.own(inner)
    if own is not None and own.sql not in texts:
        raise invalid(f"The column {'.'.join(part.name for part in inner.parts)} must be in GROUP BY or inside an aggregate", node)


def _called(node: exp.Expr) -> exp.Expr:
    """Return the call below its FILTER and WITHIN GROUP, which belong to the aggregate."""
    while isinstance(node, exp.Filter | exp.WithinGroup):
        node = node.this
    return node


def _own(node: exp.Expr) -> Iterator[exp.Expr]:
    pending = [node]
    while pending:
        each = pending.pop()
        yield each
        if not isinstance(each, exp.Query):
            pending += each.iter_expressions()


def _is_aggregate(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and isinstance(node.this, str) and node.this.lower() in AGGREGATES


def _is_windowed(node: exp.Expr) -> bool:
    parent = node.parent
    while isinstance(parent, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.WithinGroup):
        parent = parent.parent
    return isinstance(parent, exp.Window)
