"""The crawler proposes, the contract decides: whatever a crawl finds, the table is the contract's, and the receipt lists what differed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.shared.catalog.port import Column, CsvClassifier, Table
from services.shared.errors import CrawlFailed
from services.shared.jobs.model import State
from services.worker.classify import classify
from tests.worker.publish.house import open_house

DATA = b"id,name\n1,x\n2,y\n"
Alter = Callable[[Table], Sequence[Table]]


def retyped(table: Table) -> Sequence[Table]:
    return [replace(table, columns=(Column("id", "string"), table.columns[1]))]


def without_a_column(table: Table) -> Sequence[Table]:
    return [replace(table, columns=(table.columns[0], Column("col1", "string")))]


def reordered(table: Table) -> Sequence[Table]:
    return [replace(table, columns=table.columns[::-1])]


def nothing(_: Table) -> Sequence[Table]:
    return []


def several(table: Table) -> Sequence[Table]:
    return [replace(table, name=table.name + "_8f3a"), table]


def renamed(table: Table) -> Sequence[Table]:
    return [replace(table, name=table.name + "_0d41")]


@pytest.mark.parametrize(
    ("alter", "differences"),
    [
        (retyped, [("id", "string", "bigint", "retyped")]),
        (without_a_column, [("name", None, "string", "added"), ("col1", "string", None, "removed")]),
        (reordered, [("", "name, id", "id, name", "reordered")]),
        (nothing, [("", None, "STAGED", "created")]),
        (several, [("", "STAGED_8f3a, STAGED", "STAGED", "merged")]),
        (renamed, []),
    ],
)
def test_what_the_crawler_got_wrong_is_repaired_and_listed(tmp_path: Path, alter: Alter, differences: list[tuple[str | None, ...]]) -> None:
    """The user's table has the contract's columns and all rows; staging is empty afterwards."""
    with open_house(tmp_path, classifier=lambda folder, csv: [found for table in classify(folder, csv) for found in alter(table)]) as house:
        job = house.publish(house.contract(house.upload(DATA), "data"))

        assert job.state is State.SUCCEEDED, job.error
        receipt = house.version("data", 1)["receipt"]
        staged = house.version("data", 1)["crawl"]["name"] + "_data"
        found = [tuple(difference.values()) for difference in receipt["crawler_diff"]]
        assert found == [tuple(None if cell is None else cell.replace("STAGED", staged) for cell in each) for each in differences]
        assert receipt["balanced"]
        assert house.table_rows("data") == [(1, "x"), (2, "y")]
        assert house.worker.catalog.list_tables("headwater_staging") == []


def test_a_crawl_that_fails_fails_the_publish(tmp_path: Path) -> None:
    """The reason is the job's problem, and the name is free again."""

    def broken(_: str, _classifier: CsvClassifier | None) -> Sequence[Table]:
        raise CrawlFailed("The file part-00000.parquet is not one that the crawler can read.")

    with open_house(tmp_path, classifier=broken) as house:
        job = house.publish(house.contract(house.upload(DATA), "data"))

        assert job.error is not None
        assert (job.error["code"], job.error["detail"]) == ("crawl_failed", "The file part-00000.parquet is not one that the crawler can read.")
        assert house.dataset("data") is None


def test_the_classifier_reads_types_from_the_files_alone(tmp_path: Path) -> None:
    """Names and Athena types come from the footers, the table's name from the folder; hidden files are not seen."""
    folder = tmp_path / "Sales"
    folder.mkdir()
    types: dict[str, Any] = {
        "A": pa.int64(), "b": pa.decimal128(12, 2), "c": pa.float64(), "d": pa.date32(), "e": pa.timestamp("ms"), "f": pa.bool_(), "g": pa.string(),
    }  # fmt: skip
    pq.write_table(pa.schema(list(types.items())).empty_table(), folder / "part-00000.parquet")
    (folder / "_SUCCESS").write_text("")

    (table,) = classify(str(folder))

    assert (table.name, table.location, table.format) == ("sales", str(folder), "parquet")
    assert [(c.name, c.type) for c in table.columns] == [
        ("a", "bigint"), ("b", "decimal(12,2)"), ("c", "double"), ("d", "date"), ("e", "timestamp"), ("f", "boolean"), ("g", "string"),
    ]  # fmt: skip


def test_files_that_disagree_are_several_tables(tmp_path: Path) -> None:
    """Two schemas in one folder are two proposals, never one that fits neither."""
    pq.write_table(pa.table({"a": [1]}), tmp_path / "part-0.parquet")
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "part-1.parquet")

    assert len(classify(str(tmp_path))) == 2


def test_a_file_that_is_no_parquet_fails_the_crawl(tmp_path: Path) -> None:
    """The problem names the file, and no folder."""
    (tmp_path / "part-0.parquet").write_bytes(b"PAR1 not really")

    with pytest.raises(CrawlFailed, match=r"part-0\.parquet") as caught:
        classify(str(tmp_path))
    assert str(tmp_path) not in caught.value.detail
