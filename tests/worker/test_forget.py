"""What queries leave is freed once nobody needs it, and never before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from services.shared.ids import new_id
from services.shared.jobs.model import Kind, NewJob, State
from services.shared.jobs.run import Run
from services.shared.principal import LOCAL
from services.shared.records.tables import queries
from services.worker.forget import free_results, sweep_results
from tests.worker.publish.house import House, open_house


class DiedError(BaseException):
    """The process is gone; nothing that it had in mind is done."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, retain_results_s=3600) as opened:
        yield opened


def ask(house: House, sql: str) -> str:
    query_id = new_id("qry")
    with house.worker.database.write() as tx:
        new = NewJob(kind=Kind.QUERY, resource_type="query", resource_id=query_id, params={}, id=query_id)
        house.worker.jobs.submit(tx, new, principal=LOCAL)
        own = {"id": query_id, "workspace": LOCAL.workspace, "owner": LOCAL.owner, "origin": "user"}
        tx.execute(insert(queries).values(**own, sql=sql, database="headwater", engine="duckdb"))
    return query_id


def die_before_the_record(run: Run) -> None:
    def succeed(*_: object, **__: object) -> None:
        raise DiedError

    run.succeed = succeed  # type: ignore[method-assign]


def test_the_result_of_an_attempt_that_died_is_swept(house: House) -> None:
    """A result that was written and never recorded goes once its query is over, and the one that was recorded stays."""
    query_id = ask(house, "SELECT 1 AS a")
    with pytest.raises(DiedError):
        house.step(query_id, disturb=die_before_the_record)
    first = f"ws/default/results/{query_id}/a1/"
    assert house.keys(first)
    assert sweep_results(house.worker) == 0
    house.lose(query_id)
    house.step(query_id)
    assert house.job(query_id).state is State.SUCCEEDED

    assert sweep_results(house.worker) == 1

    assert house.keys(first) == []
    assert house.keys(f"ws/default/results/{query_id}/a2/")
    assert (sweep_results(house.worker), free_results(house.worker)) == (0, 0)
