"""Trino's types: read from Athena's words, coerced as Trino coerces, written for DuckDB."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from sqlglot import Token, Tokenizer


class Kind(StrEnum):
    """The base of a type, in Trino's words."""

    UNKNOWN = "unknown"
    BOOLEAN = "boolean"
    TINYINT = "tinyint"
    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    REAL = "real"
    DOUBLE = "double"
    DECIMAL = "decimal"
    VARCHAR = "varchar"
    VARBINARY = "varbinary"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIMESTAMP_TZ = "timestamp with time zone"
    DAYS = "interval day to second"
    MONTHS = "interval year to month"
    ARRAY = "array"
    MAP = "map"
    ROW = "row"
    JSON = "json"


@dataclass(frozen=True)
class Type:
    """A type; decimals have precision and scale, arrays one part, maps two, rows one a field; names are a row's, or a timestamp's zone."""

    kind: Kind
    precision: int = 0
    scale: int = 0
    parts: tuple[Type, ...] = ()
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.kind:
            case Kind.DECIMAL:
                return f"decimal({self.precision},{self.scale})"
            case Kind.ROW:
                return "row(" + ", ".join(f"{n} {p}" for n, p in zip(self.names, self.parts, strict=True)) + ")"
            case Kind.ARRAY | Kind.MAP:
                return f"{self.kind}({', '.join(map(str, self.parts))})"
            case _:
                return str(self.kind)


UNKNOWN, BOOLEAN = Type(Kind.UNKNOWN), Type(Kind.BOOLEAN)
TINYINT, SMALLINT, INTEGER, BIGINT = Type(Kind.TINYINT), Type(Kind.SMALLINT), Type(Kind.INTEGER), Type(Kind.BIGINT)
REAL, DOUBLE, VARCHAR, VARBINARY = Type(Kind.REAL), Type(Kind.DOUBLE), Type(Kind.VARCHAR), Type(Kind.VARBINARY)
DATE, TIMESTAMP, TIMESTAMP_TZ = Type(Kind.DATE), Type(Kind.TIMESTAMP), Type(Kind.TIMESTAMP_TZ)
JSON = Type(Kind.JSON)
DAYS, MONTHS = Type(Kind.DAYS), Type(Kind.MONTHS)

INTEGERS = (Kind.TINYINT, Kind.SMALLINT, Kind.INTEGER, Kind.BIGINT)
FLOATS = (Kind.REAL, Kind.DOUBLE)
NUMBERS = (*INTEGERS, *FLOATS, Kind.DECIMAL)
MOMENTS = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_TZ)
INTERVALS = (Kind.DAYS, Kind.MONTHS)
MAX_PRECISION = 38

_DIGITS = {Kind.TINYINT: 3, Kind.SMALLINT: 5, Kind.INTEGER: 10, Kind.BIGINT: 19}
_ATHENA_WORDS = {
    "boolean": BOOLEAN, "tinyint": TINYINT, "smallint": SMALLINT, "int": INTEGER, "integer": INTEGER, "bigint": BIGINT,
    "float": REAL, "real": REAL, "double": DOUBLE, "string": VARCHAR, "varchar": VARCHAR, "binary": VARBINARY,
    "varbinary": VARBINARY, "date": DATE, "timestamp": TIMESTAMP,
}  # fmt: skip
_ATHENA = {Kind.INTEGER: "int", Kind.REAL: "float", Kind.VARCHAR: "string", Kind.VARBINARY: "binary", Kind.UNKNOWN: "string"}
_DUCKDB = {
    Kind.UNKNOWN: "VARCHAR", Kind.REAL: "FLOAT", Kind.VARBINARY: "BLOB", Kind.TIMESTAMP_TZ: "TIMESTAMP", Kind.DAYS: "BIGINT",
    Kind.MONTHS: "BIGINT",
}  # fmt: skip


def decimal(precision: int, scale: int) -> Type:
    """Return decimal(precision, scale)."""
    return Type(Kind.DECIMAL, precision, scale)


def array_of(part: Type) -> Type:
    """Return array(part)."""
    return Type(Kind.ARRAY, parts=(part,))


def map_of(key: Type, value: Type) -> Type:
    """Return map(key, value)."""
    return Type(Kind.MAP, parts=(key, value))


def duckdb_type(kind: Type) -> str:
    """Return the DuckDB type that holds the values: timestamps with a zone are kept in UTC, intervals as milliseconds or months."""
    match kind.kind:
        case Kind.DECIMAL:
            return f"DECIMAL({kind.precision},{kind.scale})"
        case Kind.ARRAY:
            return duckdb_type(kind.parts[0]) + "[]"
        case Kind.MAP:
            return f"MAP({duckdb_type(kind.parts[0])}, {duckdb_type(kind.parts[1])})"
        case Kind.ROW:
            fields = (f'"{n}" {duckdb_type(p)}' for n, p in zip(kind.names, kind.parts, strict=True))
            return f"STRUCT({', '.join(fields)})"
        case _:
            return _DUCKDB.get(kind.kind, str(kind.kind).upper())


