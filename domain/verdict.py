"""What a look at a plan's readiness comes to: green, yellow or red, and the reasons that a person reads."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime

from domain.grants import Grants
from domain.model import Reported
from domain.run import Readiness

LOOK_EVERY = timedelta(minutes=15)
# Azure that cannot be read is not a plan that cannot move; for longer than this it is worth a word.
BLIND_FOR = timedelta(hours=1)


class Colour(StrEnum):
    """Whether the plan could move now."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Verdict(Reported):
    """A verdict on a plan, and what it was read from.

    ``number`` counts the plan's changes, each of which belongs to the sweep that saw it first (``claim``); ``mark`` is
    what the plan's region had said by then. ``grants`` are as they were last read, at ``grants_at``.
    """

    plan: str
    number: int
    colour: Colour
    reasons: tuple[str, ...] = ()
    since: AwareDatetime
    looked_at: AwareDatetime
    read_at: AwareDatetime | None = None
    before: Colour | None = None
    trouble: str | None = None
    digest: str = ""
    mark: str = ""
    claim: str = ""
    told: bool = False
    grants: Grants | None = None
    grants_at: AwareDatetime | None = None

    @property
    def key(self) -> str:
        """Return where the plan's last verdict is kept."""
        return verdict_on(self.plan)

    @property
    def change_key(self) -> str:
        """Return the name by which the change to this verdict is claimed, the same in every app."""
        return f"{changes_of(self.plan)}/{self.number:06}"

    def differs(self, colour: Colour, reasons: tuple[str, ...]) -> bool:
        """Say whether another verdict is news."""
        return (self.colour, self.reasons) != (colour, reasons)


def verdict_in(entry: dict[str, Any] | None) -> Verdict | None:
    """Return the verdict that an entry of the ledger holds, None while it is just being made."""
    try:
        return Verdict.model_validate(entry)
    except ValueError:
        return None


def verdict_on(plan: str) -> str:
    """Return where the last verdict on a plan is kept."""
    return f"verdicts/{plan}"


def changes_of(plan: str) -> str:
    """Return where the changes of a plan's verdict are kept."""
    return f"changes/{plan}"


def unread(last: Verdict | None, at: datetime) -> tuple[Colour, tuple[str, ...]]:
    """Return what is left of the last verdict while Azure cannot be read: unknown is not unready, but not for ever."""
    if last is None or last.read_at is None:
        return Colour.YELLOW, ("Azure could not be read yet",)
    if at - last.read_at < BLIND_FOR:
        return last.colour, last.reasons
    return Colour.YELLOW, (f"Azure could not be read since {last.read_at:%Y-%m-%d %H:%M} UTC",)


def grants_as_known(
    read: Grants | None, last: Verdict | None, at: datetime
) -> tuple[Grants | None, datetime | None]:
    """Return the grants to judge by and when they were read: what Azure did not answer is as it was, for an hour."""
    if read is None or not read.unread:
        return read, at
    if last is None or last.grants is None or last.grants_at is None:
        return read, None
    if at - last.grants_at >= BLIND_FOR:
        return read, last.grants_at
    kept = {
        name: tuple(dict.fromkeys((*getattr(last.grants, name), *getattr(read, name))))
        for name in ("missing", "to_know")
    }
    return Grants(**kept), last.grants_at


def verdict_of(readiness: Readiness) -> tuple[Colour, tuple[str, ...]]:
    """Return the colour of what was found: red what blocks, yellow what is odd or half done."""
    grants = readiness.grants or Grants()
    if readiness.blockers or grants.missing:
        in_the_way = readiness.blockers + grants.missing
        return Colour.RED, in_the_way + readiness.warnings + grants.to_know + grants.unread
    pending = tuple(
        f"a drill of {name} waits for its clean-up" for name in readiness.pending_drills
    )
    half_done = tuple(f"the failover of {name} is not committed" for name in readiness.to_commit)
    odd = (*readiness.warnings, *pending, *half_done, *grants.to_know, *grants.unread)
    return (Colour.YELLOW, odd) if odd else (Colour.GREEN, ())


def is_stale(last: Verdict | None, at: datetime, digest: str, mark: str) -> bool:
    """Say whether it is time to look again: after a while, when the plan changed, or what its regions say did."""
    return (
        last is None
        or at - last.looked_at >= LOOK_EVERY
        or last.digest != digest
        or last.mark != mark
    )
