"""The command line against the product, each command a process of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import time
from typing import Any

import pyarrow.parquet as pq
import pytest

from headwater.client import Client
from tests.headwater.conftest import Call
from tests.stack import until

PEOPLE = """id,name,country,price,born,zip,note
1,"Smith, Ann",NA,1.50,1984-02-29,02000,""
2,Bob,US,22.75,1990-03-01,10115,
3,Zoë,FR,,,00001,NULL
4,too,many,cells,1990-03-01,1,2,3
9007199254740993,Li,CN,0.01,1970-01-01,99999,"two
lines"
"""
ENDLESS = """SELECT count(*) FROM UNNEST(sequence(1, 10000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 10000)) AS b(y)
CROSS JOIN UNNEST(sequence(1, 10000)) AS c(z) WHERE x * y + z = 7"""


def told(headwater: Call, *arguments: str) -> Any:
    """Run a command with --json, and return what it said."""
    ended = headwater(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_the_whole_way_by_programs(headwater: Call) -> None:
    """Upload, look, write the contract, publish, query, download, go back a version, drop: each answer is one JSON document."""
    (headwater.folder / "people.csv").write_text(PEOPLE)
    upload = told(headwater, "upload", "people.csv")
    assert (upload["state"], upload["filename"], upload["size"]) == ("complete", "people.csv", len(PEOPLE.encode()))
    contract = told(headwater, "profile", upload["id"], "--contract")
    assert [column["type"] for column in contract["columns"]] == ["bigint", "string", "string", "decimal(4,2)", "date", "string", "string"]
    contract["columns"][3]["name"] = "cost"
    (headwater.folder / "contract.json").write_text(json.dumps({**contract, "max_reject_ratio": 0.25}))
    receipt = told(headwater, "publish", upload["id"], "cli_people", "--contract", "contract.json", "--description", "Some people")
    assert (receipt["balanced"], receipt["records_in"], receipt["published_rows"], receipt["rejected_records"]) == (True, 6, 4, 1)
    dataset = told(headwater, "datasets", "show", "cli_people")
    assert (dataset["description"], dataset["columns"][3]["name"]) == ("Some people", "cost")
    answer = told(headwater, "query", "SELECT id, cost, note FROM cli_people WHERE zip <> ? AND id < ? ORDER BY id", "-p", "00001", "-p", "10")
    assert answer["rows"] == [["1", "1.50", ""], ["2", "22.75", None]]
    file = told(headwater, "download", answer["query"]["id"], "-o", "people.parquet")
    table = pq.read_table(headwater.folder / "people.parquet")
    assert (table.num_rows, table.column_names, file["bytes"]) == (2, ["id", "cost", "note"], (headwater.folder / "people.parquet").stat().st_size)
    (reject,) = told(headwater, "rejects", "cli_people")["items"]
    assert (reject["line"], reject["code"]) == (5, "too_many_fields")
    appended = told(headwater, "publish", upload["id"], "cli_people", "--mode", "append", "--contract", "contract.json")
    assert (appended["version"], appended["rows_before"], appended["catalog_rows"]) == (2, 4, 8)
    assert told(headwater, "datasets", "restore", "cli_people", "1")["rows"] == 4
    assert told(headwater, "datasets", "drop", "cli_people", "--yes")["state"] == "succeeded"


def test_the_whole_way_by_people(headwater: Call) -> None:
    """One command brings a file to a table and shows that nothing was lost; NULL, the text NULL and no text look different."""
    (headwater.folder / "people.csv").write_text(PEOPLE)
    loaded = headwater("load", "people.csv", "cli_load", "--max-reject-ratio", "0.25")
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.startswith("cli_load, version 1: every record is accounted for\n6 records in = 4 rows published + 1 header + 1 rejected\n")
    assert "next: headwater query" in loaded.stderr
    shown = headwater("query", "SELECT note, price FROM cli_load ORDER BY id")
    assert [line.split() for line in shown.stdout.splitlines()[2:]] == [["1.50"], ["NULL", "22.75"], ['"NULL"', "NULL"], ["two\\nlines", "0.01"]]
    assert shown.stderr.startswith("4 rows, ")
    exact = headwater("query", "SELECT note, price FROM cli_load ORDER BY id", "--format", "csv", "--quiet")
    assert exact.stdout == '"note","price"\n"","1.50"\n,"22.75"\n"NULL",\n"two\nlines","0.01"\n'
    assert (loaded.stdout + shown.stdout).isprintable() is False
    assert "\x1b" not in loaded.stdout + loaded.stderr + shown.stdout + shown.stderr


def test_a_saved_query_is_run_by_its_name(headwater: Call) -> None:
    """It is kept as it was written, replaced only when asked, runs with the values of its marks into any shape, and is gone when removed."""
    kept = told(headwater, "saved", "save", "cli_twice", "SELECT 2 * ? AS twice", "--description", "Twice")
    assert (kept["name"], kept["sql"], kept["description"]) == ("cli_twice", "SELECT 2 * ? AS twice", "Twice")
    assert [one["id"] for one in told(headwater, "saved", "--search", "CLI_TW")["items"]] == [kept["id"]]
    assert told(headwater, "saved", "run", "cli_twice", "-p", "21")["rows"] == [[42]]
    taken = headwater("saved", "save", "cli_twice", "SELECT 3 * ? AS thrice")
    assert (taken.returncode, told(headwater, "saved", "show", "cli_twice")) == (1, kept)
    assert "saved_query_exists" in taken.stderr
    replaced = headwater("saved", "save", "cli_twice", "--replace", stdin=b"SELECT 3 * ? AS thrice")
    assert (replaced.returncode, replaced.stdout) == (0, "cli_twice is saved\n")
    assert headwater("saved", "run", "cli_twice", "-p", "2", "-F", "csv").stdout == '"thrice"\n"6"\n'
    asked = headwater("saved", "remove", "cli_twice")
    assert (asked.returncode, "--yes is missing" in asked.stderr) == (2, True)
    assert told(headwater, "saved", "remove", "cli_twice", "--yes") == {"removed": "cli_twice"}
    gone = headwater("saved", "run", "cli_twice")
    assert (gone.returncode, "There is no saved query cli_twice" in gone.stderr) == (1, True)


def test_a_statement_is_weighed_before_it_runs(headwater: Call) -> None:
    """The bound, its kind and the columns; what can't run is refused as when it runs; nothing is put into the history."""
    (headwater.folder / "n.csv").write_text("n,word\n" + "".join(f"{n},w{n}\n" for n in range(1000)))
    told(headwater, "load", "n.csv", "cli_weighed")
    bound = told(headwater, "estimate", "SELECT max(n) /* weighed */ FROM cli_weighed WHERE n > ?", "-p", "5")
    assert (bound["tables"], bound["columns"], bound["bound_kind"]) == (
        ["headwater.cli_weighed"],
        ["headwater.cli_weighed.n"],
        "exact_scan",
    )
    assert bound["bytes_bound"] > 0
    assert told(headwater, "queries", "--search", "weighed */")["items"] == []
    refused = headwater("estimate", "DROP TABLE cli_weighed")
    assert (refused.returncode, "statement_not_allowed" in refused.stderr) == (1, True)


