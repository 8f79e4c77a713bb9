"""A publish as CSV comes to the same table as one as Parquet, keeps its SerDe, and touches nothing when it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from services.query.engines.port import Order
from services.shared.catalog.serde import LIBRARIES, SerdeName
from services.shared.jobs.model import State
from services.shared.publish_contract import ContractColumn, Mode, OnMissing
from tests.worker.publish.house import House, open_house

EVERY_TYPE = b"""id,big,price,share,flag,day,at,code,word
1,9223372036854775807,1.50,1e3,true,2020-01-01,2020-01-01 10:00:00.123,007,"a ""b"", c"
2,-9223372036854775808,-0.05,-2.5e-3,FALSE,0001-01-01,1999-12-31 23:59:59,008,""
3,NA,NA,inf,,,,NA,
4,0,12.00,-inf,true,9999-12-31,2020-01-01T00:00:00.5,1.,"C:\\temp\\N, \\N"
"""
WORDS = b'name,note\n"Smith, John","say ""hi"""\nC:\\temp, two \n"",\\N\n'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, row_group_rows=1024) as opened:
        yield opened


def rows_of(house: House, sql: str) -> list[tuple[Any, ...]]:
    execution = house.service.engine.start(Order("qry_1", sql, house.worker.settings.database))
    with house.service.engine.open_result(execution) as result:
        return [tuple(row.values()) for batch in result.batches for row in pa.Table.from_batches([batch]).to_pylist()]


def test_csv_and_parquet_hold_the_same(house: House) -> None:
    """Every type, extremes, NULL and the empty text: the engine's answers over both are equal, and both receipts balance."""
    upload = house.upload(EVERY_TYPE)
    house.publish(house.contract(upload, "p"))
    job = house.publish(house.contract(upload, "c", format="csv", serde=SerdeName.LAZY_SIMPLE))

    assert job.state is State.SUCCEEDED, job.error
    assert rows_of(house, "SELECT * FROM c ORDER BY id") == rows_of(house, "SELECT * FROM p ORDER BY id")
    receipt = house.version("c", 1)["receipt"]
    assert receipt["balanced"]
    assert all(column["equal"] for column in receipt["columns"])
    assert receipt["bytes_scanned"] == house.version("c", 1)["bytes"]


