"""Each answer is the one that Trino's documentation gives or defines; the page is named in the docstring."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.shared.catalog.port import CatalogDatabase, Table
from services.shared.errors import Problem
from services.shared.sql.guard import parse_statement
from services.shared.sql.translate import Translation, translate

Rows = Callable[[str], list[tuple[Any, ...]]]
Types = Callable[[str], list[str]]


class Catalog:
    """No tables."""

    def list_databases(self) -> Sequence[CatalogDatabase]:
        return []

    def list_tables(self, database: str) -> Sequence[Table]:
        raise AssertionError(database)

    def find_table(self, database: str, name: str) -> Table | None:
        raise AssertionError((database, name))


def test_integer_division_truncates(rows: Rows, types: Types) -> None:
    """trino.io/docs/current/functions/math.html: `/` is "Division (integer division performs truncation)", `%` the modulus."""
    assert rows("select 7 / 2, -7 / 2, -7 % 3, a / 2 from t where a = 7") == [(3, -3, -1, 3)]
    assert types("select 7 / 2, b / a, 7 / 2e0 from t") == ["int", "bigint", "double"]


def test_division_by_zero_is_an_error(rows: Rows) -> None:
    """docs/functions/conditional.html (try): integers and decimals divided by zero fail, try gives NULL; doubles do not fail."""
    for sql in ("select 1 / (a - 7) from t", "select dec / 0 from t", "select 1 % (a - 7) from t", "select 1.5 % 0.0"):
        with pytest.raises(duckdb.InvalidInputException, match="Division by zero"):
            rows(sql)
    assert rows("select try(1 / 0), 1 / 0e0, coalesce(try(1 / (a - 7)), -1) from t where a = 7") == [(None, float("inf"), -1)]


def test_decimal_arithmetic(rows: Rows, types: Types) -> None:
    """docs/functions/decimal.html: precision and scale of the results of + - * / %, ties rounded away from zero."""
    sql = "select dec + 1, dec * dec, dec / 3, dec * 1.5, 10.5 % 3, 1 / 3.00, cast(1 as decimal(38,2)) + 1 from t where a = 7"
    assert types(sql) == ["decimal(13,2)", "decimal(20,4)", "decimal(10,2)", "decimal(12,3)", "decimal(3,1)", "decimal(14,2)", "decimal(38,2)"]
    assert rows(sql) == [
        (Decimal("13.34"), Decimal("152.2756"), Decimal("4.11"), Decimal("18.510"), Decimal("1.5"), Decimal("0.33"), Decimal("2.00"))
    ]
    assert rows("select -1 / 8.00, 1.0 / 8.00") == [(Decimal("-0.13"), Decimal("0.13"))]
    assert rows("select cast(123456789012345.12 as decimal(17,2)) * cast(12345678.12 as decimal(10,2))") == [
        (Decimal("1524157778875165557872.7744"),)
    ]


def test_sum_and_avg_have_trinos_types(rows: Rows, types: Types) -> None:
    """docs/functions/aggregate.html: sum of integers is bigint, of decimal(p,s) decimal(38,s); avg is double, of decimal(p,s) decimal(p,s)."""
    sql = "select sum(a), sum(b), sum(dec), sum(d), avg(a), avg(dec), count(*), count(a) from t where a is not null"
    assert types(sql) == ["bigint", "bigint", "decimal(38,2)", "double", "double", "decimal(10,2)", "bigint", "bigint"]
    assert rows("select sum(a), sum(dec), avg(b), avg(dec), count(*), count(a) from t") == [(0, Decimal("12.29"), 2.0, Decimal("6.15"), 3, 2)]
    assert rows("select avg(dec), sum(a) from t where false") == [(None, None)]
    with pytest.raises(duckdb.ConversionException, match="out of range"):
        rows("select sum(9223372036854775807) from t")


def test_integers_overflow_loudly(rows: Rows) -> None:
    """docs/language/types.html: an integer has its range; a result beyond it is an error, in the type of the operands."""
    for sql in (
        "select 2147483647 + 1",
        "select 9223372036854775807 + b from t",
        "select cast(127 as tinyint) * cast(2 as tinyint)",
        "select cast(300 as tinyint)",
    ):
        with pytest.raises((duckdb.OutOfRangeException, duckdb.ConversionException)):
            rows(sql)


def test_nulls_come_last_in_both_directions(rows: Rows) -> None:
    """docs/sql/select.html, ORDER BY: "The default null ordering is NULLS LAST, regardless of the ordering direction."."""
    assert rows("select a from t order by a") == [(-7,), (7,), (None,)]
    assert rows("select a from t order by a desc") == [(7,), (-7,), (None,)]
    assert rows("select a from t order by a desc nulls first") == [(None,), (7,), (-7,)]
    assert rows("select a, row_number() over (order by a desc) n from t order by n") == [(7, 1), (-7, 2), (None, 3)]
    assert rows("select array_agg(a order by a desc) from t") == [([7, -7, None],)]


def test_date_arithmetic(rows: Rows) -> None:
    """docs/functions/datetime.html: the date_add, date_diff and date_trunc examples, interval arithmetic, ends of months."""
    assert rows("select date_add('second', 86, timestamp '2020-03-01 00:00:00'), date_add('day', 1, date '2020-03-01')") == [
        (datetime(2020, 3, 1, 0, 1, 26), date(2020, 3, 2))
    ]
    assert rows("select date_diff('second', timestamp '2020-03-01 00:00:00', timestamp '2020-03-02 00:00:00'), "
                "date_diff('hour', timestamp '2020-03-01 00:00:00', timestamp '2020-03-02 00:00:00'), "
                "date_diff('day', date '2020-03-01', date '2020-03-02'), "
                "date_diff('day', timestamp '2020-01-01 23:00:00', timestamp '2020-01-02 22:00:00')") == [(86400, 24, 1, 0)]  # fmt: skip
    assert rows("select date '2012-08-08' + interval '2' day, timestamp '2012-08-08 01:00' + interval '29' hour, "
                "timestamp '2012-10-31 01:00' + interval '1' month, date '2020-01-31' + interval '1' month") == [
        (date(2012, 8, 10), datetime(2012, 8, 9, 6), datetime(2012, 11, 30, 1), date(2020, 2, 29))
    ]  # fmt: skip
    trunc = ", ".join(
        f"date_trunc('{u}', timestamp '2001-08-22 03:04:05.321')" for u in ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
    )
    assert rows(f"select {trunc}") == [
        (datetime(2001, 8, 22, 3, 4, 5), datetime(2001, 8, 22, 3, 4), datetime(2001, 8, 22, 3), datetime(2001, 8, 22), datetime(2001, 8, 20),
         datetime(2001, 8, 1), datetime(2001, 7, 1), datetime(2001, 1, 1))
    ]  # fmt: skip
    assert rows(
        "select date_diff('month', date '2020-01-31', date '2020-02-28'), date_diff('month', date "
        "'2020-02-28', date '2020-01-31'), "
                "date_diff('year', date '2020-02-29', date '2021-02-28')") == [(0, 0, 1)]  # fmt: skip


def _joda_months(first: datetime, second: datetime) -> int:
    """Joda-Time's BasicMonthOfYearDateTimeField.getDifferenceAsLong, which Trino calls."""
    if second < first:
        return -_joda_months(second, first)
    last = second.day == monthrange(second.year, second.month)[1]
    begin = first.replace(day=second.day) if last and first.day > second.day else first
    whole = (second.year - first.year) * 12 + second.month - first.month
    rest = [m - datetime(m.year, m.month, 1) for m in (second, begin)]
    return whole - (rest[0] < rest[1])


