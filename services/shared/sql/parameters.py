"""Parameters of a query: typed JSON values put in the place of `?`, never pasted into the text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from services.shared.errors import ParameterMismatch
from services.shared.sql.guard import Statement

Parameter = bool | int | float | str | None


def with_parameters(statement: Statement, parameters: Sequence[Parameter]) -> Statement:
    """Return the statement with its placeholders filled, in their order."""
    tree = statement.tree
    places = list(tree.find_all(exp.Placeholder, bfs=False)) if tree is not None else []
    if any(place.args.get("this") for place in places):
        raise ParameterMismatch("Placeholders are written ?.")
    if len(places) != len(parameters):
        raise ParameterMismatch(f"The SQL has {len(places)} placeholders, {len(parameters)} parameters were given.")
    if tree is None or not places:
        return statement
    tree = tree.copy()
    for place, value in zip(list(tree.find_all(exp.Placeholder, bfs=False)), parameters, strict=True):
        place.replace(_literal(value))
    return replace(statement, tree=tree)


def _literal(value: Parameter) -> exp.Expr:
    match value:
        case None:
            return exp.Null()
        case bool():
            return exp.Boolean(this=value)
        case str():
            return exp.Literal.string(value)
        case float() if not math.isfinite(value):
            raise ParameterMismatch(f"{value} is not a parameter.")
        case float():
            return _signed(format(abs(value), ".17e"), value < 0)
        case _:
            return _signed(str(abs(value)), value < 0)


def _signed(digits: str, negative: bool) -> exp.Expr:
    literal = exp.Literal(this=digits, is_string=False)
    return exp.Neg(this=literal) if negative else literal
