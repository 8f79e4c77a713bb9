"""FROM: tables of the catalog by name, WITH queries, subqueries, VALUES, UNNEST and their joins."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from services.shared.catalog.embedded import VERSIONS
from services.shared.catalog.port import Table
from services.shared.errors import ColumnNotFound, TableNotFound
from services.shared.sql.bound import Bound, invalid, mismatch, unify, unsupported, widen
from services.shared.sql.conditions import common_of
from services.shared.sql.dialect import position
from services.shared.sql.environment import Environment
from services.shared.sql.expressions import ExpressionBinder
from services.shared.sql.guard import parse_statement
from services.shared.sql.names import near_miss, quoted
from services.shared.sql.operators import compare
from services.shared.sql.reads import renumber
from services.shared.sql.scope import Field, Output, Scope
from services.shared.sql.types import BIGINT, Kind, Type, parse_athena_type

_CATALOGS = ("", "awsdatacatalog")


@dataclass(frozen=True)
class Source:
    """A FROM clause, or a part of one: DuckDB text and the columns it offers."""

    sql: str
    fields: tuple[Field, ...]


def bind_from(select: exp.Select, outer: Scope, environment: Environment) -> Source | None:
    """Bind a SELECT's FROM with its joins."""
    first = select.args.get("from_")
    if first is None:
        return None
    relations = _Relations(outer, environment)
    return relations.joined(relations.bind(first.this, None), select.args.get("joins") or [])


