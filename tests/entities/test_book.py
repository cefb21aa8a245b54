"""The book of runs keeps every run once, and has an end."""

from __future__ import annotations

import pytest

from entities.book import KEPT, book
from entities.context import UnknownOperation
from tests.entities.asked import Asked


def test_runs_stay_in_the_order_in_which_they_were_entered() -> None:
    asked = Asked(book)
    asked("enter", run="b", plan="shop")
    assert asked("enter", run="a", plan="crm") == {"runs": 2}
    assert [run["run"] for run in asked.state["runs"]] == ["b", "a"]


def test_a_run_that_is_entered_again_is_there_once() -> None:
    asked = Asked(book)
    asked("enter", run="a", plan="shop")
    assert asked("enter", run="a", plan="shop") == {"runs": 1}


def test_of_very_many_the_oldest_leave_the_book() -> None:
    asked = Asked(book)
    for number in range(KEPT + 3):
        asked("enter", run=f"r{number}")
    runs = [run["run"] for run in asked.state["runs"]]
    assert (len(runs), runs[0], runs[-1]) == (KEPT, "r3", f"r{KEPT + 2}")


def test_the_book_does_nothing_else() -> None:
    with pytest.raises(UnknownOperation, match="book"):
        Asked(book)("tear", run="a")
