"""The newest word about the kill switch counts, in whatever order words come."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from entities.context import UnknownOperation
from entities.kill_switch import kill_switch
from tests.entities.asked import Asked


def word(on: bool, second: int) -> dict[str, Any]:
    return {"on": on, "by": "carol", "reason": "why", "at": f"2026-03-14T02:40:{second:02}Z"}


def test_it_is_off_until_somebody_pulls_it() -> None:
    asked = Asked(kill_switch)
    assert asked("read")["on"] is False
    assert asked("set", **word(True, 1))["on"] is True
    assert asked("read")["by"] == "carol"


@pytest.mark.parametrize("order", list(permutations([(True, 1), (False, 2), (True, 3)])))
def test_the_newest_word_counts_however_late_it_comes(order: Any) -> None:
    asked = Asked(kill_switch)
    for on, second in order:
        asked("set", **word(on, second))
    assert asked("read")["on"] is True
    asked("set", **word(False, 4))
    assert asked("read")["on"] is False


def test_reading_writes_nothing() -> None:
    asked = Asked(kill_switch)
    asked("read")
    assert asked.state is None


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(UnknownOperation):
        Asked(kill_switch)("toggle")
