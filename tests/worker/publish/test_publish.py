"""A publish makes exactly the table of its contract, proves it, and is seen all at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from math import isnan
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from services.shared.jobs.model import Job, State
from services.shared.keys import publish_prefix
from services.shared.publish_contract import Mode, OnMissing, OnReject
from services.shared.records.tables import dataset_versions
from tests.worker.publish.house import House, open_house

EVERY_TYPE = b"""id,big,price,share,flag,day,at,zoned,code,word
1,9223372036854775807,1.50,1e3,true,2020-01-01,2020-01-01 10:00:00.123,2020-01-01T10:00:00+02:00,007,"a ""b"", c"
2,-9223372036854775808,-0.05,-2.5e-3,FALSE,0001-01-01,1999-12-31 23:59:59,2020-01-01T10:00:00Z,008,""
3,NA,NA,NaN,,,,"",NA,
4,0,12.00,-inf,true,9999-12-31,2020-01-01T00:00:00.5,2020-06-01T00:00:00-05:30,1.,"line
break"
"""
PEOPLE = b"id,name,age\n" + b"".join(b"%d,person %d,%d\n" % (n, n, n % 90) for n in range(1, 2001))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as opened:
        yield opened


def receipt_of(house: House, name: str, version: int = 1) -> dict[str, Any]:
    receipt: dict[str, Any] = house.version(name, version)["receipt"]
    return receipt


def rejects_of(house: House, job: Job) -> list[dict[str, Any]]:
    """Read the rejects where the api looks for them."""
    with house.worker.database.read() as tx:
        key = tx.execute(select(dataset_versions.c.rejects_key).where(dataset_versions.c.job_id == job.id)).scalar()
    with house.worker.storage.open_read((key or publish_prefix("default", job.id, job.attempt)) + "rejects.jsonl") as stream:
        return [json.loads(line) for line in stream]


def test_every_type_arrives_as_it_was_written(house: House) -> None:
    """A value of each type, the extremes, NULL, null tokens and the empty text are in the table what they were in the file."""
    job = house.publish(house.contract(house.upload(EVERY_TYPE), "every"))

    assert job.state is State.SUCCEEDED, job.error
    one, two, three, four = house.table_rows("every")
    at = datetime(2020, 1, 1, 10, 0, 0, 123000)
    assert one == (1, 2**63 - 1, Decimal("1.50"), 1000.0, True, date(2020, 1, 1), at, datetime(2020, 1, 1, 8), "007", 'a "b", c')
    assert two[1:6] == (-(2**63), Decimal("-0.05"), -0.0025, False, date(1, 1, 1))
    assert two[8:] == ("008", "")
    assert isnan(three[3])
    assert three[1:3] == (None, None)
    assert three[4:] == (None, None, None, None, "NA", None)
    assert four[3:] == (
        float("-inf"), True, date(9999, 12, 31), datetime(2020, 1, 1, 0, 0, 0, 500000), datetime(2020, 6, 1, 5, 30), "1.", "line\nbreak",
    )  # fmt: skip


def test_a_receipt_accounts_for_every_record_and_value(house: House) -> None:
    """Records in are the sum of all kinds; each column's figures are equal in the file and through the engine; normalised values are named."""
    house.publish(house.contract(house.upload(EVERY_TYPE + b"too,few\n"), "every", max_reject_ratio=0.5))

    receipt = receipt_of(house, "every")
    assert receipt["balanced"]
    assert (receipt["records_in"], receipt["header_records"], receipt["rejected_records"], receipt["published_rows"]) == (6, 1, 1, 4)
    assert (receipt["rows_before"], receipt["catalog_rows"], receipt["crawler_diff"]) == (0, 4, [])
    columns = {column["name"]: column for column in receipt["columns"]}
    assert all(column["equal"] and column["type"] == column["catalog_type"] for column in columns.values())
    assert (columns["big"]["sum_in"], columns["big"]["nulls_out"]) == ("-1", 1)
    assert (columns["price"]["min_out"], columns["price"]["sum_out"]) == ("-0.05", "13.45")
    assert (columns["day"]["min_out"], columns["day"]["max_in"]) == ("0001-01-01", "9999-12-31")
    assert columns["zoned"]["normalised"] == 3


