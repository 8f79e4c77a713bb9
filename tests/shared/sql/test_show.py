from __future__ import annotations

import pytest

from services.shared.errors import TableNotFound
from services.shared.sql.guard import parse_statement
from services.shared.sql.show import Schemas, answer_show


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
