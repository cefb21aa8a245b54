"""Calendars that wake in the same moment, what stands in a drill's way, and who is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.acting import Acting, Leaving
from activities.calendar import Calendar
from activities.notices import Told
from domain.acting import Claim
from domain.errors import Permanent, StepError
from domain.model import Model
from domain.period import Period, PeriodState
from domain.plan import Plan
from domain.reply import Refused
from domain.run import Readiness
from tests.activities.test_calendar import NETWORK
from tests.orchestrators.stage import START, Stage, forbidden, raised, throttled, twice
from tests.orchestrators.test_taken_over import out_of_reach, third_app_claims
from tests.plan_samples import plan

DRILL = "drill-shop-20260314-030000-scheduled"
DUE_IN = 20 * 60


def scheduled(blackout: bool = False, **more: Any) -> Plan:
    windows = [{"name": "b", "when": "0 0 0 * * *", "lasts": "P1D"}] if blackout else []
    schedule = {"when": "0 0 3 14 * *", **more}
    return plan(drill={"network": NETWORK, "schedule": schedule}, policy={"blackout": windows})


class Shelf:
    """One plan, or none."""

    def __init__(self, plan: Plan | None) -> None:
        self.one = plan

    def plan(self, name: str) -> Plan:
        if self.one is None:
            raise Permanent("plan_unknown", "there is none")
        return self.one


class Pair:
    """Two apps' calendars on one stage and one ledger."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ledger = stage.cast.ledger
        self.shelf = Shelf(scheduled())
        self.guard = threading.Lock()
        calendar = Calendar(self.shelf, self.ledger, Acting(self.ledger, "here"))
        self.calendar = calendar
        stage.answers(
            look_up_periods=lambda lookup: _said(calendar.look_up_periods, lookup),
            claim_period=calendar.claim_period,
            note_period=calendar.note_period,
            assess_readiness=Readiness(ready=False, blockers=("the vault is gone",)),
        )

    def begin(self, *claims: str) -> None:
        for claim in claims:
            page = twice({"plan": "shop", "claim": claim})
            self.stage.engine.start_new("keep_calendar", page, f"calendar-{claim}")
        self.stage.settle()

    @property
    def periods(self) -> list[dict[str, Any]]:
        return [self.ledger.entries[key] for key in self.ledger.keys("periods/shop")]

    @property
    def drills(self) -> list[str]:
        found = self.stage.engine.query(id_prefix="drill-")[0]
        return [status.instance_id for status in found if status.name == "drill"]

    def told(self) -> list[tuple[str, str]]:
        calls = self.stage.called("tell_of_plan")
        return [(c.request.kind, c.request.data["because"]) for c in calls]

    def held_by_third(self) -> Claim:
        return third_app_claims(self.stage)

    def left_by_third(self, claim: Claim) -> None:
        leaving = Leaving(claim=claim, run="other", at=self.stage.clock.now())
        Acting(self.ledger, "third").leave_application(leaving)

    def sealed(self) -> list[tuple[str, str]]:
        ended = [c.request.evidence.run for c in self.stage.called("seal_evidence")]
        return [(run.id, run.outcome.value) for run in ended]

    def as_a_drill_starts(self, do: Callable[[], Any]) -> None:
        """Do something right after the first drill was noted as started: no look at the calendar saw it."""
        left = [do]

        def noted(period: Period) -> Period:
            if period.state is PeriodState.STARTED and left:
                left.pop()()
            return self.calendar.note_period(period)

        self.stage.answers(note_period=noted)


def _said(activity: Any, request: Model) -> Any:
    try:
        return activity(request)
    except StepError as error:
        return Refused(code=error.code, message=error.message)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with raised(tmp_path) as stage:
        yield Pair(stage)


def test_two_calendars_that_wake_at_once_hold_one_drill(pair: Pair) -> None:
    pair.begin("one", "other")
    pair.stage.run_for(DUE_IN)
    claims = [call.reply.ours for call in pair.stage.called("claim_period")]  # type: ignore[union-attr]
    assert sorted(claims) == [False, True], "both asked in the same moment"
    pair.stage.run_for(6 * 3600)
    assert pair.drills == [DRILL]
    (period,) = pair.periods
    assert (period["state"], period["outcome"]) == ("ended", "FAILED")
    assert period["because"].endswith("the vault is gone")
    assert pair.told() == []


def test_the_drill_begins_in_the_second_it_is_due(pair: Pair) -> None:
    pair.begin("one")
    pair.stage.run_for(3600)
    first = pair.stage.called("assess_readiness")[0]
    assert first.at - START == timedelta(seconds=DUE_IN)


def test_an_open_run_leaves_the_drill_out(pair: Pair) -> None:
    pair.stage.engine.signal_entity("lock", "shop", "acquire", twice({"run": "failover-shop-1"}))
    pair.begin("one")
    pair.stage.run_for(3600)
    assert pair.drills == []
    assert pair.told() == [("Leeward.DrillSkipped", "run failover-shop-1 is open")]
    assert [(p["state"], p["told"]) for p in pair.periods] == [("skipped", True)]