_MOMENTS = st.datetimes(datetime(1960, 1, 1), datetime(2040, 12, 31)).map(lambda m: m.replace(microsecond=m.microsecond // 1000 * 1000))


@given(st.lists(st.tuples(_MOMENTS, _MOMENTS), min_size=200, max_size=200))
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_months_between_are_jodas(pairs: list[tuple[datetime, datetime]]) -> None:
    """docs/functions/datetime.html, date_diff: months elapsed, as the library that Trino uses counts them, ends of months included."""
    pairs = [*pairs, *((datetime(2020, 1, d), datetime(2021, 2, e)) for d in range(28, 32) for e in (27, 28))]
    values = ", ".join(f"(timestamp '{a.isoformat(' ', 'milliseconds')}', timestamp '{b.isoformat(' ', 'milliseconds')}')" for a, b in pairs)
    sql = f"select date_diff('month', f, s), date_diff('quarter', f, s), date_diff('year', s, f) from (values {values}) as v(f, s)"
    found = duckdb.sql(translate(parse_statement(sql, max_bytes=1 << 20), Catalog(), database="sales").sql).fetchall()
    expected = [_joda_months(a, b) for a, b in pairs]
    assert found == [(m, int(m / 3), int(-m / 12)) for m in expected]


def test_parts_of_dates(rows: Rows) -> None:
    """docs/functions/datetime.html, extraction: ISO weeks and days (Monday is 1), milliseconds of the second, extract and its functions."""
    assert rows("select day_of_week(dt), week(dt), year_of_week(date '2021-01-03'), quarter(dt), day_of_year(dt), extract(year from dt), "
                "millisecond(ts), extract(hour from ts), month(ts) from t where a = 7") == [(5, 5, 2020, 1, 31, 2020, 345, 10, 1)]  # fmt: skip
    assert rows("select millisecond(ts), to_unixtime(ts), last_day_of_month(dt) from t where a = -7") == [(999, -0.001, date(2021, 2, 28))]


def test_dates_as_text(rows: Rows) -> None:
    """docs/functions/datetime.html, MySQL date functions: date_format and date_parse letters; casts write milliseconds."""
    assert rows("select date_format(ts, '%Y-%m-%d %H:%i:%s'), date_format(ts, '%a %b %e %c %l:%i %p %W %M %y %j %%'), cast(ts as varchar), "
                "format_datetime(ts, 'yyyy-MM-dd''T''HH:mm:ss.SSS') from t where a = 7") == [
        ("2020-01-31 10:11:12", "Fri Jan 31 1 10:11 AM Friday January 20 031 %", "2020-01-31 10:11:12.345", "2020-01-31T10:11:12.345")
    ]  # fmt: skip
    assert rows("select date_parse('2022/10/20/05', '%Y/%m/%d/%H'), cast('2020-1-5' as date), cast('2020-01-05 06:07' as timestamp)") == [
        (datetime(2022, 10, 20, 5), date(2020, 1, 5), datetime(2020, 1, 5, 6, 7))
    ]


def test_regular_expressions(rows: Rows) -> None:
    """docs/functions/regexp.html: its examples; no match is NULL, `$g` is a group, like contains and does not anchor."""
    assert rows(
        r"select regexp_count('1a 2b 14m', '\s*[a-z]+\s*'), regexp_extract_all('1a 2b 14m', '\d+'), "
        r"regexp_extract_all('1a 2b 14m', '(\d+)([a-z]+)', 2), "
                r"regexp_extract('1a 2b 14m', '\d+'), regexp_extract('1a 2b 14m', '(\d+)([a-z]+)', 2), regexp_like('1a 2b 14m', '\d+b')") == [
        (3, ["1", "2", "14"], ["a", "b", "m"], "1", "a", True)
    ]  # fmt: skip
    assert rows(
        r"select regexp_replace('1a 2b 14m', '\d+[ab] '), regexp_replace('1a 2b 14m', '(\d+)([ab]) ', '3c$2 "
        r"'), regexp_split('1a 2b 14m', '\s*[a-z]+\s*'), "
                r"regexp_extract('x', '\d'), regexp_like(null, 'a')") == [("14m", "3ca 3cb 14m", ["1", "2", "14", ""], None, None)]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("select regexp_like(s, '(?=x)') from t", "lookahead"), ("select regexp_like(s, '(?<!x)y') from t", "lookbehind"),
        ("select regexp_like(s, 'a++') from t", "possessive"), (r"select regexp_like(s, '(a)\1') from t", "back reference"),
        ("select regexp_like(s, '(?>a)') from t", "atomic"), ("select regexp_like(s, '[a&&b]') from t", "class inside"),
        ("select regexp_like(s, s) from t", "not a literal"), ("select regexp_extract(s, '(a)|(b)', 2) from t", "leave out"),
        ("select regexp_replace(s, 'x*', '-') from t", "empty text"), ("select cast(d as varchar) from t", "double to varchar"),
        ("select date_format(ts, '%D') from t", "%D"), ("select ts at time zone s from t", "not a literal"),
        (
            "select timestamp '2020-01-01 00:00:00.1234'", "milliseconds"), ("select json_extract_scalar(s, '$..a') from t", "json_extract_scalar"),
        ("select approx_percentile(a, 2, 0.5) from t", "weights"), ("select split(s, ',', a) from t", "limit"),
        ("select cast(s as char(3)) from t", "CHAR"), ("select date_parse(s, '%y') from t", "%y"), ("select array[interval '1' day]", "interval"),
        (
            "select m = m from t", "map(varchar, bigint)"),
        ("select sum(a) over (order by d range between 1 preceding and current row) from t", "RANGE"),
        ("select a from t natural join u", "NATURAL"), ("select (a, b) in (select 1, 2) from t", "IN over rows"),
    ],
)  # fmt: skip
def test_what_has_no_faithful_answer_is_refused_by_name(translated: Callable[[str], Translation], sql: str, named: str) -> None:
    """What Java's regular expressions, time zones and formats mean beyond DuckDB's is 422 and named, never another answer."""
    with pytest.raises(Problem) as caught:
        translated(sql)
    assert caught.value.code == "unsupported_on_embedded"
    assert named in caught.value.detail


