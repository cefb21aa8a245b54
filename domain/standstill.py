"""Runs that stand still: past their time, silent for too long, suspended, or ended with the lock still held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from domain.acting import Claim
from domain.model import Recorded, RunId, in_words
from domain.plan import Plan

# No run waits longer than this without a look at its desk, retries of the plan's own aside.
LONGEST_SILENCE = timedelta(minutes=30)
OVERTIME = timedelta(minutes=15)


class Standstill(StrEnum):
    """How a run stands still."""

    LATE = "late"
    SILENT = "silent"
    SUSPENDED = "suspended"
    ORPHANED = "orphaned"


class RunSeen(Recorded):
    """An open run as the engine tells of it; ``moved_at`` is the newest move of it and all below it."""

    run: RunId
    engine: str
    moved_at: AwareDatetime
    ends_by: AwareDatetime
    silence: timedelta


class LockSeen(Recorded):
    """A lock whose holder has ended, or is nowhere; ``claim`` is the one that it left behind, where it left one."""

    application: str
    holder: RunId
    engine: str | None
    claim: Claim | None = None


class Finding(Recorded):
    """One run that stands still, told once."""

    run: RunId
    standstill: Standstill
    because: str
    at: AwareDatetime

    @property
    def key(self) -> str:
        """Return the name under which the finding is kept."""
        return f"{FINDINGS}/{self.run}.{self.standstill.value}"


FINDINGS = "findings"


def silence_of(plan: Plan) -> timedelta:
    """Return for how long a run of the plan may be silent."""
    return LONGEST_SILENCE + plan.policy.retry.pause


def findings_on(seen: RunSeen, at: datetime) -> Iterator[Finding]:
    """Yield what is wrong with an open run at a time."""
    silent = at - seen.moved_at
    if seen.engine == "Suspended":
        because = "the engine has suspended it; resume it, or cancel it and let it end"
        yield Finding(run=seen.run, standstill=Standstill.SUSPENDED, because=because, at=at)
    elif silent > seen.silence:
        because = f"nothing of it has moved for {in_words(silent)}; look at the app's log"
        yield Finding(run=seen.run, standstill=Standstill.SILENT, because=because, at=at)
    if at > seen.ends_by + OVERTIME:
        because = f"its time was up at {seen.ends_by:%Y-%m-%d %H:%M} UTC; look at what it waits for"
        yield Finding(run=seen.run, standstill=Standstill.LATE, because=because, at=at)


def orphaned(lock: LockSeen, at: datetime) -> Finding:
    """Return the finding on a lock that an ended run has left."""
    ended = f"it ended as {lock.engine}" if lock.engine else "its history is gone"
    because = f"{ended}, but it held the lock of {lock.application}, which is free again"
    return Finding(run=lock.holder, standstill=Standstill.ORPHANED, because=because, at=at)
