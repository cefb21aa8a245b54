"""A decision counts once, at its own open gate, from somebody else; every other one is kept with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.desk import KEPT_REFUSALS
from entities.context import UnknownOperation
from entities.desk import desk
from tests.entities.asked import Asked

DIGEST = "d" * 64


def opened(gate: str = "approval", by: str = "alice") -> Asked:
    asked = Asked(desk)
    asked("open", gate=gate, digest=DIGEST, requested_by=by, bell="run.approval")
    return asked


def gate_of(answer: Any) -> dict[str, Any]:
    return {key: answer[key] for key in ("rings", "decision")}


def decide(asked: Asked, by: str = "bob", verdict: str = "approve", **changes: Any) -> Any:
    said = {"gate": "approval", "verdict": verdict, "by": by, "digest": DIGEST, **changes}
    return asked("decide", **said)


def refusals(asked: Asked) -> list[str]:
    return [each["because"] for each in asked.state["refused"]]


def test_an_open_gate_has_neither_rung_nor_been_decided() -> None:
    asked = opened()
    assert gate_of(asked("read", gate="approval")) == {"rings": 0, "decision": None}


def test_the_first_decision_counts_and_rings() -> None:
    asked = opened()
    answer = decide(asked)
    assert answer["rings"] == 1
    assert answer["decision"]["by"] == "bob"
    assert not asked.state["gates"]["approval"]["open"]


def test_the_second_decision_is_kept_with_the_reason() -> None:
    asked = opened()
    decide(asked)
    answer = decide(asked, by="carol", verdict="reject")
    assert gate_of(answer) == {"rings": 1, "decision": answer["decision"]}
    assert answer["decision"]["by"] == "bob"
    assert refusals(asked) == ["gate approval was decided by bob"]


def test_opening_a_gate_again_forgets_nothing() -> None:
    asked = opened()
    decide(asked)
    again = asked("open", gate="approval", digest=DIGEST, requested_by="alice", bell="x")
    assert again["decision"]["by"] == "bob"


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"gate": "commit"}, "this run asks nothing at gate commit"),
        (
            {"digest": "e" * 64},
            "the decision is about another digest than the one asked about",
        ),
        (
            {"by": "alice"},
            "alice asked for this run and cannot decide about it; somebody else must",
        ),
        (
            {"by": "ALICE"},
            "ALICE asked for this run and cannot decide about it; somebody else must",
        ),
    ],
)
def test_what_does_not_count_is_kept_with_the_reason(changes: Any, because: str) -> None:
    asked = opened()
    decide(asked, **changes)
    assert refusals(asked) == [because]
    assert gate_of(asked("read", gate="approval")) == {"rings": 0, "decision": None}
    assert decide(asked)["decision"]["by"] == "bob", "the gate is open still"


def test_a_decision_about_a_closed_gate_is_late() -> None:
    asked = opened()
    asked("close", gate="approval")
    decide(asked)
    assert refusals(asked) == ["gate approval is closed"]


def test_closing_a_gate_nobody_opened_is_no_trouble() -> None:
    asked = Asked(desk)
    assert gate_of(asked("close", gate="approval")) == {"rings": 0, "decision": None}


def test_gates_are_decided_each_for_itself() -> None:
    asked = opened()
    asked("open", gate="commit", digest=DIGEST, requested_by="alice", bell="run.commit")
    decide(asked, gate="commit", verdict="reject")
    assert asked("read", gate="approval")["decision"] is None
    assert asked("read", gate="commit")["decision"]["verdict"] == "reject"


def test_a_flood_of_refused_decisions_is_bounded_and_the_newest_are_kept() -> None:
    asked = opened()
    for n in range(KEPT_REFUSALS + 5):
        decide(asked, by="alice", verdict=f"v{n}")
    kept = asked.state["refused"]
    assert len(kept) == KEPT_REFUSALS
    assert kept[-1]["verdict"] == f"v{KEPT_REFUSALS + 4}"


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(UnknownOperation):
        opened()("shred", gate="approval")


steps = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(["approval", "commit"])),
    st.tuples(st.just("close"), st.sampled_from(["approval", "commit"])),
    st.tuples(
        st.just("decide"),
        st.sampled_from(["approval", "commit"]),
        st.sampled_from(["alice", "bob", "carol"]),
        st.sampled_from([DIGEST, "e" * 64]),
    ),
)


@settings(deadline=None)
@given(st.lists(steps, max_size=30))
def test_whatever_comes_a_decision_that_counted_stays(story: list[Any]) -> None:
    asked = Asked(desk)
    counted: dict[str, Any] = {}
    given_in = 0
    for step in story:
        gate = step[1]
        if step[0] == "open":
            asked("open", gate=gate, digest=DIGEST, requested_by="alice", bell="b")
        elif step[0] == "close":
            asked("close", gate=gate)
        else:
            given_in += 1
            decide(asked, gate=gate, by=step[2], digest=step[3])
        decision = asked("read", gate=gate)["decision"]
        if gate in counted:
            assert decision == counted[gate]
        elif decision:
            assert decision["by"] != "alice"
            assert decision["digest"] == DIGEST
            counted[gate] = decision
    assert given_in == len(counted) + len(asked.state["refused"] if asked.state else [])


def say(asked: Asked, verb: str, by: str = "bob") -> Any:
    return asked("control", verb=verb, by=by, point=None, points={})["standing"]


def test_a_pause_holds_until_somebody_resumes() -> None:
    asked = Asked(desk)
    assert say(asked, "pause")["paused_by"] == "bob"
    assert say(asked, "resume", "carol")["paused_by"] is None
    assert asked("standing")["standing"]["seen"] == 2


def test_a_word_that_changes_nothing_is_left_out() -> None:
    asked = Asked(desk)
    say(asked, "resume")
    say(asked, "pause")
    say(asked, "pause", "carol")
    assert asked("standing")["standing"]["seen"] == 1


def test_a_cancel_is_final() -> None:
    asked = Asked(desk)
    say(asked, "cancel")
    assert say(asked, "pause", "carol")["paused_by"] is None
    assert say(asked, "cancel", "carol")["cancelled_by"] == "bob"


def test_wishes_are_kept_in_their_order() -> None:
    asked = Asked(desk)
    say(asked, "change_point")
    standing = say(asked, "roll_back", "carol")
    assert [(w["verb"], w["by"]) for w in standing["wishes"]] == [
        ("change_point", "bob"),
        ("roll_back", "carol"),
    ]


def test_a_part_tells_where_it_stands_and_looking_writes_nothing() -> None:
    asked = Asked(desk)
    assert asked("standing")["states"] == {}
    assert asked.state is None
    asked("report", name="db", state="arrived")
    assert asked("standing")["states"] == {"db": "arrived"}


def word(asked: Asked, verb: str, step: str | None = None, by: str = "carol") -> Any:
    return asked("control", verb=verb, by=by, point=None, points={}, step=step)


def test_a_step_takes_the_first_word_that_it_waits_for() -> None:
    asked = Asked(desk)
    asked("wait", step="db", bell="run.w1")
    word(asked, "retry", "db")
    word(asked, "skip", "db", by="dave")
    told = asked("standing", step="db")["word"]
    assert (told["verb"], told["by"]) == ("retry", "carol")
    assert len(asked.state["controls"]) == 1
    assert asked("standing", step="web")["word"] is None


def test_a_step_that_waits_again_forgets_the_word_of_its_last_turn() -> None:
    asked = Asked(desk)
    asked("wait", step="db", bell="run.w1")
    word(asked, "retry", "db")
    assert (
        asked(
            "wait",
            step="db",
            bell="run.w1",
        )["word"]["verb"]
        == "retry"
    ), "the same question"
    assert asked("wait", step="db", bell="run.w2")["word"] is None


@pytest.mark.parametrize("verb", ["retry", "skip", "stop"])
def test_a_word_for_a_step_that_does_not_wait_is_left_out(verb: str) -> None:
    asked = Asked(desk)
    word(asked, verb, "db")
    asked("wait", step="db", bell="run.w1")
    asked("unwait", step="db")
    word(asked, verb, "db")
    word(asked, verb)
    assert asked.state["controls"] == []
    assert asked("standing", step="db")["word"] is None


def test_a_word_is_no_wish_for_the_commit_window() -> None:
    asked = Asked(desk)
    asked("wait", step="db", bell="run.w1")
    word(asked, "skip", "db")
    standing = asked("standing")["standing"]
    assert (standing["wishes"], standing["seen"]) == ([], 1)
