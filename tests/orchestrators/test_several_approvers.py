"""Several people decide about exactly what will be done; drift voids it; one may break the glass if a plan allows."""

from __future__ import annotations

from typing import Any

import pytest

from activities.plans import PlanSeen
from domain.run import Outcome, Readiness
from tests.orchestrators.cast import BEFORE
from tests.orchestrators.nights import night
from tests.orchestrators.stage import Stage, forbidden

TWO: dict[str, Any] = {"required": True, "approvers": 2, "within": "PT10M"}
ELSEWHERE = BEFORE.model_copy(
    update={
        "endpoints": (
            BEFORE.endpoints[0],
            BEFORE.endpoints[1].model_copy(update={"target": "elsewhere.example.com"}),
        )
    }
)


def ready(profile: Any = BEFORE, **more: Any) -> Readiness:
    return Readiness(ready=True, profile=profile, **more)


def told(stage: Stage, kind: str) -> list[Any]:
    return [c.request.data for c in stage.called("announce") if c.request.kind == kind]


def test_two_people_are_needed_and_each_is_kept_with_the_time(stage: Stage) -> None:
    plan = night(approval=TWO)
    stage.begin(plan)
    stage.at(30, lambda: stage.decide(plan, by="bob"))
    stage.at(70, lambda: stage.decide(plan, by="carol"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds == 70
    kept = stage.draft.evidence.decisions
    assert [
        (d.by, d.at and (d.at - stage.draft.evidence.run.started_at).seconds) for d in kept
    ] == [
        ("bob", 30),
        ("carol", 70),
    ]
    (asked,) = stage.draft.evidence.approvals
    assert (asked.needed, asked.approved_by, asked.passage.value) == (
        2,
        ("bob", "carol"),
        "approved",
    )


def test_one_person_is_one_however_often_and_in_whatever_case(stage: Stage) -> None:
    plan = night(approval=TWO)
    stage.begin(plan)
    for at, by, oid in ((30, "bob", "1F"), (40, "BOB", ""), (50, "robert", "1f")):
        stage.at(at, lambda by=by, oid=oid: stage.decide(plan, by=by, byId=oid))  # type: ignore[misc]
    end = stage.run_to_end()
    assert end.because == "only 1 of 2 people approved within 10 min; nothing was touched"
    assert [each.because for each in stage.draft.evidence.set_aside] == [
        "BOB has approved already; another person must",
        "robert has approved already; another person must",
    ]


def test_two_people_of_one_name_are_two_by_their_ids(stage: Stage) -> None:
    plan = night(approval=TWO)
    stage.begin(plan)
    stage.at(30, lambda: stage.decide(plan, by="kim", byId="1"))
    stage.at(40, lambda: stage.decide(plan, by="kim", byId="2"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED


def test_the_asker_is_known_by_the_id_under_any_name(stage: Stage) -> None:
    plan = night(approval={**TWO, "approvers": 1})
    stage.begin(plan, requested_by="alice", requested_by_id="AB")
    stage.at(30, lambda: stage.decide(plan, by="somebody else", byId="ab"))
    assert stage.run_to_end().outcome is Outcome.DECLINED


def test_only_the_roles_that_the_plan_names_count(stage: Stage) -> None:
    plan = night(approval={**TWO, "approvers": 1, "roles": ["Shop.Duty"]})
    stage.begin(plan)
    stage.at(30, lambda: stage.decide(plan, by="bob", roles=["Shop.Guest"]))
    stage.at(90, lambda: stage.decide(plan, by="carol", roles=["Shop.Guest", "shop.duty"]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds == 90
    (aside,) = stage.draft.evidence.set_aside
    assert aside.because == "bob has none of the roles that may decide here: Shop.Duty"


def test_a_rejection_is_final_after_an_approval_too(stage: Stage) -> None:
    plan = night(approval=TWO)
    stage.begin(plan)
    stage.at(30, lambda: stage.decide(plan, by="bob"))
    stage.at(40, lambda: stage.decide(plan, by="carol", verdict="reject", ring=False))
    stage.at(40, lambda: stage.decide(plan, by="dave"))
    assert stage.run_to_end().because == "carol rejected it; nothing was touched"
    (aside,) = stage.draft.evidence.set_aside
    assert aside.because == "gate approval was decided by carol"


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (ready(ELSEWHERE), "endpoint west leads to elsewhere.example.com now"),
        (ready(pending_drills=("db-1",)), "db-1 have a drill to clean up now"),
        (ready(items={"db-1": night().vault.item_id("other")}), "db-1 has a protected item now"),
    ],
)
def test_drift_voids_an_approval_and_people_are_asked_anew(
    stage: Stage, now: Readiness, what: str
) -> None:
    plan = night(approval=TWO)
    stage.answers(assess_readiness=[ready(), now])
    stage.begin(plan)
    first: list[str | None] = []

    def bob_approves() -> None:
        first.append(stage.asked())
        stage.decide(plan, by="bob")

    stage.at(30, bob_approves)
    stage.at(40, lambda: stage.decide(plan, by="carol"))
    stage.at(60, lambda: stage.decide(plan, by="dave", digest=first[0]))
    stage.at(70, lambda: stage.decide(plan, by="bob"))
    stage.at(80, lambda: stage.decide(plan, by="carol"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds >= 80
    void, good = stage.draft.evidence.approvals
    assert (void.passage.value, void.voided_by) == ("voided", (what,))
    assert good.passage.value == "approved"
    assert void.digest != good.digest
    assert [d.by for d in stage.draft.evidence.decisions] == ["bob", "carol", "bob", "carol"]
    (aside,) = stage.draft.evidence.set_aside
    assert (aside.by, aside.because) == (
        "dave",
        "the decision is about another digest than the one asked about",
    )


def test_a_ground_that_will_not_hold_still_ends_declined(stage: Stage) -> None:
    plan = night(approval={**TWO, "approvers": 1})
    stage.answers(assess_readiness=[ready(BEFORE if n % 2 else ELSEWHERE) for n in range(4)])
    stage.begin(plan)
    for at in (30, 60, 90):
        stage.at(at, lambda: stage.decide(plan))
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert end.because.startswith("what was approved changed 3 times")
    assert not stage.called("start_wave")


def test_a_ground_that_turned_red_ends_the_run(stage: Stage) -> None:
    plan = night(approval={**TWO, "approvers": 1})
    red = Readiness(ready=False, blockers=("db-1 is gone",), profile=BEFORE)
    stage.answers(assess_readiness=[ready(), red])
    stage.begin(plan)
    stage.at(30, lambda: stage.decide(plan))
    end = stage.run_to_end()
    assert (end.outcome, end.because) == (
        Outcome.FAILED,
        "not ready, nothing was touched: db-1 is gone",
    )
    assert stage.draft.evidence.approvals[-1].passage.value == "voided"


def test_a_plan_that_its_owner_changed_meanwhile_ends_the_run(stage: Stage) -> None:
    plan = night(approval={**TWO, "approvers": 1})
    stage.answers(look_up_plan=PlanSeen(changed="plan shop was changed"))
    stage.begin(plan)
    stage.at(30, lambda: stage.decide(plan))
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert end.because.startswith("plan shop was changed after it was asked about")
    assert not stage.called("start_wave")


def test_a_plan_store_that_does_not_answer_holds_up_nobody_who_agreed(stage: Stage) -> None:
    plan = night(approval={**TWO, "approvers": 1})
    stage.answers(look_up_plan=forbidden())
    stage.begin(plan)
    stage.at(30, lambda: stage.decide(plan))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert any("could not be read" in said for said in stage.draft.evidence.deviations)


def test_what_changes_while_the_run_is_paused_after_its_approval_is_seen(stage: Stage) -> None:
    plan = night(approval={**TWO, "approvers": 1})
    seen = iter([(0, ready()), (3600, ready(ELSEWHERE))])
    stage.answers(assess_readiness=lambda _: next(seen)[1])
    stage.begin(plan)
    stage.at(20, lambda: stage.say("pause"))
    stage.at(30, lambda: stage.decide(plan))
    stage.at(3600, lambda: stage.say("resume", ring=2))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert [c.seconds for c in stage.called("assess_readiness")] == [0, 3600]


@pytest.mark.parametrize(
    ("allowed", "by", "passes"),
    [
        ("never", "bob", False),
        ("another", "bob", True),
        ("another", "alice", False),
        ("anyone", "alice", True),
    ],
)
def test_one_may_go_on_alone_where_the_plan_lets_them(
    stage: Stage, allowed: str, by: str, passes: bool
) -> None:
    plan = night(approval={**TWO, "break_glass": allowed})
    stage.begin(plan)
    why = "nobody else answers the phone"
    stage.at(30, lambda: stage.decide(plan, by=by, verdict="break_glass", reason=why))
    assert (stage.run_to_end().outcome is Outcome.COMPLETED) is passes
    said = f"{by} broke the glass at gate approval: {why}"
    assert (said in stage.draft.evidence.deviations) is passes
    assert [data["reason"] for data in told(stage, "Leeward.BreakGlass")] == [why] * passes
    assert [d.reason for d in stage.draft.evidence.decisions] == [why] * passes


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_nobody_goes_on_alone_without_a_reason(stage: Stage, reason: str | None) -> None:
    plan = night(approval={**TWO, "break_glass": "anyone"})
    stage.begin(plan)
    stage.at(30, lambda: stage.decide(plan, verdict="break_glass", reason=reason))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert stage.draft.evidence.set_aside[0].because == "going on alone needs a reason"
