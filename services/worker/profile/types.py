"""Which type a column has, decided over all its cells, and what every candidate type would lose."""

from dataclasses import dataclass
from typing import Final

from services.worker.profile.column import CANDIDATES, Column
from services.worker.profile.model import Cast, Failure
from services.worker.profile.numbers import MAX_PRECISION
from services.worker.profile.temporal import ISO_DATE, ISO_LOCAL, ISO_OFFSET

ISO: Final = frozenset(CANDIDATES)


@dataclass(frozen=True, slots=True)
class Decision:
    """A column's type, the temporal reading behind it, and the shape of its decimals; `asked` holds orders that a person must choose."""

    type: str
    moment: str | None = None
    precision: int = 0
    scale: int = 0
    asked: tuple[str, ...] = ()

    @property
    def format(self) -> str | None:
        return None if self.moment is None or self.moment in ISO else self.moment


@dataclass(frozen=True, slots=True)
class DecimalShape:
    """The narrowest decimal for a column's plain numbers, and how many of them do not fit even so."""

    precision: int
    scale: int
    misfits: int

    @property
    def name(self) -> str:
        return f"decimal({self.precision},{self.scale})"


def decide(column: Column) -> Decision:
    """Choose the first type that holds every cell; no cell but nulls makes a column `string`."""
    typed = column.typed
    if not typed:
        return Decision("string")
    shape = decimal_shape(column)
    if column.survives("boolean"):
        return Decision("boolean")
    if column.survives("bigint"):
        return Decision("bigint", precision=shape.precision)
    if column.survives("decimal") and not shape.misfits:
        return Decision(shape.name, precision=shape.precision, scale=shape.scale)
    if column.survives("double"):
        return Decision("double")
    if column.survives(ISO_DATE):
        return Decision("date", moment=ISO_DATE)
    for moment in (ISO_LOCAL, ISO_OFFSET):
        if column.survives(moment):
            return Decision("timestamp", moment=moment)
    fitting = tuple(sorted(fitting_formats(column)))
    if len(fitting) == 1:
        return Decision(format_type(fitting[0]), moment=fitting[0])
    return Decision("string", asked=fitting)


def fitting_formats(column: Column) -> list[str]:
    """List the other orders of day, month and year that fit every cell."""
    return [name for name, span in column.spans.items() if name not in ISO and span.count == column.typed]


def format_type(pattern: str) -> str:
    return "timestamp" if "%H" in pattern else "date"


def decimal_shape(column: Column) -> DecimalShape:
    """Leave one digit before the point wherever it fits, so that 0.05 has room for 1.05."""
    digits = column.numbers.digits
    if not digits:
        return DecimalShape(MAX_PRECISION, 0, 0)
    before, scale = max(key[0] for key in digits), max(key[1] for key in digits)
    if before + scale <= MAX_PRECISION:
        return DecimalShape(min(MAX_PRECISION, max(1, before) + scale), scale, 0)
    scale = MAX_PRECISION - before
    misfits = sum(counts[0] for (_, after), counts in digits.items() if after > scale)
    return DecimalShape(MAX_PRECISION, scale, misfits)


def casts(column: Column) -> dict[str, Cast]:
    """Count, for every candidate type, the cells that would fail; other orders of dates only where they fit the whole column."""
    typed = column.typed
    shape = decimal_shape(column)
    local = ISO_LOCAL if column.passed[ISO_LOCAL] >= column.passed[ISO_OFFSET] else ISO_OFFSET
    named = {"boolean": "boolean", "bigint": "bigint", shape.name: "decimal", "double": "double", "date": ISO_DATE, "timestamp": local}
    result = {}
    for name, candidate in named.items():
        fails = typed - column.passed[candidate] + (shape.misfits if candidate == "decimal" else 0)
        failures = tuple(Failure(line, text) for _, line, text in column.failures[candidate])
        result[name] = Cast(fails, failures if fails else ())
    for pattern in sorted(fitting_formats(column)) if typed else ():
        result[f"{format_type(pattern)}({pattern})"] = Cast(0, ())
    return result


def normalised(column: Column, decision: Decision) -> int:
    """Count the cells whose text, not meaning, the type changes."""
    digits = column.numbers.digits
    match decision.type:
        case "boolean":
            return column.typed - column.lower_case
        case "double":
            return column.numbers.exponents + sum(counts[1] + counts[2] for counts in digits.values())
        case "string" | "bigint":
            return 0
        case "date" | "timestamp":
            return column.typed if decision.format else column.spans[decision.moment or ""].normalised
    return sum(counts[1] if after == decision.scale else counts[0] for (_, after), counts in digits.items())
