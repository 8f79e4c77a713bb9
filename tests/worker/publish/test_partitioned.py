"""A partitioned table holds what the file held: in folders, behind a view, proved by the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from services.query.engines.port import Order
from services.shared.catalog.embedded import VERSIONS
from services.shared.jobs.model import Job, State
from services.shared.publish_contract import Mode, OnMissing
from services.worker.sweep import mend_catalog, sweep_staging, sweep_versions
from tests.worker.publish.house import House, open_house

ODD = [
    "007", "7", "\u00e9", "e\u0301", "a/b", "a%2Fb", "100%", "x=y", "a b", " a ", "+1", "NULL", "null", "None", "'", '"', "*", "[a]", "{a}", "^",
    "#", "?", "\\", "a\nb", "A", "a", "\t", "\x7f", "..", "~",
]  # fmt: skip


def orders(start: int, count: int) -> bytes:
    """Write orders of three countries and three years; some have no country."""
    countries = ["DE", "FR", "", "US"]
    rows = (f"{n},{countries[n % 4]},{2020 + n % 3}-{1 + n % 12:02d}-15,{n}.50\n" for n in range(start, start + count))
    return b"id,country,day,amount\n" + "".join(rows).encode()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as opened:
        yield opened


def publish(house: House, data: bytes, name: str, *keys: str, **more: Any) -> Job:
    types = {"amount": "decimal(12,2)", **(more.pop("types", None) or {})}
    contract = house.contract(house.upload(data), name, types=types, partition_by=keys)
    return house.publish(replace(contract, **more))


def rows(house: House, sql: str) -> list[tuple[Any, ...]]:
    """Run a query through the engine."""
    return scan(house, sql)[0]


def scan(house: House, sql: str) -> tuple[list[tuple[Any, ...]], int]:
    """Run a query; return its rows and the bytes it read."""
    engine = house.service.engine
    execution = engine.start(Order("q", sql, "headwater"))
    with engine.open_result(execution) as result:
        found = [tuple(row.values()) for batch in result.batches for row in batch.to_pylist()]
    return found, engine.statistics(execution).bytes_scanned or 0


def folders(house: House, name: str, version: int = 1) -> set[str]:
    prefix = house.version(name, version)["prefix"]
    return {key.removeprefix(prefix).rpartition("/")[0] for key in house.keys(prefix)}


def test_rows_lie_in_the_folders_of_their_keys(house: House) -> None:
    """A column and the year of a date become folders; NULL has Hive's name; a key's own column is in no file, a date's is."""
    job = publish(house, orders(0, 240), "orders", "country", "year(day)")

    assert job.state is State.SUCCEEDED, job.error
    names = ["DE", "FR", "US", "__HIVE_DEFAULT_PARTITION__"]
    assert folders(house, "orders") == {f"country={c}/day_year={y}" for c in names for y in (2020, 2021, 2022)}
    version = house.version("orders", 1)
    assert (version["files"], version["rows"], version["partition_by"]) == (12, 240, ["country", "year(day)"])
    stored = pq.read_schema(house.worker.storage.engine_location(house.keys(version["prefix"])[0])).names
    assert stored == ["id", "day", "amount"]
    assert version["column_bytes"]["country"] == 0 < version["column_bytes"]["id"]
    assert [column["name"] for column in version["columns"]] == ["id", "country", "day", "amount", "day_year"]
    expected = [(n, ["DE", "FR", None, "US"][n % 4], date(2020 + n % 3, 1 + n % 12, 15), Decimal(f"{n}.5"), 2020 + n % 3) for n in range(240)]
    assert rows(house, "select * from orders order by id") == [tuple(r) for r in expected]