class _Relations:
    def __init__(self, outer: Scope, environment: Environment) -> None:
        self._outer, self._environment = outer, environment

    def bind(self, node: exp.Expr, left: Source | None) -> Source:
        if node.args.get("laterals") or node.args.get("pivots") or node.args.get("sample") is not None:
            raise unsupported("TABLESAMPLE" if node.args.get("sample") is not None else "PIVOT or LATERAL VIEW", node)
        match node:
            case exp.Table():
                source = self._table(node)
            case exp.Subquery():
                source = self._subquery(node)
            case exp.Values():
                source = self._values(node)
            case exp.Unnest():
                source = self._unnest(node, left)
            case exp.Lateral():
                source = self._lateral(node, left)
            case exp.Paren():
                source = self.bind(node.this, left)
            case _:
                raise unsupported(type(node).__name__.upper(), node)
        return self.joined(source, node.args.get("joins") or [])

    def joined(self, left: Source, joins: list[exp.Expr]) -> Source:
        for join in joins:
            left = self._join(left, join)
        return left

    def _table(self, node: exp.Table) -> Source:
        if not isinstance(node.this, exp.Identifier):
            raise unsupported("The table function " + (node.this.name or type(node.this).__name__), node)
        extra = {k for k, v in node.args.items() if v} - {"this", "db", "catalog", "alias", "joins"}
        if extra:
            raise unsupported(f"{sorted(extra)[0].upper()} on a table", node)
        catalog, database, name = node.catalog.lower(), node.db.lower(), node.name.lower()
        alias = node.alias.lower() or name
        internal = self._environment.next_name("r")
        cte = self._outer.find_cte(name) if not database else None
        if cte is not None:
            reads, numbers = cte.reads.again(self._environment.scan_numbers)
            self._environment.reads.add(reads)
            outputs = tuple(replace(o, uses=renumber(o.uses, numbers)) for o in cte.outputs)
            return self._aliased(f"{cte.internal} AS {internal}", internal, outputs, alias, node)
        table = self._find(catalog, database or self._environment.database, name, node)
        source = self._stored(table, internal, alias, node) if table.view is None else self._view(table, table.view, internal, alias, node)
        if node.alias:
            return source
        return replace(source, fields=tuple(replace(f, database=table.database) for f in source.fields))

    def _stored(self, table: Table, internal: str, alias: str, node: exp.Table) -> Source:
        self._environment.tables[(table.database, table.name)] = table
        scan = next(self._environment.scan_numbers)
        self._environment.reads.scans[scan] = table
        outputs = tuple(
            Output(c.name.lower(), _column_type(c.name, c.type), frozenset({(scan, c.name.lower())})) for c in (*table.columns, *table.partition_keys)
        )
        sql = f"{quoted(table.database)}.{quoted(table.name)} AS {internal}"
        return self._aliased(sql, internal, outputs, alias, node, named=True)

    def _view(self, table: Table, view: str, internal: str, alias: str, node: exp.Table) -> Source:
        """Bind a view's own SELECT, which alone may name the tables that lie behind views."""
        tree = parse_statement(view).tree
        if tree is None or self._environment.database == VERSIONS:
            raise unsupported(f"The view {table.database}.{table.name}", node)
        database, self._environment.database = self._environment.database, VERSIONS
        try:
            bound = self._environment.bind_query(tree, Scope())
        except TableNotFound as error:
            line, column = position(node)
            raise TableNotFound(f"There is no table {table.database}.{table.name}: it is being dropped.", line=line, column=column) from error
        finally:
            self._environment.database = database
        self._environment.views.add((table.database, table.name))
        self._environment.reads.add(bound.reads)
        return self._aliased(f"({bound.sql}) AS {internal}", internal, bound.outputs, alias, node)

    def _find(self, catalog: str, database: str, name: str, node: exp.Table) -> Table:
        line, column = position(node)
        known = [self._environment.database, *(d.name for d in self._environment.schemas.list_databases())]
        if catalog not in _CATALOGS or database not in known:
            where = f"catalog {catalog}" if catalog not in _CATALOGS else f"database {database}"
            raise TableNotFound(f"There is no {where}.{near_miss(database, known)}", line=line, column=column)
        table = self._environment.schemas.find_table(database, name)
        if table is None:
            names = (t.name for t in self._environment.schemas.list_tables(database))
            raise TableNotFound(f"There is no table {database}.{name}.{near_miss(name, names)}", line=line, column=column)
        return table

    def _subquery(self, node: exp.Subquery) -> Source:
        inner = node.this
        if isinstance(inner, exp.Table | exp.Unnest | exp.Subquery) and not node.alias:
            return self.bind(inner, None)
        if not isinstance(inner, exp.Query):
            raise unsupported("A parenthesis of this form in FROM", node)
        bound = self._environment.bind_query(inner, Scope(parent=self._outer))
        self._environment.reads.add(bound.reads)
        internal = self._environment.next_name("r")
        return self._aliased(f"({bound.sql}) AS {internal}", internal, bound.outputs, node.alias.lower() or None, node)

    def _lateral(self, node: exp.Lateral, left: Source | None) -> Source:
        inner = node.this
        if not isinstance(inner, exp.Subquery) or not isinstance(inner.this, exp.Query) or node.args.get("view") or node.args.get("outer"):
            raise unsupported("LATERAL of this form", node)
        bound = self._environment.bind_query(inner.this, Scope(left.fields if left else (), parent=self._outer))
        self._environment.reads.add(bound.reads)
        internal = self._environment.next_name("r")
        return self._aliased(f"({bound.sql}) AS {internal}", internal, bound.outputs, node.alias.lower() or None, node)

    def _values(self, node: exp.Values) -> Source:
        binder = ExpressionBinder(self._outer, self._environment, place="VALUES")
        rows = [[binder.bind(v) for v in _cells(r)] for r in node.expressions]
        if len({len(row) for row in rows}) != 1:
            raise invalid("The rows of VALUES differ in length", node)
        kinds = [common_of(column, node) for column in zip(*rows, strict=True)]
        written = ", ".join("(" + ", ".join(widen(v, k).sql for v, k in zip(row, kinds, strict=True)) + ")" for row in rows)
        internal = self._environment.next_name("r")
        names = ", ".join(f"c{i}" for i in range(1, len(kinds) + 1))
        outputs = tuple(Output(None, kind) for kind in kinds)
        return self._aliased(f"(VALUES {written}) AS {internal}({names})", internal, outputs, node.alias.lower() or None, node)

    def _unnest(self, node: exp.Unnest, left: Source | None) -> Source:
        scope = Scope(left.fields if left else (), parent=self._outer)
        binder = ExpressionBinder(scope, self._environment, place="UNNEST")
        columns: list[str] = []
        outputs: list[Output] = []
        lengths: list[str] = []
        for each in node.expressions:
            bound = binder.bind(each)
            if bound.type.kind not in (Kind.ARRAY, Kind.MAP):
                raise mismatch(f"Cannot unnest {bound.type}", each)
            if bound.type.kind is Kind.MAP:
                columns += [f"unnest(map_keys({bound.sql}))", f"unnest(map_values({bound.sql}))"]
                lengths.append(f"CAST(cardinality({bound.sql}) AS BIGINT)")
            elif bound.type.parts[0].kind is Kind.ROW:
                row = bound.type.parts[0]
                columns += [f"unnest(list_transform({bound.sql}, lambda e: e.{quoted(name)}))" for name in row.names]
                lengths.append(f"len({bound.sql})")
                outputs += [Output(name, kind) for name, kind in zip(row.names, row.parts, strict=True)]
                continue
            else:
                columns.append(f"unnest({bound.sql})")
                lengths.append(f"len({bound.sql})")
            outputs += [Output(None, kind) for kind in bound.type.parts]
        alias, offset = node.args.get("alias"), node.args.get("offset")
        names = [c.name.lower() for c in alias.args.get("columns") or []] if alias is not None else []
        if offset:
            columns.append(f"unnest(range(1, greatest({', '.join(lengths)}) + 1))")
            outputs.append(Output(None, BIGINT))
            if isinstance(offset, exp.Identifier) and names:
                names.append(offset.name.lower())
        internal = self._environment.next_name("r")
        body = ", ".join(f"{c} AS c{i}" for i, c in enumerate(columns, 1))
        source = self._aliased(
            f"(SELECT {body}) AS {internal}", internal, tuple(outputs), alias.name.lower() if alias else None, node, skip_columns=True
        )
        return _renamed(source, names, node) if names else source

    def _aliased(
        self,
        sql: str,
        internal: str,
        outputs: tuple[Output, ...],
        alias: str | None,
        node: exp.Expr,
        *,
        named: bool = False,
        skip_columns: bool = False,
    ) -> Source:
        fields = tuple(
            Field(o.name, f"{internal}.{quoted(o.name or '')}" if named else f"{internal}.c{i}", o.type, alias, uses=o.uses)
            for i, o in enumerate(outputs, 1)
        )
        source = Source(sql, fields)
        table_alias = node.args.get("alias")
        columns = table_alias.args.get("columns") if table_alias is not None and not skip_columns else None
        return _renamed(source, [c.name.lower() for c in columns], node) if columns else source

    def _join(self, left: Source, join: exp.Expr) -> Source:
        words = [str(join.args.get(k) or "").upper() for k in ("method", "side", "kind")]
        method, side, kind = words
        if method or kind in ("SEMI", "ANTI") or join.args.get("match_condition") is not None:
            raise unsupported(f"{method or kind} JOIN", join)
        right = self.bind(join.this, left)
        lateral = "LATERAL " if isinstance(join.this, exp.Unnest | exp.Lateral) else ""
        using, on = join.args.get("using"), join.args.get("on")
        if using:
            return self._join_using(left, right, side, [u.name.lower() for u in using], join)
        fields = left.fields + right.fields
        if on is None:
            if side:
                raise invalid(f"A {side} JOIN needs ON or USING", join)
            return Source(f"{left.sql} CROSS JOIN {lateral}{right.sql}", fields)
        binder = ExpressionBinder(Scope(fields, parent=self._outer), self._environment, place="ON")
        condition = binder.bind_boolean(on, "ON")
        if lateral and not (side in ("", "LEFT") and condition == "TRUE"):
            raise unsupported("UNNEST or LATERAL with an ON condition other than TRUE", join)
        if using and lateral:
            raise unsupported("UNNEST or LATERAL with USING", join)
        return Source(f"({left.sql} {side or 'INNER'} JOIN {lateral}{right.sql} ON {condition})", fields)

    def _join_using(self, left: Source, right: Source, side: str, names: list[str], join: exp.Expr) -> Source:
        conditions, merged = [], []
        for name in names:
            a, b = _only(left, name, join), _only(right, name, join)
            self._environment.use(a.uses | b.uses)
            first, second = Bound(a.sql, a.type), Bound(b.sql, b.type)
            conditions.append(compare("=", first, second, join).sql)
            first, second, shared = unify(first, second, what="USING", node=join)
            merged.append(Field(name, f"coalesce({first.sql}, {second.sql})", shared, uses=a.uses | b.uses))
        rest = tuple(f for f in left.fields + right.fields if f.name not in names)
        return Source(f"({left.sql} {side or 'INNER'} JOIN {right.sql} ON {' AND '.join(conditions)})", (*merged, *rest))


