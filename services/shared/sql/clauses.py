"""The order of a query's clauses, which the parser does not keep: SELECT, FROM, WHERE, GROUP BY, HAVING, WINDOW, ORDER BY, OFFSET, LIMIT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import Token, TokenType

from services.shared.errors import SqlSyntax

_ORDER = ("SELECT", "FROM", "WHERE", "GROUP BY", "HAVING", "WINDOW", "ORDER BY", "OFFSET", "LIMIT")
_OPENERS = ("SELECT", "WITH", "VALUES", "TABLE", "(")
_SETS = ("UNION", "INTERSECT", "EXCEPT")
_COUNTED = ("LIMIT", "OFFSET")


@dataclass
class _Level:
    """What one pair of parentheses has held so far; one that holds no query is not looked at."""

    is_query: bool
    reached: int = -1


def check_order(tokens: Sequence[Token]) -> None:
    """Raise SqlSyntax at a clause that stands after one it must precede, or stands twice."""
    levels = [_Level(is_query=True)]
    for at, token in enumerate(tokens):
        match token.token_type:
            case TokenType.L_PAREN:
                levels.append(_Level(is_query=_word(tokens, at + 1) in _OPENERS))
            case TokenType.R_PAREN:
                if len(levels) > 1:
                    levels.pop()
            case _ if levels[-1].is_query:
                _step(levels[-1], tokens, at)


def _step(level: _Level, tokens: Sequence[Token], at: int) -> None:
    word = _word(tokens, at)
    if word in _SETS:
        level.reached = -1
        return
    clause = _clause(tokens, at, word)
    if clause is None:
        return
    place = _ORDER.index(clause)
    if clause == "SELECT" and level.reached < place:
        level.reached = place
        return
    if place <= level.reached:
        said = f"{clause} stands twice" if place == level.reached else f"{clause} can't stand after {_ORDER[level.reached]}"
        raise SqlSyntax(f"{said}.", line=tokens[at].line, column=max(1, tokens[at].col - (tokens[at].end - tokens[at].start)))
    level.reached = place


def _clause(tokens: Sequence[Token], at: int, word: str) -> str | None:
    """Return the clause that begins at a word; a name that only looks like one (`t.limit`, `AS offset`) begins none."""
    before, after = _word(tokens, at - 1), _word(tokens, at + 1)
    if before in (".", "AS", ","):
        return None
    match word:
        case "SELECT" | "WHERE" | "HAVING":
            return word
        case "FROM":
            return word if before != "DISTINCT" else None
        case "GROUP BY" | "ORDER BY":
            return word
        case "GROUP" | "ORDER" if after == "BY":
            return f"{word} BY"
        case "FETCH" if after in ("FIRST", "NEXT"):
            return "LIMIT"
        case _ if word in _COUNTED and (after == "ALL" or after.isdigit() or after == "?"):
            return word
    return None


def _word(tokens: Sequence[Token], at: int) -> str:
    if not 0 <= at < len(tokens) or tokens[at].token_type in (TokenType.STRING, TokenType.IDENTIFIER):
        return ""
    return " ".join(tokens[at].text.upper().split())
