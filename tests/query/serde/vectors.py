"""What each SerDe reads from which bytes: golden vectors, each with the page or the source that says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.shared.catalog.serde import SerdeName

TRINO = "https://github.com/trinodb/trino/blob/master/lib/trino-hive-formats/src/main/java/io/trino/hive/formats"
SIMPLE = f"{TRINO}/line/simple/SimpleDeserializer.java"
TEXT = f"{TRINO}/encodings/text"
UTILS = f"{TRINO}/HiveFormatUtils.java"
LINES = f"{TRINO}/line/text/TextLineReader.java"
CSV = f"{TRINO}/line/csv/CsvDeserializer.java"
CSV_TEST = "https://github.com/trinodb/trino/blob/master/lib/trino-hive-formats/src/test/java/io/trino/hive/formats/line/csv/TestCsvFormat.java"
OPTIONS = f"{TEXT}/TextEncodingOptions.java"
ATHENA_LAZY = "https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html"
ATHENA_CSV = "https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html"
LAZY, OPEN = SerdeName.LAZY_SIMPLE, SerdeName.OPEN_CSV


@dataclass(frozen=True)
class Vector:
    """Bytes of a file and the rows that a SerDe makes of them; `properties` where they are not those of a published table."""

    serde: SerdeName
    data: bytes
    types: str
    rows: list[tuple[Any, ...]]
    source: str
    properties: dict[str, str] | None = None
    header: int = 0


@dataclass(frozen=True)
class Failure:
    """Bytes that fail a query, and the problem's code."""

    serde: SerdeName
    data: bytes
    types: str
    code: str
    source: str


PLAIN = {"field.delim": ","}

