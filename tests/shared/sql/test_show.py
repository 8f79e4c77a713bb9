from __future__ import annotations

import pytest

from services.shared.catalog.port import Column, Table
from services.shared.errors import TableNotFound, UnsupportedOnEmbedded
from services.shared.sql.guard import parse_statement
from services.shared.sql.show import Schemas, answer_show
from tests.shared.sql.conftest import Catalog


def _rows(sql: str, catalog: Schemas) -> tuple[tuple[str, ...], ...]:
    show = parse_statement(sql).show
    assert show is not None
    return answer_show(show, catalog, database="sales").rows


def test_answers_come_from_the_catalog(catalog: Schemas) -> None:
    """Databases, tables by pattern, columns, descriptions and the DDL are the catalog's."""
    assert _rows("show databases", catalog) == (("sales",),)
    assert _rows("SHOW TABLES", catalog) == (("t",), ("u",))
    assert _rows("SHOW TABLES IN sales 'x*|u*'", catalog) == (("u",),)
    assert _rows("show columns from sales.u", catalog) == (("a",), ("name",))
    assert _rows("desc u", catalog) == (("a", "int", ""), ("name", "string", "Name"))
    assert _rows("show create table u", catalog)[0] == ("CREATE EXTERNAL TABLE `sales.u`(",)


def test_a_missing_table_is_named(catalog: Schemas) -> None:
    """The problem names the table and its place."""
    with pytest.raises(TableNotFound, match="nothing") as caught:
        _rows("describe nothing", catalog)
    assert (caught.value.line, caught.value.column) == (1, 10)


def test_views_are_listed_apart() -> None:
    """SHOW VIEWS lists views alone, by pattern if one is given; SHOW TABLES lists them with the tables."""
    catalog = Catalog()
    for name in ("orders", "orders_old", "visits"):
        catalog.add(Table("sales", name, (Column("a", "int"),), f"tables/{name}/", "parquet", view='SELECT "a" FROM "sales"."t"'))

    assert _rows("SHOW VIEWS", catalog) == (("orders",), ("orders_old",), ("visits",))
    assert _rows("show views in sales like 'orders*'", catalog) == (("orders",), ("orders_old",))
    assert _rows("SHOW VIEWS FROM sales 'v*|t'", catalog) == (("visits",),)
    assert _rows("SHOW TABLES", catalog) == (("t",), ("u",), ("orders",), ("orders_old",), ("visits",))


@pytest.mark.parametrize("what", ["TABLES", "VIEWS"])
def test_a_missing_database_is_named(what: str, catalog: Schemas) -> None:
    """What a database holds is not empty when there is no such database: the problem names it, its place and the nearest one."""
    with pytest.raises(TableNotFound, match=r"no database salse\. Did you mean sales\?") as caught:
        _rows(f"SHOW {what} IN salse", catalog)
    assert (caught.value.line, caught.value.column) == (1, len(f"SHOW {what} IN ") + 1)


def test_partitions_are_refused_with_the_way_out() -> None:
    """SHOW PARTITIONS says what lists them instead."""
    with pytest.raises(UnsupportedOnEmbedded, match="SELECT DISTINCT of its keys") as caught:
        parse_statement("SHOW PARTITIONS orders")
    assert (caught.value.line, caught.value.column) == (1, 1)