def test_the_catalog_says_how_to_read_the_files(house: House) -> None:
    """Format, SerDe, its properties and the header line are the table's, as Glue would have them; the crawl found the contract."""
    job = house.publish(house.contract(house.upload(WORDS), "words", format="csv", serde=SerdeName.OPEN_CSV))

    assert job.state is State.SUCCEEDED, job.error
    table = house.worker.catalog.find_table(house.worker.settings.database, "words")
    assert table is not None
    assert table.serde is not None
    assert (table.format, table.serde.library) == ("csv", LIBRARIES[SerdeName.OPEN_CSV])
    assert dict(table.serde.parameters) == {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"}
    assert table.parameters["skip.header.line.count"] == "1"
    assert house.version("words", 1)["receipt"]["crawler_diff"] == []
    (key,) = house.keys(table.location)
    with house.worker.storage.open_read(key) as stream:
        assert stream.read() == b'name,note\n"Smith, John","say ""hi"""\n"C:\\\\temp"," two "\n"","\\\\N"\n'
    assert rows_of(house, "SELECT * FROM words") == [("Smith, John", 'say "hi"'), ("C:\\temp", " two "), ("", "\\N")]


def test_appends_keep_the_serde_and_restores_bring_it_back(house: House) -> None:
    """Several files of one table; a replace may change the format, and a restore has the old version's again."""
    upload, more = house.upload(b"k,v\n1,a\n2,\n"), house.upload(b'k,v\n3,"c,d"\n')
    csv: dict[str, Any] = {"format": "csv", "serde": SerdeName.LAZY_SIMPLE}
    assert house.publish(house.contract(upload, "t", **csv)).state is State.SUCCEEDED
    job = house.publish(house.contract(more, "t", mode=Mode.APPEND, **csv))
    assert job.state is State.SUCCEEDED, job.error
    expected = [(1, "a"), (2, None), (3, "c,d")]
    assert rows_of(house, "SELECT * FROM t ORDER BY k") == expected
    version = house.version("t", 2)
    assert (version["files"], version["format"], version["serde"]) == (2, "csv", "LazySimpleSerDe")
    assert [key.rsplit("/", 1)[1] for key in house.keys(version["prefix"])] == ["part-00000.csv", "part-00001.csv"]

    assert house.publish(house.contract(more, "t")).state is State.SUCCEEDED
    assert house.version("t", 3)["format"] == "parquet"
    restored = replace(house.contract(more, "t", mode=Mode.RESTORE, restore=2, **csv), upload_id=None, profile_id=None, columns=())
    assert house.publish(restored).state is State.SUCCEEDED
    assert rows_of(house, "SELECT * FROM t ORDER BY k") == expected
    assert house.version("t", 4)["serde"] == "LazySimpleSerDe"


def test_what_csv_cannot_carry_is_refused_at_its_line(house: House) -> None:
    """The first offending line, column and value, the reason and the way out; the current version is what it was."""
    csv: dict[str, Any] = {"format": "csv", "serde": SerdeName.LAZY_SIMPLE}
    good = house.upload(b"k,v\n1,a\n")
    house.publish(house.contract(good, "t", **csv))
    before = house.worker.catalog.find_table(house.worker.settings.database, "t")

    bad = house.upload(b"k,v\n" + b"".join(b"%d,fine\n" % n for n in range(3000)) + b'7,cut,short\n8,"two\nlines"\n9,"three\nlines"\n')
    job = house.publish(house.contract(bad, "t", max_reject_ratio=0.5, **csv))

    assert job.state is State.FAILED
    assert job.error is not None
    assert (job.error["code"], job.error["line"]) == ("csv_cannot_carry", 3003)
    assert "Line 3003, column v: 'two\\nlines' has a line break" in job.error["detail"]
    assert "Parquet" in job.error["detail"]
    assert house.worker.catalog.find_table(house.worker.settings.database, "t") == before
    assert rows_of(house, "SELECT * FROM t") == [(1, "a")]
    assert house.publish(house.contract(bad, "t", max_reject_ratio=0.5)).state is State.SUCCEEDED


def test_a_null_can_t_be_appended_to_open_csv(house: House) -> None:
    """A missing cell, and a missing column, are refused where the SerDe has no NULL."""
    csv: dict[str, Any] = {"format": "csv", "serde": SerdeName.OPEN_CSV}
    assert house.publish(house.contract(house.upload(WORDS), "words", **csv)).state is State.SUCCEEDED
    with_null = house.upload(b"name,note\nx,y\nz,\n")
    job = house.publish(house.contract(with_null, "words", mode=Mode.APPEND, **csv))
    assert job.error is not None
    assert (job.error["code"], job.error["line"]) == ("csv_cannot_carry", 3)
    assert "Line 3, column note: a cell is NULL" in job.error["detail"]

    narrow = house.upload(b"name\nx\n")
    columns = (ContractColumn("name", 0, "name", "string"),)
    missing = house.contract(narrow, "words", mode=Mode.APPEND, on_missing_column=OnMissing.NULL, columns=columns, **csv)
    job = house.publish(missing)
    assert job.error is not None
    assert job.error["code"] == "csv_cannot_carry"


def test_rejects_and_an_empty_table(house: House) -> None:
    """Rejects are set aside as with Parquet, and a table without rows is one header line."""
    csv: dict[str, Any] = {"format": "csv", "serde": SerdeName.LAZY_SIMPLE}
    job = house.publish(house.contract(house.upload(b"k,v\n1,a\nx,y,z\n2,b\n"), "t", max_reject_ratio=0.5, **csv))
    assert job.state is State.SUCCEEDED, job.error
    assert house.version("t", 1)["receipt"]["rejected_records"] == 1
    assert rows_of(house, "SELECT * FROM t") == [(1, "a"), (2, "b")]

    job = house.publish(house.contract(house.upload(b"k,v\n"), "none", **csv))
    assert job.state is State.SUCCEEDED, job.error
    assert rows_of(house, "SELECT * FROM none") == []
    assert rows_of(house, "SELECT count(*) FROM none") == [(0,)]


def test_a_partitioned_csv_table(house: House) -> None:
    """Partition folders hold CSV files without their key, and the engine reads both: rows as in the file, NULL keys too."""
    upload = house.upload(b'k,land,note\n1,DE,"a,b"\n2,,x\n3,FR,\n4,DE,""\n')
    csv: dict[str, Any] = {"format": "csv", "serde": SerdeName.LAZY_SIMPLE, "partition_by": ("land",)}
    job = house.publish(house.contract(upload, "lands", **csv))
    assert job.state is State.SUCCEEDED, job.error
    assert rows_of(house, "SELECT k, land, note FROM lands ORDER BY k") == [(1, "DE", "a,b"), (2, None, "x"), (3, "FR", None), (4, "DE", "")]
    assert rows_of(house, "SELECT count(*) FROM lands WHERE land = 'DE'") == [(2,)]
    assert {key.rsplit(".", 1)[1] for key in house.keys(house.version("lands", 1)["prefix"])} == {"csv"}
