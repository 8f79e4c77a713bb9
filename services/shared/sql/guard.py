"""The first line: one statement that reads, or a problem that says where and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice, pairwise

from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from services.shared.errors import MultipleStatements, SqlSyntax, SqlTooLong, StatementNotAllowed, UnsupportedOnEmbedded
from services.shared.sql.clauses import check_order
from services.shared.sql.dialect import AthenaSql, column_of, position
from services.shared.sql.names import near_miss
from services.shared.sql.show import Show, parse_describe, parse_show
from services.shared.sql.whole import check_whole

DEFAULT_MAX_SQL_BYTES = 64 * 1024
MAX_NESTING = 60
MAX_WORDS = 5_000

_LEXEMES = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*(?s:.*?)\*/|/\*|(?s:.)""")
_WORDS = re.compile(r"""'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)|--[^\n]*|/\*(?s:.*?)(?:\*/|\Z)|\w+|[^\s\w]""")
_OPENERS = ("'", '"', "/*", "`")
_READS = ("SELECT", "WITH", "VALUES", "TABLE", "(")
_REFUSED = frozenset(
    [
        "ABORT",
        "ALTER",
        "ANALYZE",
        "ATTACH",
        "BEGIN",
        "CALL",
        "CACHE",
        "CHECKPOINT",
        "COMMENT",
        "COMMIT",
        "COPY",
        "CREATE",
        "DEALLOCATE",
        "DELETE",
        "DENY",
        "DETACH",
        "DROP",
        "EXECUTE",
        "EXPORT",
        "FORCE",
        "GRANT",
        "IMPORT",
        "INSERT",
        "INSTALL",
        "KILL",
        "LOAD",
        "LOCK",
        "MERGE",
        "MSCK",
        "OPTIMIZE",
        "PRAGMA",
        "PREPARE",
        "REFRESH",
        "RELOAD",
        "RENAME",
        "REPAIR",
        "REPLACE",
        "RESET",
        "REVOKE",
        "ROLLBACK",
        "SET",
        "START",
        "TRUNCATE",
        "UNLOAD",
        "UNLOCK",
        "UNSET",
        "UPDATE",
        "UPSERT",
        "USE",
        "USING",
        "VACUUM",
    ]
)
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET)
_WRITES = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Drop, exp.Alter, exp.Use, exp.Set, exp.Merge, exp.Copy, exp.Lock, exp.FunctionSpecification)


class StatementKind(StrEnum):
    """What a statement is."""

    QUERY = "query"
    SHOW = "show"
    DESCRIBE = "describe"
    EXPLAIN = "explain"


@dataclass(frozen=True)
class Statement:
    """One statement that may run: its own text, and the tree of a query or the words of a SHOW or DESCRIBE."""

    kind: StatementKind
    sql: str
    tree: exp.Query | None = None
    show: Show | None = None
    options: tuple[str, ...] = ()


def parse_statement(sql: str, *, max_bytes: int = DEFAULT_MAX_SQL_BYTES) -> Statement:
    """Read exactly one statement of the allow-list; comments and one closing semicolon are no statement."""
    if len(sql.encode("utf-8", "surrogatepass")) > max_bytes:
        raise SqlTooLong(f"The SQL has {len(sql.encode('utf-8', 'surrogatepass')):,} bytes; this server takes {max_bytes:,}.")
    _check_words(sql)
    try:
        return _read(_only_statement(_tokens(sql)), sql)
    except RecursionError as error:
        raise SqlSyntax("The SQL is nested too deeply.") from error


def count_words(sql: str) -> int:
    """Count words, numbers and signs, not much further than there may be; comments are none."""
    return sum(1 for found in islice(_WORDS.finditer(sql), 2 * MAX_WORDS) if not found[0].startswith(("--", "/*")))


def _check_words(sql: str) -> None:
    """Refuse more words than are read in a tenth of a second, before any is."""
    if count_words(sql) > MAX_WORDS:
        raise SqlTooLong(f"The SQL has more than {MAX_WORDS:,} words, numbers and signs; put long lists into a table.")


def _tokens(sql: str) -> list[Token]:
    try:
        tokens = list(AthenaSql().tokenize(sql))
    except TokenError as error:
        line, column = _unclosed(sql)
        if line is None and re.search(r"(?i)\bx'[0-9a-f\s]*'", sql):
            raise UnsupportedOnEmbedded("X'…' with blanks is not supported on the embedded engine.") from error
        raise SqlSyntax("The SQL ends inside a text, a name or a comment that begins here.", line=line, column=column) from error
    depth = 0
    for token in tokens:
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth > MAX_NESTING:
            raise SqlSyntax(f"The SQL is nested more than {MAX_NESTING} levels deep.", line=token.line, column=column_of(token))
    return tokens


def _only_statement(tokens: list[Token]) -> list[Token]:
    groups: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            groups.append([])
        else:
            groups[-1].append(token)
    statements = [group for group in groups if group]
    if not statements:
        raise SqlSyntax("There is no statement.")
    if len(statements) > 1:
        second = statements[1][0]
        raise MultipleStatements(
            f"There are {len(statements)} statements; the second begins with {second.text!r}.", line=second.line, column=column_of(second)
        )
    return statements[0]