def _only(source: Source, name: str, join: exp.Expr) -> Field:
    found = [f for f in source.fields if f.name == name]
    if len(found) != 1:
        line, column = position(join)
        raise ColumnNotFound(f"USING needs exactly one column {name} on each side.", line=line, column=column)
    return found[0]


def _renamed(source: Source, names: list[str], node: exp.Expr) -> Source:
    if len(names) != len(source.fields):
        raise invalid(f"The alias names {len(names)} columns, the relation has {len(source.fields)}", node)
    return replace(source, fields=tuple(replace(f, name=n) for f, n in zip(source.fields, names, strict=True)))


def _cells(row: exp.Expr) -> list[exp.Expr]:
    """`VALUES (1, 2)`, `VALUES ROW(1, 2)` and `VALUES 1` are rows of two, two and one."""
    if isinstance(row, exp.Anonymous) and str(row.this).upper() == "ROW":
        return list(row.expressions)
    cells = list(row.expressions) if isinstance(row, exp.Tuple) else [row]
    return _cells(cells[0]) if len(cells) == 1 and cells[0] is not row else cells


def _column_type(name: str, athena: str) -> Type:
    kind = parse_athena_type(athena)
    if kind is None:
        raise unsupported(f"The type {athena} of column {name}")
    return kind
