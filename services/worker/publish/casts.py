"""Casts: a column of text to the Arrow form of its Athena type, exactly, and which rows hold a value that the type would lose.

A value fits exactly when the profile counted it as fitting: the same kernels read it here. Where the profile has proved that every value
of the file fits, Arrow's own parsers read the column at once, which comes to the same and costs a third.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from services.shared.errors import ContractInvalid
from services.worker.profile.cells import Cells
from services.worker.profile.number_reading import read_numbers
from services.worker.profile.temporal import read_moments

Bad = npt.NDArray[np.bool_]
DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")
DAY_MS = 86_400_000
BOOLEAN_WORDS = {None: ("true", "false"), "t/f": ("t", "f"), "yes/no": ("yes", "no"), "y/n": ("y", "n"), "1/0": ("1", "0")}
OFFSET = "offset"
_FIELDS = {"%d": "[0-9]{1,2}", "%m": "[0-9]{1,2}", "%Y": "[0-9]{4}", "%H": "[0-9]{2}", "%M": "[0-9]{2}", "%S": "[0-9]{2}"}


@dataclass(frozen=True)
class Reading:
    """How the text of one column is read: its type, its format where that is not ISO's, which tokens are NULL, what is proved."""

    type: str
    format: str | None = None
    null_tokens: tuple[str, ...] = ()
    proved: bool = False


@dataclass(frozen=True)
class Cast:
    """Typed values, NULL where the text was none or does not fit; `bad` marks the latter (None: every value fits)."""

    values: Any
    bad: Bad | None = None


