"""The catalog: databases and tables as the query engine sees them."""

from __future__ import annotations

from services.api.schemas.base import Count, Schema, Timestamp
from services.api.schemas.page import Page


class CatalogDatabase(Schema):
    """A database of the catalog."""

    name: str
    description: str
    created_at: Timestamp | None


class CatalogDatabaseList(Page[CatalogDatabase]):
    """A page of databases, by name."""


class Column(Schema):
    """A column of a catalog table, its type in Athena's words."""

    name: str
    type: str
    comment: str | None


class CatalogTable(Schema):
    """A table of the catalog, made here or elsewhere."""

    database: str
    name: str
    description: str
    format: str
    location: str | None
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...]
    rows: Count | None
    bytes: Count | None
    dataset: str | None
    created_at: Timestamp | None
    updated_at: Timestamp | None


class CatalogTableList(Page[CatalogTable]):
    """A page of tables, by name."""