def test_a_dollar_before_a_last_line_break_is_an_error(rows: Rows) -> None:
    r"""docs/functions/regexp.html: Java's `$` also matches before a final line break and RE2's does not: such a value ends the query."""
    assert rows("select regexp_like(s, 'o$') from t where a = 7") == [(True,)]
    with pytest.raises(duckdb.InvalidInputException, match="line break"):
        rows("select regexp_like(s || chr(10), 'o$') from t where a = 7")


def test_strings(rows: Rows) -> None:
    """docs/functions/string.html: positions from 1, negative starts from the end, code points, lpad cuts, split_part beyond the end is NULL."""
    assert rows(
        "select substr(s, -3), substr(s, 0), substr(s, -9), substr(s, 2, 3), substr(s, -3, 2), substr(s, b), "
        "strpos(s, 'l'), strpos(s, 'z'), position('l' in s) from t where a = 7"
    ) == [("llo", "", "", "ell", "ll", "ello", 3, 0, 3)]
    assert rows(
        "select lpad(s, 3, 'x'), lpad(s, 7, 'xy'), rpad(s, 6, '.'), split(s, 'l'), split_part(s, 'l', 3), "
        "split_part(s, 'l', 4), reverse(s) from t where a = 7"
    ) == [("hel", "xyhello", "hello.", ["he", "", "o"], "o", None, "olleh")]
    assert rows(
        "select trim(chr(9) || ' x ' || chr(8195) || chr(10)), length('🤦🏼‍♂️'), length('e' || chr(769)), "
        "reverse('e' || chr(769)), 'a' || null, concat('a', 'b', 'c')"
    ) == [("x", 5, 2, chr(769) + "e", None, "abc")]
    assert rows("select s like 'h%', s like '_ello', '10%' like '10\\%' escape '\\', 'a\\b' like 'a\\b' from t where a = 7") == [
        (True, True, True, True)
    ]


