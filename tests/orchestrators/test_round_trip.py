"""There and back within a budget: refused where it cannot suffice, home early where it runs out, and told honestly."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from activities.readiness import Question
from activities.recovery import Wave, WaveNews
from activities.reprotection import Prepared, ReprotectQuestion, Turning
from domain.plan import Plan
from domain.request import Kind
from domain.run import Outcome, Readiness
from tests.orchestrators.nights import night
from tests.orchestrators.stage import RUN, START, Stage
from tests.orchestrators.test_umbrella import LAB, record_of

PROBES = [{"http": "http://east.example.com/"}]


def trip(budget: dict[str, Any] | None, after: str = "PT30M") -> Plan:
    data = night(commit={"mode": "never", "after": after}, fence={"probes": PROBES}).wire()
    data["drill"] = {"network": LAB, "budget": budget}
    return Plan.model_validate(data)


def begin(stage: Stage, plan: Plan, slow: timedelta | None = None) -> None:
    """Begin a round trip; every failover takes so long where it is said."""
    item = plan.vault.item_id("db-1")

    def assess(question: Question) -> Readiness:
        return Readiness(
            ready=True, items={"db-1": item}, machines={"db-1": plan.vm_id(plan.members[0])}
        )

    def prepare(question: ReprotectQuestion) -> Prepared:
        return Prepared(members={"db-1": Turning(item=item)})

    def check(wave: Wave) -> WaveNews:
        stage.cast.takes = slow if slow and wave.verb == "failover" else timedelta(seconds=50)
        return stage.cast.check_wave(wave, stage.clock.now())

    stage.answers(assess_readiness=assess, prepare_reprotection=prepare, check_wave=check)
    stage.begin(plan, kind=Kind.ROUND_TRIP)


def soaked(stage: Stage, leg: int) -> int:
    return record_of(stage, f"{RUN}.{leg}").timing.soak


def test_a_trip_within_its_budget_says_what_it_used(stage: Stage) -> None:
    begin(stage, trip({"longest": "PT8H", "downtime": "PT1H", "vm_hours": 8}))
    end = stage.run_to_end()
    assert (end.outcome, end.because) == (Outcome.COMPLETED, "there and back, and protected again")
    budget = record_of(stage).budget
    assert budget is not None
    assert budget.longest_seconds == 8 * 3600
    assert 3600 < budget.used_seconds < 2 * 3600
    assert budget.downtime_used_seconds
    assert budget.vm_hours_used == round(budget.used_seconds / 3600, 2)
    assert (budget.left_early, budget.over) == (False, ())
    assert all(1800 <= soaked(stage, leg) < 1830 for leg in (1, 2))
    assert sum("of the budget are left" in fact for fact in stage.facts()) == 2
    ends_at = datetime.fromisoformat(stage.shown()["budgetEndsAt"])
    assert ends_at == START + timedelta(hours=8)


def test_a_trip_goes_home_early_rather_than_over_its_budget(stage: Stage) -> None:
    begin(stage, trip({"longest": "PT3H", "home": "PT1H45M"}), slow=timedelta(hours=1))
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED_WITH_SKIPS
    assert "the soak was cut short to keep the budget" in end.because
    budget = record_of(stage).budget
    assert budget is not None
    assert budget.left_early
    assert soaked(stage, 1) < 15 * 60
    assert [child.kind for child in record_of(stage).children] == ["failover", "failback"]


def test_a_trip_that_took_too_long_still_comes_home_and_says_so(stage: Stage) -> None:
    begin(stage, trip({"longest": "PT70M", "downtime": "PT30M"}), slow=timedelta(hours=1))
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED_WITH_SKIPS
    assert [child.kind for child in record_of(stage).children] == ["failover", "failback"]
    assert "over budget: it took 1 h 15 min" in end.because
    assert "over budget: users waited 1 h" in end.because
    assert any("the budget is overrun by" in fact for fact in stage.facts())


def test_a_budget_that_cannot_suffice_touches_nothing(stage: Stage) -> None:
    for number, budget in enumerate(({"longest": "PT59M"}, None)):
        run = stage.begin(trip(budget), run=f"round-trip-{number}", kind=Kind.ROUND_TRIP)
        end = stage.run_to_end(run)
        assert end.outcome is Outcome.FAILED
        assert end.because.startswith("not ready, nothing was touched: the ")
    assert stage.called("start_wave") == []


def test_a_trip_that_its_deadline_leaves_no_time_for_does_not_begin(stage: Stage) -> None:
    begin(stage, trip({"longest": "P2D"}))
    assert stage.run_to_end().outcome is Outcome.NEEDS_HUMAN
    assert stage.called("start_wave") == []
