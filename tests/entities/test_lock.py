"""One run at a time holds an application, and every holder's token is higher than the last one's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entities.context import UnknownOperation
from entities.lock import lock
from tests.entities.asked import Asked


def test_a_free_lock_is_given_with_its_first_token() -> None:
    assert Asked(lock)("acquire", run="a") == {"holder": "a", "token": 1}


def test_a_run_that_asks_twice_holds_it_once() -> None:
    asked = Asked(lock)
    assert asked("acquire", run="a") == asked("acquire", run="a")


def test_another_run_learns_who_holds_it() -> None:
    asked = Asked(lock)
    asked("acquire", run="a")
    assert asked("acquire", run="b") == {"holder": "a", "token": None}
    assert asked.state == {"holder": "a", "token": 1}


def test_a_run_goes_under_the_one_that_holds_the_lock() -> None:
    asked = Asked(lock)
    asked("acquire", run="parent")
    assert asked("acquire", run="leg", under="parent") == {"holder": "parent", "token": 1}
    assert asked("release", run="leg") == {"holder": "parent"}
    assert asked("acquire", run="other", under="leg")["token"] is None


def test_a_run_goes_under_the_one_that_holds_the_lock_however_far_above() -> None:
    asked = Asked(lock)
    asked("acquire", run="whole")
    assert asked("acquire", run="whole.3.9", under="whole.3")["token"] == 1
    assert asked("acquire", run="whole2.3", under="whole2")["token"] is None


def test_who_holds_it_can_be_asked_and_nothing_changes() -> None:
    asked = Asked(lock)
    assert asked("holder") == {"holder": None}
    asked("acquire", run="a")
    assert asked("holder") == {"holder": "a"}
    assert asked.state == {"holder": "a", "token": 1}


def test_a_stranger_releases_nothing() -> None:
    asked = Asked(lock)
    asked("acquire", run="a")
    assert asked("release", run="b") == {"holder": "a"}
    assert asked("acquire", run="b")["token"] is None


def test_a_released_lock_is_free_and_its_next_token_is_higher() -> None:
    asked = Asked(lock)
    asked("acquire", run="a")
    assert asked("release", run="a") == {"holder": None}
    assert asked("release", run="a") == {"holder": None}
    assert asked("acquire", run="b") == {"holder": "b", "token": 2}


def test_an_unknown_operation_changes_nothing() -> None:
    asked = Asked(lock)
    asked("acquire", run="a")
    with pytest.raises(UnknownOperation, match="lock knows no operation 'steal'"):
        asked("steal", run="b")
    assert asked.state["holder"] == "a"


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["acquire", "release"]), st.sampled_from(["a", "b", "c"])),
        max_size=40,
    )
)
def test_whatever_is_asked_one_run_holds_it_and_tokens_only_grow(
    steps: list[tuple[str, str]],
) -> None:
    asked, holder, tokens = Asked(lock), None, [0]
    for operation, run in steps:
        answer = asked(operation, run=run)
        if operation == "acquire" and answer["token"] is not None:
            assert holder in (None, run), "two runs hold it"
            assert answer["token"] == tokens[-1] + (holder is None)
            holder = run
            tokens.append(answer["token"])
        elif operation == "acquire":
            assert answer["holder"] == holder != run
        elif holder == run:
            holder = None
        assert asked.state["holder"] == holder
