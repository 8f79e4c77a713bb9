"""Files that are no good CSV, and good ones that look strange: each gets a clear answer, and nothing else suffers."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.e2e.problems import check, check_document
from tests.stack import Stack

ROWS = "id,name\n1,Zoë\n2,Bjørn\n"
MANY = b"a,b\n" + b"1,2\n" * 1000
LONGEST = 64 << 20


def zipped() -> bytes:
    """Return a zip archive with a CSV."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.csv", ROWS)
    return target.getvalue()


def parquet() -> bytes:
    """Return a Parquet file."""
    target = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), target)
    return target.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], int, str, str]] = {
    "empty": (lambda: b"", 422, "empty_file", "no bytes"),
    "blank lines": (lambda: b"\n\r\n\n", 422, "empty_file", "blank lines"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 415, "binary_file", "PNG"),
    "pdf": (lambda: b"%PDF-1.7\n1 0 obj\n", 415, "binary_file", "PDF"),
    "elf": (lambda: Path("/proc/self/exe").read_bytes()[:20_000], 415, "binary_file", "ELF"),
    "parquet": (parquet, 415, "binary_file", "Parquet"),
    "zip": (zipped, 415, "unsupported_compression", "zip"),
    "xlsx": (lambda: b"PK\x03\x04\x14\0\x06\0xl/workbook.xml", 415, "unsupported_compression", "Excel"),
    "bzip2": (lambda: b"BZh91AY&SY", 415, "unsupported_compression", "bzip2"),
    "nuls": (lambda: b"a,b\n1," + bytes(500) + b"\n", 415, "binary_file", "500 of the first 507 bytes are NUL"),
    "noise": (lambda: random.Random(1).randbytes(20_000), 415, "binary_file", "control characters"),
    "utf-16 without a mark": (lambda: "id,name\n1,Zoe\n".encode("utf-16-le"), 415, "binary_file", "UTF-16 without"),
    "gzip cut short": (lambda: gzip.compress(MANY)[:-20], 422, "corrupt_compression", "ends in the middle"),
    "long gzip cut short": (
        lambda: gzip.compress(random.Random(2).randbytes(400_000).hex("\n", 8).encode())[:-9],
        422,
        "corrupt_compression",
        "ends",
    ),
    "gzip damaged": (lambda: damaged(gzip.compress(MANY)), 422, "corrupt_compression", "damaged within its first"),
    "zstd cut short": (lambda: zstandard.compress(MANY)[:-5], 422, "corrupt_compression", "ends in the middle"),
    "gzip of zeros": (lambda: gzip.compress(bytes(100_000_000), 1), 415, "binary_file", "are NUL"),
    "zstd bomb": (lambda: zstandard.compress(b"1,2\n" * 50_000_000), 422, "decompression_bomb", "over 1100 times"),
}


