"""Watch one wave: one request per tick tells of all its jobs, and the history never grows for long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from activities.recovery import Ended, Recovery, Wave
from domain.model import Recorded
from domain.replication import REPLICATES, Verb
from domain.run import Fact
from pydantic import AwareDatetime

from orchestrators.controls import read_standing
from orchestrators.durable import Context, StepFailed, Steps, call, now, sleep

# When to look: recorded failovers took 136 to 173 s, commits 8 to 42 s, so looking sooner is a wasted request and
# looking later is time that users wait. A machine takes 5 to 7 min to be enabled and 20 to 50 min, or hours, to
# replicate first. The last pause repeats.
PACES: Mapping[Verb, tuple[int, ...]] = {
    Verb.FAILOVER: (60, 60, 20, 20, 20, 20, 30, 45, 60),
    Verb.COMMIT: (20, 20, 20, 30, 45, 60),
    Verb.PROTECT: (120, 120, 120, 60, 180, 300),
    Verb.REPROTECT: (300, 120, 120, 300),
    Verb.CHANGE_POINT: (90, 30, 20, 20, 30, 45, 60),
    Verb.DRILL: (90, 60, 30, 30, 30, 45, 60),
    Verb.DRILL_CLEANUP: (30, 30, 30, 45, 60),
}
TICKS_PER_HISTORY = 20
NOTED_EVERY = timedelta(minutes=10)
# Azure takes a custom status of 16 KB, counted as UTF-16.
SHOWN_CHARACTERS = 7000


class Watch(Recorded):
    """A wave to be watched until a time; ``tick`` and ``ended`` carry over when the history starts anew.

    The watch ends early once one of ``runs`` is told to go on without the source; that of a replication, which takes
    hours and is Azure's own to end, also once one is cancelled.
    """

    wave: Wave
    until: AwareDatetime
    runs: tuple[str, ...] = ()
    at_once: bool = False
    tick: int = 0
    ended: tuple[Ended, ...] = ()
    facts: tuple[Fact, ...] = ()


class Watched(Recorded):
    """Which members ended and how; whoever is missing was still running when the time was up."""

    ended: tuple[Ended, ...]
    trouble: str | None = None
    forced: bool = False
    facts: tuple[Fact, ...] = ()


def watch_wave(context: Context) -> Steps[dict[str, object] | None]:
    """Ask for the jobs of a wave, at a pace that slows down, until all have ended or the time is up."""
    watch = Watch.model_validate(context.get_input())
    ended = list(watch.ended)
    facts = list(watch.facts)
    for tick in range(watch.tick, watch.tick + TICKS_PER_HISTORY):
        left = watch.until - now(context)
        if left <= timedelta(0):
            return Watched(ended=tuple(ended), facts=tuple(facts)).wire()
        if tick or not watch.at_once:
            pace = PACES[watch.wave.verb]
            yield from sleep(context, min(timedelta(seconds=pace[min(tick, len(pace) - 1)]), left))
        waiting = _without(watch.wave, ended)
        try:
            news = yield from call(context, Recovery.check_wave, waiting, until=watch.until)
        except StepFailed as failed:
            return Watched(ended=tuple(ended), trouble=str(failed), facts=tuple(facts)).wire()
        ended += news.ended
        _note(context, facts, news.percent)
        _show(context, watch.wave, ended, news.percent)
        if len(ended) == len(watch.wave.members):
            return Watched(ended=tuple(ended), facts=tuple(facts)).wire()
        if watch.runs:
            standing = yield from read_standing(context, *watch.runs)
            if standing.cancelled_by and watch.wave.verb in REPLICATES:
                told = (
                    f"{standing.cancelled_by} cancelled the run; Azure goes on with the replication"
                )
                return Watched(ended=tuple(ended), trouble=told, facts=tuple(facts)).wire()
            if standing.forced_by and watch.wave.graceful:
                return Watched(ended=tuple(ended), forced=True, facts=tuple(facts)).wire()
    further = watch.model_copy(
        update={
            "tick": watch.tick + TICKS_PER_HISTORY,
            "ended": tuple(ended),
            "facts": tuple(facts),
        }
    )
    context.continue_as_new(further.wire())
    return None


def _note(context: Context, facts: list[Fact], percent: Mapping[str, int]) -> None:
    """Write down how far the members' data has come, where that is news and the last word is old enough."""
    what = "replicated so far: " + ", ".join(f"{name} {done} %" for name, done in percent.items())
    last = facts[-1] if facts else None
    if percent and (last is None or (last.what != what and now(context) - last.at >= NOTED_EVERY)):
        facts.append(Fact(at=now(context), what=what))


def _without(wave: Wave, ended: list[Ended]) -> Wave:
    gone = {news.name for news in ended}
    return wave.model_copy(
        update={"members": tuple(member for member in wave.members if member.name not in gone)}
    )


def _show(context: Context, wave: Wave, ended: list[Ended], percent: Mapping[str, int]) -> None:
    """Show where each member stands; of a wave too large to be shown whole, those that arrived are left out first."""
    states = {member.name: "running" for member in wave.members}
    states.update({name: f"{done} %" for name, done in percent.items()})
    states.update({news.name: "arrived" if news.arrived else "failed" for news in ended})
    left = SHOWN_CHARACTERS
    for name in sorted(states, key=lambda name: states[name] == "arrived"):
        left -= len(name) + len(states[name]) + len('"": "", ')
        if left < 0:
            del states[name]
    context.set_custom_status({"members": states})
