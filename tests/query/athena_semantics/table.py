"""The whole table, subject by subject."""

from __future__ import annotations

from tests.query.athena_semantics.aggregation import AGGREGATES, GROUPING, WINDOWS
from tests.query.athena_semantics.arithmetic import ARITHMETIC, MATHEMATICS
from tests.query.athena_semantics.case import Subject
from tests.query.athena_semantics.conversion import CASTS, CONDITIONALS, LITERALS
from tests.query.athena_semantics.moments import DATE_TEXTS, DATES, ZONES
from tests.query.athena_semantics.nested import ARRAYS, JSON, LAMBDAS, MAPS
from tests.query.athena_semantics.relations import ORDERING, RELATIONS, SETS, SUBQUERIES
from tests.query.athena_semantics.text import BINARY, REGULAR_EXPRESSIONS, STRINGS

SUBJECTS: tuple[Subject, ...] = (
    ARITHMETIC, MATHEMATICS, LITERALS, CASTS, CONDITIONALS, STRINGS, REGULAR_EXPRESSIONS, BINARY, DATES, DATE_TEXTS, ZONES, JSON, ARRAYS,
    LAMBDAS, MAPS, AGGREGATES, GROUPING, WINDOWS, RELATIONS, SUBQUERIES, ORDERING, SETS,
)  # fmt: skip
