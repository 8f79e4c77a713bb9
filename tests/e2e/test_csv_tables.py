"""A table of CSV files through the real product: published, proved, queried, appended to, downloaded, refused."""

from __future__ import annotations

import csv
import io

from tests.stack import Stack

CSV = (
    "id,name,price,day,note\r\n"
    '1,"Ann, ""A.""",1.50,2024-02-29,"back\\slash, \\N"\r\n'
    "2,Bob,,,\r\n"
    '3,"",22.75,1969-12-31,NULL\r\n'
    "4,too,many,cells,here,5\r\n"
)
MORE = 'id,name,price,day,note\n5,Zoë 🦀,0.01,9999-12-31," spaces "\n'
EXPECTED = [
    ["1", 'Ann, "A."', "1.50", "2024-02-29", "back\\slash, \\N"],
    ["2", "Bob", None, None, None],
    ["3", "", "22.75", "1969-12-31", "NULL"],
    ["5", "Zoë 🦀", "0.01", "9999-12-31", " spaces "],
]


def uploaded(stack: Stack, text: str) -> str:
    upload = stack.upload_bytes(text.encode())
    assert stack.profile(upload["id"])["state"] == "succeeded"
    return str(upload["id"])


def test_a_csv_table_comes_back_as_it_was(stack: Stack) -> None:
    """Receipt, query, append and download agree with the file, NULL and the empty text apart; the bytes scanned are the table's."""
    job = stack.publish(uploaded(stack, CSV), "lines", format="csv", max_reject_ratio=0.5)
    assert job["state"] == "succeeded", job
    receipt = stack.http.get("/v1/datasets/lines/receipt").json()
    assert (receipt["balanced"], receipt["records_in"], receipt["rejected_records"], receipt["published_rows"]) == (True, 5, 1, 3)
    assert stack.rows("SELECT * FROM lines ORDER BY id") == EXPECTED[:3]

    assert stack.publish(uploaded(stack, MORE), "lines", mode="append")["state"] == "succeeded"
    dataset = stack.http.get("/v1/datasets/lines").json()
    assert (dataset["format"], dataset["version"], dataset["files"], dataset["rows"]) == ("csv", 2, 2, 4)
    query = stack.query("SELECT * FROM lines ORDER BY id")
    assert query["statistics"]["bytes_scanned"] == dataset["bytes"]
    whole = stack.http.get(f"/v1/queries/{query['id']}/download", params={"format": "csv"}).text
    assert list(csv.reader(io.StringIO(whole)))[1:] == [[cell or "" for cell in row] for row in EXPECTED]


def test_what_csv_cannot_carry_leaves_the_table_alone(stack: Stack) -> None:
    """A line break far behind what the profile shows fails the job at its line; the same file goes as Parquet."""
    assert stack.publish(uploaded(stack, "k,v\n1,a\n"), "carried", format="csv")["state"] == "succeeded"
    rows = "".join(f"{n},value {n}\n" for n in range(50_000))
    bad = uploaded(stack, f'k,v\n{rows}50000,"value 5\nx"\n')
    job = stack.publish(bad, "carried", format="csv", mode="replace")
    assert (job["state"], job["error"]["code"], job["error"]["line"]) == ("failed", "csv_cannot_carry", 50_002)
    assert "column v: 'value 5\\nx'" in job["error"]["detail"]
    assert stack.rows("SELECT * FROM carried") == [["1", "a"]]
    assert stack.publish(bad, "carried", format="parquet", mode="replace")["state"] == "succeeded"
    assert stack.rows("SELECT count(*) FROM carried") == [["50001"]]