VECTORS = [
    # LazySimpleSerDe: cells
    Vector(LAZY, b"a,b\n", "string string", [("a", "b")], SIMPLE),
    Vector(LAZY, b"a\n", "string string", [("a", None)], SIMPLE),
    Vector(LAZY, b"a,b,c,d\n", "string string", [("a", "b")], SIMPLE),
    Vector(LAZY, b"a,\n", "string string", [("a", "")], SIMPLE),
    Vector(LAZY, b",\n", "string string", [("", "")], SIMPLE),
    Vector(LAZY, b"\nx,y\n\n", "string string", [("", None), ("x", "y"), ("", None)], LINES),
    Vector(LAZY, b'"a,b",c\n', "string string string", [('"a', 'b"', "c")], ATHENA_LAZY),
    Vector(LAZY, b"  a , b\t\n", "string string", [("  a ", " b\t")], SIMPLE),
    Vector(LAZY, b"a\\,b,c\n", "string string", [("a,b", "c")], SIMPLE),
    Vector(LAZY, b"a\\\\,c\n", "string string", [("a\\", "c")], SIMPLE),
    Vector(LAZY, b"a\\xb,\\\\N\n", "string string", [("axb", "\\N")], f"{TEXT}/StringEncoding.java"),
    Vector(LAZY, b"\\n\\r,c\n", "string string", [("nr", "c")], f"{TEXT}/StringEncoding.java"),
    Vector(LAZY, b"a,b\\\n", "string string", [("a", "b\\")], f"{TEXT}/StringEncoding.java"),
    Vector(LAZY, b"\\\xc3\xa9,\\\xf0\x9f\x98\x80\n", "string string", [("é", "😀")], f"{TEXT}/StringEncoding.java"),
    Vector(LAZY, b"a\x00b,\x01\x02\n", "string string", [("a\x00b", "\x01\x02")], SIMPLE),
    Vector(LAZY, b"a\\,b\n", "string string", [("a\\", "b")], SIMPLE, PLAIN),
    Vector(LAZY, b"a\tb\n", "string string", [("a", "b")], ATHENA_LAZY, {"field.delim": "\t", "escape.delim": "\\"}),
    Vector(LAZY, b"a\x01b\n", "string string", [("a", "b")], OPTIONS, {}),
    Vector(LAZY, b"a|b\n", "string string", [("a", "b")], OPTIONS, {"serialization.format": "|"}),
    # LazySimpleSerDe: NULL
    Vector(LAZY, b"\\N,\\N\n", "string bigint", [(None, None)], OPTIONS),
    Vector(LAZY, b"NULL,null,\\n\n", "string string string", [("NULL", "null", "n")], OPTIONS),
    Vector(LAZY, b"-,\\N\n", "string string", [(None, "N")], OPTIONS, {"field.delim": ",", "escape.delim": "\\", "serialization.null.format": "-"}),
    Vector(LAZY, b",x\n", "string string", [(None, "x")], OPTIONS, {"field.delim": ",", "serialization.null.format": ""}),
    # LazySimpleSerDe: types
    Vector(
        LAZY,
        b",,,,,,\n",
        "bigint double decimal(5,2) boolean date timestamp string",
        [(None, None, None, None, None, None, "")],
        f"{TEXT}/LongEncoding.java",
    ),
    Vector(LAZY, b"7\n-8\n+9\n007\n 7\n7 \n1e3\n", "bigint", [(7,), (-8,), (9,), (7,), (None,), (None,), (None,)], f"{TEXT}/LongEncoding.java"),
    Vector(
        LAZY,
        b"1.9\n-1.9\n.5\n.\n-\n+\n1.x\n1_0\n",
        "bigint",
        [(1,), (-1,), (0,), (0,), (None,), (None,), (None,), (None,)],
        f"{TEXT}/LongEncoding.java",
    ),
    Vector(
        LAZY,
        b"9223372036854775807\n-9223372036854775808\n9223372036854775808\n00000000000000000000000000000000000000012\n",
        "bigint",
        [(2**63 - 1,), (-(2**63),), (None,), (12,)],
        f"{TEXT}/LongEncoding.java",
    ),
    Vector(LAZY, b"127,128\n-128,-32769\n", "tinyint smallint", [(127, 128), (-128, None)], f"{TEXT}/LongEncoding.java"),
    Vector(LAZY, b"2147483648\n2147483647\n", "int", [(None,), (2147483647,)], f"{TEXT}/LongEncoding.java"),
    Vector(
        LAZY,
        b"1.5\n-2e3\n Infinity \n-Infinity\n1.5d\n1e999\ninf\nnan\n1,5\n.5\n5.\n",
        "double",
        [(1.5,), (-2000.0,), (float("inf"),), (float("-inf"),), (1.5,), (float("inf"),), (None,), (None,), (1.0,), (0.5,), (5.0,)],
        f"{TEXT}/DoubleEncoding.java",
    ),
    Vector(LAZY, b"true\nFALSE\nt\n1\nyes\n", "boolean", [(True,), (False,), (None,), (None,), (None,)], f"{TEXT}/BooleanEncoding.java"),
    Vector(
        LAZY,
        b"1.5\n1.005\n-1.005\n1e2\n1000.00\n12a\n 1\n1E-8\n",
        "decimal(5,2)",
        [(Decimal("1.50"),), (Decimal("1.01"),), (Decimal("-1.01"),), (Decimal("100.00"),), (None,), (None,), (None,), (Decimal("0.00"),)],
        UTILS,
    ),
    Vector(
        LAZY,
        b"2020-02-29\n2020-2-9\n2021-02-29\n2020-13-01\n 2020-01-01 10:00\n20200101\n01.02.2020\n",
        "date",
        [(date(2020, 2, 29),), (date(2020, 2, 9),), (date(2021, 3, 1),), (date(2021, 1, 1),), (date(2020, 1, 1),), (None,), (None,)],
        UTILS,
    ),
    Vector(
        LAZY,
        b"2020-02-29 01:02:03.456\n2020-02-29\n2020-2-9 1:2:3\n2020-02-29T01:02:03.5\n1577836800000\n2020-1-1\n2020-02-29 01:02\n",
        "timestamp",
        [
            (datetime(2020, 2, 29, 1, 2, 3, 456000),),
            (datetime(2020, 2, 29),),
            (datetime(2020, 2, 9, 1, 2, 3),),
            (datetime(2020, 2, 29, 1, 2, 3, 500000),),
            (None,),
            (datetime(2020, 1, 1),),
            (None,),
        ],
        UTILS,
    ),
    Vector(LAZY, b"20-1-1\n 20-1-1  \n", "timestamp", [(None,), (datetime(20, 1, 1),)], f"{TEXT}/TimestampEncoding.java"),
    # lines, of both
    Vector(LAZY, b"h1,h2\na,b\n", "string string", [("a", "b")], ATHENA_CSV, header=1),
    Vector(LAZY, b"h1,h2\n", "string string", [], ATHENA_CSV, header=1),
    Vector(LAZY, b"a,b", "string string", [("a", "b")], LINES),
    Vector(LAZY, b"\xef\xbb\xbfa,b\n", "string string", [("a", "b")], LINES),
    Vector(LAZY, b"a,b\r\nc,d\r\n", "string string", [("a", "b"), ("c", "d")], LINES),
    Vector(LAZY, b"a,b\rc,d\r", "string string", [("a", "b"), ("c", "d")], LINES),
    Vector(LAZY, b'a,"x\ny"\n', "string string", [("a", '"x'), ('y"', None)], ATHENA_LAZY),
    Vector(OPEN, b'a,"x\ny"\n', "string string", [("a", None), (None, None)], ATHENA_CSV),
    # OpenCSVSerDe: cells
    Vector(OPEN, b"\n \n", "string string", [(None, None), (" ", None)], CSV_TEST),
    Vector(OPEN, b"a,b\na\na,\na,,\na,b,c\n", "string string", [("a", "b"), ("a", None), ("a", ""), ("a", ""), ("a", "b")], CSV_TEST),
    Vector(OPEN, b"  a  ,  b  \n", "string string", [("  a  ", "  b  ")], CSV_TEST),
    Vector(OPEN, b'"a","b,c"\n"","x"\n"x",""\n""\n', "string string", [("a", "b,c"), ("", "x"), ("x", ""), ("", None)], CSV_TEST),
    Vector(OPEN, b'",",","\n', "string string", [(",", ",")], CSV),
    Vector(OPEN, b'"a""a","b"\n"""","""b"""\n', "string string", [('a"a', "b"), ('"', '"b"')], CSV_TEST),
    Vector(OPEN, b'"a\\"a","b\\\\b"\n"c\\\\","d"\n', "string string", [('a"a', "b\\b"), ("c\\", "d")], CSV_TEST),
    Vector(OPEN, b'"a\\xa","C:\\temp"\n', "string string", [("axa", "C:temp")], CSV_TEST),
    Vector(OPEN, b'"a,b,c\n', "string string", [(None, None)], CSV_TEST),
    Vector(OPEN, b'a,b,"c\n', "string string string", [("a", "b", None)], CSV_TEST),
    Vector(OPEN, b'a,b,anything , " \\\n', "string string", [("a", "b")], CSV_TEST),
    Vector(OPEN, b'a\\"a,b\\\\b\n', "string string", [('a"a', "b\\b")], CSV_TEST),
    Vector(OPEN, b"a\\,a,b\n", "string string string", [("a", "a", "b")], CSV_TEST),
    Vector(OPEN, b'12x"a"x,x"b"x,x"c"x\n', "string string string", [('12x"a"x', 'x"b"x', 'x"c"x')], CSV_TEST),
    Vector(OPEN, b'12x"a",x"b",x"c"\n', "string string string", [('12x"a', 'x"b', 'x"c')], CSV_TEST),
    Vector(OPEN, b'12x"ax,x"bx,x"cx\n', "string string string", [('12x"ax,x"bx', None, None)], CSV_TEST),
    Vector(OPEN, b' "a",  "b",  "c"\n   "a","b","c"\n', "string string string", [(" a", "b", "c"), ("a", "b", "c")], CSV_TEST),
    Vector(OPEN, b'"a"  ,  "b"  ,  "c"  \n', "string string string", [("a  ", 'b"  ', 'c"  ')], CSV_TEST),
    Vector(OPEN, b"\\N,NULL,\n", "string string string", [("N", "NULL", "")], ATHENA_CSV),
    Vector(OPEN, b"a|b\\|b|c\n", "string string string", [("a", "b", "b")], CSV_TEST, {"separatorChar": "|", "quoteChar": "*", "escapeChar": '"'}),
    Vector(
        OPEN, b"*a*|*b\\*b*|*c*\n", "string string string", [("a", "b*b", "c")], CSV_TEST, {"separatorChar": "|", "quoteChar": "*", "escapeChar": '"'}
    ),
    Vector(OPEN, b'"a","b\\"b"\n', "string string", [("a", 'b"b')], CSV_TEST, {}),
    # OpenCSVSerDe: types
    Vector(OPEN, b'"7","-8","1.5","true"\n', "bigint int double boolean", [(7, -8, 1.5, True)], ATHENA_CSV),
    Vector(OPEN, b'"x","18276","1579059880000"\n', "string date timestamp", [("x", date(2020, 1, 15), datetime(2020, 1, 15, 3, 44, 40))], ATHENA_CSV),
    Vector(OPEN, b"a\n", "string bigint date", [("a", None, None)], CSV),
]

FAILURES = [
    Failure(OPEN, b'"a",""\n', "string bigint", "invalid_value", ATHENA_CSV),
    Failure(OPEN, b"a,\n", "string double", "invalid_value", ATHENA_CSV),
    Failure(OPEN, b"a,x\n", "string int", "invalid_value", ATHENA_CSV),
    Failure(OPEN, b'"2020-01-15"\n', "date", "invalid_value", ATHENA_CSV),
    Failure(OPEN, b'"2020-01-15 03:44:40.000"\n', "timestamp", "invalid_value", ATHENA_CSV),
    Failure(OPEN, b"yes\n", "boolean", "invalid_value", ATHENA_CSV),
    Failure(OPEN, b"1.5\n", "decimal(5,2)", "unsupported_on_embedded", ATHENA_CSV),
    Failure(LAZY, b"abc\n", "varchar(2)", "unsupported_on_embedded", ATHENA_LAZY),
    Failure(LAZY, b"a\nb\rc\n", "string", "unsupported_on_embedded", LINES),
    Failure(LAZY, b"a\nb\r\nc\n", "string", "unsupported_on_embedded", LINES),
    Failure(LAZY, b"a\n\xff\n", "string", "unsupported_on_embedded", LINES),
]