def athena_type(kind: Type) -> str:
    """Return the type as Athena's DDL writes it (`string`, `int`, `array<bigint>`)."""
    match kind.kind:
        case Kind.ARRAY | Kind.MAP:
            return f"{kind.kind}<{','.join(athena_type(p) for p in kind.parts)}>"
        case Kind.ROW:
            return "struct<" + ",".join(f"{n}:{athena_type(p)}" for n, p in zip(kind.names, kind.parts, strict=True)) + ">"
        case _:
            return _ATHENA.get(kind.kind, str(kind))


@lru_cache(maxsize=1024)
def parse_athena_type(text: str) -> Type | None:
    """Read a catalog's type; None for one that has no faithful counterpart (`char(n)`, `uniontype`)."""
    tokens = Tokenizer().tokenize(text.lower())
    kind, rest = _read(tokens)
    return kind if not rest else None


def _read(tokens: list[Token]) -> tuple[Type | None, list[Token]]:
    if not tokens:
        return None, tokens
    word, rest = tokens[0].text, tokens[1:]
    if word in ("array", "map", "struct") and rest and rest[0].text == "<":
        return _read_nested(word, rest[1:])
    sizes: list[int] = []
    if rest and rest[0].text == "(":
        end = next((i for i, t in enumerate(rest) if t.text == ")"), 0)
        sizes = [int(t.text) for t in rest[1:end] if t.text.isdigit()]
        rest = rest[end + 1 :]
    if word == "decimal":
        return decimal(sizes[0] if sizes else 10, sizes[1] if len(sizes) > 1 else 0), rest
    if sizes and word not in ("varchar", "timestamp"):
        return None, rest
    return _ATHENA_WORDS.get(word), rest


def _read_nested(word: str, rest: list[Token]) -> tuple[Type | None, list[Token]]:
    parts: list[Type] = []
    names: list[str] = []
    while rest:
        if word == "struct" and len(rest) > 1 and rest[1].text == ":":
            names.append(rest[0].text)
            rest = rest[2:]
        part, rest = _read(rest)
        if part is None:
            return None, []
        parts.append(part)
        if not rest or rest[0].text != ",":
            break
        rest = rest[1:]
    if not rest or rest[0].text not in (">", ">>"):
        return None, []
    rest = rest[1:] if rest[0].text == ">" else [_closing(rest[0]), *rest[1:]]
    expected = {"array": 1, "map": 2, "struct": len(names)}[word]
    if len(parts) != expected or not parts:
        return None, []
    kind = {"array": Kind.ARRAY, "map": Kind.MAP, "struct": Kind.ROW}[word]
    return Type(kind, parts=tuple(parts), names=tuple(names)), rest


def _closing(double: Token) -> Token:
    return Token(double.token_type, ">", double.line, double.col, double.start, double.end)


def as_decimal(kind: Type) -> Type:
    """Return the decimal that holds every value of an integer type; a decimal is itself."""
    return kind if kind.kind is Kind.DECIMAL else decimal(_DIGITS[kind.kind], 0)


def common_type(left: Type, right: Type) -> Type | None:
    """Return the type that Trino coerces both to (docs: language/types, functions/conversion), or None."""
    if left == right or right.kind is Kind.UNKNOWN:
        return left
    if left.kind is Kind.UNKNOWN:
        return right
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return _common_number(left, right)
    if left.kind is Kind.TIMESTAMP_TZ and right.kind is Kind.TIMESTAMP_TZ:
        return None
    if left.kind in MOMENTS and right.kind in MOMENTS:
        return max(left, right, key=lambda t: MOMENTS.index(t.kind))
    if left.kind is right.kind and left.kind in (Kind.ARRAY, Kind.MAP, Kind.ROW) and len(left.parts) == len(right.parts):
        parts = [common_type(a, b) for a, b in zip(left.parts, right.parts, strict=True)]
        if all(p is not None for p in parts) and left.names == right.names:
            return Type(left.kind, parts=tuple(p for p in parts if p is not None), names=left.names)
    return None


def _common_number(left: Type, right: Type) -> Type:
    kinds = {left.kind, right.kind}
    if Kind.DOUBLE in kinds:
        return DOUBLE
    if Kind.REAL in kinds:
        return REAL
    if Kind.DECIMAL in kinds:
        a, b = as_decimal(left), as_decimal(right)
        scale = max(a.scale, b.scale)
        return decimal(min(MAX_PRECISION, max(a.precision - a.scale, b.precision - b.scale) + scale), scale)
    return max(left, right, key=lambda t: INTEGERS.index(t.kind))
