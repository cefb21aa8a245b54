"""Signals may come twice, late and in any order: the region ends up the same, and never grows without bound."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import fold as folding
from domain.signals import Signal, Verdict, Witness
from entities.context import UnknownOperation
from entities.region import EMPTY, KEPT_ASIDE, TOLD, observe, region
from tests.entities.asked import Asked

NIGHT = datetime(2026, 3, 14, 2, 40, tzinfo=UTC)


def signal(
    number: int,
    resource: str = "/vm/a",
    minutes: float = 0,
    witness: Witness = Witness.RESOURCE_HEALTH,
    verdict: Verdict = Verdict.UNHEALTHY,
) -> Signal:
    return Signal(
        id=f"e{number}",
        witness=witness,
        verdict=verdict,
        resource=resource,
        region="eastus",
        at=NIGHT + timedelta(minutes=minutes),
        summary="s",
        via="event grid",
    )


def observed(*signals: Signal) -> Asked:
    asked = Asked(region)
    for each in signals:
        asked("observe", **each.wire())
    return asked


def told(asked: Asked, at: datetime = NIGHT) -> list[str]:
    return [each["id"] for each in asked("since", at=at.isoformat())["signals"]]


def test_the_newest_word_of_a_witness_about_a_resource_stays() -> None:
    newest = signal(2, minutes=5, verdict=Verdict.HEALTHY)
    assert told(observed(signal(1), newest)) == ["e2"]
    assert told(observed(newest, signal(1))) == ["e2"], "a late one is late"


def test_a_resource_is_the_same_in_any_case() -> None:
    assert told(observed(signal(1, "/VM/A"), signal(2, "/vm/a", 1))) == ["e2"]


def test_witnesses_speak_each_for_themselves() -> None:
    assert told(observed(signal(1), signal(2, witness=Witness.METRIC))) == ["e1", "e2"]


def test_what_was_said_in_the_hour_before_is_told_oldest_first() -> None:
    asked = observed(
        signal(1, "c", 30), signal(2, "b", -59), signal(3, "a", -61), signal(4, "d", -60)
    )
    assert told(asked) == ["e4", "e2", "e1"]


def test_a_run_is_told_of_the_newest_signals_only() -> None:
    asked = observed(*(signal(n, f"/vm/{n}", minutes=n / 10) for n in range(TOLD + 3)))
    ids = told(asked)
    assert len(ids) == TOLD
    assert (ids[0], ids[-1]) == ("e3", f"e{TOLD + 2}")


def test_an_empty_region_tells_nothing() -> None:
    assert told(Asked(region)) == []


def test_what_is_set_aside_is_kept_newest_last_and_bounded() -> None:
    asked = Asked(region)
    for n in range(KEPT_ASIDE + 3):
        asked("set_aside", id=str(n), because="no plan")
    aside = asked.state["aside"]
    assert len(aside) == KEPT_ASIDE
    assert aside[-1]["id"] == str(KEPT_ASIDE + 2)


def looked(minutes: float) -> dict[str, Any]:
    at = (NIGHT + timedelta(minutes=minutes)).isoformat()
    return {"at": at, "watched": [], "signals": []}


def test_a_signal_of_another_time_than_the_last_look_is_set_aside() -> None:
    asked = Asked(region)
    asked("look", **looked(0))
    for each in (signal(1, minutes=5.1), signal(2, minutes=-30.1)):
        asked("observe", **each.wire())
    ahead, history = asked.state["aside"]
    assert "lies ahead of ours; look at its sender's clock" in ahead["because"]
    assert history["because"].endswith("and so history by now")
    assert asked.state["signals"] == {}


def test_good_news_is_never_too_old_and_small_differences_of_clocks_are_borne() -> None:
    asked = Asked(region)
    asked("look", **looked(0))
    for each in (
        signal(1, "/vm/a", minutes=-300, verdict=Verdict.HEALTHY),
        signal(2, "/vm/b", minutes=4.9),
        signal(3, "/vm/c", minutes=-29.9),
    ):
        asked("observe", **each.wire())
    assert len(asked.state["signals"]) == 3
    assert asked.state["aside"] == []


def test_what_came_from_the_future_before_anybody_looked_does_not_outlast_the_first_look() -> None:
    asked = observed(signal(1, minutes=600, verdict=Verdict.HEALTHY), signal(2, "/vm/b"))
    asked("look", **looked(1))
    assert [s["id"] for s in asked.state["signals"].values()] == ["e2"]
    assert [aside["id"] for aside in asked.state["aside"]] == ["e1"]


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(UnknownOperation):
        Asked(region)("forget", at="x")


signals = st.lists(
    st.tuples(
        st.sampled_from(["/vm/a", "/VM/A", "/vm/b", "/vm/c", "/vm/d"]),
        st.integers(-3, 3),
        st.sampled_from([Witness.RESOURCE_HEALTH, Witness.METRIC]),
        st.sampled_from(list(Verdict)),
    ),
    max_size=12,
).map(
    lambda parts: [
        signal(n, resource, minutes, witness, verdict)
        for n, (resource, minutes, witness, verdict) in enumerate(parts)
    ]
)


@settings(deadline=None)
@given(data=st.data(), came=signals, room=st.sampled_from([2, 3, folding.KEPT]))
def test_order_and_duplicates_do_not_matter_and_the_room_is_never_exceeded(
    data: st.DataObject, came: list[Signal], room: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "KEPT", room)
        plain = fold(came)
        shuffled = (
            data.draw(st.permutations(came + data.draw(st.lists(st.sampled_from(came)))))
            if came
            else []
        )
        assert fold(shuffled) == plain
        assert len(plain) <= room


def fold(came: list[Signal]) -> dict[str, Any]:
    state: dict[str, Any] = EMPTY
    for each in came:
        state = observe(state, each)
        assert len(state["signals"]) <= folding.KEPT
    signals: dict[str, Any] = state["signals"]
    return signals


def test_signals_of_one_instant_are_dropped_alike_whatever_their_order() -> None:
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(folding, "KEPT", 2)
        ways = [
            fold(list(way))
            for way in itertools.permutations(signal(n, f"/vm/{n}") for n in range(3))
        ]
    assert all(way == ways[0] for way in ways)
