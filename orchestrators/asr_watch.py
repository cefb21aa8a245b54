"""Watch a run of Azure's recovery plan until something is to be done: a tier is there, or a person is asked for."""

from __future__ import annotations

from datetime import timedelta

from activities.recovery import Ended
from activities.recovery_plans import PlanDrive, PlanDriver, PlanStep
from domain.model import Recorded
from pydantic import AwareDatetime, Field

from orchestrators.controls import read_standing
from orchestrators.durable import Context, StepFailed, Steps, call, now, sleep
from orchestrators.watch import SHOWN_CHARACTERS, TICKS_PER_HISTORY

# Two requests a tick, and some minutes for each group: the last pause repeats.
PACE = (30, 30, 30, 30, 30, 30, 45, 60)


class PlanWatch(Recorded):
    """A recovery plan to be watched until a time, its members in ``tiers``; ``ended`` is what is known already."""

    drive: PlanDrive
    tiers: tuple[tuple[str, ...], ...]
    until: AwareDatetime
    runs: tuple[str, ...] = ()
    tick: int = 0
    ended: tuple[Ended, ...] = ()


class PlanWatched(Recorded):
    """What a watch ended with: the members at rest, and why somebody has to look."""

    ended: tuple[Ended, ...] = ()
    jobs: dict[str, str] = Field(default_factory=dict)
    over: bool = False
    step: PlanStep | None = None
    cancelled_by: str | None = None
    trouble: str | None = None


def watch_plan(context: Context) -> Steps[dict[str, object] | None]:
    """Look at a pace, until another tier has come to rest, the plan has, it waits for a person, or time is up."""
    watch = PlanWatch.model_validate(context.get_input())
    known = {news.name: news for news in watch.ended}
    before = _whole(watch, set(known))
    for tick in range(watch.tick, watch.tick + TICKS_PER_HISTORY):
        left = watch.until - now(context)
        if left <= timedelta(0):
            return PlanWatched(ended=tuple(known.values())).wire()
        if tick:
            pause = timedelta(seconds=PACE[min(tick, len(PACE)) - 1])
            yield from sleep(context, min(pause, left))
        try:
            news = yield from call(context, PlanDriver.check_plan, watch.drive, until=watch.until)
        except StepFailed as failed:
            return PlanWatched(ended=tuple(known.values()), trouble=str(failed)).wire()
        known |= {one.name: one for one in news.ended}
        _show(context, watch, known)
        every = len(known) == len(watch.drive.wave.members)
        seen = PlanWatched(
            ended=tuple(known.values()),
            jobs=news.jobs,
            over=(news.over and every) or (every and news.step is None),
            step=news.step,
        )
        if seen.over or seen.step or _whole(watch, set(known)) > before:
            return seen.wire()
        if watch.runs:
            standing = yield from read_standing(context, *watch.runs)
            if standing.cancelled_by:
                return seen.model_copy(update={"cancelled_by": standing.cancelled_by}).wire()
    further = {"tick": watch.tick + TICKS_PER_HISTORY, "ended": tuple(known.values())}
    context.continue_as_new(watch.model_copy(update=further).wire())
    return None


def _whole(watch: PlanWatch, names: set[str]) -> int:
    """Return how many tiers have come to rest."""
    return sum(all(name in names for name in tier) for tier in watch.tiers)


def _show(context: Context, watch: PlanWatch, known: dict[str, Ended]) -> None:
    states = {member.name: "running" for member in watch.drive.wave.members}
    states |= {name: "arrived" if one.arrived else "failed" for name, one in known.items()}
    left = SHOWN_CHARACTERS
    for name in sorted(states, key=lambda name: states[name] == "arrived"):
        left -= len(name) + len(states[name]) + len('"": "", ')
        if left < 0:
            del states[name]
    context.set_custom_status({"members": states})
