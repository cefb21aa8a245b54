"""The budget of a round trip: what it must suffice for, when to go home, and what was used of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.model import in_words
from domain.plan import Plan
from domain.protection import Budget
from domain.reports import BudgetReport

HOUR = timedelta(hours=1)


def allowed(budget: Budget, machines: int) -> timedelta:
    """Return how long the machines may be away: as long as the budget says, and as its VM-hours last."""
    if budget.vm_hours is None:
        return budget.longest
    return min(budget.longest, HOUR * (budget.vm_hours / machines))


def kept_for_home(budget: Budget, machines: int) -> timedelta:
    """Return how much of the time is the way home's."""
    return budget.home or allowed(budget, machines) / 2


def objection_to_round_trip(plan: Plan) -> str | None:
    """Return why a round trip of the plan cannot be had, or None if its budget can suffice."""
    budget = plan.drill.budget if plan.drill else None
    if budget is None:
        return "the plan's drill section has no budget: a round trip must know how long it may take; add drill.budget"
    least = plan.policy.commit.after + (
        plan.traffic.drain if plan.traffic.maintenance else HOUR * 0
    )
    machines = len(plan.members)
    time, home = allowed(budget, machines), kept_for_home(budget, machines)
    for way, has in (("out", time - home), ("home", home)):
        if has < least:
            return (
                f"the budget leaves {_words(has)} for the way {way}, whose drain and soak alone take "
                f"{in_words(least)}; raise drill.budget, or shorten policy.commit.after"
            )
    return None


def used(
    budget: Budget, machines: int, away: timedelta, downtime: timedelta | None, left_early: bool
) -> BudgetReport:
    """Return what a round trip used, and in what it went over its budget."""
    hours = round(machines * (away / HOUR), 2)
    over = []
    if away > budget.longest:
        over.append(f"it took {in_words(away)} of {in_words(budget.longest)}")
    if budget.downtime and downtime and downtime > budget.downtime:
        over.append(f"users waited {in_words(downtime)} of {in_words(budget.downtime)}")
    if budget.vm_hours and hours > budget.vm_hours:
        over.append(f"{hours:g} VM-hours were used of {budget.vm_hours:g}")
    return BudgetReport(
        longest_seconds=_seconds(budget.longest),
        used_seconds=_seconds(away),
        downtime_seconds=_seconds(budget.downtime) if budget.downtime else None,
        downtime_used_seconds=_seconds(downtime) if downtime is not None else None,
        vm_hours=budget.vm_hours,
        vm_hours_used=hours,
        left_early=left_early,
        over=tuple(over),
    )


def rest_in_words(ends_at: datetime, at: datetime) -> str:
    """Return how much of the budget is left, or by how much it is overrun."""
    left = ends_at - at
    if left < timedelta(0):
        return f"the budget is overrun by {in_words(-left)}"
    return f"{in_words(left)} of the budget are left"


def _words(duration: timedelta) -> str:
    return in_words(duration) if duration > timedelta(0) else "no time"


def _seconds(duration: timedelta) -> int:
    return round(duration.total_seconds())