def _read(tokens: list[Token], sql: str) -> Statement:
    first = tokens[0]
    word = first.text.upper() if first.token_type not in (TokenType.STRING, TokenType.IDENTIFIER) else ""
    text = sql[first.start : tokens[-1].end + 1]
    match word:
        case "EXPLAIN":
            return _read_explain(tokens, sql)
        case "SHOW":
            return Statement(StatementKind.SHOW, text, show=parse_show(tokens))
        case "DESCRIBE" | "DESC":
            return Statement(StatementKind.DESCRIBE, text, show=parse_describe(tokens))
        case _ if word in _READS:
            return Statement(StatementKind.QUERY, text, tree=_parse_query(tokens, sql))
        case _ if word in _REFUSED:
            raise StatementNotAllowed(
                f"{word[:40]} is not one of SELECT, WITH, VALUES, SHOW, DESCRIBE and EXPLAIN.", line=first.line, column=column_of(first)
            )
    hint = near_miss(word, (*_READS[:-1], "SHOW", "DESCRIBE", "EXPLAIN"))
    raise SqlSyntax(f"A statement can't begin with {first.text[:40]!r}.{hint}", line=first.line, column=column_of(first))


def _read_explain(tokens: list[Token], sql: str) -> Statement:
    at, options = 1, list[str]()
    while at < len(tokens) and tokens[at].text.upper() in ("ANALYZE", "VERBOSE"):
        options.append(tokens[at].text.upper())
        at += 1
    if at + 1 < len(tokens) and tokens[at].token_type is TokenType.L_PAREN and tokens[at + 1].text.upper() in ("TYPE", "FORMAT"):
        while at < len(tokens) and tokens[at].token_type is not TokenType.R_PAREN:
            options.append(tokens[at].text.upper())
            at += 1
        at += 1
    if at >= len(tokens):
        raise SqlSyntax("EXPLAIN explains nothing.", line=tokens[0].line, column=column_of(tokens[0]))
    inner = _read(tokens[at:], sql)
    if inner.kind is not StatementKind.QUERY:
        raise StatementNotAllowed(f"EXPLAIN takes a query, not {inner.kind.upper()}.", line=tokens[at].line, column=column_of(tokens[at]))
    return replace(inner, kind=StatementKind.EXPLAIN, options=tuple(options))


def _parse_query(tokens: list[Token], sql: str) -> exp.Query:
    for token in tokens:
        if token.token_type is TokenType.DCOLON or (token.token_type is TokenType.IDENTIFIER and sql[token.start] == "`"):
            word = "::" if token.token_type is TokenType.DCOLON else "`"
            raise SqlSyntax(f"{word} is not Athena's SQL for queries.", line=token.line, column=column_of(token))
    _refuse_numbers(tokens, sql)
    parser = AthenaSql().parser()
    try:
        trees = parser.parse(tokens, sql)
    except ParseError as error:
        raise _syntax_problem(error) from error
    except (TokenError, ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise SqlSyntax("The SQL can't be read.") from error
    tree = trees[0] if len(trees) == 1 else None
    if tree is None:
        raise SqlSyntax("The SQL can't be read.")
    for node in tree.walk():
        if isinstance(node, _WRITES):
            word = type(node).__name__.upper()
            begin = next((token for token in tokens if token.text.upper() == word), None)
            line, column = (begin.line, column_of(begin)) if begin is not None else position(node)
            raise StatementNotAllowed(f"A query may only read; this one holds {word}.", line=line, column=column)
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery | exp.Values):
        raise UnsupportedOnEmbedded(f"{type(tree).__name__.upper()} is not a query this server reads.")
    check_order(tokens)
    check_whole(tree, tokens)
    return exp.select("*").from_(tree) if isinstance(tree, exp.Values) else tree


def _refuse_numbers(tokens: list[Token], sql: str) -> None:
    """Refuse `0xFF` and `1_000`, which the parser reads as bytes and as a number with an alias."""
    for token, after in pairwise([*tokens, None]):
        if token is None:
            continue
        based = token.token_type in (TokenType.HEX_STRING, TokenType.BIT_STRING) and sql[token.start] == "0"
        parted = token.token_type is TokenType.NUMBER and after is not None and after.start == token.end + 1 and after.text.startswith("_")
        if based or parted:
            word = sql[token.start : (after.end if parted and after else token.end) + 1]
            raise UnsupportedOnEmbedded(f"The number {word[:40]} is not supported on the embedded engine.", line=token.line, column=column_of(token))


def _syntax_problem(error: ParseError) -> SqlSyntax:
    first = error.errors[0] if error.errors else {}
    word = first.get("highlight") or ""
    detail = str(first.get("description") or "The SQL can't be read").rstrip(".")
    if detail.startswith("Required keyword"):
        detail = "Something is missing"
    detail = detail.split(" but got <Token")[0].split(" / ")[-1]
    near = f" near {word[:40]!r}" if word else ""
    line, column = first.get("line"), first.get("col")
    start = max(1, column - max(0, len(word) - 1)) if isinstance(column, int) else None
    return SqlSyntax(f"{detail}{near}.", line=line if isinstance(line, int) else None, column=start)


def _unclosed(sql: str) -> tuple[int | None, int | None]:
    """Return the line and column of the quote or comment that never ends."""
    at = next((match.start() for match in _LEXEMES.finditer(sql) if match[0] in _OPENERS), None)
    if at is None:
        return None, None
    return sql.count("\n", 0, at) + 1, at - sql.rfind("\n", 0, at)
