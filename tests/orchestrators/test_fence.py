"""The source is proved down, or the plan's policy decides what its silence means."""

from __future__ import annotations

import pytest

from activities.health import SourceQuestion, SourceSeen
from domain.run import Outcome, Silence
from tests.orchestrators.cast import deaf, ok
from tests.orchestrators.nights import night
from tests.orchestrators.stage import Stage, forbidden

PROBE = {"http": "http://east.example.com/"}


def source(power: str, answers: bool) -> object:
    def look(question: SourceQuestion) -> SourceSeen:
        hear = ok if answers else deaf
        return SourceSeen(
            machines=dict.fromkeys(question.vms, power),
            answers=tuple(hear(probe) for probe in question.probes),
        )

    return look


@pytest.mark.parametrize("answering", ["proceed", "stop"])
@pytest.mark.parametrize("silent", ["proceed", "stop"])
@pytest.mark.parametrize(
    ("power", "answers", "verdict"),
    [
        ("stopped", False, Silence.DOWN),
        ("unknown", False, Silence.SILENT),
        ("running", False, Silence.SILENT),
        ("running", True, Silence.ANSWERING),
        ("stopped", True, Silence.ANSWERING),
    ],
)
def test_the_policy_decides_what_an_unproved_fence_means(
    stage: Stage, power: str, answers: bool, verdict: Silence, silent: str, answering: str
) -> None:
    stage.answers(look_at_source=source(power, answers))
    stage.begin(night(fence={"silent": silent, "answering": answering, "probes": [PROBE]}))
    end = stage.run_to_end()
    fence = stage.draft.evidence.fence
    assert fence is not None
    assert fence.verdict is verdict
    assert fence.proved is (verdict is Silence.DOWN)
    goes_on = {
        Silence.DOWN: True,
        Silence.SILENT: silent == "proceed",
        Silence.ANSWERING: answering == "proceed",
    }[verdict]
    assert bool(stage.called("set_endpoint")) is goes_on
    if not goes_on:
        assert end.outcome is Outcome.NEEDS_HUMAN
        assert end.because == f"traffic stays where it was: {fence.explanation}"
        return
    assert end.outcome is Outcome.COMPLETED
    unproved = [d for d in stage.draft.evidence.deviations if "unproved fence" in d]
    assert bool(unproved) is not fence.proved, "an unproved fence is owned up to"


def test_a_source_that_cannot_be_looked_at_keeps_traffic_where_it_was(stage: Stage) -> None:
    stage.answers(look_at_source=forbidden())
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "look_at_source was refused" in end.because
    assert not stage.called("set_endpoint")
