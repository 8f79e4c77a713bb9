"""What was previewed is what a query returns, cell by cell, through the running product."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import corpora
from tests.conftest import SEED, Measured
from tests.e2e import passage
from tests.e2e.problems import check
from tests.e2e.test_hostile import in_plain, naughty
from tests.e2e.values import expected
from tests.stack import Stack
from tests.worker.profile.runs import table

NAMED = ("made.csv", "plain.csv")
NUMBERS = [
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775807",
    "0",
    "00501",
    "1.50",
    "-0.10",
    "1e3",
    "NA",
    "null",
    "-",
    "0.1",
    "12345678901234567890.12",
]
TIMES = ["2024-02-29", "0001-01-01", "9999-12-31", "2024-02-29T12:30:00", "2024-02-29 12:30:00.25", "2024-02-29T12:30:00+02:00", "true", "FALSE"]
TEXTS = [
    "",
    " ",
    "NULL",
    "NA",
    "two\nlines",
    "a\tb",
    "cr\r\nlf",
    "🦀",
    "👩‍👩‍👧‍👦",
    "é",
    "\u202eabc",
    "Ω≈ç",
    'say "hi"',
    "a,b;c|d",
    "'",
    "\\N",
    "\\",
    " lead",
    "trail ",
    "=1+1",
]
ONE = st.one_of(
    st.none(), st.sampled_from(NUMBERS + TIMES + TEXTS), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=20)
)
_made = iter(range(10**6))


@pytest.mark.timeout(600)
def test_corpora_come_back_cell_by_cell(stack: Stack, measured: Measured) -> None:
    """Files of csv-spectrum, csvw and a sample of the polluted ones."""
    found = corpora.tables()
    spectrum = {name: data for name, data in found.items() if name.startswith("csv-spectrum")}
    csvw = sample({name: data for name, data in found.items() if name.startswith("w3c-csvw")}, 12)
    measured(**cells_of(stack, {**spectrum, **csvw, **corpora.pollock_sample(12, seed=SEED)}))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_all_corpora_come_back_cell_by_cell(stack: Stack, measured: Measured) -> None:
    """All files but the polluted ones, and 100 of those."""
    measured(**cells_of(stack, {**corpora.tables(), **corpora.pollock_sample(100, seed=SEED)}))


@pytest.mark.timeout(600)
def test_the_cells_that_others_change(stack: Stack, dice: random.Random, measured: Measured) -> None:
    """NULL and '', leading zeros, 2^53 + 1, dates, emoji, line breaks, naughty strings: 3,000 rows, columns of one kind and of all kinds."""
    strings = [text for text in naughty() if "\0" not in text]
    kinds: dict[str, tuple[str, Sequence[str | None]]] = {
        "ints": ("bigint", [None, *(str(2**53 + step) for step in range(-3, 4)), "9223372036854775807", "-9223372036854775808", "NA"]),
        "zeros": ("string", ["00501", "02000", "0", "7", None, ""]),
        "decimals": ("decimal(34,2)", [None, "1.50", "-0.10", "99999999999999999999999999999999.25", ".5", "N/A"]),
        "doubles": ("double", [None, "1e3", "-1.5E-7", "0.1", "nan", "-inf", "1e308"]),
        "days": ("date", [None, "2024-02-29", "0001-01-01", "9999-12-31", ""]),
        "moments": ("timestamp", [None, "2024-02-29T12:30:00.25", "1969-12-31 23:59:59.999", "2024-02-29 12:30"]),
        "zoned": ("timestamp", [None, "2024-02-29T12:30:00+02:00", "2024-02-29T12:30:00Z"]),
        "flags": ("boolean", [None, "true", "FALSE", "True"]),
        "texts": ("string", [None, *TEXTS]),
        "naughty": ("string", strings),
        "all": ("string", [None, *NUMBERS, *TIMES, *TEXTS, *strings]),
    }
    rows = [["row", *kinds], *([str(number), *(dice.choice(values) for _, values in kinds.values())] for number in range(3_000))]
    measured(**cells_of(stack, {"made.csv": table(rows)}, least=36_000))
    types = {column["name"]: column["type"] for column in stack.http.get("/v1/catalog/databases/headwater/tables/made").json()["columns"]}
    assert types == {"row": "bigint", **{name: kind for name, (kind, _) in kinds.items()}}


@pytest.mark.timeout(600)
def test_a_table_that_csv_can_carry_comes_back_too(stack: Stack, dice: random.Random, measured: Measured) -> None:
    """Published as CSV and read as Athena reads it: what CSV can carry is the same cell by cell, what it can't is refused by line and column."""
    plain = {
        "ints": [str(2**53 + 1), "-7", "9223372036854775807"],
        "zeros": ["00501", "02000", "7x"],
        "days": ["2024-02-29", "0001-01-01"],
        "texts": ["a,b;c|d", 'say "hi"', "🦀", "NA", "NULL", " lead", "trail "],
    }
    rows = [["row", *plain], *([str(number), *(dice.choice(values) for values in plain.values())] for number in range(1_000))]
    measured(**cells_of(stack, {"plain.csv": table(rows)}, least=5_000, form="csv"))
    upload_id, _ = passage.send(stack, table([["row", "text"], ["1", "one line"], ["2", "two\nlines"], ["3", None], ["4", ""]]), "lines.csv")
    assert passage.verdict(stack, upload_id, timeout_s=60).profile is not None
    answer = stack.http.post("/v1/datasets", json={"upload_id": upload_id, "name": "two_lines", "format": "csv"})
    refusal = stack.wait(answer.headers["Location"])["error"] if answer.status_code == 202 else answer.json()
    assert "text" in refusal["detail"], refusal


