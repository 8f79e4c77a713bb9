"""Changes of datasets: publish, restore, drop. Each takes the dataset and submits its job in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.api import profiles
from services.api.answers import Answer
from services.api.contracts import Policy, Profiled, make_contract, profiled_from
from services.api.datasets import find_dataset, live_name, load_dataset, load_version
from services.api.deps import Services
from services.api.jobs import accept
from services.api.names import check_table_name
from services.api.partitions import Room, check_partitions, keep_partitioning
from services.api.schemas.datasets import DatasetRequest
from services.api.storing import Wanted, decide_storing, storing_of
from services.shared.catalog.port import DATASET_PARAMETER
from services.shared.clock import utc_now
from services.shared.errors import (
    DatasetBusy,
    DatasetExists,
    DatasetNotFound,
    FieldError,
    InsufficientStorage,
    ProfileFailed,
    ProfileNotFound,
    ValidationFailed,
    VersionConflict,
    VersionNotFound,
)
from services.shared.ids import new_id
from services.shared.jobs.model import Kind, NewJob
from services.shared.partitioning import derived_names, parse_keys
from services.shared.principal import Principal
from services.shared.publish_contract import ContractColumn, Mode, OnMissing, OnReject, PublishContract
from services.shared.records import uploads
from services.shared.records.audit import note
from services.shared.records.tables import datasets
from services.shared.records.uploads import UploadState

Work = Callable[[Connection], Answer]


@dataclass(frozen=True)
class Publisher:
    """Who changes datasets, with what, in which request."""

    services: Services
    principal: Principal
    request_id: str

    def publish(self, request: DatasetRequest) -> Work:
        """Check what needs no transaction, and return the publish."""
        _check_request(request, self.services)
        profile = self._read_profile(request)

        def work(tx: Connection) -> Answer:
            row = self._dataset(tx, request)
            contract = self._contract(tx, request, row, profile)
            return self._submit(tx, Kind.PUBLISH, contract.dataset_id, contract.to_json())

        return work

    def restore(self, name: str, number: int) -> Work:
        """Return the publish that makes an old version's files current again."""

        def work(tx: Connection) -> Answer:
            row = load_dataset(tx, self.principal, name, lock=True)
            old = load_version(tx, row, number)
            storing = storing_of(old)
            if old["freed_at"] is not None:
                raise VersionNotFound(f"The files of version {number} of {name} are no longer kept.")
            contract = PublishContract(
                dataset_id=row["id"],
                name=name,
                database=row["database"],
                mode=Mode.RESTORE,
                version=(row["version"] or 0) + 1,
                expected_version=row["version"],
                format=storing.format,
                serde=storing.serde,
                partition_by=tuple(old["partition_by"]),
                restore=number,
            )
            return self._submit(tx, Kind.PUBLISH, row["id"], contract.to_json())

        return work

    def drop(self, name: str) -> Work:
        """Return the end of a dataset; it can't be queried from the moment its job has run."""

        def work(tx: Connection) -> Answer:
            row = load_dataset(tx, self.principal, name, lock=True)
            answer = self._submit(tx, Kind.DROP, row["id"], {"dataset_id": row["id"], "name": name, "database": row["database"]})
            tx.execute(update(datasets).where(datasets.c.id == row["id"]).values(state="dropping"))
            return answer

        return work

    def _read_profile(self, request: DatasetRequest) -> _FileProfile:
        with self.services.database.read() as tx:
            upload = uploads.load_readable(tx, request.upload_id, workspace=self.principal.workspace)
            if upload.state is UploadState.FAILED:
                raise ProfileFailed(f"The upload {upload.id} has failed: {(upload.error or {}).get('detail', 'its bytes are not complete')}")
            profile_id = request.profile_id or profiles.newest_profile(tx, self.services, upload)
            row = profiles.load_profile(tx, self.principal, profile_id)
        if row["upload_id"] != request.upload_id:
            raise ProfileNotFound(f"The profile {profile_id} is not one of the upload {request.upload_id}.")
        stored = profiles.open_profile(self.services, row)
        columns = profiled_from(profiles.read_columns(self.services, stored), stored.head["formats"], null_values=stored.head["null_values"])
        return _FileProfile(profile_id, columns, stored.head["records"], stored.head["bytes"])

    def _dataset(self, tx: Connection, request: DatasetRequest) -> RowMapping:
        row = find_dataset(tx, self.principal, request.name, lock=True)
        if request.mode == "create":
            if row is not None:
                raise DatasetExists(f"A dataset {request.name} exists; mode append or replace changes it.")
            return self._create(tx, request)
        if row is None:
            raise DatasetNotFound(f"There is no dataset {request.name} to {request.mode}; mode create makes it.")
        if row["busy_job_id"] is not None or row["version"] is None:
            raise _busy(row)
        if request.expected_version not in (None, row["version"]):
            raise VersionConflict(f"The dataset {request.name} is at version {row['version']}, not at {request.expected_version}.")
        return row

    def _create(self, tx: Connection, request: DatasetRequest) -> RowMapping:
        now = utc_now()
        dataset_id = new_id("dst")
        values = {
            "id": dataset_id,
            "workspace": self.principal.workspace,
            "owner": self.principal.owner,
            "created_at": now,
            "name": request.name,
            "live_name": live_name(self.principal, request.name),
            "database": self.services.settings.database,
            "description": request.description or "",
            "format": request.format or "parquet",
            "state": "creating",
            "updated_at": now,
        }
        try:
            with tx.begin_nested():
                tx.execute(insert(datasets).values(values))
        except IntegrityError as error:
            raise DatasetExists(f"A dataset {request.name} has just been made.") from error
        return tx.execute(select(datasets).where(datasets.c.id == dataset_id)).mappings().one()

    def _contract(self, tx: Connection, request: DatasetRequest, row: RowMapping, profile: _FileProfile) -> PublishContract:
        settings = self.services.settings
        current = load_version(tx, row, None) if row["version"] is not None else None
        append = request.mode == "append"
        partition_by = keep_partitioning(request.partition_by, current["partition_by"] if current else None, name=request.name, append=append)
        policy = Policy(
            strict=request.on_reject == "fail",
            max_columns=settings.max_table_columns,
            leave_others_out=request.other_columns == "leave_out",
            table=_types(current) if append and current else None,
            missing_is_null=request.on_missing_column == "null",
        )
        columns = make_contract(profile.columns, request.columns, policy)
        room = Room(settings.max_partitions, settings.min_partition_bytes, profile.records, profile.bytes)
        check_partitions(_present(partition_by, columns, policy), columns, profile.columns, room)
        ratio = request.max_reject_ratio
        storing = decide_storing(Wanted(request.format, current if append else None, columns, profile.columns), usual=row["format"])
        return PublishContract(
            dataset_id=row["id"],
            name=request.name,
            database=row["database"],
            mode=Mode(request.mode),
            version=(row["version"] or 0) + 1,
            expected_version=row["version"],
            upload_id=request.upload_id,
            profile_id=profile.id,
            format=storing.format,
            serde=storing.serde,
            partition_by=partition_by,
            columns=columns,
            on_reject=OnReject(request.on_reject),
            on_missing_column=OnMissing(request.on_missing_column),
            max_reject_ratio=settings.max_reject_ratio if ratio is None else ratio,
            description=request.description,
        )

    def _submit(self, tx: Connection, kind: Kind, dataset_id: str, params: dict[str, Any]) -> Answer:
        job_id = new_id("job")
        free = (datasets.c.id == dataset_id, datasets.c.busy_job_id.is_(None))
        if tx.execute(update(datasets).where(*free).values(busy_job_id=job_id, last_job_id=job_id, updated_at=utc_now())).rowcount == 0:
            raise _busy(tx.execute(select(datasets).where(datasets.c.id == dataset_id)).mappings().one())
        new = NewJob(
            kind=kind, id=job_id, resource_type="dataset", resource_id=dataset_id, params=params, request_id=self.request_id, phase="waiting"
        )
        named = ("name", "database", "mode", "version", "restore", "upload_id", "profile_id", "format")
        detail = {"job_id": job_id, **{key: params[key] for key in named if params.get(key) is not None}}
        note(tx, self.principal, f"dataset.{kind}", dataset_id, request_id=self.request_id, detail=detail)
        return accept(self.services.jobs.submit(tx, new, principal=self.principal), self.services)