def test_the_receipt_balances_with_the_keys_in_it(house: House) -> None:
    """Every column has its figures, keys and derived columns too, and the crawler's texts are listed as retyped."""
    publish(house, orders(0, 100), "orders", "country", "year(day)")

    receipt = house.version("orders", 1)["receipt"]
    assert receipt["balanced"]
    columns = {column["name"]: column for column in receipt["columns"]}
    assert (columns["country"]["nulls_in"], columns["country"]["min_out"], columns["country"]["max_out"]) == (25, "DE", "US")
    assert (columns["day_year"]["catalog_type"], columns["day_year"]["sum_out"]) == ("bigint", str(sum(2020 + n % 3 for n in range(100))))
    assert receipt["crawler_diff"] == [{"column": "day_year", "crawled": "string", "contract": "bigint", "action": "retyped"}]


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("string", ODD),
        ("bigint", ["0", "-5", "9223372036854775807", "-9223372036854775808"]),
        ("decimal(12,4)", ["0.0000", "-0.0001", "12345678.9000", "1.5000"]),
        ("decimal(38,0)", ["9" * 38, "-" + "9" * 38, "0"]),
        ("boolean", ["true", "false"]),
        ("date", ["0001-01-01", "1999-12-31", "9999-12-31"]),
    ],
)
def test_a_key_comes_back_as_it_was(house: House, type_: str, values: list[str]) -> None:
    """Each value of each type that can be a key is in the table what it was in the file, NULL too, and finds its rows."""
    lines = [f'{n},"{value.replace(chr(34), chr(34) * 2)}"\n' for n, value in enumerate(values)]
    data = b"n,k\n" + "".join(lines).encode() + f"{len(values)},\n".encode()

    job = publish(house, data, "odd", "k", types={"k": type_})

    assert job.state is State.SUCCEEDED, job.error
    found = dict(rows(house, "select n, cast(k as varchar) from odd"))
    assert found == {**dict(enumerate(values)), len(values): None}
    for n, value in enumerate(values):
        written = "'" + value.replace("'", "''") + "'"
        assert rows(house, f"select n from odd where k = cast({written} as {type_.replace('string', 'varchar')})") == [(n,)]


def test_a_key_prunes(house: House) -> None:
    """A predicate on a key reads the files of its partition alone: less than a third of what all would cost."""
    publish(house, orders(0, 60_000), "orders", "country", "year(day)")

    _, whole = scan(house, "select sum(amount), max(id) from orders")
    found, part = scan(house, "select sum(amount), max(id) from orders where country = 'DE' and day_year = 2021")
    _, nulls = scan(house, "select sum(amount), max(id) from orders where country is null and day_year > 2021")

    assert found == rows(house, "select sum(amount), max(id) from orders where country = 'DE' and year(day) = 2021")
    assert 0 < part < whole / 3
    assert 0 < nulls < whole / 3


def test_values_that_no_folder_can_stand_for_fail_the_publish(house: House) -> None:
    """The empty text, Hive's own name of NULL and a value that is too long are refused by name, and nothing is published."""
    for value, words in [('""', "empty text"), ("__HIVE_DEFAULT_PARTITION__", "what Hive calls"), ("x" * 250, "has a name of 252 bytes")]:
        job = publish(house, f"n,k\n1,{value}\n2,a\n".encode(), "bad", "k")
        assert job.error is not None
        assert job.error["code"] == "contract_invalid"
        assert words in job.error["detail"]
        assert house.dataset("bad") is None


def test_too_many_partitions_fail_the_publish(tmp_path: Path) -> None:
    """What the profile could not know is found by the worker: the figure and the way out."""
    data = b"n,k\n" + b"".join(b"%d,%d\n" % (n, n) for n in range(50))
    with open_house(tmp_path, max_partitions=20) as house:
        job = publish(house, data, "many", "k")

        assert job.error is not None
        assert job.error["code"] == "too_many_partitions"
        assert "50" in job.error["detail"]
        assert "HEADWATER_MAX_PARTITIONS" in job.error["detail"]


