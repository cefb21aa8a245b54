"""Watch one wave: one request per tick tells of all its jobs, and the history never grows for long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from activities.recovery import Ended, Recovery, Wave
from domain.model import Recorded
from domain.replication import Verb
from pydantic import AwareDatetime

from orchestrators.controls import read_standing
from orchestrators.durable import Context, StepFailed, Steps, call, now, sleep

# When to look: recorded failovers took 136 to 173 s, commits 8 to 42 s, so looking sooner is a wasted request and
# looking later is time that users wait. The last pause repeats.
PACES: Mapping[Verb, tuple[int, ...]] = {
    Verb.FAILOVER: (60, 60, 20, 20, 20, 20, 30, 45, 60),
    Verb.COMMIT: (20, 20, 20, 30, 45, 60),
    Verb.DRILL: (90, 60, 30, 30, 30, 45, 60),
    Verb.DRILL_CLEANUP: (30, 30, 30, 45, 60),
}
TICKS_PER_HISTORY = 20
# Azure takes a custom status of 16 KB, counted as UTF-16.
SHOWN_CHARACTERS = 7000


class Watch(Recorded):
    """A wave to be watched until a time; ``tick`` and ``ended`` carry over when the history starts anew.

    The watch ends early once one of ``runs`` is told to go on without the source.
    """

    wave: Wave
    until: AwareDatetime
    runs: tuple[str, ...] = ()
    at_once: bool = False
    tick: int = 0
    ended: tuple[Ended, ...] = ()


class Watched(Recorded):
    """Which members ended and how; whoever is missing was still running when the time was up."""

    ended: tuple[Ended, ...]
    trouble: str | None = None
    forced: bool = False


def watch_wave(context: Context) -> Steps[dict[str, object] | None]:
    """Ask for the jobs of a wave, at a pace that slows down, until all have ended or the time is up."""
    watch = Watch.model_validate(context.get_input())
    ended = list(watch.ended)
    for tick in range(watch.tick, watch.tick + TICKS_PER_HISTORY):
        left = watch.until - now(context)
        if left <= timedelta(0):
            return Watched(ended=tuple(ended)).wire()
        if tick or not watch.at_once:
            pace = PACES[watch.wave.verb]
            yield from sleep(context, min(timedelta(seconds=pace[min(tick, len(pace) - 1)]), left))
        waiting = _without(watch.wave, ended)
        try:
            news = yield from call(context, Recovery.check_wave, waiting, until=watch.until)
        except StepFailed as failed:
            return Watched(ended=tuple(ended), trouble=str(failed)).wire()
        ended += news.ended
        _show(context, watch.wave, ended)
        if len(ended) == len(watch.wave.members):
            return Watched(ended=tuple(ended)).wire()
        if watch.runs:
            standing = yield from read_standing(context, *watch.runs)
            if standing.forced_by:
                return Watched(ended=tuple(ended), forced=True).wire()
    further = watch.model_copy(
        update={"tick": watch.tick + TICKS_PER_HISTORY, "ended": tuple(ended)}
    )
    context.continue_as_new(further.wire())
    return None


def _without(wave: Wave, ended: list[Ended]) -> Wave:
    gone = {news.name for news in ended}
    return wave.model_copy(
        update={"members": tuple(member for member in wave.members if member.name not in gone)}
    )


def _show(context: Context, wave: Wave, ended: list[Ended]) -> None:
    """Show where each member stands; of a wave too large to be shown whole, those that arrived are left out first."""
    states = {member.name: "running" for member in wave.members}
    states.update({news.name: "arrived" if news.arrived else "failed" for news in ended})
    left = SHOWN_CHARACTERS
    for name in sorted(states, key=lambda name: states[name] == "arrived"):
        left -= len(name) + len('"": "arrived", ')
        if left < 0:
            del states[name]
    context.set_custom_status({"members": states})
