"""A person decides: once, about this plan, in time, and not about one's own wish."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.run import Outcome, Verdict
from tests.orchestrators.nights import night
from tests.orchestrators.stage import START, Stage, forbidden, throttled

ASKS: dict[str, Any] = {"approval": {"required": True, "within": "PT10M"}}


def desk(stage: Stage) -> Any:
    return json.loads(stage.engine.entity_state("desk", "failover-shop-1") or "null")


def test_an_approval_lets_the_run_go_on_at_once(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.at(187, lambda: stage.decide(plan))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds == 187, "the bell is heard, not waited for"
    (decision,) = stage.draft.evidence.decisions
    assert (decision.by, decision.verdict, decision.gate) == ("bob", Verdict.APPROVE, "approval")
    assert decision.digest == stage.asked()
    assert stage.draft.evidence.timing.decision == 187


@pytest.mark.parametrize("moment", [0, 14, 15, 16, 299, 300, 301, 599])
def test_a_decision_counts_at_once_whenever_it_comes(stage: Stage, moment: int) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.at(moment, lambda: stage.decide(plan))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds == moment


def test_a_rejection_declines_the_run_and_nothing_is_touched(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.at(60, lambda: stage.decide(plan, verdict="reject"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert end.because == "bob rejected it; nothing was touched"
    assert not stage.called("start_wave", "set_endpoint")
    assert stage.lock()["holder"] is None


def test_a_question_nobody_answers_expires(stage: Stage) -> None:
    stage.begin(night(**ASKS))
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert "nobody approved within 10 min" in end.because
    assert stage.seconds == 600
    assert not stage.called("start_wave", "set_endpoint")
    assert not desk(stage)["gates"]["approval"]["open"]


def test_a_question_cut_short_by_the_deadline_says_how_long_it_stood(stage: Stage) -> None:
    stage.begin(night(deadline="PT10M", approval={"required": True, "within": "PT30M"}))
    assert "nobody approved within 9 min" in stage.run_to_end().because


def test_the_one_who_asked_cannot_decide(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan, requested_by="alice")
    stage.at(60, lambda: stage.decide(plan, by="alice"))
    stage.at(90, lambda: stage.decide(plan, by="Alice"))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert not stage.called("start_wave")
    assert [each["by"] for each in desk(stage)["refused"]] == ["alice", "Alice"]
    assert "cannot decide about it" in desk(stage)["refused"][0]["because"]


def test_a_decision_about_another_plan_does_not_count(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.at(60, lambda: stage.decide(plan, digest="0" * 64))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert "another digest" in desk(stage)["refused"][0]["because"]


def test_a_decision_about_another_gate_does_not_count(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.at(60, lambda: stage.decide(plan, gate="commit", ring=False))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert desk(stage)["refused"][0]["because"] == "this run asks nothing at gate commit"


def test_a_decision_before_the_gate_opens_does_not_count(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.decide(plan, ring=False)
    stage.settle()
    stage.begin(plan)
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert not stage.called("start_wave")
    assert len(desk(stage)["refused"]) == 1


def test_a_late_decision_does_not_count(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.run_to_end()
    stage.decide(plan, ring=False)
    stage.settle()
    assert desk(stage)["gates"]["approval"]["decision"] is None
    assert desk(stage)["refused"][0]["because"] == "gate approval is closed"


@pytest.mark.parametrize("moment", [1, 100, 298, 301])
def test_a_lost_ring_costs_fifteen_seconds_at_most(stage: Stage, moment: int) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.at(moment, lambda: stage.decide(plan, ring=False))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert moment < stage.called("start_wave")[0].seconds <= moment + 15


def test_a_ring_alone_decides_nothing(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    for moment in (10, 11, 12, 100):
        stage.at(moment, stage.ring)
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert stage.seconds == 600


def test_a_bell_that_rings_twice_decides_once(stage: Stage) -> None:
    plan = night(**ASKS, commit={"mode": "manual", "within": "PT5M"})
    stage.begin(plan)
    stage.at(60, lambda: stage.decide(plan))
    stage.at(60, stage.ring)
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN, "the commit was asked for, and nobody answered it"
    assert [d.gate for d in stage.draft.evidence.decisions] == ["approval"]


def test_of_two_decisions_the_first_counts(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.at(60, lambda: stage.decide(plan, verdict="reject", by="carol", ring=False))
    stage.at(60, lambda: stage.decide(plan, verdict="approve", by="bob"))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    (decision,) = stage.draft.evidence.decisions
    assert decision.by == "carol"
    assert desk(stage)["refused"][0]["because"] == "gate approval was decided by carol"


def test_the_question_is_shown_with_its_digest_and_its_end(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.begin(plan)
    stage.run_for(20)
    waits = stage.shown()["waitsFor"]
    assert waits["gate"] == "approval"
    assert waits["digest"] == stage.asked()
    assert plan.digest() in waits["covers"][0]
    assert waits["until"] == START.replace(minute=50).isoformat().replace("+00:00", "Z")
    stage.decide(plan)
    stage.run_to_end()
    assert stage.shown()["waitsFor"] is None


def test_a_question_that_cannot_be_announced_can_still_be_answered_at_once(stage: Stage) -> None:
    plan = night(**ASKS)
    stage.answers(announce=throttled(600))
    stage.begin(plan)
    stage.at(1, lambda: stage.decide(plan))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert not desk(stage)["refused"], "the gate was open from the moment it was shown"
    assert stage.called("start_wave")[0].seconds <= 60, "a mute topic holds nobody up"


def test_a_question_is_announced_once(stage: Stage) -> None:
    stage.begin(night(**ASKS))
    stage.run_to_end()
    kinds = [call.request.kind for call in stage.called("announce")]
    assert kinds == ["Leeward.DecisionNeeded", "Leeward.RunEnded"]


def test_a_plan_that_asks_nobody_waits_for_nobody(stage: Stage) -> None:
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert desk(stage) is None
    assert not stage.draft.evidence.decisions


def test_a_question_that_outlives_its_history_stays_open(stage: Stage) -> None:
    plan = night(approval={"required": True, "within": "PT1H"})
    stage.begin(plan)
    stage.run_for(30 * 60)
    history = stage.engine.status("failover-shop-1.approval", with_history=True).history
    assert len(history) < 400
    stage.decide(plan)
    assert stage.run_to_end().outcome is Outcome.COMPLETED


def test_a_question_is_not_asked_where_readiness_is_refused(stage: Stage) -> None:
    stage.answers(assess_readiness=forbidden())
    stage.begin(night(**ASKS))
    end = stage.run_to_end()
    assert end.outcome is Outcome.FAILED
    assert [call.request.kind for call in stage.called("announce")] == ["Leeward.RunEnded"]