def test_the_catalog_says_what_sql_can_name(headwater: Call) -> None:
    """The databases, the tables of one, and a table's columns, whether its database is named or not."""
    (headwater.folder / "n.csv").write_text("n,word\n1,a\n2,b\n")
    told(headwater, "load", "n.csv", "cli_listed")
    assert "headwater" in [one["name"] for one in told(headwater, "catalog")["items"]]
    assert told(headwater, "catalog", "databases") == told(headwater, "catalog")
    (listed,) = told(headwater, "catalog", "tables", "--search", "cli_listed")["items"]
    assert (listed["dataset"], listed["rows"]) == ("cli_listed", 2)
    assert told(headwater, "catalog", "columns", "cli_listed") == told(headwater, "catalog", "columns", "headwater.cli_listed")
    shown = headwater("catalog", "columns", "cli_listed").stdout.splitlines()
    assert [line.split() for line in shown[3:]] == [["n", "bigint", "n"], ["word", "string", "word"]]
    assert headwater("catalog", "columns", "nowhere.cli_listed").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("query", "SELECT nam FROM nowhere"), 1, "table_not_found"),
        (("datasets", "show", "nothing_here"), 1, "dataset_not_found"),
        (("query", "SELECT 1", "--max-bytes", "much"), 2, "'much' is not a size"),
        (("qurey",), 2, "Did you mean 'query'?"),
        (("download", "last", "-o", "what.ever"), 2, "what.ever does not say which format it has"),
        (("query", "SELECT 1", "--url", "http://127.0.0.1:1"), 3, "Is it running?"),
        (("query", "SELECT 1 / (x - 1) FROM UNNEST(sequence(1, 3)) AS t(x)"), 4, "division_by_zero"),
        (("upload", "not_there.csv"), 5, "not_there.csv: No such file or directory"),
    ],
)
def test_every_end_has_its_code(headwater: Call, arguments: tuple[str, ...], code: int, said: str) -> None:
    """The exit code says who has to do something; the sentence says what."""
    ended = headwater(*arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr


def test_a_problem_is_a_document_too(headwater: Call) -> None:
    """With --json a failure is one document on stdout as well: the server's problem."""
    ended = headwater("receipt", "nothing_here", "--json")
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["error"]["code"] == "dataset_not_found"


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_query_is_cancelled(headwater: Call, client: Client, sign: signal.Signals) -> None:
    """Ctrl-C, or the end of a session, stops the query within two seconds and ends with 130."""
    mark = f"-- {sign.name} {time.monotonic_ns()}"
    running = headwater.start("query", f"{ENDLESS} {mark}")
    query = until(lambda: next(client.queries.list(states=["running"], search=mark), None), timeout_s=30, what="the query runs")
    running.send_signal(sign)
    asked = time.monotonic()
    ended = until(lambda: client.queries.get(query["id"])["state"] == "cancelled" or None, timeout_s=10, what="it is cancelled")
    assert ended
    assert time.monotonic() - asked < 2
    assert running.wait(10) == 130
    assert b"the query is cancelled" in running.communicate()[1]


def test_a_stream_is_a_file(headwater: Call, client: Client) -> None:
    """What is piped in arrives; a statement is read from standard input as well."""
    sent = headwater("upload", "-", "--filename", "piped.csv", "--json", stdin=PEOPLE.encode())
    assert client.profile(json.loads(sent.stdout)["id"])["records"] == 4
    assert headwater("query", "-F", "csv", stdin=b"SELECT 'x' AS y").stdout == '"y"\n"x"\n'


def test_a_token_is_never_said(headwater: Call) -> None:
    """The token is in no output, no file that is kept, and no argument."""
    hush = "hush-4711"
    call = Call(headwater.folder, {**headwater.environment, "HEADWATER_TOKEN": hush})
    (call.folder / "people.csv").write_text(PEOPLE)
    ended = [
        call("upload", "people.csv"),
        call("datasets", "show", "nothing_here", "--json"),
        call("version", url="http://127.0.0.1:1"),
        call("--help"),
    ]
    kept = b"".join(path.read_bytes() for path in (call.folder / "state").rglob("*") if path.is_file())
    assert not any(hush in one.stdout + one.stderr for one in ended)
    assert hush.encode() not in kept
    assert call("query", "SELECT 1", "--token", hush).returncode == 2


def test_a_terminal_gets_colour_and_a_bar(headwater: Call) -> None:
    """On a terminal progress is a bar; with NO_COLOR nothing is coloured."""
    (headwater.folder / "people.csv").write_text(PEOPLE)
    assert "\x1b[" in _on_terminal(headwater, "upload", "people.csv")
    plain = _on_terminal(Call(headwater.folder, {**headwater.environment, "NO_COLOR": "1"}), "uploads", "--limit", "1")
    assert "people.csv" in plain
    assert "\x1b[3" not in plain


def _on_terminal(headwater: Call, *arguments: str) -> str:
    own, other = pty.openpty()
    started = headwater.start(*arguments, stdin=other, stdout=other, stderr=other)
    os.close(other)
    shown = b""
    while True:
        try:
            data = os.read(own, 65536)
        except OSError:
            break
        shown += data
    os.close(own)
    assert started.wait(10) == 0, shown
    return shown.decode()
