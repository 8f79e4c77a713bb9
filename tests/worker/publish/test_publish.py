"""A publish makes exactly the table of its contract, proves it, and is seen all at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.shared.jobs.model import State
from tests.worker.publish.house import House, open_house

EVERY_TYPE = b"""id,big,price,share,flag,day,at,zoned,code,word
1,9223372036854775807,1.50,1e3,true,2020-01-01,2020-01-01 10:00:00.123,2020-01-01T10:00:00+02:00,007,"a ""b"", c"
2,-9223372036854775808,-0.05,-2.5e-3,FALSE,0001-01-01,1999-12-31 23:59:59,2020-01-01T10:00:00Z,008,""
3,,,NaN,,,,,,
4,0,12.00,1.5,true,9999-12-31,2020-01-01T00:00:00.5,2020-06-01T00:00:00-05:30,1.,"line
break"
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as opened:
        yield opened


def test_every_type_arrives_as_it_was_written(house: House) -> None:
    """A value of each type, the extremes, NULL and the empty text are in the table what they were in the file."""
    upload_id = house.upload(EVERY_TYPE)

    job = house.publish(house.contract(upload_id, "every"))

    assert job.state is State.SUCCEEDED, job.error
    assert house.table_rows("every") == [
        (1, 2**63 - 1, Decimal("1.50"), 1000.0, True, date(2020, 1, 1), datetime(2020, 1, 1, 10, 0, 0, 123000), datetime(2020, 1, 1, 8), "007", 'a "b", c'),
    ]
