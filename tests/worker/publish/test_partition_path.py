"""A value that becomes a folder is read back from it, whatever it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.query.engines.views import create_views
from services.shared.catalog.port import Column, Table
from services.shared.errors import ContractInvalid
from services.worker.publish.partition_path import MAX_FOLDER_BYTES, NULL_NAME, folder_name

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=40)
MEAN = st.lists(st.sampled_from(list("%=/\\:?*[]{}^#'\"+& .~_-0Aa\n\r\t\x01\x1f\x7fé")), min_size=1, max_size=20).map("".join)


@settings(max_examples=60, deadline=None)
@given(values=st.sets(st.one_of(TEXT, MEAN), min_size=1, max_size=8))
def test_the_engine_reads_every_text_back(values: set[str]) -> None:
    """Files written below the folders of any texts have those texts in their column, and the folder is one name."""
    with tempfile.TemporaryDirectory() as home:
        for number, value in enumerate(sorted(values)):
            name = folder_name("k", value)
            assert "/" not in name
            folder = Path(home, "t", name)
            folder.mkdir(parents=True)
            pq.write_table(pa.table({"n": [number]}), folder / "part-0.parquet")
        table = Table("d", "t", (Column("n", "bigint"),), "t/", "parquet", (Column("k", "string"),))
        with duckdb.connect() as connection:
            create_views(connection, [table], lambda location: f"{home}/{location}")
            found = dict(connection.execute("SELECT n, k FROM d.t").fetchall())

    assert found == dict(enumerate(sorted(values)))


def test_hive_s_own_names() -> None:
    """What Hive escapes is escaped as Hive does, and NULL is what Hive calls it."""
    assert folder_name("k", "a/b=c%d e:é") == "k=a%2Fb%3Dc%25d e%3Aé"
    assert folder_name("k", None) == f"k={NULL_NAME}"
    assert folder_name("k", True) == "k=true"


@pytest.mark.parametrize("value", ["", NULL_NAME, "x" * MAX_FOLDER_BYTES, "é" * (MAX_FOLDER_BYTES // 2), "/" * (MAX_FOLDER_BYTES // 2)])
def test_what_no_folder_can_stand_for_is_refused(value: str) -> None:
    """The empty text, NULL's name and names that are too long say so."""
    with pytest.raises(ContractInvalid, match=r"^k: "):
        folder_name("k", value)