def test_casts(rows: Rows) -> None:
    """docs/functions/conversion.html: cast fails and try_cast gives NULL on what is no value of the type; rounding is half away from zero."""
    assert rows(
        "select cast('12' as bigint), try_cast(' 12' as bigint), try_cast('1.5' as integer), try_cast('1_0' "
        "as bigint), try_cast('x' as double), cast(' 1e2 ' as double)"
    ) == [(12, None, None, None, None, 100.0)]
    assert rows(
        "select cast(2.5 as bigint), cast(-2.5 as bigint), cast(2.5e0 as bigint), cast(-2.5e0 as bigint), "
        "cast('1.255' as decimal(4,2)), cast(1.25 as decimal(2,1)), cast(1.115e0 as decimal(10,2))"
    ) == [(3, -3, 3, -3, Decimal("1.26"), Decimal("1.3"), Decimal("1.12"))]
    assert rows(
        "select cast(true as integer), cast(0 as boolean), cast('T' as boolean), try_cast('yes' as boolean), "
        "cast(1.50 as varchar), cast('hello' as varchar(2))"
    ) == [(1, False, True, None, "1.50", "he")]
    with pytest.raises(duckdb.InvalidInputException, match="Cannot cast ' 12' to bigint"):
        rows("select cast(' 12' as bigint)")
    with pytest.raises(duckdb.InvalidInputException, match="Cannot cast 'hello' to date"):
        rows("select cast(s as date) from t")