def test_files_are_what_athena_reads(house: House) -> None:
    """zstd, PLAIN and dictionary pages, millisecond timestamps, no bounds for doubles, and nothing but table files below the prefix."""
    house.publish(house.contract(house.upload(EVERY_TYPE), "every"))

    table = house.worker.catalog.find_table("headwater", "every")
    assert table is not None
    assert house.keys(table.location) == [f"{table.location}part-00000.parquet"]
    footer = pq.read_metadata(Path(house.worker.storage.engine_location(table.location), "part-00000.parquet"))
    chunks = [footer.row_group(0).column(position) for position in range(footer.num_columns)]
    assert {chunk.compression for chunk in chunks} == {"ZSTD"}
    assert {encoding for chunk in chunks for encoding in chunk.encodings} <= {"PLAIN", "RLE", "RLE_DICTIONARY"}
    assert "milliseconds" in str(footer.schema.column(6).logical_type)
    assert [chunk.path_in_schema for chunk in chunks if not chunk.is_stats_set] == ["share"]
    assert {column.name: column.type for column in table.columns}["price"] == "decimal(4,2)"


def test_the_same_file_makes_the_same_bytes(house: House) -> None:
    """Two publishes of one file write identical table files."""
    upload_id = house.upload(PEOPLE)
    files = []
    for name in ("one", "two"):
        house.publish(house.contract(upload_id, name))
        table = house.worker.catalog.find_table("headwater", name)
        assert table is not None
        files.append(Path(house.worker.storage.engine_location(table.location), "part-00000.parquet").read_bytes())

    assert files[0] == files[1]


def test_a_forced_type_quarantines_what_it_would_lose(house: House) -> None:
    """Exactly the records whose value the profile counted as failing are rejects with line, offset and raw record; the others are published."""
    data = b"id,code\n1,10\n2,007\n3,abc\n4,\n5,12\n"
    upload_id = house.upload(data)
    _, columns = house.profile(upload_id)

    job = house.publish(house.contract(upload_id, "codes", types={"code": "bigint"}, max_reject_ratio=0.5))

    assert job.state is State.SUCCEEDED, job.error
    assert house.table_rows("codes") == [(1, 10), (4, None), (5, 12)]
    rejects = rejects_of(house, job)
    assert len(rejects) == columns[1]["casts"]["bigint"]["fails"]
    assert [(r["line"], r["byte_offset"], r["code"], r["raw"]) for r in rejects] == [(3, 13, "cast_failed", "2,007"), (4, 19, "cast_failed", "3,abc")]
    assert "'007' is not a bigint" in rejects[0]["detail"]
    assert receipt_of(house, "codes")["rejected_records"] == 2


def test_policy_fail_ends_at_the_first_reject(house: House) -> None:
    """The job fails with the line of the first record that has no place; the dataset's name is free again and nothing is left behind."""
    contract = house.contract(house.upload(b"id,code\n1,10\n2,007\n3,abc\n"), "codes", types={"code": "bigint"}, on_reject=OnReject.FAIL)

    job = house.publish(contract)

    assert job.state is State.FAILED
    assert job.error is not None
    assert (job.error["code"], job.error["line"]) == ("record_rejected", 3)
    assert "'007'" in job.error["detail"]
    assert house.dataset("codes") is None
    assert rejects_of(house, job)[0]["line"] == 3
    assert house.keys("ws/default/tables/") == []


def test_too_many_rejects_fail_and_are_kept(house: House) -> None:
    """Above the highest ratio the publish fails, and what was rejected can be read."""
    contract = house.contract(house.upload(b"id,code\n1,x\n2,y\n3,3\n"), "codes", types={"code": "bigint"}, max_reject_ratio=0.5)

    job = house.publish(contract)

    assert job.error is not None
    assert job.error["code"] == "too_many_rejects"
    assert len(rejects_of(house, job)) == 2


