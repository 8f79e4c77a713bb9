"""Published CSV is read as Athena's SerDes read it: every golden vector, byte by byte."""

from __future__ import annotations

import pytest

from services.shared.errors import Problem
from tests.query.serde.conftest import Read
from tests.query.serde.vectors import FAILURES, VECTORS, Failure, Vector


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one.serde}-{one.data[:24]!r}-{one.types}")
def test_the_engine_reads_what_the_serde_reads(read: Read, vector: Vector) -> None:
    """The rows are the vector's, NULL and '' told apart."""
    assert read(vector.serde, vector.data, vector.types.split(), header=vector.header, properties=vector.properties) == vector.rows


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: f"{one.serde}-{one.data[:24]!r}-{one.types}")
def test_what_can_t_be_read_fails_the_query(read: Read, failure: Failure) -> None:
    """A value or a file that Athena fails at, or that this engine has no faithful answer for, is a problem and never a row."""
    with pytest.raises(Problem) as problem:
        read(failure.serde, failure.data, failure.types.split())
    assert problem.value.code == failure.code
