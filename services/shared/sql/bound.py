"""A bound expression: its DuckDB text and its Trino type; and how one is coerced to another type, as Trino does unasked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from services.shared.errors import SqlInvalid, TypeMismatch, UnsupportedOnEmbedded
from services.shared.sql.dialect import position
from services.shared.sql.names import text
from services.shared.sql.types import MOMENTS, NUMBERS, UNKNOWN, Kind, Type, common_type, duckdb_type

MAX_TRANSLATION = 1_000_000


@dataclass(frozen=True)
class Literal:
    """The value of a constant: int, str, or the text of another number."""

    value: int | str


@dataclass(frozen=True)
class Bound:
    """DuckDB text, its type, the literal it is (if it is one)."""

    sql: str
    type: Type
    literal: Literal | None = None

    @property
    def string(self) -> str | None:
        """Return the text of a string literal."""
        value = self.literal.value if self.literal and self.type.kind is Kind.VARCHAR else None
        return value if isinstance(value, str) else None

    @property
    def number(self) -> int | None:
        """Return the value of an integer literal."""
        value = self.literal.value if self.literal else None
        return value if isinstance(value, int) else None


NULL: Final = Bound("NULL", UNKNOWN)
NO_VALUE: Final = "no value: "
REFUSED_AT_RUN_TIME: Final = "is not supported on the embedded engine"
_WORDS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\berror\(""")


def failure(message: str, kind: Type) -> str:
    """Return DuckDB text that fails with a message (itself DuckDB text) where a value of the type would stand."""
    return f"CAST(error({text(NO_VALUE)} || {message}) AS {duckdb_type(kind)})"


def refusal(what: str, kind: Type) -> str:
    """Return DuckDB text that ends the query where a value would have another answer than Trino's."""
    return failure(text(f"{what} {REFUSED_AT_RUN_TIME}"), kind)


def catchable(sql: str) -> str:
    """Return the text with failures that TRY can catch: `error` is volatile, which TRY refuses; JSON that can't be read is not."""
    return _WORDS.sub(lambda word: "json(" if word[0] == "error(" else word[0], sql)


def string(value: str) -> Bound:
    """Return a string constant."""
    return Bound(text(value), Type(Kind.VARCHAR), Literal(value))


def integer(value: int, kind: Type) -> Bound:
    """Return an integer constant."""
    return Bound(f"CAST({value} AS {duckdb_type(kind)})", kind, Literal(value))


def can_coerce(source: Type, target: Type) -> bool:
    """Tell whether Trino coerces a type to another without a cast."""
    return common_type(source, target) == target


def coerce(bound: Bound, target: Type, *, node: exp.Expr | None = None) -> Bound:
    """Return the expression as the target type, or refuse."""
    if bound.type == target:
        return bound
    if not can_coerce(bound.type, target):
        raise mismatch(f"{bound.type} is no {target}", node)
    return widen(bound, target)


def widen(bound: Bound, target: Type) -> Bound:
    """Return the expression as a type that holds all its values."""
    if bound.type == target or (bound.type.kind, target.kind) == (Kind.TIMESTAMP, Kind.TIMESTAMP_TZ):
        return Bound(bound.sql, target, bound.literal)
    if bound.literal is not None and bound.type.kind in NUMBERS:
        return Bound(f"CAST({bound.literal.value} AS {duckdb_type(target)})", target, bound.literal)
    return Bound(f"CAST({bound.sql} AS {duckdb_type(target)})", target)


def unify(left: Bound, right: Bound, *, what: str, node: exp.Expr) -> tuple[Bound, Bound, Type]:
    """Bring two expressions to their common type."""
    shared = common_type(left.type, right.type)
    if shared is None and left.type.kind is right.type.kind is Kind.TIMESTAMP_TZ:
        raise unsupported(f"{what} of two time zones", node)
    if shared is None:
        raise mismatch(f"Cannot apply {what} to {left.type} and {right.type}", node)
    return widen(left, shared), widen(right, shared), shared


def is_moment(kind: Type) -> bool:
    """Tell whether a type is a date or a timestamp."""
    return kind.kind in MOMENTS


def unsupported(what: str, node: exp.Expr | None = None) -> UnsupportedOnEmbedded:
    """Return `unsupported_on_embedded`, naming the construct."""
    line, column = position(node) if node is not None else (None, None)
    return UnsupportedOnEmbedded(f"{what} is not supported on the embedded engine.", line=line, column=column)


def mismatch(detail: str, node: exp.Expr | None = None) -> TypeMismatch:
    """Return `type_mismatch`."""
    line, column = position(node) if node is not None else (None, None)
    return TypeMismatch(f"{detail}.", line=line, column=column)


def invalid(detail: str, node: exp.Expr | None = None) -> SqlInvalid:
    """Return `sql_invalid`."""
    line, column = position(node) if node is not None else (None, None)
    return SqlInvalid(f"{detail}.", line=line, column=column)
