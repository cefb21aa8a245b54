"""Rehearse the whole journey in earnest: out, protected homewards, home, protected outwards, within a budget.

The budget's time runs from the first move. What is kept for the way home is not spent on the way out: the soak over
there is cut short before, and the machines go home whatever is left, for nobody is helped by leaving them there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.budget import allowed, kept_for_home, objection_to_round_trip, rest_in_words, used
from domain.policy import CommitMode
from domain.protection import Budget
from domain.request import Kind, Mode, RunRequest
from domain.run import WELL, Outcome, RunEnd

from orchestrators.before import assess, clean_up_drills
from orchestrators.conduct import conduct
from orchestrators.decision import decide
from orchestrators.durable import Context, Steps, now
from orchestrators.legs import run_leg
from orchestrators.record import End, Record


def round_trip(context: Context) -> Steps[dict[str, object]]:
    """Take the application there and back, and say what that cost."""
    trip = RoundTrip()
    steps = (trip.assess, decide, clean_up_drills, trip.go_out, trip.come_home)
    return (yield from conduct(context, steps))


class RoundTrip:
    """The legs of a round trip, and what they may use."""

    def __init__(self) -> None:
        self.budget: Budget | None = None
        self.began: datetime | None = None
        self.ends_at: datetime | None = None
        self.legs: list[RunEnd] = []

    def assess(self, context: Context, run: Record) -> Steps[End | None]:
        """Refuse a journey that its budget cannot suffice for, then look as every run does."""
        objection = objection_to_round_trip(run.request.plan)
        if objection:
            return End(Outcome.FAILED, f"not ready, nothing was touched: {objection}")
        self.budget = run.plan.drill.budget if run.plan.drill else None
        return (yield from assess(context, run))

    def go_out(self, context: Context, run: Record) -> Steps[End | None]:
        """Fail over gracefully, and stay no longer than the way home allows."""
        assert self.budget is not None, "it was assessed first"
        machines = len(run.plan.members)
        time, home = allowed(self.budget, machines), kept_for_home(self.budget, machines)
        self.began = now(context)
        self.ends_at = self.began + time
        if self.ends_at > run.until:
            return run.too_late()
        run.journal.budget(self.ends_at)
        return (yield from self._leg(context, run, Kind.FAILOVER, 1, self.ends_at - home))

    def come_home(self, context: Context, run: Record) -> Steps[End | None]:
        """Fail back gracefully, re-protecting before and after, and say what was used."""
        end = yield from self._leg(context, run, Kind.FAILBACK, 2, self.ends_at)
        if end is not None:
            return end
        over = run.budget.over if run.budget else ()
        skips = [child.because for child in run.children if child.outcome is not Outcome.COMPLETED]
        if skips or over:
            said = "; ".join(["there and back", *skips, *(f"over budget: {each}" for each in over)])
            return End(Outcome.COMPLETED_WITH_SKIPS, said)
        return End(Outcome.COMPLETED, "there and back, and protected again")

    def _leg(
        self, context: Context, run: Record, kind: Kind, position: int, soak_until: datetime | None
    ) -> Steps[End | None]:
        run.step(kind.value)
        run.touched = True
        out = kind is Kind.FAILOVER
        request = RunRequest(
            plan=run.request.plan,
            kind=kind,
            mode=Mode.GRACEFUL,
            requested_by=run.request.requested_by,
            requested_by_id=run.request.requested_by_id,
            reason=f"leg {position} of run {run.id}: {run.request.reason}",
            point=run.request.point if out else None,
            points=run.request.points if out else {},
            under=run.id,
            commit=CommitMode.AUTO_AFTER,
            soak_until=soak_until,
        )
        leg = yield from run_leg(context, run, request, position)
        self.legs.append(leg)
        self._settle(run, now(context))
        if leg.outcome in WELL:
            return None
        outcome = leg.outcome if leg.outcome is Outcome.CANCELLED else Outcome.NEEDS_HUMAN
        return End(outcome, f"the {kind.value} ended {leg.outcome.value}: {leg.because}")

    def _settle(self, run: Record, at: datetime) -> None:
        """Say what has been used so far, and what is left."""
        if self.budget is None or self.began is None or self.ends_at is None:
            return
        waited = [leg.downtime_seconds for leg in self.legs if leg.downtime_seconds is not None]
        run.budget = used(
            self.budget,
            len(run.plan.members),
            at - self.began,
            timedelta(seconds=sum(waited)) if waited else None,
            any(leg.hurried for leg in self.legs),
        )
        run.note(rest_in_words(self.ends_at, at))
