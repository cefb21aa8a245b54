"""What keeps a run from moving by itself: each check, what it saw, and whether it is a veto."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from domain.model import Reported, in_words
from domain.run import FenceReport, Readiness, Silence

HOUR = timedelta(hours=1)
# What an hour can hold of one estate's failovers; the oldest are forgotten first.
KEPT_STARTS = 500


class Guard(StrEnum):
    """The checks, in the order in which they are made."""

    KILL_SWITCH = "kill_switch"
    PLAN = "plan"
    BLACKOUT = "blackout"
    READINESS = "readiness"
    RPO = "rpo"
    SOURCE = "source"
    RATE = "rate"


class Check(Reported):
    """One check: what it saw in a sentence, and whether that is a veto."""

    guard: Guard
    veto: bool
    says: str


class Automatic(Reported):
    """Whether a run moved by itself, and every check that was made before it did or did not."""

    checked_at: AwareDatetime
    went_on: bool
    checks: tuple[Check, ...] = ()

    @property
    def vetoes(self) -> tuple[str, ...]:
        """Return what stood in the way."""
        return tuple(check.says for check in self.checks if check.veto)


class Pulled(Reported):
    """Where the kill switch stands: on or off, by whose hand, and why."""

    on: bool = False
    by: str = ""
    by_id: str = ""
    reason: str = ""
    at: AwareDatetime | None = None


def judge_switch(setting: str | None, pulled: Pulled | None, read: bool) -> Check:
    """Judge the two switches; what could not be read in time counts as on."""
    if not read or pulled is None:
        told = "the kill switch could not be read in time, which counts as on"
        return Check(guard=Guard.KILL_SWITCH, veto=True, says=told)
    if setting is not None:
        told = f"the kill switch is on by the app's setting: {setting}"
        return Check(guard=Guard.KILL_SWITCH, veto=True, says=told)
    if pulled.on:
        told = f"the kill switch is on: {pulled.by} said {pulled.reason}"
        return Check(guard=Guard.KILL_SWITCH, veto=True, says=told)
    return Check(guard=Guard.KILL_SWITCH, veto=False, says="the kill switch is off")


def judge_readiness(readiness: Readiness | None, drift: Iterable[str]) -> Check:
    """Judge what was read anew: it must be as ready as it was, and as it was."""
    changed = tuple(drift)
    lacking = readiness.grants.missing if readiness and readiness.grants else ()
    if readiness is None:
        told, veto = "readiness could not be read in time", True
    elif not readiness.ready:
        told, veto = f"readiness is red: {'; '.join(readiness.blockers)}", True
    elif lacking:
        told, veto = f"readiness is red: {'; '.join(lacking)}", True
    elif changed:
        told, veto = f"what the run is about has changed: {'; '.join(changed)}", True
    else:
        told, veto = "readiness is not red", False
    return Check(guard=Guard.READINESS, veto=veto, says=told)


def judge_loss(
    members: Iterable[str], points: Mapping[str, datetime], incident_at: datetime, bound: timedelta
) -> Check:
    """Judge what would be lost: from each machine's newest recovery point to the beginning of the incident."""
    losses = {name: incident_at - points[name] if name in points else None for name in members}
    unknown = [name for name, loss in losses.items() if loss is None]
    known = {name: loss for name, loss in losses.items() if loss is not None}
    over = [f"{name} {in_words(loss)}" for name, loss in known.items() if loss > bound]
    limit = in_words(bound)
    if unknown:
        told = f"nobody knows how much {', '.join(unknown)} would lose; the plan allows {limit}"
    elif over:
        told = f"more would be lost than the {limit} that the plan allows: {', '.join(over)}"
    else:
        told = f"no machine would lose more than {limit}"
    return Check(guard=Guard.RPO, veto=bool(unknown or over), says=told)


def judge_source(seen: FenceReport | None) -> Check:
    """Judge the source: one that still answers is not down, whatever the signals say."""
    if seen is None:
        told = "whether the source still answers could not be read in time"
        return Check(guard=Guard.SOURCE, veto=True, says=told)
    return Check(guard=Guard.SOURCE, veto=seen.verdict is Silence.ANSWERING, says=seen.explanation)


def judge_rate(others: int | None, limit: int) -> Check:
    """Judge how many failovers began in the estate within the hour."""
    if others is None:
        told = "how many failovers began in the last hour could not be read in time"
        return Check(guard=Guard.RATE, veto=True, says=told)
    told = f"{others} other failovers began within the hour; the plan allows fewer than {limit}"
    return Check(guard=Guard.RATE, veto=others >= limit, says=told)


def begin(state: Mapping[str, Any], run: str, at: datetime, limit: int | None) -> dict[str, Any]:
    """Count a start once, whenever it is told, unless ``limit`` others began within the hour before it."""
    starts: dict[str, str] = dict(state.get("starts", {}))
    if run not in starts and (limit is None or others_of(state, run, at) < limit):
        starts[run] = at.isoformat()
    newest = sorted(starts.items(), key=lambda each: (datetime.fromisoformat(each[1]), each[0]))
    return {"starts": dict(newest[-KEPT_STARTS:])}


def others_of(state: Mapping[str, Any], run: str, at: datetime) -> int:
    """Return how many other runs began within the hour before a time."""
    times = (datetime.fromisoformat(t) for r, t in state.get("starts", {}).items() if r != run)
    return sum(at - HOUR < time for time in times)
