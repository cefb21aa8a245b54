"""A start is counted once, and at most so many within an hour where a run is held to that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.guardrails import HOUR, KEPT_STARTS
from entities.context import UnknownOperation
from entities.estate import estate
from tests.entities.asked import Asked

START = datetime(2026, 3, 14, 2, 40, tzinfo=UTC)


def begin(asked: Asked, run: str, minutes: int, limit: int | None = None) -> Any:
    at = (START + timedelta(minutes=minutes)).isoformat()
    return asked("begin", run=run, at=at, limit=limit)


def test_a_start_that_is_told_twice_counts_once() -> None:
    asked = Asked(estate)
    assert begin(asked, "a", 0) == {"others": 0, "counted": True}
    assert begin(asked, "a", 5) == {"others": 0, "counted": True}
    assert begin(asked, "b", 6) == {"others": 1, "counted": True}


def test_one_too_many_is_not_counted_and_takes_nobodys_place() -> None:
    asked = Asked(estate)
    begin(asked, "a", 0)
    assert begin(asked, "b", 10, limit=1) == {"others": 1, "counted": False}
    assert begin(asked, "c", 61, limit=1) == {"others": 0, "counted": True}


def test_what_is_kept_has_an_end() -> None:
    asked = Asked(estate)
    for n in range(KEPT_STARTS + 3):
        begin(asked, f"r{n}", n)
    assert len(asked.state["starts"]) == KEPT_STARTS
    assert "r0" not in asked.state["starts"]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 200)), max_size=20), st.integers(1, 3))
def test_never_more_than_the_limit_within_an_hour(told: list[tuple[int, int]], limit: int) -> None:
    asked = Asked(estate)
    for run, minutes in sorted(told, key=lambda each: each[1]):
        begin(asked, f"r{run}", minutes, limit)
    times = [
        datetime.fromisoformat(at) for at in (asked.state or {"starts": {}})["starts"].values()
    ]
    for time in times:
        assert sum(time - HOUR < other <= time for other in times) <= limit


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(UnknownOperation):
        Asked(estate)("end", run="a")
