"""Keep a plan's calendar: sleep until its drill is due, claim the period, start the drill, and note what became of it.

    look up -> what fell out told -> due: obstacles -> claim -> drill -> noted -> sleep, and again

There is one calendar per plan and task hub; of several on one ledger, one gets each period.
"""

from __future__ import annotations

from datetime import timedelta

from activities.calendar import Calendar, Due, Lookup
from activities.notices import Notices, PlanNotice
from domain.model import Recorded
from domain.period import Obstacle, Period, PeriodState
from domain.plan import Plan
from domain.request import USUAL_MODE, Kind, Mode, RunRequest
from domain.run import Outcome, RunEnd

from orchestrators.durable import (
    HASTY,
    Context,
    StepFailed,
    Steps,
    ask,
    call,
    child,
    in_short,
    now,
    sleep,
)
from orchestrators.names import RUNBOOKS, lock_of, region_of, run_id

# A plan that was changed is noticed by then.
LOOK_AGAIN = timedelta(hours=1)
SHORTEST = timedelta(seconds=1)
LOOKS_PER_HISTORY = 12
TOLD_OF = {PeriodState.SKIPPED: "Leeward.DrillSkipped", PeriodState.MISSED: "Leeward.DrillMissed"}


class Page(Recorded):
    """Whose calendar it is; ``claim`` is what its periods are claimed by, another for every calendar."""

    plan: str
    claim: str


def keep_calendar(context: Context) -> Steps[dict[str, object] | None]:
    """Start the plan's drills when they are due, for as long as it has a schedule."""
    page = Page.model_validate(context.get_input())
    for _ in range(LOOKS_PER_HISTORY):
        lookup = Lookup(plan=page.plan, at=now(context), claim=page.claim)
        wait = LOOK_AGAIN
        try:
            found = yield from call(context, Calendar.look_up_periods, lookup, HASTY)
            if not found.scheduled:
                return page.wire()
            trouble = found.trouble
            for period in found.untold:
                yield from _tell(context, period)
            if found.plan is not None and found.due is not None:
                yield from _hold(context, found, found.plan, found.due)
            if found.next is not None:
                wait = max(SHORTEST, min(LOOK_AGAIN, found.next - now(context)))
        except StepFailed as failed:
            trouble = str(failed)
        context.set_custom_status({"lookedAt": lookup.at.isoformat(), "trouble": trouble})
        yield from sleep(context, wait)
    context.continue_as_new(page.wire())
    return None


def _hold(context: Context, found: Due, plan: Plan, period: Period) -> Steps[None]:
    """Hold the drill that is due, or leave it out for a reason, unless somebody else has claimed the period."""
    skip_when = _skip_when(plan)
    lock = yield from ask(context, lock_of(plan.app), "holder", {})
    holder = f"run {lock['holder']}" if lock["holder"] else found.held
    if holder is not None and Obstacle.RUN not in skip_when:
        return  # it waits: the period stays open, and is looked up again
    obstacle = yield from _obstacle(context, found, plan, holder, skip_when)
    if obstacle is not None:
        left_out = period.model_copy(update={"state": PeriodState.SKIPPED, "because": obstacle})
        claimed = yield from call(context, Calendar.claim_period, left_out, HASTY)
        if claimed.ours:
            yield from _tell(context, left_out)
        return
    claimed = yield from call(context, Calendar.claim_period, period, HASTY)
    if claimed.ours:
        yield from _rehearse(context, plan, period)


def _obstacle(
    context: Context,
    found: Due,
    plan: Plan,
    holder: str | None,
    skip_when: tuple[Obstacle, ...],
) -> Steps[str | None]:
    """Return why the drill is left out, None where nothing stands in its way."""
    if Obstacle.INCIDENT in skip_when:
        for region in (plan.source.region, plan.target.region):
            said = yield from ask(context, region_of(region), "incidents", {})
            if said["incidents"]:
                return f"incident {said['incidents'][0]} is open"
    if holder is not None:
        return f"{holder} is open"
    if Obstacle.BLACKOUT in skip_when and found.blackout:
        return found.blackout
    return None


def _rehearse(context: Context, plan: Plan, period: Period) -> Steps[None]:
    """Start the drill under an id that follows from its period, and note what it came to.

    One that did not get its application is no drill: the period is left out as for any open run, or waits on. It is
    told at the next look, for calendars that slept over a deployment must find the same steps.
    """
    kind = Kind(period.kind.value)
    again = period.run is not None
    run = run_id(kind, plan.name, now(context) if again else period.due, "scheduled")
    begun = {"state": PeriodState.STARTED, "at": now(context), "run": run, "because": None}
    started = period.model_copy(update=begun)
    yield from call(context, Calendar.note_period, started)
    schedule = plan.drill.schedule if plan.drill else None
    request = RunRequest(
        plan=plan,
        kind=kind,
        mode=USUAL_MODE.get(kind, Mode.FORCED),
        requested_by="the plan's schedule",
        reason=f"{schedule}, due {period.due:%Y-%m-%d %H:%M} UTC",
    )
    try:
        end = yield from child(context, RUNBOOKS[kind], request, run, RunEnd)
        came_to = _came_to(end, plan)
    except Exception as bug:
        came_to = {"state": PeriodState.ENDED, "outcome": "FAILED", "because": in_short(bug)}
    noted = started.model_copy(update={"at": now(context), **came_to})
    yield from call(context, Calendar.note_period, noted)


def _came_to(end: RunEnd, plan: Plan) -> dict[str, object]:
    if end.began:
        outcome = end.outcome.value
        return {"state": PeriodState.ENDED, "outcome": outcome, "because": end.because}
    skips = end.outcome is Outcome.DECLINED and Obstacle.RUN in _skip_when(plan)
    state = PeriodState.SKIPPED if skips else PeriodState.CLAIMED
    return {"state": state, "because": end.because}


def _skip_when(plan: Plan) -> tuple[Obstacle, ...]:
    """Return for what the plan leaves a drill out."""
    schedule = plan.drill.schedule if plan.drill else None
    return schedule.skip_when if schedule else ()


def _tell(context: Context, period: Period) -> Steps[None]:
    """Announce a drill that did not come, and note that it was; what could not be told is told at a later look."""
    notice = PlanNotice(
        kind=TOLD_OF[period.state],
        plan=period.plan,
        data={
            "drill": period.kind.value,
            "due": period.due.isoformat(),
            "because": period.because,
        },
    )
    yield from call(context, Notices.tell_of_plan, notice, HASTY)
    told = period.model_copy(update={"told": True})
    yield from call(context, Calendar.note_period, told, HASTY)