@pytest.mark.parametrize(
    ("type_", "form", "cells", "fits"),
    [
        ("date", "%d/%m/%Y", ["1/2/2020", "31/12/2020", "30/2/2020"], [date(2020, 2, 1), date(2020, 12, 31)]),
        ("date", "%m/%d/%Y", ["1/2/2020", "31/12/2020"], [date(2020, 1, 2)]),
        ("timestamp", "%d.%m.%Y %H:%M", ["01.02.2020 10:30", "01.02.2020 25:00"], [datetime(2020, 2, 1, 10, 30)]),
        ("boolean", "yes/no", ["yes", "No", "y"], [True, False]),
        ("boolean", "1/0", ["1", "0", "2"], [True, False]),
        ("decimal(5,2)", None, ["1.50", "123.45", "1234.5", "0.005"], [Decimal("1.50"), Decimal("123.45")]),
        ("double", None, ["1.5", "1e3", "0x1", "1e999"], [1.5, 1000.0]),
        ("string", None, ["007", " x ", "NA"], ["007", " x ", "NA"]),
        ("timestamp", None, ["2020-01-01 00:00:00", "2020-01-01T00:00:00.1234", "2020-02-30 00:00:00"], [datetime(2020, 1, 1)]),
    ],
)
def test_a_chosen_type_and_format_reads_as_it_says(house: House, type_: str, form: str | None, cells: list[str], fits: list[Any]) -> None:
    """Every forced type keeps the values that fit it and rejects the rest."""
    data = "id,v\n" + "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    contract = house.contract(house.upload(data.encode()), "chosen", types={"v": type_}, formats={"v": form} if form else None, max_reject_ratio=1.0)

    job = house.publish(contract)

    assert job.state is State.SUCCEEDED, job.error
    assert [row[1] for row in house.table_rows("chosen")] == fits
    assert len(rejects_of(house, job)) == len(cells) - len(fits)


def test_chosen_null_values_are_null_in_text_too(house: House) -> None:
    """Tokens that the user chose are NULL in every column; the usual ones then are not."""
    upload_id = house.upload(b"id,name\n1,missing\n2,NA\n-999,x\n", null_values=["missing", "-999"])

    house.publish(house.contract(upload_id, "nulls"))

    assert house.table_rows("nulls") == [(1, None), (2, "NA"), (None, "x")]


def test_columns_are_left_out_renamed_and_commented(house: House) -> None:
    """The contract's columns are the table's, with the file's name in the comment; what is not included is not there."""
    contract = house.contract(house.upload(b"Ident,Secret,When?\n1,s,2020-01-01\n"), "chosen")
    ident, secret, when = contract.columns
    columns = (replace(ident, name="key"), replace(secret, include=False), replace(when, comment="day of the visit"))

    house.publish(replace(contract, columns=columns))

    table = house.worker.catalog.find_table("headwater", "chosen")
    assert table is not None
    assert [(c.name, c.type, c.comment) for c in table.columns] == [("key", "bigint", "Ident"), ("when", "date", "day of the visit")]
    assert house.table_rows("chosen") == [(1, date(2020, 1, 1))]


def test_a_table_without_rows_has_its_columns(house: House) -> None:
    """A file of a header alone becomes an empty table that balances."""
    job = house.publish(house.contract(house.upload(b"id,name\n"), "none"))

    assert job.state is State.SUCCEEDED, job.error
    assert house.table_rows("none") == []
    assert receipt_of(house, "none")["balanced"]


def test_append_keeps_the_old_rows_and_balances_over_both(house: House) -> None:
    """Version 2 has the files of version 1 and the new ones, by name; figures in and out are those of the whole table."""
    house.publish(house.contract(house.upload(b"id,price\n1,1.50\n2,\n"), "prices"))
    contract = house.contract(house.upload(b"price,id\n2.25,3\n,4\n"), "prices", mode=Mode.APPEND)

    job = house.publish(contract)

    assert job.state is State.SUCCEEDED, job.error
    assert sorted(house.table_rows("prices")) == [(1, Decimal("1.50")), (2, None), (3, Decimal("2.25")), (4, None)]
    receipt = receipt_of(house, "prices", 2)
    assert (receipt["rows_before"], receipt["published_rows"], receipt["catalog_rows"]) == (2, 2, 4)
    price = receipt["columns"][1]
    assert (price["sum_in"], price["sum_out"], price["nulls_out"]) == ("3.75", "3.75", 2)
    assert (house.version("prices", 2)["rows"], house.version("prices", 2)["files"]) == (4, 2)
    assert house.version("prices", 1)["replaced_at"] is not None


