"""Athena's grammar as sqlglot reads it, with every function kept under the name and with the arguments it was written with."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.trino import Trino
from sqlglot.parsers.presto import PrestoParser
from sqlglot.parsers.trino import TrinoParser

_SPECIAL_FORMS = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "TRIM", "SUBSTRING")


class _Parser(TrinoParser):
    """The Trino parser without its table of functions, so that none is rewritten on the way in; a TIMESTAMP literal keeps its text, `?` its place.

    sqlglot's compiled variant (`sqlglot[c]`) forbids subclasses of its parsers, so it must not be installed.
    """

    TYPE_LITERAL_PARSERS: ClassVar[dict[Any, Any]] = {
        **PrestoParser.TYPE_LITERAL_PARSERS,
        exp.DType.DECIMAL: lambda _self, this, _kind: exp.Anonymous(this="$decimal", expressions=[this]),
    }
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {k: v for k, v in TrinoParser.FUNCTION_PARSERS.items() if k in _SPECIAL_FORMS}
    PLACEHOLDER_PARSERS: ClassVar[dict[Any, Any]] = {
        **TrinoParser.PLACEHOLDER_PARSERS,
        TokenType.PLACEHOLDER: lambda self: self.expression(exp.Placeholder(), token=self._prev),
    }


class AthenaSql(Trino):
    """Trino SQL as Athena takes it; subscripts keep their number, which starts at one."""

    INDEX_OFFSET = 0
    Parser = _Parser

    class Tokenizer(Trino.Tokenizer):
        """The Trino tokenizer; every statement is split into words, and DESCRIBE may quote with backticks as in Hive."""

        COMMANDS: ClassVar[set[TokenType]] = set()
        IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ['"', "`"]


def position(node: exp.Expr) -> tuple[int | None, int | None]:
    """Return the line and column (from 1) where the node, or the first of its words that kept a place, begins."""
    best: tuple[int, int, int] | None = None
    for each in node.walk():
        meta = each.meta if each._meta else None
        if meta and "line" in meta:
            start = int(meta["start"])
            if best is None or start < best[0]:
                best = (start, int(meta["line"]), max(1, int(meta["col"]) - (int(meta["end"]) - start)))
    return (best[1], best[2]) if best else (None, None)


def column_of(token: Token) -> int:
    """Return the column (from 1) where a token begins."""
    return max(1, token.col - (token.end - token.start))
