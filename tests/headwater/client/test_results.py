"""Results of the client: every value as it was in the file, every byte once."""

from __future__ import annotations

import datetime as dt
import http.server
import threading
import urllib.request
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from headwater.client import CannotConnect, Client, Failed, Refused
from tests.headwater.conftest import Call
from tests.headwater.wire import Wire
from tests.stack import Stack

LARGE = """
SELECT a.x * 1000 + b.x AS number, 'a text of some length, to make it larger' AS text
FROM UNNEST(sequence(1, 100)) AS a(x) CROSS JOIN UNNEST(sequence(1, 1000)) AS b(x)
"""
SOURCE = {
    "id": pa.array([1, 2, 3, 9007199254740993, None], pa.int64()),
    "price": pa.array([Decimal("1.50"), Decimal("22.75"), None, Decimal("0.01"), Decimal("-3.10")], pa.decimal128(4, 2)),
    "born": pa.array([dt.date(1984, 2, 29), dt.date(1990, 3, 1), None, dt.date(1970, 1, 1), dt.date(2024, 12, 31)], pa.date32()),
    "seen": pa.array([dt.datetime(2024, 1, 1, 12, 30, 15, 250_000), None, *[dt.datetime(2000, 1, day) for day in (1, 2, 3)]], pa.timestamp("ms")),
    "ratio": pa.array([0.1, -1e300, None, 3.0, 5e-324], pa.float64()),
    "text": pa.array(['"quoted", and\ntwo lines', "", None, "02000", "Zoë 🌊"], pa.string()),
}


def as_csv(columns: dict[str, pa.Array]) -> str:
    """Write the columns as a CSV in which nothing is NULL and `""` the empty text."""

    def field(value: object) -> str:
        if value is None:
            return ""
        return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)

    rows = zip(*[column.to_pylist() for column in columns.values()], strict=True)
    return ",".join(columns) + "\n" + "".join(",".join(map(field, row)) + "\n" for row in rows)


@pytest.fixture(scope="module")
def people(product: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A table with every type, made by the client alone."""
    folder = tmp_path_factory.mktemp("people")
    (folder / "people.csv").write_text(as_csv(SOURCE))
    with pytest.MonkeyPatch.context() as patch, Client(product.url) as client:
        patch.setenv("XDG_STATE_HOME", str(folder))
        assert client.load(folder / "people.csv", "people_of_the_client")["balanced"]
    return "people_of_the_client"


def test_a_frame_is_the_file(client: Client, people: str) -> None:
    """What comes back as a DataFrame equals what the file was made of, type by type: no integer became a float, no decimal a binary one."""
    frame = client.query(f"SELECT * FROM {people} ORDER BY id NULLS LAST").to_pandas()
    pd.testing.assert_frame_equal(frame, pa.table(SOURCE).to_pandas(types_mapper=pd.ArrowDtype))


def test_rows_are_the_file_s_values(client: Client, people: str) -> None:
    """Rows that are iterated have Python's exact types."""
    result = client.query(f"SELECT * FROM {people} ORDER BY id NULLS LAST")
    assert list(result) == list(zip(*[column.to_pylist() for column in SOURCE.values()], strict=True))
    assert [column["name"] for column in result.columns] == list(SOURCE)


def test_parameters_are_values(client: Client, people: str) -> None:
    """A parameter is a value of its type, whatever its text."""
    (row,) = client.query(f"SELECT text FROM {people} WHERE text = ? AND id > ?", ["02000", 5])
    assert row == ("02000",)


def test_problems_are_exceptions(client: Client) -> None:
    """A statement that is refused, and one that fails later, raise what the server said."""
    with pytest.raises(Refused) as refused:
        client.query("SELECT nothing FROM nowhere")
    assert refused.value.code == "table_not_found"
    assert refused.value.problem is not None
    assert refused.value.problem["line"] == 1
    with pytest.raises(Failed) as failed:
        client.query("SELECT 1 / (x - 1) FROM UNNEST(sequence(1, 3)) AS t(x)")
    assert failed.value.code == "division_by_zero"


def test_a_broken_download_goes_on(headwater: Call, client: Client, connect: Callable[..., Client], wire: Wire, tmp_path: Path) -> None:
    """What arrived before a connection broke is not asked for again, not even by another process."""
    query_id = client.query(LARGE).query["id"]
    whole = urllib.request.urlopen(f"{client.url}/v1/queries/{query_id}/download").read()  # noqa: S310
    wire.cut_down(len(whole) // 2)
    with pytest.raises(CannotConnect):
        connect(wire.url, patience_s=0).result(query_id).download(tmp_path / "got.csv")
    (part,) = tmp_path.glob(".got.csv.*.part")
    kept, before = part.stat().st_size, wire.down
    assert 0 < kept < len(whole)
    ended = headwater("download", query_id, "-o", "got.csv", url=wire.url)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "got.csv").read_bytes() == whole
    assert wire.down - before <= len(whole) - kept + 200_000
    assert not list(tmp_path.glob(".got*"))


def test_one_call_survives_broken_downloads(connect: Callable[..., Client], wire: Wire, tmp_path: Path) -> None:
    """Within a call a broken connection is not even noticed, whatever the form."""
    client = connect(wire.url)
    result = client.query(LARGE)
    wire.cut_down(300_000, 2_000_000, 4_000_000)
    size = result.download(tmp_path / "got.csv")
    assert (tmp_path / "got.csv").stat().st_size == size > 4_000_000
    assert result.to_arrow().num_rows == 100_000


class _NoEvents(http.server.BaseHTTPRequestHandler):
    """A gateway as some houses have one: it answers for what it does not understand."""

    target = ""

    def do_GET(self) -> None:
        if self.path.endswith("/events"):
            self._answer(200, "text/html", b"<html>Not here.</html>")
        else:
            self._pass(None)

    def do_POST(self) -> None:
        self._pass(self.rfile.read(int(self.headers["Content-Length"])))

    def _pass(self, body: bytes | None) -> None:
        headers = {key: value for key, value in self.headers.items() if key.lower() in ("content-type", "idempotency-key")}
        with urllib.request.urlopen(urllib.request.Request(self.target + self.path, body, headers)) as answer:  # noqa: S310
            self._answer(answer.status, answer.headers["Content-Type"], answer.read())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(product: Stack) -> Iterator[str]:
    """The product behind a gateway that lets no events through."""
    handler = type("Handler", (_NoEvents,), {"target": product.url})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_without_events_it_asks(connect: Callable[..., Client], gateway: str) -> None:
    """Where events don't come through, a query is followed by asking."""
    assert list(connect(gateway).query("SELECT 42 AS answer")) == [(42,)]