def test_append_goes_by_the_contract_of_the_dataset(house: House) -> None:
    """A missing column fails or is NULL as asked; a value in a column that the dataset has not, or that does not fit, is a reject."""
    house.publish(house.contract(house.upload(b"id,n\n1,1\n"), "data"))
    missing = house.upload(b"id\n2\n")
    failed = house.publish(house.contract(missing, "data", mode=Mode.APPEND))
    house.publish(house.contract(missing, "data", mode=Mode.APPEND, on_missing_column=OnMissing.NULL))
    extra = house.contract(house.upload(b"id,n,more\n3,3,\n4,four,\n5,5,x\n"), "data", mode=Mode.APPEND, max_reject_ratio=0.9)

    job = house.publish(extra)

    assert failed.error is not None
    assert failed.error["code"] == "contract_invalid"
    assert job.state is State.SUCCEEDED, job.error
    assert sorted(house.table_rows("data"), key=str) == [(1, 1), (2, None), (3, 3)]
    assert [(r["line"], r["code"]) for r in rejects_of(house, job)] == [(3, "cast_failed"), (4, "cast_failed")]


def test_replace_and_restore_move_one_table(house: House) -> None:
    """A replace shows the new rows under the same name; a restore shows the old files again as a further version."""
    house.publish(house.contract(house.upload(b"id\n1\n"), "data"))
    house.publish(house.contract(house.upload(b"id,n\n2,x\n"), "data"))
    replaced = house.table_rows("data")
    like = house.contract(house.upload(b"id\n1\n"), "data", mode=Mode.RESTORE, restore=1)
    contract = replace(like, upload_id=None, profile_id=None, columns=())

    job = house.publish(contract)

    assert job.state is State.SUCCEEDED, job.error
    assert replaced == [(2, "x")]
    assert house.table_rows("data") == [(1,)]
    third = house.version("data", 3)
    assert (third["restored_from"], third["prefix"], third["receipt"]["version"]) == (1, house.version("data", 1)["prefix"], 3)


def test_a_compressed_file_is_published_like_a_plain_one(house: House) -> None:
    """gzip changes nothing about the table."""
    job = house.publish(house.contract(house.upload(gzip.compress(PEOPLE), filename="people.csv.gz"), "people"))

    assert job.state is State.SUCCEEDED, job.error
    assert len(house.table_rows("people")) == 2000


def test_a_wide_table_is_read_back_in_several_queries(tmp_path: Path) -> None:
    """A receipt of more columns than one statement takes balances, however short users' SQL must be; the publish is woken once, by the last query."""
    names = ",".join(f"{'long' * 40}{n}" for n in range(120))
    data = f"{names}\n{','.join(str(n) for n in range(120))}\n".encode()
    with open_house(tmp_path, max_sql_bytes=1024) as house:
        job_id = house.submit(house.contract(house.upload(data), "wide"))
        house.step(job_id)
        asked = house.job(job_id).checkpoint
        assert asked is not None
        assert len(asked["queries"]) > 1
        for query_id in asked["queries"]:
            assert house.job(job_id).waits_on == asked["queries"][-1]
            house.step(query_id)
        house.step(job_id)

        assert house.job(job_id).state is State.SUCCEEDED, house.job(job_id).error
        assert len(receipt_of(house, "wide")["columns"]) == 120


def test_a_drop_leaves_nothing(house: House) -> None:
    """After a drop the table, the name and the files are gone, and the name can be taken again."""
    house.publish(house.contract(house.upload(PEOPLE), "people"))

    job = house.drop("people")

    assert job.state is State.SUCCEEDED, job.error
    assert house.worker.catalog.find_table("headwater", "people") is None
    assert house.dataset("people") is None
    assert house.keys("ws/default/tables/") == []
    assert house.publish(house.contract(house.upload(PEOPLE), "people")).state is State.SUCCEEDED


def test_staging_and_work_are_empty_afterwards(house: House) -> None:
    """A publish that succeeded leaves no crawl, no staged table and no working file."""
    house.publish(house.contract(house.upload(PEOPLE), "people"))

    assert house.worker.catalog.list_tables("headwater_staging") == []
    assert house.keys("ws/default/work/") == []
