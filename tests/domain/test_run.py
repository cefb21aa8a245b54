from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import Permanent, StepError, Transient
from domain.reply import Done, Refused, Reply
from domain.run import (
    GateReport,
    MemberOutcome,
    MemberReport,
    ProbeAnswer,
    RunEnd,
    Silence,
    TierReport,
    judge_fence,
)
from tests.evidence_samples import profile

AT = datetime(2026, 3, 14, tzinfo=UTC)
HEARD = ProbeAnswer(probe="GET http://e/", ok=True, heard="200")
MUTE = ProbeAnswer(probe="tcp e:1", ok=False, heard="refused")


@pytest.mark.parametrize(
    ("machines", "answers", "verdict", "said"),
    [
        (
            {"a": "stopped", "b": "stopped"},
            (MUTE,),
            Silence.DOWN,
            "all 2 source machines are stopped",
        ),
        ({"a": "stopped"}, (), Silence.DOWN, "all 1 source machines are stopped"),
        ({"a": "stopped"}, (MUTE, HEARD), Silence.ANSWERING, "still answers: GET http://e/"),
        ({"a": "unknown"}, (HEARD,), Silence.ANSWERING, "still answers"),
        ({"a": "running", "b": "stopped"}, (MUTE,), Silence.SILENT, "Azure says that a still run"),
        ({"a": "running"}, (), Silence.ANSWERING, "Azure says that a still run"),
        ({"a": "unknown", "b": "stopped"}, (MUTE,), Silence.SILENT, "1 of 2 machines"),
        ({"a": "unknown", "b": "unknown"}, (), Silence.SILENT, "2 of 2 machines"),
        ({"a": "unknown", "b": "running"}, (), Silence.ANSWERING, "that b still run"),
    ],
)
def test_the_source_is_judged(
    machines: dict[str, str], answers: tuple[ProbeAnswer, ...], verdict: Silence, said: str
) -> None:
    report = judge_fence(machines, answers, AT)
    assert report.verdict is verdict
    assert said in report.explanation
    assert (report.machines, report.answers, report.checked_at) == (machines, answers, AT)


@given(
    st.dictionaries(
        st.text("ab", min_size=1), st.sampled_from(["running", "stopped", "unknown"]), min_size=1
    ),
    st.lists(st.sampled_from([HEARD, MUTE]), max_size=3),
)
def test_down_is_proved_by_every_machine_and_against_every_answer(
    machines: dict[str, str], answers: list[ProbeAnswer]
) -> None:
    report = judge_fence(machines, answers, AT)
    proved = set(machines.values()) == {"stopped"} and HEARD not in answers
    assert report.proved is proved
    assert (report.verdict is Silence.DOWN) is proved


def member(name: str, outcome: MemberOutcome, error: str | None = None) -> MemberReport:
    return MemberReport(
        name=name, item_id="i", started_at=AT, ended_at=AT, outcome=outcome, error=error
    )


def tier(gate: GateReport | None, *members: MemberReport) -> TierReport:
    return TierReport(
        name="t",
        started_at=AT,
        ended_at=AT,
        rto_seconds=0,
        arrived=False,
        members=members,
        gate=gate,
    )


def gate(passed: bool, *answers: ProbeAnswer) -> GateReport:
    return GateReport(
        passed=passed, needed=1, of=1, rounds=1, started_at=AT, ended_at=AT, answers=answers
    )


def test_the_trouble_of_a_tier_names_whoever_did_not_arrive() -> None:
    there = member("a", MemberOutcome.ARRIVED)
    assert tier(None, there).trouble == "its gate could not be asked"
    arrived = tier(gate(True, HEARD), there).model_copy(update={"arrived": True})
    assert arrived.trouble is None
    lost = member("b", MemberOutcome.FAILED, "no capacity")
    late = member("c", MemberOutcome.TIMED_OUT, "two hours")
    assert tier(gate(False), there, lost, late).trouble == (
        "b failed: no capacity; c timed_out: two hours"
    )


def test_the_trouble_of_a_tier_names_the_probe_that_stayed_mute() -> None:
    there = member("a", MemberOutcome.ARRIVED)
    assert tier(gate(False, HEARD, MUTE), there).trouble == (
        "the gate stayed shut: tcp e:1: refused"
    )
    assert tier(gate(False, HEARD), there).trouble == "the gate stayed shut: GET http://e/: 200"


def test_an_endpoint_is_found_whatever_its_case_and_is_enabled_or_not() -> None:
    stands = profile("Enabled", "Disabled")
    east, west = stands.endpoint("EAST"), stands.endpoint("west")
    assert east is not None
    assert west is not None
    assert (east.enabled, west.enabled) == (True, False)
    assert stands.endpoint("north") is None


def test_an_id_that_could_break_a_url_ends_no_run() -> None:
    RunEnd.model_validate({"run": "failover-shop-1", "outcome": "COMPLETED", "because": "x"})
    for wrong in ("", "a/b", "a?b", ".a", "a" * 101, "a\n"):
        with pytest.raises(ValidationError):
            RunEnd.model_validate({"run": wrong, "outcome": "COMPLETED", "because": "x"})


@pytest.mark.parametrize(
    "reply", [Done(value={"a": 1}), Refused(code="c", message="m", transient=True)]
)
def test_a_reply_survives_its_wire_form(reply: Any) -> None:
    assert Reply.validate_python(reply.wire()) == reply


def test_errors_say_their_code_and_keep_it() -> None:
    error: StepError = Transient("busy", "try again")
    assert (str(error), error.code, error.message) == ("busy: try again", "busy", "try again")
    assert Transient("busy", "x").after is None
    assert isinstance(Permanent("gone", "x"), StepError)
