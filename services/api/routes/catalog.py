"""Operations on the catalog."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.api import catalog
from services.api.answers import NO_BODY, IfNoneMatch, problems
from services.api.deps import Caller, Deps
from services.api.paging import PageWanted
from services.api.parameters import DatabasePath, SearchName, TablePath
from services.api.schemas.catalog import CatalogDatabaseList, CatalogTable, CatalogTableList
from services.shared.errors import CatalogTableNotFound, DatabaseNotFound, InvalidCursor, ValidationFailed

router = APIRouter(prefix="/v1/catalog/databases", tags=["Catalog"])


@router.get("", response_model=CatalogDatabaseList, responses={**NO_BODY, **problems(InvalidCursor, ValidationFailed)})
def list_databases(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted) -> Response:
    """List the databases, by name."""
    return fresh.answer(catalog.list_databases(services, caller, page))


@router.get(
    "/{database}/tables",
    response_model=CatalogTableList,
    responses={**NO_BODY, **problems(InvalidCursor, DatabaseNotFound, ValidationFailed)},
)
def list_tables(services: Deps, caller: Caller, fresh: IfNoneMatch, page: PageWanted, database: DatabasePath, q: SearchName = None) -> Response:
    """List the tables of a database, by name."""
    return fresh.answer(catalog.list_tables(services, caller, database, search=q, paging=page))


@router.get("/{database}/tables/{table}", response_model=CatalogTable, responses={**NO_BODY, **problems(DatabaseNotFound, CatalogTableNotFound)})
def get_table(services: Deps, caller: Caller, fresh: IfNoneMatch, database: DatabasePath, table: TablePath) -> Response:
    """Get one table as the query engine sees it."""
    return fresh.answer(catalog.get_table(services, caller, database, table))
