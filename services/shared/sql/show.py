"""SHOW and DESCRIBE: a grammar of their own, answered from the catalog without the engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlglot import Token, TokenType

from services.shared.catalog.port import CatalogDatabase, Column, Table
from services.shared.errors import SqlSyntax, TableNotFound, UnsupportedOnEmbedded
from services.shared.sql.dialect import column_of
from services.shared.sql.names import near_miss, text


class Schemas(Protocol):
    """What the SQL side needs to know of the catalog; every `Catalog` is one."""

    def list_databases(self) -> Sequence[CatalogDatabase]:
        """Return the databases that users may see."""
        ...

    def list_tables(self, database: str) -> Sequence[Table]:
        """Return a database's tables, by name."""
        ...

    def find_table(self, database: str, name: str) -> Table | None:
        """Return a table, or None."""
        ...


@dataclass(frozen=True)
class Show:
    """What is asked: `databases`, `tables`, `views`, `columns`, `create_table` or `describe`."""

    what: str
    database: str | None = None
    table: str | None = None
    pattern: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True)
class Answer:
    """Rows that come from the catalog, all of type string."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def parse_show(tokens: Sequence[Token]) -> Show:
    """Read a SHOW statement; one that is not answered here is refused by name."""
    words = _Words(tokens[1:], tokens[0])
    what = words.take_word()
    match what:
        case "DATABASES" | "SCHEMAS":
            words.skip("LIKE")
            return words.finish(Show("databases", pattern=words.take_pattern()))
        case "TABLES" | "VIEWS":
            database = words.take_name() if words.skip("IN", "FROM") else None
            words.skip("LIKE")
            return words.finish(Show(what.lower(), database, pattern=words.take_pattern()))
        case "COLUMNS":
            if not words.skip("FROM", "IN"):
                raise words.problem("SHOW COLUMNS needs FROM and a table")
            database, table = words.take_table()
            if words.skip("FROM", "IN"):
                database = words.take_name()
            return words.finish(Show("columns", database, table))
        case "CREATE" if words.skip("TABLE"):
            return words.finish(Show("create_table", *words.take_table()))
        case "PARTITIONS":
            instead = "a partitioned table is a view of its newest version here; SELECT DISTINCT of its keys lists them"
            raise UnsupportedOnEmbedded(f"SHOW PARTITIONS is not answered: {instead}.", line=tokens[0].line, column=column_of(tokens[0]))
    named = " ".join(["SHOW", what, *(t.text.upper() for t in tokens[2:3] if what == "CREATE")])
    raise UnsupportedOnEmbedded(f"{named} is not answered here.", line=tokens[0].line, column=column_of(tokens[0]))


def parse_describe(tokens: Sequence[Token]) -> Show:
    """Read DESCRIBE [EXTENDED | FORMATTED] table."""
    words = _Words(tokens[1:], tokens[0])
    if words.peek() in ("EXTENDED", "FORMATTED", "INPUT", "OUTPUT") and len(tokens) > 2:
        raise UnsupportedOnEmbedded(f"DESCRIBE {words.peek()} is not answered here.")
    database, table = words.take_table()
    if words.peek() == "PARTITION":
        raise UnsupportedOnEmbedded("DESCRIBE … PARTITION is not answered here.")
    return words.finish(Show("describe", database, table))


def answer_show(show: Show, schemas: Schemas, *, database: str) -> Answer:
    """Answer from the catalog; `database` is meant where none is named."""
    match show.what:
        case "databases":
            names = [d.name for d in schemas.list_databases()]
            return Answer(("database_name",), tuple((n,) for n in _matching(names, show.pattern)))
        case "tables" | "views":
            tables = schemas.list_tables(_get_database(show, schemas, database))
            names = [table.name for table in tables if show.what == "tables" or table.view is not None]
            return Answer(("tab_name" if show.what == "tables" else "views",), tuple((n,) for n in _matching(names, show.pattern)))
    table = _get_table(show, schemas, database)
    columns = (*table.columns, *table.partition_keys)
    match show.what:
        case "columns":
            return Answer(("field",), tuple((c.name,) for c in columns))
        case "create_table" if table.view is not None:
            raise UnsupportedOnEmbedded(f"SHOW CREATE TABLE is not answered for {table.name}, a view of its newest version; DESCRIBE is.")
        case "create_table":
            return Answer(("createtab_stmt",), tuple((line,) for line in _create_table(table)))
        case _:
            return Answer(("col_name", "data_type", "comment"), tuple((c.name, c.type, c.comment) for c in columns))


def _get_database(show: Show, schemas: Schemas, database: str) -> str:
    known = [d.name for d in schemas.list_databases()]
    if show.database is not None and show.database not in known:
        raise TableNotFound(f"There is no database {show.database}.{near_miss(show.database, known)}", line=show.line, column=show.column)
    return show.database or database


def _get_table(show: Show, schemas: Schemas, database: str) -> Table:
    name, database = show.table or "", _get_database(show, schemas, database)
    table = schemas.find_table(database, name)
    if table is None:
        hint = near_miss(name, (t.name for t in schemas.list_tables(database)))
        raise TableNotFound(f"There is no table {database}.{name}.{hint}", line=show.line, column=show.column)
    return table


def _matching(names: Sequence[str], pattern: str | None) -> list[str]:
    if pattern is None:
        return list(names)
    choices = [".*".join(map(re.escape, choice.split("*"))) for choice in pattern.lower().split("|")]
    return [name for name in names if any(re.fullmatch(choice, name) for choice in choices)]


def _create_table(table: Table) -> list[str]:
    lines = [f"CREATE EXTERNAL TABLE `{table.database}.{table.name}`("]
    lines += [_column_line(c) + ("," if i < len(table.columns) - 1 else ")") for i, c in enumerate(table.columns)]
    if table.partition_keys:
        keys = table.partition_keys
        lines += ["PARTITIONED BY ("] + [_column_line(c) + ("," if i < len(keys) - 1 else ")") for i, c in enumerate(keys)]
    return [*lines, f"STORED AS {table.format.upper()}" if table.format == "parquet" else "STORED AS TEXTFILE"]


def _column_line(column: Column) -> str:
    comment = f" COMMENT {text(column.comment)}" if column.comment else ""
    return f"  `{column.name}` {column.type}{comment}"


class _Words:
    """The words of a statement, taken one after the other."""

    def __init__(self, tokens: Sequence[Token], before: Token) -> None:
        self._tokens, self._at, self._before = tokens, 0, before
        self._place: tuple[int, int] | None = None

    def peek(self) -> str:
        return self._tokens[self._at].text.upper() if self._at < len(self._tokens) else ""

    def skip(self, *words: str) -> bool:
        found = self.peek() in words
        self._at += found
        return found

    def take_word(self) -> str:
        word = self.peek()
        if not word:
            raise self.problem("The statement ends too early")
        self._at += 1
        return word

    def take_name(self) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or token.token_type is TokenType.STRING or not token.text[:1].replace("_", "a").isalnum():
            raise self.problem("A name is missing")
        self._at += 1
        self._place = (token.line, column_of(token))
        return token.text.lower()

    def take_table(self) -> tuple[str | None, str]:
        name = self.take_name()
        if self.skip("."):
            return name, self.take_name()
        return None, name

    def take_pattern(self) -> str | None:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or token.token_type is not TokenType.STRING:
            return None
        self._at += 1
        return token.text

    def finish(self, show: Show) -> Show:
        if self._at < len(self._tokens):
            raise self.problem(f"Unexpected {self._tokens[self._at].text[:40]!r}")
        line, column = self._place or (None, None)
        return Show(show.what, show.database, show.table, show.pattern, line, column)

    def problem(self, detail: str) -> SqlSyntax:
        token = self._tokens[self._at] if self._at < len(self._tokens) else self._before
        return SqlSyntax(f"{detail}.", line=token.line, column=column_of(token))