def damaged(data: bytes) -> bytes:
    """Return the data with other bytes in its middle."""
    return data[:30] + b"zzzz" + data[34:]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_by_what_it_is(stack: Stack, name: str) -> None:
    """The profile job fails with the reason, the preview and a publish repeat it, and the bytes stay until they are deleted."""
    make, status, code, needle = BAD[name]
    data = make()
    upload = stack.upload_bytes(data, "bad.csv")
    job = stack.profile(upload["id"])
    assert job["state"] == "failed"
    check_document(job["error"], status, code, needle)
    again = stack.http.get(f"/v1/uploads/{upload['id']}").json()
    assert (again["state"], again["size"], again["profile_id"]) == ("complete", len(data), None)
    check(stack.http.get(f"/v1/uploads/{upload['id']}/profile"), 409, "profile_failed", upload["id"], code)
    check(stack.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": "bad"}), 409, "profile_failed", upload["id"], code)
    check(stack.http.get("/v1/datasets/bad"), 404, "dataset_not_found", "bad")
    assert stack.http.delete(f"/v1/uploads/{upload['id']}").status_code == 204
    check(stack.http.get(f"/v1/uploads/{upload['id']}"), 404, "upload_not_found", upload["id"])


GOOD: dict[str, tuple[bytes, dict[str, str]]] = {
    "gzip": (gzip.compress(ROWS.encode()), {"compression": "gzip", "encoding": "utf-8"}),
    "gzip in members": (gzip.compress(ROWS[:11].encode()) + gzip.compress(ROWS[11:].encode()), {"compression": "gzip"}),
    "zstd": (zstandard.compress(ROWS.encode()), {"compression": "zstd", "encoding": "utf-8"}),
    "utf-8 with a mark": (ROWS.encode("utf-8-sig"), {"encoding": "utf-8"}),
    "utf-16": (ROWS.encode("utf-16"), {"encoding": "utf-16-le"}),
    "utf-16 big": (b"\xfe\xff" + ROWS.encode("utf-16-be"), {"encoding": "utf-16-be"}),
    "windows-1252": (ROWS.encode("cp1252"), {"encoding": "cp1252"}),
    "mixed line ends": (b"id,name\r\n1,Zo\xc3\xab\n2,Bj\xc3\xb8rn\r", {"lineterminator": "mixed"}),
    "semicolons": (ROWS.replace(",", ";").encode(), {"delimiter": ";"}),
    "no last line end": (ROWS.rstrip().encode(), {"lineterminator": "\n"}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_strange_file_is_read_right(stack: Stack, name: str) -> None:
    """Packed, in another encoding or with other line ends, the profile and the table are those of the plain file."""
    data, dialect = GOOD[name]
    upload = stack.upload_bytes(data, "good.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    profile = stack.http.get(f"/v1/uploads/{upload['id']}/profile").json()
    assert (profile["records"], profile["header_records"], profile["rejected_records"]) == (2, 1, 0)
    assert {key: profile["dialect"][key] for key in dialect} == dialect
    assert [(column["source_name"], column["type"], column["min"], column["max"]) for column in profile["columns"]] == [
        ("id", "bigint", "1", "2"),
        ("name", "string", "Bjørn", "Zoë"),
    ]
    preview = stack.http.get(f"/v1/uploads/{upload['id']}/preview").json()
    assert preview["rows"] == [["1", "Zoë"], ["2", "Bjørn"]]


def test_a_line_that_is_too_long(stack: Stack) -> None:
    """A record of 70 MB is one reject with its line and place, and the records around it are published."""
    long_line(stack, 70_000_000, "too_long")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_line_of_200_megabytes(stack: Stack) -> None:
    """The same of 200 MB."""
    long_line(stack, 200_000_000, "far_too_long")


def long_line(stack: Stack, size: int, name: str) -> None:
    """Publish a file with one record that is longer than a record may be."""
    upload = stack.upload_bytes(b"id,note\n1,a\n2," + b"x" * size + b"\n3,c\n", "long.csv")
    assert stack.profile(upload["id"], timeout_s=120)["state"] == "succeeded"
    profile = stack.http.get(f"/v1/uploads/{upload['id']}/profile").json()
    assert (profile["records"], profile["header_records"], profile["rejected_records"]) == (2, 1, 1)
    answer = stack.http.get(f"/v1/uploads/{upload['id']}/rejects")
    (reject,) = answer.json()["items"]
    assert (reject["line"], reject["byte_offset"], reject["code"]) == (3, 12, "record_too_long")
    assert str(LONGEST) in reject["detail"]
    assert len(answer.content) < 1_000_000
    assert stack.publish(upload["id"], name, max_reject_ratio=0.5, timeout_s=120)["state"] == "succeeded"
    assert stack.rows(f"SELECT id, note FROM {name} ORDER BY id") == [["1", "a"], ["3", "c"]]


def test_a_long_cell_comes_back_whole(stack: Stack) -> None:
    """A cell of 10 MB is read, published, queried and paged; a page that it fills ends with it."""
    upload = stack.upload_bytes(b"id,note\n1,a\n2," + b"y" * 10_000_000 + b"\n3,c\n", "cell.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "long_cell")["state"] == "succeeded"
    query = stack.query("SELECT id, note FROM long_cell ORDER BY id")
    found, cursor = [], ""
    while cursor is not None:
        page = stack.http.get(f"/v1/queries/{query['id']}/results", params={"cursor": cursor} if cursor else {}).json()
        assert page["rows"]
        found += [(row[0], len(row[1])) for row in page["rows"]]
        cursor = page["next_cursor"]
    assert found == [("1", 1), ("2", 10_000_000), ("3", 1)]


def test_a_header_of_many_columns(stack: Stack) -> None:
    """More columns than a table may have are profiled, and refused when they are published."""
    many_columns(stack, 3_500)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_header_of_very_many_columns(stack: Stack) -> None:
    """The same of 20,000 columns."""
    many_columns(stack, 20_000)


def many_columns(stack: Stack, number: int) -> None:
    """Profile a file of many columns, read a range of them, and be refused a table."""
    names = ",".join(f"col {position}" for position in range(number))
    row = ",".join(str(position) for position in range(number))
    upload = stack.upload_bytes(f"{names}\n{row}\n{row}\n".encode(), "wide.csv")
    assert stack.profile(upload["id"], timeout_s=200)["state"] == "succeeded"
    profile = stack.http.get(f"/v1/uploads/{upload['id']}/profile", params={"columns": f"{number - 2}:{number}"}).json()
    assert (profile["total_columns"], profile["records"]) == (number, 2)
    wanted = [(f"col {position}", str(position)) for position in (number - 2, number - 1)]
    assert [(column["source_name"], column["max"]) for column in profile["columns"]] == wanted
    refusal = stack.http.post("/v1/datasets", json={"upload_id": upload["id"], "name": "wide"})
    check(refusal, 422, "contract_invalid", f"{number} columns are more than the 3000")


def test_ragged_and_misspelt_records_are_set_aside(stack: Stack) -> None:
    """Records of another width, a bad byte and NULs far behind are rejects with their lines; the others are read."""
    lines = [b"a,b", *[b"1,2"] * 300_000, b"1,2,3", b"1", b"5,\xff\xfe", b"\0" * 1000, b"6,7"]
    upload = stack.upload_bytes(b"\n".join(lines) + b"\n")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    profile: dict[str, Any] = stack.http.get(f"/v1/uploads/{upload['id']}/profile").json()
    assert (profile["records"], profile["rejected_records"]) == (300_001, 4)
    rejects = stack.http.get(f"/v1/uploads/{upload['id']}/rejects").json()["items"]
    assert [(reject["line"], reject["code"]) for reject in rejects] == [
        (300_002, "too_many_fields"),
        (300_003, "too_few_fields"),
        (300_004, "bad_encoding"),
        (300_005, "too_few_fields"),
    ]
