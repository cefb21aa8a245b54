"""The nights whose histories are kept: one for each main path through the runbook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from activities.drill import LeftoversSeen
from activities.health import PathSeen
from activities.recovery import Ended, WaveNews
from domain.protection import NETWORK_KIND, Drill
from domain.reports import Leftover
from domain.request import Kind
from domain.run import DnsAnswer, Outcome, Readiness
from tests.orchestrators.nights import night
from tests.orchestrators.stage import Stage, forbidden, throttled
from tests.plan_samples import SUBSCRIPTION, protected_plan

ASKS = {"required": True, "within": "PT10M"}


def completed(stage: Stage) -> Outcome:
    """Approved, moved, switched, soaked and committed; one throttle and one doorbell that was lost."""
    plan = night(
        ("db", "db-1", "db-2"),
        ("web", "web-1"),
        gates=True,
        approval=ASKS,
        commit={"mode": "auto_after", "after": "PT10M"},
    )
    stage.answers(start_wave=[throttled(30), None])
    stage.begin(plan)
    stage.at(40, lambda: stage.decide(plan, ring=False))
    return stage.run_to_end().outcome


def partial(stage: Stage) -> Outcome:
    """A member fails, is tried again and fails again: the second tier never starts."""
    lost = Ended(name="db-1", arrived=False, code="28031", message="no capacity")
    stage.answers(check_wave=WaveNews(ended=(lost,)))
    stage.begin(night(("db", "db-1"), ("web", "web-1")))
    return stage.run_to_end().outcome


def declined(stage: Stage) -> Outcome:
    """A person says no, and the notice of it cannot be sent."""
    plan = night(approval=ASKS)
    stage.answers(announce=forbidden())
    stage.begin(plan)
    stage.at(20, lambda: stage.decide(plan, verdict="reject"))
    return stage.run_to_end().outcome


def restored(stage: Stage) -> Outcome:
    """DNS never agrees: the endpoints are put back."""
    astray = DnsAnswer(resolver="9.9.9.9", answer="east.example.com", ok=False)
    stage.answers(look_at_path=PathSeen(dns=(astray,), http=()))
    stage.begin(night())
    return stage.run_to_end().outcome


def expired(stage: Stage) -> Outcome:
    """The commit is a person's to decide, and nobody does."""
    stage.begin(night(commit={"mode": "manual", "within": "PT2M"}))
    return stage.run_to_end().outcome


def protected(stage: Stage) -> Outcome:
    """Set up from nothing, replicated, one of two machines given up; one throttle on the way."""
    plan = protected_plan({"name": "db-01"}, {"name": "db-02", "required": False})
    lost = Ended(name="db-02", arrived=False, code="150097", message="no quota")
    good = Ended(name="db-01", arrived=True)
    stage.answers(
        ensure_pieces=[throttled(30), None],
        check_wave=[
            WaveNews(percent={"db-01": 32}),
            WaveNews(ended=(good, lost)),
            WaveNews(ended=(lost,)),
        ],
    )
    stage.begin(plan, kind=Kind.PROTECT)
    return stage.run_to_end().outcome


def rehearsed(stage: Stage) -> Outcome:
    """A drill in which one test failover fails and is cleaned up before it is tried again; Azure deletes slowly."""
    names = ("db-1", "web-1")
    plan = night(("db", "db-1"), ("web", "web-1"))
    drill = Drill(
        network=f"{SUBSCRIPTION}/resourceGroups/g{NETWORK_KIND}apart", hold=timedelta(minutes=10)
    )
    failed = WaveNews(ended=(Ended(name="db-1", arrived=False, code="28020", message="it failed"),))
    nic = Leftover(kind="nic", id=f"{SUBSCRIPTION}/resourceGroups/g/db-1-test-nic")
    stage.answers(
        assess_readiness=Readiness(ready=True, items={n: plan.vault.item_id(n) for n in names}),
        check_wave=[failed, None],
        look_for_leftovers=[LeftoversSeen(), LeftoversSeen(leftovers=(nic,)), None],
    )
    stage.begin(plan.model_copy(update={"drill": drill}), kind=Kind.DRILL)
    return stage.run_to_end().outcome


STORIES: dict[Callable[[Stage], Outcome], Outcome] = {
    completed: Outcome.COMPLETED,
    partial: Outcome.PARTIAL,
    declined: Outcome.DECLINED,
    restored: Outcome.NEEDS_HUMAN,
    expired: Outcome.NEEDS_HUMAN,
    protected: Outcome.COMPLETED_WITH_SKIPS,
    rehearsed: Outcome.COMPLETED,
}
