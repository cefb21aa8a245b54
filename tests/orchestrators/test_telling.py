"""What a run tells of itself: notices, the record of its end, its times, its signals, its ids."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from activities.notices import Told
from domain.incident import Incident
from domain.policy import AutomationMode
from domain.run import Outcome, Readiness
from domain.signals import Signal, Verdict, Witness
from tests.orchestrators.nights import DB_APP_WEB, night
from tests.orchestrators.stage import START, Stage, forbidden, twice

SOON: dict[str, Any] = {"mode": "auto_after", "after": "PT10M"}


def test_a_notice_that_cannot_be_sent_is_only_a_deviation(stage: Stage) -> None:
    stage.answers(announce=forbidden())
    plan = night(approval={"required": True, "within": "PT10M"})
    stage.begin(plan)
    stage.at(60, lambda: stage.decide(plan))
    end = stage.run_to_end()
    assert (end.outcome, end.told) == (Outcome.COMPLETED, False)
    because = "was not announced: announce was refused: the identity may not (forbidden)"
    assert stage.draft.evidence.deviations == (
        f"Leeward.RunStarted {because}",
        f"Leeward.DecisionNeeded {because}",
    )
    assert [notice.kind for notice in stage.commentary()] == ["Leeward.RunStarted"]


def test_the_world_hears_that_a_run_started_and_of_every_step_that_ended(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB))
    stage.run_to_end()
    started, *steps = stage.commentary()
    assert started.kind == "Leeward.RunStarted"
    assert started.data["requestedBy"] == stage.draft.evidence.run.requested_by
    named = [step.data["step"] for step in steps]
    assert named == ["readiness", "decision", "tier web", "fence", "traffic", "commit"]
    assert {step.data["outcome"] for step in steps} == {None}


def test_a_step_that_ends_the_run_is_told_with_its_outcome(stage: Stage) -> None:
    stage.answers(assess_readiness=Readiness(ready=False, blockers=("no",)))
    stage.begin(night())
    stage.run_to_end()
    assert stage.commentary()[-1].data == {"plan": "shop", "step": "readiness", "outcome": "FAILED"}


def test_steps_go_unannounced_once_nobody_hears_them(stage: Stage) -> None:
    stage.answers(announce=[Told(told=True), forbidden(), None])
    stage.begin(night())
    end = stage.run_to_end()
    assert (end.outcome, end.told) == (Outcome.COMPLETED, True)
    kinds = [notice.kind for notice in stage.commentary()]
    assert kinds == ["Leeward.RunStarted", "Leeward.StepEnded"]


def test_a_run_that_an_incident_opened_names_it_and_counts_from_its_quorum(stage: Stage) -> None:
    incident = Incident(
        id="shop-20260314-023500",
        plan="shop",
        region="eastus",
        since=START - timedelta(seconds=300),
        opened_at=START,
        automation=AutomationMode.MANUAL,
        verdict="why",
    )
    plan = night()
    stage.begin(plan, signals=(signal(-60),), incident=incident)
    stage.at(0, lambda: stage.decide(plan))
    stage.run_to_end()
    assert stage.draft.evidence.run.incident == incident.id
    assert stage.draft.evidence.timing.detection == 300
    assert stage.commentary()[0].data["incident"] == incident.id


def test_the_end_is_announced_as_it_was_sealed(stage: Stage) -> None:
    stage.answers(seal_evidence=forbidden())
    stage.begin(night())
    end = stage.run_to_end()
    (notice,) = (call.request for call in stage.called("announce"))
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert notice.data["outcome"] == "NEEDS_HUMAN"
    assert notice.data["because"] == end.because


def test_an_application_that_serves_from_the_target_already_is_left_alone(stage: Stage) -> None:
    stage.answers(assess_readiness=Readiness(ready=True, settled=True))
    stage.begin(night(approval={"required": True, "within": "PT10M"}))
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert "already" in end.because
    assert stage.names() == ["assess_readiness", "seal_evidence", "announce"]


# -- what the record says ------------------------------------------------------------------


def test_the_times_of_a_record_add_up(stage: Stage) -> None:
    plan = night(
        *DB_APP_WEB,
        gates=True,
        approval={"required": True, "within": "PT10M"},
        commit={"mode": "manual", "within": "PT1H"},
    )
    stage.begin(plan)
    stage.at(123, lambda: stage.decide(plan))
    stage.at(1500, lambda: stage.decide(plan, gate="commit"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    timing = stage.draft.evidence.timing
    evidence = stage.draft.evidence
    parts = timing.recovery + timing.traffic + timing.soak + timing.commit
    assert timing.total == stage.seconds
    assert parts + timing.decision == timing.total
    assert timing.decision + timing.soak + timing.azure + timing.own == timing.total
    assert timing.azure == 4 * 50, "three tiers and the commit, each as slow as its slowest"
    asked = stage.called("look_at_path")[-1].seconds
    assert timing.decision == 123 + (1500 - asked), "what people took is nobody else's time"
    assert evidence.run.ended_at - evidence.run.started_at == timedelta(seconds=timing.total)


def test_the_soak_is_nobodys_own_time(stage: Stage) -> None:
    stage.begin(night(commit=SOON))
    stage.run_to_end()
    timing = stage.draft.evidence.timing
    assert timing.soak == 600 + 10, "the soak, and two rounds of its gate"
    assert timing.decision + timing.soak + timing.azure + timing.own == timing.total


def signal(at: int, resource: str = "db-1", verdict: Verdict = Verdict.UNHEALTHY) -> Signal:
    return Signal(
        id=f"{resource}@{at}",
        witness=Witness.RESOURCE_HEALTH,
        verdict=verdict,
        resource=resource,
        region="eastus",
        at=START + timedelta(seconds=at),
        summary=f"{resource} is {verdict}",
        via="event grid",
    )


def test_detection_runs_from_the_first_signal(stage: Stage) -> None:
    plan = night()
    stage.begin(plan, signals=(signal(-90), signal(-30, "app-1")))
    stage.at(0, lambda: stage.decide(plan))
    stage.run_to_end()
    assert stage.draft.evidence.timing.detection == 90
    report = stage.draft.evidence.tiers[0].members[0]
    assert report.recovery_point_time is not None
    lost = START - timedelta(seconds=90) - report.recovery_point_time
    assert report.rpo_seconds == max(0, lost.total_seconds())


def test_a_run_without_signals_has_no_detection(stage: Stage) -> None:
    stage.begin(night())
    stage.run_to_end()
    assert stage.draft.evidence.timing.detection is None


def test_signals_that_came_in_the_run_are_in_its_record_once_and_in_order(stage: Stage) -> None:
    def observe(seen: Signal) -> None:
        stage.engine.signal_entity("region", "eastus", "observe", twice(seen.wire()))

    observe(signal(-30, "app-1"))
    observe(signal(-7200, "old"))
    stage.settle()
    stage.begin(night(), signals=(signal(-30, "app-1"),))
    stage.at(20, lambda: observe(signal(10, "web-1")))
    stage.run_to_end()
    assert [s.id for s in stage.draft.evidence.signals] == ["app-1@-30", "web-1@10"]


def test_the_facts_of_a_run_are_in_order_and_those_of_its_children_are_among_them(
    stage: Stage,
) -> None:
    stage.begin(night(*DB_APP_WEB, gates=True, commit=SOON))
    stage.run_to_end()
    moments = [fact.at for fact in stage.draft.facts]
    assert moments == sorted(moments)
    facts = stage.facts()
    assert facts.index("failover: started db-1") < facts.index("failover: started app-1")
    assert "endpoint west enabled" in facts


def test_every_instance_has_an_id_that_azure_takes(stage: Stage) -> None:
    long = "x" * 40
    stage.answers(assess_readiness=Readiness(ready=True, pending_drills=("db-1",)))
    plan = night((long, "db-1"), *((f"t{n}", f"m-{n}") for n in range(11)), commit=SOON)
    named = type(plan).model_validate({**plan.wire(), "name": long})
    run = f"failover-{long}-20260314-024000-0123abcd"
    stage.begin(named, run=run)
    assert stage.run_to_end(run).outcome is Outcome.COMPLETED
    ids = [status.instance_id for status in stage.engine.query()[0]]
    assert len(ids) == 1 + 12 * 2 + 3, "the run, a mover and a watch per tier, and three steps"
    assert [i for i in ids if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", i)] == []


def test_tiers_may_be_called_like_the_steps_of_a_run(stage: Stage) -> None:
    plan = night(
        ("approval", "a-1"),
        ("commit", "c-1"),
        ("traffic", "t-1"),
        approval={"required": True, "within": "PT10M"},
        commit=SOON,
    )
    stage.begin(plan)
    stage.at(5, lambda: stage.decide(plan))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert [t.arrived for t in stage.draft.evidence.tiers] == [True] * 3
