"""The api as real processes, and beside it, in the test's process, the worker and the query service that do its jobs one by one."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import redis
from sqlalchemy import select

from services.api.deps import Services, make_services
from services.query.deps import QueryService
from services.query.engines.duckdb import DuckDbEngine
from services.query.export_step import export_step
from services.query.step import query_step
from services.query.watcher import Watcher
from services.shared.clock import utc_now
from services.shared.heartbeats import Heartbeats
from services.shared.jobs.model import Job, Kind
from services.shared.jobs.run import Runner, Step
from services.shared.records.tables import jobs, outbox
from services.shared.settings import Settings
from services.shared.wiring import ensure_databases, make_adapters
from services.worker.classify import classify
from services.worker.deps import Worker
from services.worker.drop import drop_step
from services.worker.profile.step import profile_step
from services.worker.publish.step import publish_step
from tests.api.uploads.server import Server

_MOST_STEPS = 200


class House:
    """One home: its api answers over HTTP, its jobs run when the test says so."""

    def __init__(self, home: Path, *, redis_url: str, workers: int = 2, **settings: Any) -> None:
        said = {name: json.dumps(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        self.server = Server(home, workers=workers, redis_url=redis_url, **said)
        self.settings = Settings(home=home, redis_url=redis_url, min_free_bytes=0, **settings)
        self.services: Services = make_services(self.settings)
        self._adapters = make_adapters(self.settings, classify=classify)
        ensure_databases(self._adapters.catalog, self.settings)
        self.runner = Runner(self.services.jobs, self.services.outbox, self.services.board, self.settings)
        self._worker = self._make_worker()
        self._query = self._make_query()
        self.http = self.server.http

    def start(self) -> House:
        """Start the api."""
        self.server.start()
        return self

    def close(self) -> None:
        """Stop the api and leave nothing open."""
        self.server.close()
        self.services.close()
        self._adapters.database.close()
        self._worker.redis.close()

    def upload(self, data: bytes, filename: str = "orders.csv") -> dict[str, Any]:
        """Send a file in one request."""
        answer = self.http.post("/v1/uploads", params={"filename": filename}, content=data)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def profiled(self, data: bytes, filename: str = "orders.csv") -> dict[str, Any]:
        """Send a file, profile it, and return the upload."""
        upload = self.upload(data, filename)
        self.work()
        return dict(self.get(f"/v1/uploads/{upload['id']}"))

    def publish(self, upload_id: str, name: str, **request: Any) -> dict[str, Any]:
        """Publish an upload and return the job at its end."""
        answer = self.http.post("/v1/datasets", json={"upload_id": upload_id, "name": name, **request})
        assert answer.status_code == 202, answer.text
        self.work()
        return dict(self.get(answer.headers["Location"]))

    def query(self, sql: str, **request: Any) -> dict[str, Any]:
        """Run a query and return it at its end."""
        answer = self.http.post("/v1/queries", json={"sql": sql, **request})
        assert answer.status_code == 202, answer.text
        self.work()
        return dict(self.get(answer.headers["Location"]))

    def get(self, path: str, **options: Any) -> Any:
        """GET a document that is there."""
        answer = self.http.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def work(self) -> None:
        """Do every job that is queued, one step after the other, until none is left that could go on now."""
        for _ in range(_MOST_STEPS):
            due = self._due()
            if due is None:
                return
            self.runner.execute(due[0], self._step(due[1]))
        raise AssertionError(f"jobs still go on after {_MOST_STEPS} steps")

    def claim(self, job_id: str) -> Job:
        """Take a job as a worker would, and do nothing about it."""
        job = self.services.jobs.claim(job_id)
        assert job is not None, f"{job_id} can't be claimed"
        return job

    def _due(self) -> tuple[str, Kind] | None:
        statement = (
            select(outbox.c.job_id, jobs.c.kind)
            .join(jobs, jobs.c.id == outbox.c.job_id)
            .where((jobs.c.not_before.is_(None)) | (jobs.c.not_before <= utc_now()))
            .order_by(outbox.c.job_id)
        )
        with self.services.database.read() as tx:
            row = tx.execute(statement).first()
        return None if row is None else (row.job_id, Kind(row.kind))

    def _step(self, kind: Kind) -> Step:
        match kind:
            case Kind.PROFILE:
                return partial(profile_step, self._worker)
            case Kind.PUBLISH:
                return partial(publish_step, self._worker)
            case Kind.DROP:
                return partial(drop_step, self._worker)
            case Kind.QUERY:
                return partial(query_step, self._query)
            case Kind.EXPORT:
                return partial(export_step, self._query)

    def _make_worker(self) -> Worker:
        made = self._adapters
        return Worker(
            settings=self.settings,
            database=made.database,
            storage=made.storage,
            parts=made.parts,
            catalog=made.catalog,
            jobs=self.services.jobs,
            outbox=self.services.outbox,
            runner=self.runner,
            engine=made.engine,
            redis=redis.Redis.from_url(self.settings.redis_url or ""),
            heartbeats=Heartbeats(self.settings),
        )

    def _make_query(self) -> QueryService:
        made = self._adapters
        engine = DuckDbEngine(made.catalog, made.storage.engine_location, self.settings.home / "spill")
        return QueryService(self.settings, made.database, made.storage, made.catalog, engine, self.runner, Watcher(engine))


def code(answer: httpx.Response) -> tuple[int, str]:
    """Return an answer's status and the word of its problem, once it is one in form."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"/docs/problems#{problem['code']}"
    assert problem["detail"]
    return answer.status_code, problem["code"]
