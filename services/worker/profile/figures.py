"""Figures of a finished column: extremes, mean, quantiles, histogram, top values, as the profile shows them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from math import isfinite, sqrt
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from services.worker.profile.cells import I64, Cells
from services.worker.profile.column import Column
from services.worker.profile.exact import DOUBLE_UNIT
from services.worker.profile.model import Histogram, Quantile, Value
from services.worker.profile.sample import positions
from services.worker.profile.temporal import moment_values
from services.worker.profile.types import Decision

SHARES: Final = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
BINS: Final = 20
WIDE: Final = Context(prec=90)
EPOCH: Final = np.datetime64("1970-01-01")


@dataclass(frozen=True, slots=True)
class Ordered:
    """A typed column's values as sortable numbers with their weights: all of them, or a sample."""

    keys: npt.NDArray[Any]
    weights: I64
    texts: Any


def extremes(column: Column, decision: Decision) -> tuple[Value, Value]:
    """Return the least and the greatest value by the type, as JSON shows it."""
    if column.rows == column.nulls:
        return None, None
    match decision.type:
        case "string":
            return _text(column.least), _text(column.greatest)
        case "boolean":
            return ("true" if column.trues == column.typed else "false"), ("true" if column.trues else "false")
        case "date" | "timestamp":
            span = column.spans[decision.moment or ""]
            return moment_text(span.low or 0, decision.type), moment_text(span.high or 0, decision.type)
        case "double":
            return _double_extremes(column)
    with localcontext(WIDE):
        lows = [Decimal(part.low).scaleb(-scale) for scale, part in column.numbers.scales.items()]
        highs = [Decimal(part.high).scaleb(-scale) for scale, part in column.numbers.scales.items()]
    return decimal_text(min(lows), decision.scale), decimal_text(max(highs), decision.scale)


def moments(column: Column, decision: Decision) -> tuple[Value, float | None]:
    """Return the mean and the population standard deviation of the finite values, from exact sums."""
    numbers = column.numbers
    count = sum(part.count for part in numbers.scales.values()) + numbers.doubles.count
    if not (decision.type in ("bigint", "double") or decision.precision) or not count:
        return None, None
    total = sum((Fraction(part.total, 10**scale) for scale, part in numbers.scales.items()), Fraction(numbers.doubles.total, 1 << DOUBLE_UNIT))
    squares = sum(
        (Fraction(part.squares, 10 ** (2 * scale)) for scale, part in numbers.scales.items()),
        Fraction(numbers.doubles.squares, 1 << (2 * DOUBLE_UNIT)),
    )
    mean = total / count
    deviation = _root(squares / count - mean * mean)
    if decision.type == "double":
        return json_number(_float(mean)), deviation
    with localcontext(WIDE):
        rounded = round(Decimal(mean.numerator) / Decimal(mean.denominator), decision.scale + 6)
    text = format(rounded, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text), deviation


def ordered(texts: Any, weights: I64, decision: Decision) -> Ordered | None:
    """Read texts that all have the type as sortable numbers; None where the type has no figures of that kind."""
    if not len(texts) or decision.type in ("string", "boolean"):
        return None
    if decision.moment is not None:
        keys = moment_values(Cells.of(texts), decision.moment)[1]
    elif decision.type == "bigint":
        keys = texts.cast(pa.int64()).to_numpy()
    else:
        keys = texts.cast(pa.float64()).to_numpy()
        finite = np.isfinite(keys)
        if not finite.all():
            keys, weights, texts = keys[finite], weights[finite], texts.filter(pa.array(finite))
    if not len(keys):
        return None
    order = np.argsort(keys, kind="stable")
    return Ordered(keys[order], weights[order], texts.take(pa.array(order)))


def quantiles(values: Ordered, decision: Decision) -> tuple[Quantile, ...]:
    show = _shower(values, decision)
    return tuple(Quantile(share, show(at)) for share, at in zip(SHARES, positions(values.weights, SHARES), strict=True))


def histogram(values: Ordered, decision: Decision, *, total: int, span: tuple[float, float]) -> Histogram | None:
    """Count values between edges of equal distance over the whole range; a sample's counts are scaled to `total`."""
    low, high = span
    if not isfinite(high - low):
        return None
    whole = decision.type in ("bigint", "date", "timestamp")
    if low == high:
        edges = np.array([low, high])
    elif whole:
        edges = np.unique(np.round(np.linspace(low, high, min(BINS, int(high - low)) + 1)))
    else:
        edges = np.linspace(low, high, BINS + 1)
    if low == high:
        counts = np.array([float(values.weights.sum())])
    else:
        counts = np.histogram(np.clip(values.keys.astype(np.float64), low, high), bins=edges, weights=values.weights)[0]
    shown: tuple[Value, ...]
    if decision.type in ("date", "timestamp"):
        shown = tuple(moment_text(int(edge), decision.type) for edge in edges)
    else:
        shown = tuple(float(edge) for edge in edges)
    return Histogram(shown, apportion(counts, total))