def arrow_type(athena: str) -> Any:
    """Return the Arrow type that a column of an Athena type is written from."""
    simple = {
        "boolean": pa.bool_(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("ms"),
        "string": pa.string(),
    }
    if athena in simple:
        return simple[athena]
    match = DECIMAL.fullmatch(athena)
    if match is None or not 1 <= int(match[1]) <= 38 or int(match[2]) > int(match[1]):
        raise ContractInvalid(f"{athena!r} is not a type a column can have.")
    return pa.decimal128(int(match[1]), int(match[2]))


class Caster:
    """Casts one column, block after block."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.type = arrow_type(reading.type)
        self._tokens = pa.array(reading.null_tokens, pa.string()) if reading.null_tokens else None
        self._typed = reading.type != "string"
        self._quick = _quick(reading, self.type) if reading.proved else None
        self._tokens_first = self._quick is not None and any(_accepts(self._quick, token) for token in reading.null_tokens)

    def cast(self, text: Any) -> Cast:
        """Cast a `pa.StringArray`."""
        if not self._typed:
            return Cast(self._without_tokens(text))
        if self._tokens_first:
            text = self._without_tokens(text)
        if self._quick is not None:
            try:
                return Cast(self._quick(text))
            except pa.ArrowInvalid:
                pass
        text = self._without_tokens(text)
        empty = pc.equal(text, "")
        if pc.any(empty).as_py():
            text = pc.if_else(empty, None, text)
        if self._quick is not None:
            try:
                return Cast(self._quick(text))
            except pa.ArrowInvalid:
                pass
        return _exactly(text, self.reading, self.type)

    def _without_tokens(self, text: Any) -> Any:
        if self._tokens is None:
            return text
        found = pc.is_in(text, self._tokens)
        return pc.if_else(found, None, text) if pc.any(found).as_py() else text


Quick = Callable[[Any], Any]


def _quick(reading: Reading, target: Any) -> Quick | None:
    if reading.format not in (None, OFFSET):
        pattern = reading.format
        return (lambda text: pc.strptime(text, format=pattern, unit="s").cast(target)) if reading.type != "boolean" else None
    if reading.type == "timestamp":
        return _quick_timestamp
    return lambda text: text.cast(target)


def _quick_timestamp(text: Any) -> Any:
    """Read ISO timestamps of at most six digits after the second; all with an offset, or none."""
    try:
        fine = text.cast(pa.timestamp("ms"))
    except pa.ArrowInvalid:
        try:
            fine = text.cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            fine = text.cast(pa.timestamp("us", "UTC"))
    return fine.cast(pa.timestamp("ms", fine.type.tz)).cast(pa.timestamp("ms"))


def _accepts(quick: Quick, token: str) -> bool:
    try:
        quick(pa.array([token]))
    except pa.ArrowInvalid:
        return False
    return True


def _exactly(text: Any, reading: Reading, target: Any) -> Cast:
    match reading.type:
        case "boolean":
            return _booleans(text, reading)
        case "bigint" | "double":
            fits = _fits_number(text, reading.type)
        case "date" if reading.format is None:
            return _moments(text, reading)
        case "timestamp" if reading.format in (None, OFFSET):
            return _moments(text, reading)
        case "date" | "timestamp":
            return _formatted(text, reading.format or "", target)
        case _:
            fits = _fits_number(text, "decimal") & _fits_scale(text, target)
    bad = ~fits & text.is_valid().to_numpy(zero_copy_only=False)
    return Cast(_blanked(text, bad).cast(target), _some(bad))


def _fits_number(text: Any, kind: str) -> Bad:
    cells = Cells.of(text)
    reading = read_numbers(cells, statistics=False)
    return _spread({"bigint": reading.bigint, "double": reading.double, "decimal": reading.decimal}[kind], cells, len(text))


def _fits_scale(text: Any, target: Any) -> Bad:
    """Tell which plain decimals have no more digits before the point than fit, nor, zeros at the end aside, behind it."""
    pattern = rf"^-?0*[0-9]{{0,{target.precision - target.scale}}}(?:\.[0-9]{{0,{target.scale}}}0*)?$"
    fits: Bad = pc.match_substring_regex(text, pattern).fill_null(False).to_numpy(zero_copy_only=False)
    return fits


def _moments(text: Any, reading: Reading) -> Cast:
    cells = Cells.of(text)
    moments = read_moments(cells, orders=False)
    if reading.type == "date":
        fits, values = moments.date, moments.values
    elif reading.format == OFFSET:
        fits, values = moments.offset, moments.values
    else:
        fits, values = moments.local, moments.values
        if not fits.any() and moments.offset.any():
            fits = moments.offset
    return _placed(values, fits, cells, text, pa.date32() if reading.type == "date" else pa.timestamp("ms"))


def _placed(values: npt.NDArray[np.int64], fits: Bad, cells: Cells, text: Any, target: Any) -> Cast:
    spread = np.zeros(len(text), np.int64)
    spread[slice(None) if cells.rows is None else cells.rows] = values
    good = _spread(fits, cells, len(text))
    bad = ~good & text.is_valid().to_numpy(zero_copy_only=False)
    integers = pa.array(spread, mask=~good)
    typed = integers.cast(pa.int32()).view(target) if target == pa.date32() else integers.view(target)
    return Cast(typed, _some(bad))


def _formatted(text: Any, pattern: str, target: Any) -> Cast:
    """Read another order of day, month and year, given as `strptime` writes it."""
    regex = "^" + re.sub("%[dmYHMS]", lambda field: _FIELDS[field[0]], re.sub(r"([./\\+*?()\[\]{}|^$-])", r"\\\1", pattern)) + "$"
    shaped = pc.match_substring_regex(text, regex)
    parsed = pc.strptime(pc.if_else(shaped, text, None), format=pattern, unit="s", error_is_null=True)
    again = pc.and_(pc.equal(pc.day(parsed), _number(text, pattern, "%d")), pc.equal(pc.month(parsed), _number(text, pattern, "%m")))
    typed = pc.if_else(pc.fill_null(again, False), parsed, None)
    bad = pc.and_(text.is_valid(), typed.is_null()).to_numpy(zero_copy_only=False)
    return Cast(typed.cast(target), _some(bad))


def _number(text: Any, pattern: str, field: str) -> Any:
    """Return one field of the pattern as an integer: what `strptime` made of a day that does not exist is told apart by it."""
    escaped = re.sub(r"([./\\+*?()\[\]{}|^$-])", r"\\\1", pattern)
    named = re.sub("%[dmYHMS]", lambda found: f"(?P<it>{_FIELDS[field]})" if found[0] == field else _FIELDS[found[0]], escaped)
    return pc.struct_field(pc.extract_regex(text, f"^{named}$"), "it").cast(pa.int64())


def _booleans(text: Any, reading: Reading) -> Cast:
    words = BOOLEAN_WORDS.get(reading.format)
    if words is None:
        raise ContractInvalid(f"{reading.format!r} is not a format of boolean; there are {', '.join(word for word in BOOLEAN_WORDS if word)}.")
    index = pc.index_in(pc.utf8_lower(text), pa.array(words))
    bad = pc.and_(text.is_valid(), index.is_null()).to_numpy(zero_copy_only=False)
    return Cast(pc.equal(index, 0), _some(bad))


def _spread(mask: Bad, cells: Cells, rows: int) -> Bad:
    if cells.rows is None:
        return mask
    spread = np.zeros(rows, np.bool_)
    spread[cells.rows] = mask
    return spread


def _blanked(text: Any, bad: Bad) -> Any:
    return pc.if_else(pa.array(bad), None, text) if bad.any() else text


def _some(bad: Bad) -> Bad | None:
    return bad if bad.any() else None
