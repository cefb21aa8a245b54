"""The calendar: which drill of a plan is due, whose it is, and what became of it.

Apps on task hubs of their own look at one ledger. A period belongs to whoever enters it first, and nobody takes it
over: two drills of one period are worse than one that is missed, and a missed one is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import AwareDatetime

from domain.acting import Held
from domain.errors import Permanent
from domain.model import Recorded
from domain.period import DrillSchedule, Period, PeriodState, period_in, periods_of, split_due
from domain.plan import Plan
from domain.plan_rules import PlanRefused
from domain.schedule import between, blackout_at, next_after

LOOK_BACK = timedelta(days=62)
UNTOLD_AMONG = 20


class Plans(Protocol):
    """Where the plans lie."""

    def plan(self, name: str) -> Plan:
        """Return one plan; raises Permanent or PlanRefused."""
        ...


class Ledger(Protocol):
    """What all apps share: entries that the first to come makes, whole."""

    def claim(self, key: str, entry: dict[str, Any]) -> bool:
        """Make an entry unless there is one, and say whether this call made it; raises Transient."""
        ...

    def keep(self, key: str, entry: dict[str, Any]) -> None:
        """Make an entry or replace it; raises Transient."""
        ...

    def read(self, key: str) -> dict[str, Any] | None:
        """Return an entry, None where there is none; raises Transient."""
        ...

    def keys(self, below: str) -> Sequence[str]:
        """Return the keys of the entries below a place, in order; raises Transient."""
        ...


class Claims(Protocol):
    """Who acts on which application, in whichever app."""

    def holder(self, application: str) -> Held | None:
        """Return who acts on an application now; raises Transient."""
        ...


class Lookup(Recorded):
    """Which plan's calendar is looked at, when, and by whom."""

    plan: str
    at: AwareDatetime
    claim: str


class Due(Recorded):
    """What a look at the calendar found.

    ``due`` is a period that nobody has claimed, or ours whose drill has not begun yet, and ``held`` says which run of
    which app acts on the application then; ``untold`` are ours that fell out, and nobody was told of it yet.
    """

    scheduled: bool
    plan: Plan | None = None
    due: Period | None = None
    held: str | None = None
    blackout: str | None = None
    untold: tuple[Period, ...] = ()
    next: AwareDatetime | None = None
    trouble: str | None = None


class Claimed(Recorded):
    """Whether a period belongs to who asked."""

    ours: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """Looks periods up, claims them, and enters what became of them."""

    plans: Plans
    ledger: Ledger
    claims: Claims

    def look_up_periods(self, lookup: Lookup) -> Due:
        """Return the period that is due; those too old to be caught up are entered as missed."""
        try:
            plan = self.plans.plan(lookup.plan)
        except PlanRefused as refused:
            return Due(scheduled=True, trouble=str(refused))
        except Permanent:
            return Due(scheduled=False)
        schedule = plan.drill.schedule if plan.drill else None
        if schedule is None:
            return Due(scheduled=False)
        open_since = self._known_since(plan, schedule, lookup.at)
        earliest = max(open_since, lookup.at - LOOK_BACK)
        ours = self._not_begun(plan, schedule, lookup)
        known = set(self.ledger.keys(periods_of(plan.name))) - ours.keys()
        periods = {
            moment: ours.get(period.key, period)
            for moment in between(schedule.when, schedule.zone, earliest, lookup.at)
            if (period := _period(plan, schedule, moment, lookup)).key not in known
        }
        due, missed = split_due(list(periods), lookup.at, schedule.grace)
        for moment in missed:
            because = periods[moment].because or "nobody was there to start it in time"
            late = {"state": PeriodState.MISSED, "because": because}
            self._enter(periods[moment].model_copy(update=late))
        held = self.claims.holder(plan.app) if due else None
        closed = blackout_at(plan.policy.blackout, lookup.at)
        return Due(
            scheduled=True,
            plan=plan if due else None,
            due=periods[due] if due else None,
            held=str(held) if held else None,
            blackout=str(closed) if closed else None,
            untold=self._untold(plan, lookup.claim),
            next=next_after(schedule.when, schedule.zone, lookup.at),
        )

    def claim_period(self, period: Period) -> Claimed:
        """Claim a period, with what becomes of it at once; delivered twice it is still ours."""
        return Claimed(ours=self._enter(period))

    def note_period(self, period: Period) -> Period:
        """Note what became of a period that is ours, unless it has gone on since; return what stands then."""
        held = period_in(self.ledger.read(period.key))
        if held is not None and not period.goes_on_from(held):
            return held
        self.ledger.keep(period.key, period.wire())
        return period

    def _enter(self, period: Period) -> bool:
        if self.ledger.claim(period.key, period.wire()):
            return True
        held = period_in(self.ledger.read(period.key))
        if held is None or held.claim != period.claim:
            return False
        if held.state is PeriodState.CLAIMED and period.state is not held.state:
            self.note_period(period)
            return True
        return held.state is period.state

    def _not_begun(self, plan: Plan, schedule: DrillSchedule, lookup: Lookup) -> dict[str, Period]:
        """Return by its key what this calendar has claimed and may still begin.

        What was not begun within the grace, whoever claimed it, is entered as missed: an app that is gone must not
        make it silent.
        """
        ours = {}
        for key in self.ledger.keys(periods_of(plan.name))[-UNTOLD_AMONG:]:
            period = period_in(self.ledger.read(key))
            if period is None or period.state is not PeriodState.CLAIMED:
                continue
            if lookup.at - period.due > schedule.grace:
                silent = "it was claimed, and whoever claimed it has not started it"
                missed = {
                    "state": PeriodState.MISSED,
                    "claim": lookup.claim,
                    "because": period.because or silent,
                }
                self.ledger.keep(key, period.model_copy(update=missed).wire())
            elif period.claim == lookup.claim:
                ours[key] = period
        return ours

    def _untold(self, plan: Plan, claim: str) -> tuple[Period, ...]:
        newest = self.ledger.keys(periods_of(plan.name))[-UNTOLD_AMONG:]
        periods = [period_in(self.ledger.read(key)) for key in newest]
        return tuple(p for p in periods if p and p.claim == claim and p.fell_out and not p.told)

    def _known_since(self, plan: Plan, schedule: DrillSchedule, at: datetime) -> datetime:
        """Return when anybody first saw this schedule: what was due before then was due to nobody."""
        mark = hashlib.sha256(f"{schedule.when}\n{schedule.zone}".encode()).hexdigest()[:16]
        key = f"schedules/{plan.name}/{mark}"
        self.ledger.claim(key, {"since": at.isoformat(), "when": str(schedule)})
        entry = self.ledger.read(key) or {}
        try:
            return datetime.fromisoformat(entry["since"])
        except (KeyError, ValueError):
            return at


def _period(plan: Plan, schedule: DrillSchedule, due: datetime, lookup: Lookup) -> Period:
    return Period(
        plan=plan.name,
        kind=schedule.kind,
        due=due,
        state=PeriodState.CLAIMED,
        claim=lookup.claim,
        at=lookup.at,
    )