def length_histogram(lengths: dict[int, int], low: int, high: int) -> Histogram:
    """Count texts by their length in characters."""
    edges = np.unique(np.round(np.linspace(low, high, min(BINS, max(1, high - low)) + 1)))
    if len(edges) == 1:
        return Histogram((float(low), float(high)), (sum(lengths.values()),))
    keys = np.clip(np.array(list(lengths), dtype=np.float64), low, high)
    counts = np.histogram(keys, bins=edges, weights=np.array(list(lengths.values())))[0]
    return Histogram(tuple(float(edge) for edge in edges), tuple(int(count) for count in counts))


def span_of(column: Column, decision: Decision, least: Value, greatest: Value) -> tuple[float, float]:
    """Return the exact finite range of a typed column as floats (days or milliseconds for times)."""
    if decision.moment is not None:
        span = column.spans[decision.moment]
        return float(span.low or 0), float(span.high or 0)
    if decision.type == "double":
        low, high = _finite_doubles(column)
        return low, high
    return float(least or 0), float(greatest or 0)


def apportion(counts: npt.NDArray[Any], total: int) -> tuple[int, ...]:
    """Scale counts to whole numbers with exactly this sum (largest remainders first)."""
    seen = float(counts.sum())
    if not seen:
        return tuple(0 for _ in counts)
    scaled = counts * (total / seen)
    result = np.floor(scaled).astype(np.int64)
    missing = total - int(result.sum())
    for position in np.argsort(-(scaled - result), kind="stable")[:missing]:
        result[position] += 1
    return tuple(int(count) for count in result)


def moment_text(value: int, kind: str) -> str:
    if kind == "date":
        return str(EPOCH + np.timedelta64(value, "D"))
    moment = EPOCH.astype("datetime64[ms]") + np.timedelta64(value, "ms")
    return str(moment) if value % 1000 else str(moment.astype("datetime64[s]"))


def decimal_text(value: Decimal, scale: int) -> str:
    with localcontext(WIDE):
        return format(value.quantize(Decimal(1).scaleb(-scale)), "f")


def json_number(value: float) -> Value:
    """JSON has no infinity and no NaN: they are strings."""
    if isfinite(value):
        return value
    return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")


def count_texts(texts: Any) -> tuple[list[str], I64]:
    """Return the different texts in the order in which they first stand, and their counts."""
    counted = pc.value_counts(texts)
    return counted.field("values").to_pylist(), counted.field("counts").to_numpy()


def _shower(values: Ordered, decision: Decision) -> Callable[[int], Value]:
    if decision.moment is not None:
        return lambda at: moment_text(int(values.keys[at]), decision.type)
    if decision.type == "bigint":
        return lambda at: str(int(values.keys[at]))
    if decision.type == "double":
        return lambda at: float(values.keys[at])
    return lambda at: decimal_text(Decimal(values.texts[at].as_py()), decision.scale)


def _double_extremes(column: Column) -> tuple[Value, Value]:
    numbers = column.numbers
    if not (numbers.scales or numbers.doubles.count or numbers.positive_infinity or numbers.negative_infinity):
        return "NaN", "NaN"
    low, high = _finite_doubles(column)
    finite = bool(numbers.scales or numbers.doubles.count)
    low = float("-inf") if numbers.negative_infinity else (low if finite else float("inf"))
    high = float("inf") if numbers.positive_infinity else (high if finite else float("-inf"))
    return json_number(low), json_number(high)


def _finite_doubles(column: Column) -> tuple[float, float]:
    numbers = column.numbers
    with localcontext(WIDE):
        lows = [float(Decimal(part.low).scaleb(-scale)) for scale, part in numbers.scales.items()]
        highs = [float(Decimal(part.high).scaleb(-scale)) for scale, part in numbers.scales.items()]
    if numbers.doubles.count:
        lows.append(numbers.doubles.low)
        highs.append(numbers.doubles.high)
    return (min(lows), max(highs)) if lows else (0.0, 0.0)


def _root(variance: Fraction) -> float | None:
    if variance <= 0:
        return 0.0
    try:
        return sqrt(variance)
    except OverflowError:
        return None


def _float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _text(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    from_bytes = raw.decode("utf-8", "ignore")
    return from_bytes if len(from_bytes) <= 1000 else from_bytes[:1000] + "…"