def test_an_append_keeps_the_partitions(house: House) -> None:
    """New rows come into the folders that are there, and into new ones; a column that is missing is NULL's folder if that is asked."""
    publish(house, orders(0, 120), "orders", "country", "year(day)")
    job = publish(house, orders(1000, 120), "orders", "country", "year(day)", mode=Mode.APPEND)
    assert job.state is State.SUCCEEDED, job.error
    job = publish(
        house, b"id,day,amount\n5000,2031-01-01,1.50\n", "orders", "country", "year(day)", mode=Mode.APPEND, on_missing_column=OnMissing.NULL
    )
    assert job.state is State.SUCCEEDED, job.error

    assert house.version("orders", 3)["rows"] == 241
    assert folders(house, "orders", 3) - folders(house, "orders", 1) == {"country=__HIVE_DEFAULT_PARTITION__/day_year=2031"}
    assert rows(house, "select count(*), count(distinct day_year), max(id) from orders") == [(241, 4, 5000)]
    assert house.version("orders", 3)["receipt"]["balanced"]


def test_versions_are_tables_behind_one_view(house: House) -> None:
    """A replace by other keys and a restore change the view alone; a drop leaves nothing in the catalog."""
    catalog = house.worker.catalog
    publish(house, orders(0, 60), "orders", "country")
    publish(house, orders(0, 90), "orders", "month(day)")
    assert rows(house, "select count(*), max(day_month) from orders") == [(90, 12)]

    version = house.version("orders", 2)
    contract = replace(
        house.contract(version["upload_id"], "orders", mode=Mode.RESTORE, restore=1, partition_by=("country",)), upload_id=None, columns=()
    )
    assert house.publish(contract).state is State.SUCCEEDED

    assert rows(house, "select count(*), count(distinct country) from orders") == [(60, 3)]
    assert [table.name for table in catalog.list_tables("headwater")] == ["orders"]
    assert {table.location for table in catalog.list_tables(VERSIONS)} == {house.version("orders", n)["prefix"] for n in (1, 2)}
    assert house.drop("orders").state is State.SUCCEEDED
    assert catalog.list_tables("headwater") == catalog.list_tables(VERSIONS) == []


def test_old_versions_tables_go_with_them(tmp_path: Path) -> None:
    """What retention frees leaves the catalog, what a restored version shares stays."""
    with open_house(tmp_path, retain_versions=1, version_grace_s=0) as house:
        for count in (10, 20, 30):
            publish(house, orders(0, count), "orders", "country")
        assert sweep_versions(house.worker) == 2
        assert [table.location for table in house.worker.catalog.list_tables(VERSIONS)] == [house.version("orders", 3)["prefix"]]
        assert sweep_staging(house.worker) == 0
        assert rows(house, "select count(*) from orders") == [(30,)]


def test_a_lost_table_behind_a_view_is_mended(house: House) -> None:
    """The reconciler puts back what the catalog lost, and drops what no version names."""
    publish(house, orders(0, 40), "orders", "country")
    catalog = house.worker.catalog
    (behind,) = catalog.list_tables(VERSIONS)
    catalog.drop_table(behind.database, behind.name)
    catalog.put_table(replace(behind, name="stray", location=behind.location + "elsewhere/"), expected_version=None)

    assert mend_catalog(house.worker) == 1
    assert sweep_staging(house.worker) == 1

    assert [table.name for table in catalog.list_tables(VERSIONS)] == [behind.name]
    assert rows(house, "select count(*) from orders") == [(40,)]


def test_a_table_without_rows_has_its_columns(house: House) -> None:
    """No rows, no folders, and a table that answers."""
    job = publish(house, b"id,country\n", "nothing", "country", types={"id": "bigint", "country": "string"})

    assert job.state is State.SUCCEEDED, job.error
    assert house.version("nothing", 1)["files"] == 0
    assert rows(house, "select count(*), max(country) from nothing") == [(0, None)]
