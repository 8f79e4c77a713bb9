"""A worker and a query service in one process, over real records, files and engines; the broker never answers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import redis
from sqlalchemy import insert, select, update

from services.query.deps import QueryService
from services.query.engines.duckdb import DuckDbEngine
from services.query.step import query_step
from services.query.watcher import Watcher
from services.shared.broker import make_app
from services.shared.catalog.embedded import Classify
from services.shared.clock import utc_now
from services.shared.heartbeats import Heartbeats
from services.shared.ids import new_id
from services.shared.jobs.model import Job, Kind, NewJob, State
from services.shared.jobs.run import Next, Run, Runner
from services.shared.jobs.store import JobStore
from services.shared.outbox import Outbox
from services.shared.principal import LOCAL
from services.shared.progress import ProgressBoard
from services.shared.publish_contract import ContractColumn, Mode, PublishContract
from services.shared.records import uploads
from services.shared.records.migrate import migrate
from services.shared.records.tables import dataset_versions, datasets, jobs, profiles
from services.shared.settings import Settings
from services.shared.storage.port import Part
from services.shared.wiring import ensure_databases, make_adapters
from services.worker.classify import classify
from services.worker.deps import Worker
from services.worker.drop import drop_step
from services.worker.profile.model import read_columns, read_head
from services.worker.profile.step import profile_step
from services.worker.publish.step import publish_step

NO_BROKER = "redis://127.0.0.1:1/0"


@dataclass
class House:
    """What tests publish with."""

    worker: Worker
    service: QueryService
    home: Path

    def upload(self, data: bytes, *, filename: str = "file.csv", null_values: list[str] | None = None) -> str:
        """Store a file as an upload that is complete, and profile it."""
        now = utc_now()
        with self.worker.database.write() as tx:
            upload = uploads.create(
                tx, uploads.NewUpload(id=new_id("upl"), filename=filename, expires_at=now, size=len(data)), principal=LOCAL, now=now
            )
            (self.home / "objects" / "raw" / upload.id).write_bytes(data)
            uploads.record_parts(tx, upload.id, [Part(0, len(data), zlib.crc32(data), upload.id, 0)], now=now)
            params = {"null_values": null_values} if null_values is not None else {}
            job = self.worker.jobs.submit(tx, NewJob(Kind.PROFILE, "upload", upload.id, params), principal=LOCAL)
        self.run(job.id)
        assert self.job(job.id).state is State.SUCCEEDED, self.job(job.id).error
        return upload.id

    def profile(self, upload_id: str) -> tuple[str, list[dict[str, Any]]]:
        """Return the newest profile's id and its columns."""
        with self.worker.database.read() as tx:
            row = tx.execute(select(profiles).where(profiles.c.upload_id == upload_id)).mappings().one()
        with self.worker.storage.open_read(row["key"]) as stream:
            head, _ = read_head(stream)
            stream.seek(0)
            return row["id"], list(read_columns(stream, 0, head["total_columns"]))

    def contract(
        self, upload_id: str, name: str, *, types: dict[str, str] | None = None, formats: dict[str, str] | None = None, **values: Any
    ) -> PublishContract:
        """Make a contract of the profile, some columns' types chosen."""
        profile_id, columns = self.profile(upload_id)
        dataset = self.dataset(name)
        chosen = tuple(
            ContractColumn(c["source_name"], c["position"], c["name"], (types or {}).get(c["name"], c["type"]), format=(formats or {}).get(c["name"]))
            for c in columns
        )
        version = dataset["version"] if dataset else None
        made = PublishContract(
            dataset_id=dataset["id"] if dataset else new_id("dst"),
            name=name,
            database=self.worker.settings.database,
            mode=Mode.CREATE if dataset is None else Mode.REPLACE,
            version=(version or 0) + 1,
            expected_version=version,
            upload_id=upload_id,
            profile_id=profile_id,
            columns=chosen,
        )
        return replace(made, **values)

    def submit(self, contract: PublishContract) -> str:
        """Take the dataset's name and queue the publish, as the api does."""
        now, job_id = utc_now(), new_id("job")
        with self.worker.database.write() as tx:
            if tx.execute(select(datasets.c.id).where(datasets.c.id == contract.dataset_id)).first() is None:
                tx.execute(
                    insert(datasets).values(
                        id=contract.dataset_id, workspace=LOCAL.workspace, owner=LOCAL.owner, created_at=now, name=contract.name,
                        live_name=f"{LOCAL.workspace}/{contract.name}", database=contract.database, description="", format="parquet",
                        state="creating", updated_at=now,
                    )
                )  # fmt: skip
            tx.execute(update(datasets).where(datasets.c.id == contract.dataset_id).values(busy_job_id=job_id, last_job_id=job_id))
            self.worker.jobs.submit(tx, NewJob(Kind.PUBLISH, "dataset", contract.dataset_id, contract.to_json(), id=job_id), principal=LOCAL)
        return job_id

    def publish(self, contract: PublishContract) -> Job:
        """Submit and run to the end."""
        job_id = self.submit(contract)
        self.run(job_id)
        return self.job(job_id)

    def drop(self, name: str) -> Job:
        """Drop a dataset as the api and the worker do."""
        dataset = self.dataset(name)
        assert dataset is not None
        job_id = new_id("job")
        with self.worker.database.write() as tx:
            tx.execute(update(datasets).where(datasets.c.id == dataset["id"]).values(busy_job_id=job_id, state="dropping"))
            self.worker.jobs.submit(tx, NewJob(Kind.DROP, "dataset", dataset["id"], {}, id=job_id), principal=LOCAL)
        self.run(job_id)
        return self.job(job_id)

    def run(self, job_id: str) -> None:
        """Take steps, this job's and those of the queries it waits for, until it has ended."""
        for _ in range(200):
            job = self.job(job_id)
            if job.finished:
                return
            self.step(job.waits_on or job_id)
        raise AssertionError(f"{job_id} does not end: {self.job(job_id)}")

    def step(self, job_id: str, *, disturb: Callable[[Run], None] = lambda _: None) -> None:
        """Take one step of a job, as its Celery task does; `disturb` gets at the run first."""
        kind = self.job(job_id).kind
        steps: dict[Kind, Callable[[Run], Next | None]] = {
            Kind.PROFILE: partial(profile_step, self.worker),
            Kind.PUBLISH: partial(publish_step, self.worker),
            Kind.DROP: partial(drop_step, self.worker),
            Kind.QUERY: partial(query_step, self.service),
        }

        def disturbed(run: Run) -> Next | None:
            disturb(run)
            return steps[kind](run)

        (self.service.runner if kind is Kind.QUERY else self.worker.runner).execute(job_id, disturbed)

    def lose(self, job_id: str) -> None:
        """Let the lease of a running job run out, and the reconciler see it."""
        with self.worker.database.write() as tx:
            tx.execute(update(jobs).where(jobs.c.id == job_id).values(lease_until=utc_now() - timedelta(seconds=1)))
        self.worker.jobs.take_over_lost()

    def job(self, job_id: str) -> Job:
        return self.worker.jobs.get(job_id)

    def dataset(self, name: str) -> dict[str, Any] | None:
        """Return the live dataset of this name."""
        with self.worker.database.read() as tx:
            row = tx.execute(select(datasets).where(datasets.c.live_name == f"{LOCAL.workspace}/{name}")).mappings().first()
        return dict(row) if row else None

    def version(self, name: str, version: int) -> dict[str, Any]:
        dataset = self.dataset(name)
        assert dataset is not None
        with self.worker.database.read() as tx:
            where = (dataset_versions.c.dataset_id == dataset["id"], dataset_versions.c.version == version)
            return dict(tx.execute(select(dataset_versions).where(*where)).mappings().one())

    def table_rows(self, name: str) -> list[tuple[Any, ...]]:
        """Read the user's table straight from its files, by an engine of the test's own."""
        table = self.worker.catalog.find_table(self.worker.settings.database, name)
        assert table is not None
        folder = self.worker.storage.engine_location(table.location)
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        with duckdb.connect() as connection:
            found: list[tuple[Any, ...]] = connection.execute(f"SELECT {columns} FROM read_parquet('{folder}/*.parquet')").fetchall()
        return found

    def keys(self, prefix: str) -> list[str]:
        return [info.key for info in self.worker.storage.list(prefix)]


