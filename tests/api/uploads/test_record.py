"""Each step of an upload's record is whole: nothing depends on what the process would do next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.api.deps import make_services
from services.api.uploads import record
from services.api.uploads.record import Actor, Announced
from services.shared.errors import UploadIncomplete
from services.shared.ids import new_id
from services.shared.principal import LOCAL
from services.shared.records.migrate import migrate
from services.shared.records.uploads import Upload, UploadState
from services.shared.settings import Settings
from services.shared.storage.port import Part
from tests.api.uploads.server import UNREACHABLE


@pytest.fixture
def actor(tmp_path: Path) -> Iterator[Actor]:
    services = make_services(Settings(home=tmp_path, redis_url=UNREACHABLE, min_free_bytes=0))
    migrate(services.database)
    yield Actor(services, LOCAL, "req_1")
    services.close()


def stored(actor: Actor, *, size: int | None, one_shot: bool = False) -> Upload:
    """Record an upload whose three bytes are stored."""
    upload = record.create(actor, Announced(new_id("upl"), "a.csv", size=size, one_shot=one_shot))
    return record.grow(actor, upload.id, [Part(0, 3, 0, upload.id, 0)])


def test_a_length_that_comes_after_the_last_byte_completes(actor: Actor) -> None:
    """The transaction that records it is the last that is needed: who asks where the upload stands would send nothing more."""
    upload = stored(actor, size=None)
    assert upload.state is UploadState.RECEIVING
    record.set_size(actor, upload, 3)
    found = record.get(actor, upload.id)
    assert (found.state, found.size) == (UploadState.COMPLETE, 3)
    assert found.profile_job_id is not None
    again = record.set_size(actor, found, 3)
    assert (again.state, again.profile_job_id) == (found.state, found.profile_job_id), "once more changes nothing"


@pytest.mark.parametrize(("size", "state"), [(3, UploadState.COMPLETE), (4, UploadState.FAILED)])
def test_a_connection_that_breaks_after_the_last_byte(actor: Actor, size: int, state: UploadState) -> None:
    """What is complete stays so when its request ends badly; what is not is failed."""
    upload = stored(actor, size=size, one_shot=True)
    record.give_up(actor, upload.id, UploadIncomplete())
    assert record.get(actor, upload.id).state is state
