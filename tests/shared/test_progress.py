"""What a job shows of its progress."""

from __future__ import annotations

from services.api.schemas.jobs import Progress
from services.shared.jobs.run import Rate


def test_progress_never_passes_its_end() -> None:
    """Work that turns out to be more than was said is shown as done, never as less than nothing to do."""
    rate, known = Rate(None), dict[str, float | None]()
    for done in (10, 50, 100, 150, 400):
        known |= rate.measure(done, 100, done, known)
        assert (Progress.model_validate(known).bytes_done or 0) <= 100
    assert (known["percent"], known["eta_seconds"]) == (100.0, 0.0)