@contextmanager
def open_house(home: Path, *, classifier: Classify = classify, **values: Any) -> Iterator[House]:
    """Make a house in an empty folder."""
    settings = Settings(home=home, redis_url=NO_BROKER, **values)
    adapters = make_adapters(settings, classify=classifier)
    migrate(adapters.database)
    ensure_databases(adapters.catalog, settings)
    store = JobStore(adapters.database, settings)
    outbox = Outbox(adapters.database, make_app("test", settings.model_copy(update={"redis_url": "memory://"}), patient=False), settings)
    runner = Runner(store, outbox, ProgressBoard(settings), settings)
    worker = Worker(
        settings=settings, database=adapters.database, storage=adapters.storage, parts=adapters.parts, catalog=adapters.catalog,
        jobs=store, outbox=outbox, runner=runner, engine=adapters.engine, redis=redis.Redis.from_url(NO_BROKER),
        heartbeats=Heartbeats(settings),
    )  # fmt: skip
    engine = DuckDbEngine(adapters.catalog, adapters.storage.engine_location, home / "spill")
    service = QueryService(settings, adapters.database, adapters.storage, adapters.catalog, engine, runner, Watcher(engine))
    try:
        yield House(worker, service, home)
    finally:
        outbox.close()
        adapters.database.close()
