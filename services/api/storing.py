"""How a publish writes its files: the format that is asked for, and for CSV the SerDe that carries what the profile knows.

OpenCSVSerDe knows nothing but text, and no NULL; so it is for tables of text in which no cell is NULL, and LazySimpleSerDe for all
others. What is certain to be refused later is refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping

from services.api.contracts import Profiled
from services.shared.catalog.serde import LONGEST_LINE_BYTES, SerdeName
from services.shared.errors import ContractInvalid, CsvCannotCarry, FieldError
from services.shared.publish_contract import ContractColumn

_SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Storing:
    """The format of a version's files, and for CSV the SerDe they are written for."""

    format: str
    serde: SerdeName | None = None


@dataclass(frozen=True)
class Wanted:
    """What decides: the format that is asked for (None: the dataset's), the version that is appended to, the columns, the profile."""

    format: str | None
    appended: RowMapping | None
    columns: Sequence[ContractColumn]
    profiled: Sequence[Profiled]


def decide_storing(wanted: Wanted, *, usual: str) -> Storing:
    """Return how to write; raise ContractInvalid for another format than the table has, CsvCannotCarry for what CSV would change."""
    storing = _keep(wanted.format, wanted.appended) if wanted.appended is not None else _choose(wanted, wanted.format or usual)
    if storing.serde is not None:
        _check_carried(wanted, storing.serde)
    return storing


def storing_of(version: RowMapping) -> Storing:
    """Return how the files of a version are written."""
    return Storing(version["format"], SerdeName(version["serde"]) if version["serde"] else None)


def _keep(format_: str | None, appended: RowMapping) -> Storing:
    storing = storing_of(appended)
    if format_ not in (None, storing.format):
        error = FieldError("#/format", f"{format_}: the table's files are {storing.format}, and an append keeps that; mode replace changes it.")
        raise ContractInvalid(f"{error.pointer}: {error.detail}", errors=[error])
    return storing


def _choose(wanted: Wanted, format_: str) -> Storing:
    if format_ != "csv":
        return Storing(format_)
    only_text = all(column.type == "string" and wanted.profiled[column.position].never_null for column in wanted.columns if column.include)
    return Storing(format_, SerdeName.OPEN_CSV if only_text else SerdeName.LAZY_SIMPLE)


def _check_carried(wanted: Wanted, serde: SerdeName) -> None:
    for column in wanted.columns:
        if not column.include or column.type != "string":
            continue
        known = wanted.profiled[column.position]
        if known.line_break is not None:
            _refuse(column, f"{known.line_break[:_SHOWN_CHARACTERS]!r} has a line break, which no SerDe for CSV reads inside a cell")
        if (known.max_length or 0) > LONGEST_LINE_BYTES:
            _refuse(column, f"a cell has {known.max_length} characters, and a line of a CSV table at most {LONGEST_LINE_BYTES} bytes")
        if serde is SerdeName.OPEN_CSV and known.type == "string" and known.nulls:
            _refuse(column, f"{known.nulls} cells are NULL, which the table's {serde} has not; mode replace chooses the SerDe anew")
    for name in _missing(wanted) if serde is SerdeName.OPEN_CSV else ():
        raise CsvCannotCarry(f"Column {name}: the file has no such column, and the table's {serde} has no NULL to put there. Publish as Parquet.")


def _missing(wanted: Wanted) -> list[str]:
    offered = {column.name for column in wanted.columns if column.include}
    return [column["name"] for column in wanted.appended["columns"] if column["name"] not in offered] if wanted.appended else []


def _refuse(column: ContractColumn, why: str) -> None:
    raise CsvCannotCarry(f"Column {column.name}: {why}. Publish the file as Parquet.")
