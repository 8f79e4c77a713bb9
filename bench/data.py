"""Make CSV files to measure with: `python -m bench.data narrow 1000 --to DIR` writes about 1000 MB of the kind `narrow`.

narrow       20 columns of mixed types, with nulls, quotes, commas and line breaks in cells
wide         500 columns, numbers mostly
adversarial  quoted fields that hold up to 60,000 lines which look like CSV
A file depends on its kind, size and seed alone. A pool of records is made once and written over and over in shuffled order, each
record under an id of its own, so a gigabyte takes seconds.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MEGABYTE = 1_000_000
POOL_RECORDS = {"narrow": 20_000, "wide": 400, "adversarial": 150}
WIDE_COLUMNS = 500
MAX_CELL_LINES = 60_000
WORDS = [
    "river",
    "harbour",
    "ledger",
    "quantity",
    "north",
    "signal",
    "amber,",
    "copper",
    "market",
    '"bright"',
    "winter",
    "mirror",
    "café",
    "naïve",
    "Zürich",
    "東京",
    "meadow",
]
CITIES = ["Lisbon", "São Paulo", "Kraków", "Reykjavík", "Nairobi", "Ōsaka", "Windhoek", "San José", "Galway", "Tromsø"]
NARROW_HEADER = (
    "id,uuid,created_at,updated,day,customer_code,zip,country,city,amount,price,quantity,ratio,score,active,email,comment,note,sku,checksum"
)


def quoted(text: str) -> str:
    """Return a cell as RFC 4180 writes it."""
    return '"' + text.replace('"', '""') + '"' if any(char in text for char in ',"\n\r') else text


def narrow_record(rng: random.Random) -> str:
    """Return 19 cells; the id comes before them."""
    second = rng.randrange(86_400)
    day = f"20{rng.randrange(10, 26)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    comment = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(2, 12)))
    if rng.random() < 0.05:
        comment += "\nsecond line, " + rng.choice(WORDS)
    cells = [
        f"{rng.getrandbits(128):032x}",
        f"{day}T{clock}.{rng.randrange(1000):03}",
        "" if rng.random() < 0.2 else f"{day} {clock}",
        day,
        f"{rng.randrange(100_000):06}",
        f"{rng.randrange(100_000):05}",
        rng.choice(["DE", "FR", "NA", "PT", "US", "JP", "BR"]),
        rng.choice(CITIES),
        f"{rng.uniform(-1e5, 1e6):.2f}",
        "" if rng.random() < 0.1 else f"{rng.uniform(0, 500):.4f}",
        str(rng.randrange(1000)),
        repr(rng.random()),
        "" if rng.random() < 0.5 else f"{rng.gauss(0, 1):.6e}",
        rng.choice(["true", "false"]),
        f"user{rng.randrange(1_000_000)}@example.org",
        comment,
        '""' if rng.random() < 0.3 else "",
        f"SKU-{rng.randrange(5000):04}",
        str(rng.getrandbits(62)),
    ]
    return ",".join(cell if cell == '""' else quoted(cell) for cell in cells)


def wide_record(rng: random.Random) -> str:
    """Return 499 cells: integers, decimals, flags, a few words, some nulls."""
    kinds: list[Callable[[], str]] = [
        lambda: str(rng.randrange(10_000)),
        lambda: f"{rng.uniform(0, 1):.5f}",
        lambda: rng.choice("01"),
        lambda: "",
        lambda: rng.choice(CITIES),
    ]
    return ",".join(kinds[column % 5]() for column in range(WIDE_COLUMNS - 1))


def adversarial_record(rng: random.Random) -> str:
    """Return 3 cells, one of which holds lines that look like records of another file."""
    lines = int(MAX_CELL_LINES ** rng.random())
    line = f'{rng.randrange(1000)},north,12.5,"quoted, text",2024-01-01'
    body = "\n".join([line] * lines)
    return f"{rng.choice(CITIES)},{quoted(body)},{rng.randrange(1000)}"


def records(kind: str, seed: int) -> Iterator[bytes]:
    """Yield the header, then records for ever."""
    rng = random.Random(f"{kind}/{seed}")
    header, make = {
        "narrow": (NARROW_HEADER, narrow_record),
        "wide": (",".join(["id", *(f"c{column:03}" for column in range(1, WIDE_COLUMNS))]), wide_record),
        "adversarial": ("id,city,body,count", adversarial_record),
    }[kind]
    yield f"{header}\n".encode()
    pool = [f",{make(rng)}\n".encode() for _ in range(POOL_RECORDS[kind])]
    number = 0
    while True:
        rng.shuffle(pool)
        for record in pool:
            yield b"%d%b" % (number, record)
            number += 1


def write(kind: str, megabytes: float, *, to: Path, seed: int = 1) -> Path:
    """Write a file of at least that size and return its path."""
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"{kind}-{megabytes:g}.csv"
    wanted, written = int(megabytes * MEGABYTE), 0
    with path.open("wb", buffering=8 << 20) as out:
        for record in records(kind, seed):
            written += out.write(record)
            if written >= wanted:
                return path
    return path


def main() -> None:
    """Write the file that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(POOL_RECORDS))
    parser.add_argument("megabytes", type=float)
    parser.add_argument("--to", type=Path, default=Path("bench/files"))
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    begun = time.monotonic()
    path = write(args.kind, args.megabytes, to=args.to, seed=args.seed)
    print(f"{path}  {path.stat().st_size / MEGABYTE:.1f} MB  {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
