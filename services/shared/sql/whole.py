"""What the parser lets pass though Athena's grammar does not: clauses that say nothing, commas before nothing, joins without a condition."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sqlglot import Token, TokenType, exp

from services.shared.errors import SqlSyntax
from services.shared.sql.dialect import position

_NEVER_AFTER_A_COMMA = (TokenType.FROM, TokenType.WHERE, TokenType.R_PAREN, TokenType.R_BRACKET)


def check_whole(tree: exp.Query | exp.Values, tokens: Sequence[Token]) -> None:
    """Raise SqlSyntax where a part is missing that the parser does not miss."""
    for comma, after in pairwise(tokens):
        if comma.token_type is TokenType.COMMA and after.token_type in _NEVER_AFTER_A_COMMA:
            raise SqlSyntax(f"Nothing comes between ',' and '{after.text}'.", line=comma.line, column=comma.col)
    for node in tree.walk():
        missing = _missing(node)
        if missing:
            line, column = position(node)
            raise SqlSyntax(f"{missing}.", line=line, column=column)
    _check_joins(tree, tokens)


def _missing(node: exp.Expr) -> str | None:
    match node:
        case exp.Select() if not node.expressions:
            return "SELECT selects nothing"
        case exp.Alias() if not isinstance(node.parent, exp.Select | exp.MatchRecognize | exp.MatchRecognizeMeasure):
            return f"The alias {node.alias[:40]!r} can't stand here"
        case exp.Identifier() if not node.args.get("quoted") and len(node.name.split()) > 1:
            return f"{node.name[:40]!r} can't stand here"
        case exp.CTE() if not isinstance(node.this, exp.Query) or isinstance(node.this, exp.Table):
            return f"WITH {node.alias[:40]} holds no query"
        case exp.Group() if not any(node.args.values()):
            return "GROUP BY names nothing"
        case exp.In() if not (node.expressions or node.args.get("query") or node.args.get("unnest") or node.args.get("field")):
            return "IN lists nothing"
    return None


def _check_joins(tree: exp.Query | exp.Values, tokens: Sequence[Token]) -> None:
    """A comma's join and one whose condition is missing are the same tree; only the word JOIN tells them apart."""
    bare = [join for join in tree.find_all(exp.Join) if not _is_complete(join)]
    written = sum(token.token_type is TokenType.JOIN for token in tokens)
    if written > sum(1 for _ in tree.find_all(exp.Join)) - len(bare):
        sided = [join for join in bare if join.side or join.kind]
        line, column = position((sided or bare)[0]) if bare else (None, None)
        raise SqlSyntax("A JOIN has no condition: write ON or USING after it, or CROSS JOIN.", line=line, column=column)


def _is_complete(join: exp.Join) -> bool:
    return bool(join.args.get("on") or join.args.get("using") or join.kind == "CROSS" or join.method == "NATURAL")
