"""The front door: a statement that may run becomes DuckDB SQL with Trino's meaning, or a problem that names what can't."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp

from services.shared.catalog.port import Table
from services.shared.errors import SqlSyntax, UnsupportedOnEmbedded
from services.shared.sql.bound import Bound, unsupported
from services.shared.sql.casts import zoned_text
from services.shared.sql.environment import Environment
from services.shared.sql.guard import Statement, StatementKind
from services.shared.sql.json_values import canonical
from services.shared.sql.literals import interval_text
from services.shared.sql.queries import bind_query
from services.shared.sql.reads import Scan
from services.shared.sql.scope import BoundQuery, Scope
from services.shared.sql.show import Schemas
from services.shared.sql.types import INTERVALS, Kind, Type, athena_type
from services.shared.sql.zones import zone_of


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result: its name, and its type in Athena's words."""

    name: str
    type: str


@dataclass(frozen=True)
class Translation:
    """What the embedded engine runs: its SQL over views named database.table, and the result's columns.

    `tables` are those it reads, `scans` how, and `views` the tables that turned out to be views of others.
    """

    sql: str
    columns: tuple[ResultColumn, ...]
    tables: tuple[Table, ...]
    scans: tuple[Scan, ...]
    views: tuple[tuple[str, str], ...]
    approximate: tuple[str, ...]


def translate(statement: Statement, schemas: Schemas, *, database: str, now: datetime | None = None) -> Translation:
    """Resolve every name against the catalog, derive every type as Trino does, and write the DuckDB SQL."""
    tree = statement.tree
    if tree is None:
        raise ValueError(f"a {statement.kind} is answered from the catalog")
    if statement.kind is StatementKind.EXPLAIN:
        raise UnsupportedOnEmbedded("EXPLAIN is not supported on the embedded engine: its plan would be another engine's.")
    moment = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")

    def bind(query: exp.Query, scope: Scope) -> BoundQuery:
        return bind_query(query, scope, environment)

    environment = Environment(schemas, database, f"CAST('{moment}' AS TIMESTAMP)", bind)
    try:
        bound = bind(tree, Scope())
    except RecursionError as error:
        raise SqlSyntax("The SQL is nested too deeply.") from error
    columns = tuple(ResultColumn(o.name or f"_col{i}", athena_type(o.type)) for i, o in enumerate(bound.outputs))
    return Translation(
        _shown(bound),
        columns,
        tuple(environment.tables.values()),
        bound.reads.finish(bound.uses),
        tuple(sorted(environment.views)),
        tuple(sorted(environment.approximate)),
    )


def _shown(query: BoundQuery) -> str:
    """Write what has no column type of its own as the text that Athena shows: intervals, JSON, timestamps outside UTC."""
    columns = [Bound(f"shown.c{i}", output.type) for i, output in enumerate(query.outputs, 1)]
    texts = [_as_text(column) for column in columns]
    if all(written is None for written in texts):
        return query.sql
    listed = ", ".join(f"{written or column.sql} AS c{i}" for i, (column, written) in enumerate(zip(columns, texts, strict=True), 1))
    return f"SELECT {listed} FROM ({query.sql}) AS shown"  # noqa: S608 - built from bound parts and names of our own


def _as_text(column: Bound) -> str | None:
    if column.type.kind in INTERVALS:
        return interval_text(column)
    if column.type.kind is Kind.JSON:
        return canonical(column)
    if column.type.kind is Kind.TIMESTAMP_TZ and zone_of(column.type) != "UTC":
        return zoned_text(column).sql
    if any(_is_special(part) for part in column.type.parts):
        raise unsupported(f"A result column of type {column.type}")
    return None


def _is_special(kind: Type) -> bool:
    return kind.kind in (*INTERVALS, Kind.JSON, Kind.TIMESTAMP_TZ) or any(map(_is_special, kind.parts))
