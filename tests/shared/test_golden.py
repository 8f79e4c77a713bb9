"""Golden homes tell of Headwater alone, not of the machine that made them."""

from __future__ import annotations

import re
import tarfile

import pytest

from tests.shared.golden_home import Golden, homes

ABSOLUTE = re.compile(r"(?<![\w.\-/}*<])/(?!v1/|docs/)[A-Za-z_][\w.\-]*/[^\s\"',]*")


def texts(golden: Golden) -> dict[str, str]:
    """Return all that is text in a golden home, by its name."""
    found = {name: (golden.folder / name).read_text() for name in ("facts.json", "records.sql")}
    with tarfile.open(golden.folder / "objects.tar.xz") as packed:
        for member in packed:
            stream = packed.extractfile(member)
            found |= {} if stream is None else {member.name: stream.read().decode("latin-1")}
    return found


@pytest.mark.parametrize("golden", homes(), ids=lambda golden: golden.folder.name)
def test_no_golden_home_has_an_absolute_path(golden: Golden) -> None:
    """Keys are relative, and the only addresses are the api's own; in bytes that are no text a folder of some depth counts."""
    for name, text in texts(golden).items():
        paths = [found for found in ABSOLUTE.findall(text) if found.isascii() and found.isprintable() and len(found) > 12]
        assert paths == [], name


def test_an_absolute_path_would_be_found() -> None:
    """The search finds folders of machines in records, quoted or not, and lets keys and addresses be."""
    assert ABSOLUTE.findall('\'{"key": "/home/someone/objects/raw"}\', /var/lib/headwater') == ["/home/someone/objects/raw", "/var/lib/headwater"]
    assert ABSOLUTE.findall('\'ws/default/work/job_1/a1/part-0.parquet\' "/v1/jobs/job_1" "/docs/problems#x" text/csv') == []
