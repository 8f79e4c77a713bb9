"""One task of a profile job: the preview first, then the profile, following the upload from checkpoint to checkpoint.

A task ends when its slice of time is over or when there is nothing to read: then the job waits for bytes in the records and holds
no worker. A checkpoint names an object with the merged statistics, and the rejects found so far.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, BinaryIO, Final

import orjson
from sqlalchemy import insert

from services.shared.clock import utc_now
from services.shared.errors import EmptyFile, restored
from services.shared.ids import new_id
from services.shared.jobs.model import Wait
from services.shared.jobs.run import Next, Run
from services.shared.keys import attempt_prefix, preview_key, profile_prefix, work_prefix
from services.shared.records import uploads
from services.shared.records.tables import profiles
from services.shared.records.uploads import Upload, UploadState
from services.shared.storage.port import Part
from services.worker.csv.blocks import Reject
from services.worker.csv.decode import DecodeLimits
from services.worker.csv.reader import preview
from services.worker.csv.reading import Limits
from services.worker.deps import Worker
from services.worker.profile.model import Profile, head, to_json
from services.worker.profile.provisional import provisional_types
from services.worker.profile.run import HEAD_BYTES, ProfileRun, ProfileSettings
from services.worker.rejects import RejectPieces, join_rejects

PREVIEW_ROWS: Final = 1_000
PROFILE: Final = "profile.jsonl"
_SAVE_EVERY_S: Final = 10.0


def profile_step(worker: Worker, run: Run) -> Next | None:
    """Go on with a profile job; None when it has ended."""
    upload, parts = _look(worker, run)
    enough = upload.state is UploadState.COMPLETE or upload.offset >= HEAD_BYTES
    if not enough:
        return _waiting(upload.id, HEAD_BYTES)
    profiling = _Profiling(worker, run)
    profiling.make_preview(upload, parts)
    return profiling.go_on(upload, parts)


class _Profiling:
    def __init__(self, worker: Worker, run: Run) -> None:
        self._worker = worker
        self._run = run
        self._checkpoint: dict[str, Any] = dict(run.job.checkpoint or {})
        self._settings = ProfileSettings.from_json(run.job.params)
        self._prefix = attempt_prefix(run.job.workspace, run.job.id, run.job.attempt)
        self._rejects = RejectPieces(worker.storage, self._prefix, self._checkpoint.get("rejects", ()))
        self._profile = self._restored()
        self._saves = 0

    def make_preview(self, upload: Upload, parts: list[Part]) -> None:
        """Store the first rows, once, from the first 256 KiB."""
        if "preview_key" in self._checkpoint:
            return
        self._run.report(phase="previewing", bytes_done=0, bytes_total=upload.size)
        with self._worker.parts.open(parts) as stream:
            first = stream.read(HEAD_BYTES)
        if not first:
            raise EmptyFile("The file has no bytes.")
        whole = upload.state is UploadState.COMPLETE and upload.offset == len(first)
        found = preview(first, whole=whole, override=self._settings.dialect, rows=PREVIEW_ROWS)
        types = provisional_types(found.rows) or ["string"] * len(found.source_names)
        document = {
            "dialect": found.dialect.shown(),
            "columns": [
                {"position": position, "source_name": name, "type": kind}
                for position, (name, kind) in enumerate(zip(found.source_names, types, strict=True))
            ],
            "rows": found.rows,
            "complete": upload.state is UploadState.COMPLETE,
            "offset": len(first),
        }
        key = preview_key(self._run.job.workspace, self._run.job.id)
        with self._worker.storage.open_write(key) as target:
            target.write(orjson.dumps(document))
        self._checkpoint["preview_key"] = key
        self._run.save(self._checkpoint)

    def go_on(self, upload: Upload, parts: list[Part]) -> Next | None:
        """Read what there is, and what comes meanwhile, until the slice is over, the bytes are, or the file is."""
        ends_at = time.monotonic() + self._worker.settings.profile_slice_s
        try:
            while True:
                complete = upload.state is UploadState.COMPLETE
                if complete or not self._profile.reads_from_the_start:
                    self._read(upload, parts, ends_at=ends_at)
                if self._profile.done:
                    self._finish(upload)
                    return None
                if time.monotonic() >= ends_at:
                    self._save()
                    return Next("profiling")
                before = upload.offset
                upload, parts = _look(self._worker, self._run)
                if upload.state is UploadState.RECEIVING and upload.offset - before < self._worker.settings.profile_step_bytes:
                    self._save()
                    wanted = before + self._worker.settings.profile_step_bytes
                    return _waiting(upload.id, 1 << 62 if self._profile.reads_from_the_start else wanted)
        finally:
            self._rejects.abandon()

    def _read(self, upload: Upload, parts: list[Part], *, ends_at: float) -> None:
        sliced = not self._profile.reads_from_the_start
        save_at = time.monotonic() + _SAVE_EVERY_S
        total = upload.size

        def over() -> bool:
            return time.monotonic() >= (min(save_at, ends_at) if sliced else save_at)

        while not self._profile.done:
            with self._worker.parts.open(parts) as stream:

                def report(*, bytes_done: int, records_done: int, raw: BinaryIO = stream) -> None:
                    read = min(bytes_done, raw.tell())  # of a packed file more bytes come out than went in
                    self._run.report(bytes_done=read, bytes_total=total, records_done=records_done, phase="profiling")

                self._profile.advance(
                    stream,
                    available=upload.offset,
                    final=upload.state is UploadState.COMPLETE,
                    report=report,
                    rejects=self._keep,
                    stop=over if sliced else _never,
                )
            if not over() or time.monotonic() >= ends_at:
                return
            self._save()
            save_at = time.monotonic() + _SAVE_EVERY_S

    def _keep(self, rejects: Iterable[Reject]) -> None:
        self._rejects.add(rejects)

    def _save(self) -> None:
        self._saves += 1
        key = f"{self._prefix}state-{self._saves:06d}"
        with self._worker.storage.open_write(key) as target:
            target.write(self._profile.checkpoint())
        self._checkpoint |= {"state_key": key, "rejects": self._rejects.cut()}
        self._run.save(self._checkpoint)

    def _restored(self) -> ProfileRun:
        settings = self._worker.settings
        limits = Limits(max_record_bytes=settings.max_record_bytes, decode=DecodeLimits(max_decoded_bytes=settings.max_unpacked_bytes))
        if "state_key" not in self._checkpoint:
            return ProfileRun.start(self._settings, limits=limits)
        with self._worker.storage.open_read(self._checkpoint["state_key"]) as stream:
            return ProfileRun.restore(stream.read(), limits=limits)

    def _finish(self, upload: Upload) -> None:
        run, profile = self._run, self._profile.finish()
        self._run.report(phase="finishing", bytes_done=profile.bytes)
        profile_id = new_id("prf")
        prefix = profile_prefix(run.job.workspace, profile_id)
        with self._worker.storage.open_write(prefix + PROFILE) as target:
            target.write(to_json(profile))
        join_rejects(self._worker.storage, self._rejects.cut(), prefix)
        run.check(at_once=True)
        refused = self._record(upload, profile, profile_id, prefix)
        self._worker.storage.delete_prefix(work_prefix(run.job.workspace, run.job.id))
        if refused is not None:
            raise restored(refused)

    def _record(self, upload: Upload, profile: Profile, profile_id: str, prefix: str) -> dict[str, Any] | None:
        run = self._run
        with self._worker.database.write() as tx:
            checked = uploads.set_sha256(tx, upload.id, profile.sha256)
            if checked.state is UploadState.FAILED:
                return checked.error
            tx.execute(
                insert(profiles).values(
                    id=profile_id,
                    workspace=run.job.workspace,
                    owner=run.job.owner,
                    created_at=utc_now(),
                    upload_id=upload.id,
                    job_id=run.job.id,
                    settings=run.job.params,
                    key=prefix + PROFILE,
                    rejects_key=prefix,
                    head=head(profile),
                )
            )
            uploads.set_profile(tx, upload.id, profile_id)
            run.succeed(tx, {"profile_id": profile_id})
        return None


def _look(worker: Worker, run: Run) -> tuple[Upload, list[Part]]:
    with worker.database.read() as tx:
        upload = uploads.load_readable(tx, run.job.resource_id)
        parts = uploads.list_parts(tx, upload.id)
    if upload.state is UploadState.FAILED:
        raise restored(upload.error or {})
    return upload, parts


def _waiting(upload_id: str, for_bytes: int) -> Next:
    return Next("waiting_for_bytes", wait=Wait(upload_id, for_bytes))


def _never() -> bool:
    return False
