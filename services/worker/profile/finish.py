"""A finished column: from its merged state and its sampled cells to what the profile says."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.worker.profile import figures
from services.worker.profile.column import Column
from services.worker.profile.model import ColumnProfile, Histogram, TopValue, Warned
from services.worker.profile.temporal import ISO_OFFSET
from services.worker.profile.types import Decision, casts, decide, normalised

TOP: Final = 10
EXAMPLES: Final = 5
SEEN_OFTEN: Final = 4  # a sampled value that was seen less often is not called frequent


@dataclass(frozen=True, slots=True)
class Named:
    """Where a column stands and what it is called."""

    position: int
    source_name: str
    name: str


def finish_column(named: Named, column: Column, cells: Any, *, sampled_all: bool) -> tuple[ColumnProfile, list[Warned]]:
    """Make the profile of a column; `cells` are its sampled texts, in random order."""
    decision = decide(column)
    is_text = decision.type == "string"
    left_out = [] if is_text else [*column.tokens, ""]
    if left_out and len(cells):
        cells = cells.filter(pc.invert(pc.is_in(cells, value_set=pa.array(left_out, pa.string()))))
    least, greatest = figures.extremes(column, decision)
    texts, weights = _values(column, cells, left_out)
    values = figures.ordered(texts, weights, decision)
    mean, deviation = figures.moments(column, decision)
    kinds = sum(1 for count in column.tokens.values() if count) + (1 if column.empty else 0)
    profile = ColumnProfile(
        position=named.position,
        source_name=named.source_name,
        name=named.name,
        type=decision.type,
        format=decision.format,
        nulls=column.nulls if is_text else column.rows - column.typed,
        empty=column.empty,
        normalised=normalised(column, decision),
        distinct=column.distinct.estimate() - (0 if is_text else kinds),
        distinct_is_exact=column.distinct.is_exact,
        min=least,
        max=greatest,
        min_length=column.min_length,
        max_length=column.max_length,
        mean=mean,
        stddev=deviation,
        quantiles=() if values is None else figures.quantiles(values, decision),
        histogram=_histogram(column, decision, values, (least, greatest)),
        top=_top(column, cells, left_out, sampled_all=sampled_all),
        top_is_exact=column.values is not None or sampled_all,
        examples=tuple(_examples(cells)),
        casts=casts(column),
    )
    return profile, _warnings(named, column, decision)


def _values(column: Column, cells: Any, left_out: list[str]) -> tuple[Any, Any]:
    if column.values is None:
        return cells, np.ones(len(cells), np.int64)
    chosen = {text: count for text, count in column.values.items() if text not in left_out}
    return pa.array(list(chosen), pa.string()), np.fromiter(chosen.values(), np.int64, len(chosen))


def _histogram(column: Column, decision: Decision, values: figures.Ordered | None, ends: tuple[Any, Any]) -> Histogram | None:
    if decision.type == "string" and column.min_length is not None and column.max_length is not None:
        return figures.length_histogram(column.lengths, column.min_length, column.max_length)
    if values is None:
        return None
    numbers = column.numbers
    total = column.typed - numbers.nan - numbers.positive_infinity - numbers.negative_infinity
    return figures.histogram(values, decision, total=total, span=figures.span_of(column, decision, *ends))


def _top(column: Column, cells: Any, left_out: list[str], *, sampled_all: bool) -> tuple[TopValue, ...]:
    if column.values is not None:
        pairs = [(text, count) for text, count in column.values.items() if text not in left_out]
    else:
        texts, counts = figures.count_texts(cells)
        present = column.rows - column.nulls if not left_out else column.typed
        scale = 1.0 if sampled_all else present / max(1, len(cells))
        pairs = [(text, round(int(count) * scale)) for text, count in zip(texts, counts, strict=True) if sampled_all or count >= SEEN_OFTEN]
    pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    return tuple(TopValue(text, count) for text, count in pairs[:TOP])


def _examples(cells: Any) -> list[str]:
    found: dict[str, None] = {}
    for start in range(0, len(cells), 256):
        for text in cells.slice(start, 256).to_pylist():
            if text:
                found[text] = None
            if len(found) == EXAMPLES:
                return list(found)
    return list(found)


def _warnings(named: Named, column: Column, decision: Decision) -> list[Warned]:
    warnings = []
    if decision.type != "string":
        warnings += [
            Warned("null_tokens", f"{_values_are(count)} {token!r}, read as NULL.", named.name) for token, count in column.tokens.items() if count
        ]
        if column.empty:
            warnings.append(Warned("quoted_empty_as_null", f"{_values_are(column.empty)} a quoted empty field, read as NULL.", named.name))
    if decision.moment == ISO_OFFSET:
        warnings.append(Warned("offsets_to_utc", "The timestamps carry offsets; they become UTC.", named.name))
    if decision.asked:
        choices = " and ".join(decision.asked)
        warnings.append(Warned("ambiguous_date_order", f"Every value fits {choices}; choose one to have dates.", named.name))
    numbers = column.numbers
    special = numbers.nan + numbers.positive_infinity + numbers.negative_infinity
    if decision.type == "double" and special:
        warnings.append(Warned("nonfinite_numbers", f"{_values_are(special)} not finite (inf or nan).", named.name))
    return warnings


def _values_are(count: int) -> str:
    return "1 value is" if count == 1 else f"{count:,} values are"