def test_nan_is_equal_to_nothing(rows: Rows) -> None:
    """docs/functions/math.html, floating point: comparisons with NaN are false, but for `<>`."""
    assert rows("select d = d, d <> d, d > 1, d >= d, d < 1, d between 0 and 9 from t where a = -7") == [(False, True, False, False, False, False)]


def test_arrays_maps_and_lambdas(rows: Rows) -> None:
    """docs/functions/array.html and lambda.html: subscripts from 1, element_at beyond the end is NULL, NULLs decide nothing."""
    assert rows(
        "select arr[1], element_at(arr, 9), element_at(arr, -3), cardinality(arr), contains(arr, 1), "
        "contains(arr, 9), array_join(arr, ','), array_max(arr), m['k'], element_at(m, 'z') from t where a = "
        "7"
    ) == [(3, None, 3, 3, True, None, "3,1", None, 5, None)]
    assert rows(
        "select transform(arr, x -> x * 2), filter(arr, x -> x > 1), any_match(arr, x -> x > 2), "
        "all_match(arr, x -> x > 0), array_sort(arr) from t where a = 7"
    ) == [([6, 2, None], [3], True, None, [1, 3, None])]
    with pytest.raises(duckdb.InvalidInputException, match="out of bounds"):
        rows("select arr[4] from t where a = 7")


def test_windows_and_grouping(rows: Rows) -> None:
    """docs/functions/window.html and sql/select.html: frames, IGNORE NULLS, FILTER, grouping sets."""
    assert rows(
        "select a, lag(a, 1, 0) over (order by a), sum(b) over (order by a rows between unbounded preceding "
        "and current row), first_value(a) over w, count(*) filter (where x) over () from t window w as "
        "(order by a) order by a") == [
        (-7, 0, 2, -7, 1), (7, -7, 4, -7, 1), (None, 7, 4, -7, 1)
    ]  # fmt: skip
    assert rows("select lag(a) ignore nulls over (order by a nulls first) from t order by a") == [(None,), (-7,), (None,)]
    assert rows("select x, count(*), grouping(x) from t group by rollup(x) order by 3, 1") == [
        (False, 1, 0),
        (True, 1, 0),
        (None, 1, 0),
        (None, 3, 1),
    ]
    assert rows("select rank() over (order by count(*) desc) from t group by x") == [(1,), (1,), (1,)]


def test_set_operations_find_the_common_type(rows: Rows, types: Types) -> None:
    """docs/sql/select.html: UNION, INTERSECT and EXCEPT, with and without ALL; columns take their common type."""
    assert types("select 1 union all select 2.5") == ["decimal(11,1)"]
    assert rows("select 1 union all select 2.5 order by 1 desc limit 1") == [(Decimal("2.5"),)]
    assert rows("select a from t intersect select a from u") == [(7,)]
    assert rows("select a from u except select a from t") == [(8,)]


def test_rounding(rows: Rows) -> None:
    """docs/functions/math.html: round, ceil, floor, truncate, mod, greatest; NULL if any argument is."""
    assert rows(
        "select round(2.5), round(-2.5e0), round(dec, 1), ceil(dec), floor(dec), truncate(dec), mod(a, 3), "
        "greatest(a, 9, b), greatest(a, null), abs(-5), sign(-2.5e0) from t where a = 7"
    ) == [(Decimal(3), -3.0, Decimal("12.30"), Decimal(13), Decimal(12), Decimal(12), 1, 9, None, 5, -1.0)]
