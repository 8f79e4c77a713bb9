"""Parameters of a query: typed JSON values put in the place of `?` as parts of the tree, never pasted into the text.

A number without a point is a bigint, one with a point or an exponent a double, a text a varchar; a larger one, a decimal
or a date is a text under a CAST, and so keeps every digit. `?` may stand wherever a constant may; in ORDER BY and GROUP BY it is a constant, not the
number of a column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from services.shared.errors import ParameterMismatch
from services.shared.sql.guard import Statement

Parameter = bool | int | float | str | None
MAX_BIGINT = 2**63 - 1


def with_parameters(statement: Statement, parameters: Sequence[Parameter]) -> Statement:
    """Return the statement with its placeholders filled, in the order in which they are written."""
    tree = statement.tree
    places = _places(tree)
    if len(places) != len(parameters):
        raise ParameterMismatch(f"The SQL has {len(places)} placeholders, {len(parameters)} parameters were given.")
    if tree is None or not places:
        return statement
    tree = tree.copy()
    for number, (nodes, value) in enumerate(zip(_places(tree), parameters, strict=True), 1):
        for node in nodes:
            literal = _literal(value, number)
            node.replace(exp.Paren(this=literal) if isinstance(node.parent, exp.Ordered | exp.Group) else literal)
    return replace(statement, tree=tree)


def _places(tree: exp.Query | None) -> list[list[exp.Placeholder]]:
    """Return the placeholders by their place in the text: the tree has them in another order (WITH last, LIMIT early)."""
    found: dict[int, list[exp.Placeholder]] = {}
    for node in tree.find_all(exp.Placeholder) if tree is not None else ():
        if node.args.get("this"):
            raise ParameterMismatch(f"A placeholder is written ?, not :{str(node.this)[:40]}.")
        found.setdefault(int(node.meta["start"]), []).append(node)
    return [found[start] for start in sorted(found)]


def _literal(value: Parameter, number: int) -> exp.Expr:
    match value:
        case None:
            return exp.Null()
        case bool():
            return exp.Boolean(this=value)
        case str():
            return exp.Literal.string(value)
        case float() if not math.isfinite(value):
            raise ParameterMismatch(f"Parameter {number} is {value}, which is no number of SQL.")
        case float():
            return _signed(format(abs(value), ".17e"), value < 0 or math.copysign(1, value) < 0)
        case int() if abs(value) > MAX_BIGINT:
            raise ParameterMismatch(f"Parameter {number} is larger than a bigint; send it as a text under CAST(? AS decimal(38,0)).")
        case _:
            return _signed(str(abs(value)), value < 0)


def _signed(digits: str, negative: bool) -> exp.Expr:
    literal = exp.Literal(this=digits, is_string=False)
    return exp.Neg(this=literal) if negative else literal
