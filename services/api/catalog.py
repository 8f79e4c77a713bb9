"""The catalog as the query engine sees it, tables made elsewhere included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping, select, tuple_

from services.api.deps import Services
from services.api.paging import Listing, Paging, by_key
from services.api.schemas import catalog as schemas
from services.shared.catalog.port import DATASET_PARAMETER, VERSION_PARAMETER, Column, Table
from services.shared.errors import CatalogTableNotFound, DatabaseNotFound
from services.shared.principal import Principal
from services.shared.records.tables import dataset_versions, datasets

Versions = Mapping[tuple[str, int], RowMapping]


def list_databases(services: Services, principal: Principal, paging: Paging) -> schemas.CatalogDatabaseList:
    """Return a page of the databases, by name."""
    found = services.catalog.list_databases()
    page, cursor = by_key(found, [one.name for one in found], listing=Listing("databases", principal.workspace), paging=paging)
    return schemas.CatalogDatabaseList(items=tuple(schemas.CatalogDatabase.model_validate(one) for one in page), next_cursor=cursor)


def list_tables(services: Services, principal: Principal, database: str, *, search: str | None, paging: Paging) -> schemas.CatalogTableList:
    """Return a page of a database's tables, by name."""
    _check_database(services, database)
    found = [table for table in services.catalog.list_tables(database) if (search or "").lower() in table.name]
    listing = Listing("tables", principal.workspace, (database, search))
    page, cursor = by_key(found, [table.name for table in found], listing=listing, paging=paging)
    versions = _versions(services, principal, page)
    return schemas.CatalogTableList(items=tuple(_present(table, versions) for table in page), next_cursor=cursor)


def get_table(services: Services, principal: Principal, database: str, name: str) -> schemas.CatalogTable:
    """Return a table, or raise DatabaseNotFound or CatalogTableNotFound."""
    _check_database(services, database)
    table = services.catalog.find_table(database, name)
    if table is None:
        raise CatalogTableNotFound(f"The catalog has no table {database}.{name}.")
    return _present(table, _versions(services, principal, [table]))


def _check_database(services: Services, database: str) -> None:
    if services.catalog.find_database(database) is None:
        raise DatabaseNotFound(f"There is no database {database}.")


def _versions(services: Services, principal: Principal, tables: Sequence[Table]) -> Versions:
    """Return the records of the versions that tables of ours show."""
    keys = [key for table in tables if (key := dataset_key(table)) is not None]
    if not keys:
        return {}
    version = dataset_versions.c
    wanted = tuple_(version.dataset_id, version.version).in_(keys)
    statement = (
        select(version.dataset_id, version.version, version.rows, version.bytes, datasets.c.name, datasets.c.description)
        .join(datasets, datasets.c.id == version.dataset_id)
        .where(wanted, datasets.c.workspace == principal.workspace)
    )
    with services.database.read() as tx:
        return {(row["dataset_id"], row["version"]): row for row in tx.execute(statement).mappings()}


def dataset_key(table: Table) -> tuple[str, int] | None:
    """Return the dataset and version that a table of ours shows."""
    dataset_id, version = table.parameters.get(DATASET_PARAMETER), table.parameters.get(VERSION_PARAMETER, "")
    return (dataset_id, int(version)) if dataset_id and version.isdecimal() else None


def _present(table: Table, versions: Versions) -> schemas.CatalogTable:
    key = dataset_key(table)
    ours = versions.get(key) if key is not None else None
    return schemas.CatalogTable(
        database=table.database,
        name=table.name,
        description=ours["description"] if ours else table.parameters.get("comment", ""),
        format=table.format,
        location=table.location,
        columns=_columns(table.columns),
        partition_keys=_columns(table.partition_keys),
        rows=ours["rows"] if ours else None,
        bytes=ours["bytes"] if ours else None,
        dataset=ours["name"] if ours else None,
        created_at=table.created_at,
        updated_at=table.updated_at,
    )


def _columns(columns: Sequence[Column]) -> tuple[schemas.Column, ...]:
    return tuple(schemas.Column(name=column.name, type=column.type, comment=column.comment or None) for column in columns)
