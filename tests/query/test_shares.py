"""All running queries together use no more memory than they may."""

from __future__ import annotations

from services.query.engines.shares import LEAST, Shares

MIB = 1 << 20


def test_a_lone_query_gets_half_and_all_slots_together_get_all() -> None:
    """The sum of the shares is the total, however many slots are in use."""
    shares = Shares(800 * MIB, 4)
    taken = [shares.take() for _ in range(4)]
    assert taken == [400 * MIB, 200 * MIB, 100 * MIB, 100 * MIB]
    assert sum(taken) == 800 * MIB


def test_what_is_given_back_can_be_taken_again() -> None:
    """Shares do not leak."""
    shares = Shares(400 * MIB, 2)
    first, second = shares.take(), shares.take()
    shares.give_back(first)
    shares.give_back(second)
    assert [shares.take(), shares.take()] == [first, second]


def test_a_share_is_never_too_small_to_run() -> None:
    """A tiny total still lets a query spill."""
    assert Shares(MIB, 4).take() == LEAST
