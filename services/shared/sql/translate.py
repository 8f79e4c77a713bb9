"""The front door: a statement that may run becomes DuckDB SQL with Trino's meaning, or a problem that names what can't."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp

from services.shared.catalog.port import Table
from services.shared.errors import SqlSyntax, UnsupportedOnEmbedded
from services.shared.sql.bound import unsupported
from services.shared.sql.environment import Environment
from services.shared.sql.guard import Statement, StatementKind
from services.shared.sql.queries import bind_query
from services.shared.sql.scope import BoundQuery, Scope
from services.shared.sql.show import Schemas
from services.shared.sql.types import INTERVALS, athena_type


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result: its name, and its type in Athena's words."""

    name: str
    type: str


@dataclass(frozen=True)
class Translation:
    """What the embedded engine runs: its SQL over views named database.table, the result's columns, the tables it reads."""

    sql: str
    columns: tuple[ResultColumn, ...]
    tables: tuple[Table, ...]
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
    for output in bound.outputs:
        if output.type.kind in INTERVALS:
            raise unsupported(f"A result column of type {output.type}")
    columns = tuple(ResultColumn(o.name or f"_col{i}", athena_type(o.type)) for i, o in enumerate(bound.outputs))
    return Translation(bound.sql, columns, tuple(environment.tables.values()), tuple(sorted(environment.approximate)))
