"""The contract of a publish, made from a profile and the columns a request names; everything that can't work is said at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.api.schemas.datasets import DatasetColumnRequest
from services.shared.errors import ContractInvalid, FieldError
from services.shared.publish_contract import ContractColumn

_DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")
_MAX_PRECISION = 38
_FIELD = re.compile(r"%(.?)")
_FIELDS = {"date": "dmYHMS", "timestamp": "dmYHMS"}
_NEEDED = ("%Y", "%m", "%d")


@dataclass(frozen=True)
class Profiled:
    """What a contract needs to know of a profiled column; `line_break` is a text of it that holds one, if the profile shows any.

    `never_null`: no cell is NULL if the column is text, whatever tokens are.
    """

    position: int
    source_name: str
    name: str
    type: str
    format: str | None
    casts: Mapping[str, Any]
    distinct: int
    nulls: int
    empty: int
    low: Any
    high: Any
    max_length: int | None
    never_null: bool = False
    line_break: str | None = None


@dataclass(frozen=True)
class Policy:
    """What the request wants beside columns; `table` has the types of the table that an append adds to, by name."""

    strict: bool
    max_columns: int
    leave_others_out: bool = False
    table: Mapping[str, str] | None = None
    missing_is_null: bool = False


def profiled_from(columns: Iterable[Mapping[str, Any]], formats: Mapping[str, str], *, null_values: Sequence[str] | None) -> list[Profiled]:
    """Keep of each stored column what a contract needs; `null_values` are the tokens that the user chose."""
    return [
        Profiled(
            position=column["position"],
            source_name=column["source_name"],
            name=column["name"],
            type=column["type"],
            format=formats.get(str(column["position"])),
            casts={kind: _brief(cast) for kind, cast in column["casts"].items()},
            distinct=column["distinct"],
            nulls=column["nulls"],
            empty=column["empty"],
            low=column["min"],
            high=column["max"],
            max_length=column["max_length"],
            never_null=column["type"] == "string" and not column["nulls"] and not null_values,
            line_break=_line_break(column),
        )
        for column in columns
    ]


def make_contract(profiled: Sequence[Profiled], wanted: Sequence[DatasetColumnRequest] | None, policy: Policy) -> tuple[ContractColumn, ...]:
    """Return what every column of the file becomes, or raise ContractInvalid with all that is wrong."""
    errors: list[FieldError] = []
    asked = _match(profiled, wanted or (), errors)
    columns = []
    for column in profiled:
        place, request = asked.get(column.position, (None, None))
        columns.append(_decide(column, request, f"#/columns/{place}" if place is not None else "#/columns", policy, errors))
    _check_names(columns, asked, policy, errors)
    if errors:
        raise ContractInvalid("; ".join(f"{error.pointer}: {error.detail}" for error in errors[:3]), errors=errors[:100])
    return tuple(columns)


Asked = dict[int, tuple[int, DatasetColumnRequest]]


def _match(profiled: Sequence[Profiled], wanted: Sequence[DatasetColumnRequest], errors: list[FieldError]) -> Asked:
    """Find the column that each request means: the n-th request of a name means the n-th column of that name."""
    positions: dict[str, list[int]] = {}
    for column in profiled:
        positions.setdefault(column.source_name, []).append(column.position)
    seen: dict[str, int] = {}
    asked: Asked = {}
    for place, request in enumerate(wanted):
        nth = seen[request.source_name] = seen.get(request.source_name, 0) + 1
        having = positions.get(request.source_name, [])
        if nth > len(having):
            count = f"only {len(having)} of its columns are" if having else "none of its columns is"
            errors.append(FieldError(f"#/columns/{place}/source_name", f"{request.source_name!r}: {count} called this in the file."))
            continue
        asked[having[nth - 1]] = (place, request)
    return asked


def _decide(column: Profiled, request: DatasetColumnRequest | None, at: str, policy: Policy, errors: list[FieldError]) -> ContractColumn:
    name = (request.name if request else None) or column.name
    include = request.include if request else not policy.leave_others_out
    kept = policy.table.get(name) if policy.table is not None else None
    kind = (request.type if request else None) or kept or column.type
    given = request.format if request else None
    chosen = given if given is not None else (column.format if kind == column.type else None)
    if include:
        _check_type(kind, at, errors)
        if kept is not None and kind != kept:
            errors.append(FieldError(f"{at}/type", f"{kind}: the table's column {name} is {kept}, and an append keeps it."))
        if given is not None:
            _check_format(given, kind, at, errors)
        elif policy.strict:
            _check_casts(column, kind, at, errors)
    comment = (request.comment if request else None) or ""
    return ContractColumn(column.source_name, column.position, name, kind, comment, chosen, include)


def _check_type(kind: str, at: str, errors: list[FieldError]) -> None:
    match = _DECIMAL.fullmatch(kind)
    if match is None:
        return
    precision, scale = int(match[1]), int(match[2])
    if not 1 <= precision <= _MAX_PRECISION or scale > precision:
        errors.append(FieldError(f"{at}/type", f"{kind}: a decimal has 1 to {_MAX_PRECISION} digits, and no more of them after the point."))


def _check_format(given: str, kind: str, at: str, errors: list[FieldError]) -> None:
    if kind not in _FIELDS:
        errors.append(FieldError(f"{at}/format", f"{given!r}: only dates and timestamps have a format; the column is {kind}."))
        return
    unknown = [f"%{letter}" for letter in _FIELD.findall(given) if letter not in _FIELDS[kind] or not letter]
    missing = [field for field in _NEEDED if given.count(field) != 1]
    if unknown:
        errors.append(FieldError(f"{at}/format", f"{given!r}: {unknown[0]} is not one of %d, %m, %Y, %H, %M and %S."))
    elif missing:
        errors.append(FieldError(f"{at}/format", f"{given!r}: {missing[0]} has to be in it once."))


def _check_casts(column: Profiled, kind: str, at: str, errors: list[FieldError]) -> None:
    cast = column.casts.get(kind)
    if cast is None or not cast["fails"]:
        return
    first = "".join(f"; the first is {failure['value']!r} in line {failure['line']}" for failure in cast["first_failures"][:1])
    detail = f"{kind}: {cast['fails']} values of {column.source_name!r} do not fit{first}. With on_reject quarantine they are set aside."
    errors.append(FieldError(f"{at}/type", detail))


def _check_names(columns: Sequence[ContractColumn], asked: Asked, policy: Policy, errors: list[FieldError]) -> None:
    taken: dict[str, ContractColumn] = {}
    for column in columns:
        if not column.include:
            continue
        at = f"#/columns/{asked[column.position][0]}/name" if column.position in asked else "#/columns"
        if column.name in taken:
            errors.append(FieldError(at, f"{column.name}: {taken[column.name].source_name!r} and {column.source_name!r} would both be called this."))
        taken[column.name] = column
        if policy.table is not None and column.name not in policy.table:
            errors.append(FieldError(at, f"{column.name}: the table has no such column; include: false leaves it out."))
    if not taken:
        errors.append(FieldError("#/columns", "No column is left to publish."))
    if len(taken) > policy.max_columns:
        errors.append(FieldError("#/columns", f"{len(taken)} columns are more than the {policy.max_columns} that a table may have."))
    for name in policy.table or ():
        if name not in taken and not policy.missing_is_null:
            errors.append(FieldError("#/columns", f"{name}: the table has this column and the file has not; on_missing_column: null allows it."))


def _brief(cast: Mapping[str, Any]) -> dict[str, Any]:
    return {"fails": cast["fails"], "first_failures": cast["first_failures"][:1]}


def _line_break(column: Mapping[str, Any]) -> str | None:
    texts = [column["min"], column["max"], *column["examples"], *(top["value"] for top in column["top"])]
    return next((text for text in texts if isinstance(text, str) and ("\n" in text or "\r" in text)), None)