@dataclass(frozen=True)
class _FileProfile:
    """What a publish needs of the file's profile."""

    id: str
    columns: list[Profiled]
    records: int
    bytes: int


def _types(version: RowMapping) -> dict[str, str]:
    """Return the types of a version's columns, those aside that no file has."""
    derived = derived_names(version["partition_by"])
    return {column["name"]: column["type"] for column in version["columns"] if column["name"] not in derived}


def _present(partition_by: Sequence[str], columns: Sequence[ContractColumn], policy: Policy) -> list[str]:
    """Return the entries to check: a column that an append fills with NULL is one partition, and nothing is wrong with it."""
    included = {column.name for column in columns if column.include}
    missing = set(policy.table or ()) - included
    return [str(key) for key in parse_keys(partition_by) if key.column not in missing]


def _check_request(request: DatasetRequest, services: Services) -> None:
    check_table_name(request.name)
    if request.mode == "create" and request.expected_version is not None:
        error = FieldError("#/expected_version", f"{request.expected_version}: what is created has no version before.")
        raise ValidationFailed(f"{error.pointer}: {error.detail}", errors=[error])
    free = services.storage.free_bytes()
    if free is not None and free < services.settings.min_free_bytes:
        kept = services.settings.min_free_bytes
        raise InsufficientStorage(f"Only {free:,} bytes are free; HEADWATER_MIN_FREE_BYTES keeps {kept:,} so. Free some room, and submit it again.")
    if request.mode == "create":
        _check_catalog(request, services)


def _check_catalog(request: DatasetRequest, services: Services) -> None:
    """Refuse a name that the catalog has for a table made elsewhere; our own tables have a dataset that says so."""
    table = services.catalog.find_table(services.settings.database, request.name)
    if table is not None and DATASET_PARAMETER not in table.parameters:
        raise DatasetExists(f"The catalog has a table {table.database}.{table.name} that was made elsewhere.")


def _busy(row: RowMapping) -> DatasetBusy:
    return DatasetBusy(f"The dataset {row['name']} is being changed by the job {row['busy_job_id'] or row['last_job_id']}.")
