"""What a case of the table is: an expression or a statement, and the answer that Trino's documentation gives or defines."""

from __future__ import annotations

from dataclasses import dataclass

TRINO = "https://trino.io/docs/current/"
ATHENA = "https://docs.aws.amazon.com/athena/latest/ug/"

DIVISION = "division_by_zero"
RANGE = "numeric_out_of_range"
VALUE = "invalid_value"
TYPES = "type_mismatch"
INVALID = "sql_invalid"
SYNTAX = "sql_syntax"

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Case:
    """`types` are in Athena's words, `rows` hold the cells as Athena writes them (None is NULL); `problems` are given where Trino fails."""

    sql: str
    types: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    problems: tuple[str, ...] = ()
    link: str = ""

    @property
    def statement(self) -> str:
        """Return the whole statement; an expression is selected."""
        first = self.sql.lstrip("( \n").split(maxsplit=1)[0].upper()
        return self.sql if first in ("SELECT", "VALUES", "WITH", "TABLE") else f"SELECT {self.sql}"


@dataclass(frozen=True)
class Page:
    """Cases that one page of the documentation answers."""

    link: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Subject:
    """A part of the language."""

    name: str
    pages: tuple[Page, ...]

    @property
    def cases(self) -> tuple[Case, ...]:
        """Return the cases, each with the link to its page."""
        return tuple(Case(c.sql, c.types, c.rows, c.problems, page.link) for page in self.pages for c in page.cases)


def subject(name: str, *pages: Page) -> Subject:
    """Gather a subject's pages."""
    return Subject(name, pages)


def trino(path: str, *cases: Case) -> Page:
    """Gather what a page of Trino's documentation answers."""
    return Page(TRINO + path, cases)


def athena(path: str, *cases: Case) -> Page:
    """Gather what a page of Athena's guide answers."""
    return Page(ATHENA + path, cases)


def value(sql: str, kind: str, cell: str | None) -> Case:
    """Return the case of one value."""
    return Case(sql, (kind,), ((cell,),))


def table(sql: str, kinds: str, *rows: Row) -> Case:
    """Return the case of a statement; `kinds` are separated by blanks."""
    return Case(sql, tuple(kinds.split()), rows)


def fails(sql: str, *problems: str) -> Case:
    """Return the case of a statement that Trino refuses or that fails, with the problems that say so here."""
    return Case(sql, problems=problems)