def test_a_run_of_another_app_leaves_the_drill_out(pair: Pair) -> None:
    pair.held_by_third()
    pair.begin("one", "other")
    pair.stage.run_for(2 * 3600)
    assert pair.drills == []
    assert pair.told() == [("Leeward.DrillSkipped", "run other of app third is open")]
    assert [(p["state"], p["told"]) for p in pair.periods] == [("skipped", True)]


def test_a_drill_that_another_app_was_quicker_than_leaves_the_period_out(pair: Pair) -> None:
    pair.as_a_drill_starts(pair.held_by_third)
    pair.begin("one", "other")
    pair.stage.run_for(2 * 3600)
    assert pair.sealed() == [(DRILL, "DECLINED")]
    why = "shop is held by run other of app third"
    assert pair.told() == [("Leeward.DrillSkipped", why)]
    (period,) = pair.periods
    assert (period["state"], period["run"], period["told"]) == ("skipped", DRILL, True)
    assert (period["because"], period["outcome"]) == (why, None)
    (told,) = pair.stage.called("tell_of_plan")
    assert told.seconds >= DUE_IN + 3600, "at the next look, so that old histories find their steps"


def test_a_drill_that_waits_for_runs_is_held_once_the_other_app_has_left(pair: Pair) -> None:
    pair.shelf.one = scheduled(skip_when=["incident"])
    claims: list[Claim] = []
    pair.as_a_drill_starts(lambda: claims.append(pair.held_by_third()))
    pair.begin("one", "other")
    pair.stage.run_for(2 * 3600)
    (period,) = pair.periods
    assert (period["state"], period["run"]) == ("claimed", DRILL)
    assert period["because"] == "shop is held by run other of app third"
    assert pair.sealed() == [(DRILL, "DECLINED")], "it is not asked for again while another acts"
    pair.left_by_third(*claims)
    pair.stage.run_for(2 * 3600)
    later = "drill-shop-20260314-050000-scheduled"
    assert pair.drills == [DRILL, later]
    (period,) = pair.periods
    assert (period["state"], period["run"], period["outcome"]) == ("ended", later, "FAILED")
    assert period["because"].endswith("the vault is gone")
    assert pair.sealed()[1:] == [(later, "FAILED")]
    started = [
        call.request
        for call in pair.stage.called("note_period")
        if call.request.state is PeriodState.STARTED
    ]
    assert [(p.run, p.because) for p in started] == [(DRILL, None), (later, None)]
    assert pair.told() == []


def test_a_drill_that_waits_for_runs_is_missed_when_the_grace_is_over(pair: Pair) -> None:
    pair.shelf.one = scheduled(skip_when=["incident"])
    pair.as_a_drill_starts(pair.held_by_third)
    pair.begin("one", "other")
    pair.stage.run_for(9 * 3600)
    assert pair.drills == [DRILL]
    assert pair.told() == [("Leeward.DrillMissed", "shop is held by run other of app third")]
    assert [(p["state"], p["told"]) for p in pair.periods] == [("missed", True)]


def test_a_drill_that_could_not_ask_who_acts_is_held_within_the_grace(pair: Pair) -> None:
    pair.stage.answers(claim_application=out_of_reach)
    pair.begin("one")
    pair.stage.at(DUE_IN + 1800, lambda: pair.stage.script.pop("claim_application"))
    pair.stage.run_for(3 * 3600)
    assert [outcome for _, outcome in pair.sealed()] == ["FAILED", "FAILED"]
    (period,) = pair.periods
    assert period["state"] == "ended"
    assert period["run"] == pair.drills[1] != DRILL
    assert period["because"].endswith("the vault is gone")


def test_what_could_not_be_told_is_told_at_a_later_look(pair: Pair) -> None:
    pair.shelf.one = scheduled(blackout=True)
    pair.stage.answers(tell_of_plan=[forbidden(), forbidden(), Told(told=True)])
    pair.begin("one")
    pair.stage.run_for(6 * 3600)
    assert len(pair.told()) == 3
    assert [(p["state"], p["told"]) for p in pair.periods] == [("skipped", True)]


def test_a_drill_that_breaks_is_noted_as_failed(pair: Pair) -> None:
    pair.stage.answers(assess_readiness=throttled())
    pair.begin("one")
    pair.stage.at(DUE_IN + 1, lambda: pair.stage.engine.terminate(DRILL, "a test"))
    pair.stage.run_for(2 * 3600)
    (period,) = pair.periods
    assert (period["state"], period["outcome"]) == ("ended", "FAILED")
    assert period["at"].startswith("2026-03-14T03:00:01")
    assert pair.stage.engine.status("calendar-one").runtime_status == "Running"


def test_a_plan_that_is_gone_ends_its_calendar(pair: Pair) -> None:
    pair.begin("one")
    pair.shelf.one = None
    assert pair.stage.finish("calendar-one").runtime_status == "Completed"