@pytest.mark.timeout(600)
def test_any_table_comes_back_cell_by_cell(stack: Stack, measured: Measured) -> None:
    """Tables that hypothesis makes."""
    total: Counter[str] = Counter()

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(rows=st.lists(st.tuples(ONE, ONE, ONE), min_size=12, max_size=40))
    def comes_back(rows: list[tuple[str | None, ...]]) -> None:
        total.update(
            cells_of(stack, {"generated.csv": table([["n", "a", "b", "c"], *([str(number), *row] for number, row in enumerate(rows))])}, least=1)
        )

    comes_back()
    measured(**total)


def sample(files: Mapping[str, bytes], number: int) -> dict[str, bytes]:
    """Return some of the files, the same for the same seed."""
    return {name: files[name] for name in random.Random(SEED).sample(sorted(files), number)}


def cells_of(stack: Stack, files: Mapping[str, bytes], *, least: int = 500, form: str = "parquet") -> dict[str, int]:
    """Take each file through the product and compare preview and result with plain Python's reading; return what was counted."""
    count = Counter(files=0, rows=0, cells=0, different=0)
    widest = stack.http.get("/v1/meta").json()["limits"]["max_table_columns"]
    sent = [(path, data, passage.send(stack, data, "cells.csv")[0]) for path, data in files.items()]
    for path, data, upload_id in sent:
        found, plain = passage.verdict(stack, upload_id, timeout_s=120), in_plain(data)
        if found.profile is None or plain is None or not plain.rows:
            continue
        preview = stack.http.get(f"/v1/uploads/{upload_id}/preview").json()["rows"]
        assert preview == plain.rows[: len(preview)]
        if found.profile["total_columns"] > widest:
            check(stack.http.post("/v1/datasets", json={"upload_id": upload_id, "name": "too_wide"}), 422, "contract_invalid", str(widest))
            continue
        name = path.removesuffix(".csv") if path in NAMED else f"cells_{next(_made)}"
        job = stack.publish(upload_id, name, max_reject_ratio=1, format=form, timeout_s=120)
        assert job["state"] == "succeeded", job["error"]
        columns = found.profile["columns"]
        wanted = Counter(
            key([expected(cell, column["type"], form_of(column)) for cell, column in zip(row, columns, strict=True)]) for row in plain.rows
        )
        returned = Counter(key(row) for row in passage.table(stack, f"SELECT * FROM {name}"))
        missing, foreign = list((wanted - returned).elements()), list((returned - wanted).elements())
        assert (missing, foreign) == ([], []), (path, missing[:3], foreign[:3])
        count.update(files=1, rows=len(plain.rows), cells=len(plain.rows) * len(columns), different=len(missing) + len(foreign))
    assert count["cells"] >= least
    return dict(count)


def form_of(column: Mapping[str, Any]) -> str | None:
    """Return how the dates of a column are written, when not in ISO 8601: the cast with a pattern that no value fails."""
    casts = {name: cast["fails"] for name, cast in column["casts"].items() if name.startswith(column["type"])}
    if column["type"] not in ("date", "timestamp") or casts[column["type"]] == 0:
        return None
    return next(name.partition("(")[2].removesuffix(")") for name, fails in casts.items() if "%" in name and fails == 0)


def key(row: Sequence[Any]) -> str:
    """Return a row as text that differs whenever a value or its type does."""
    return json.dumps(list(row), ensure_ascii=False)
