"""Who acts on an application, of all runs in all apps: a chain of claims in the ledger that they share.

    nobody --claim 1--> held --released--> nobody --claim 2--> held --a person takes over--> held by another, claim 3

No claim is ever overwritten, and whoever makes the next one acts from then on. Its number is the fencing token: what
acts by a lower one is too late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import AwareDatetime

from domain.model import Recorded, RunId

ACTING = "acting"
FENCED_OFF = "fenced_off"
MUST_NOT_ACT = "this run must not act"
# So much the clocks of two apps may differ.
CLOCKS_APART = timedelta(minutes=5)


class Claim(Recorded):
    """What a run acts by: its application, and the number of the claim on it."""

    application: str
    token: int

    @property
    def key(self) -> str:
        """Return the name under which the claim is kept."""
        return f"{chain_of(self.application)}/{self.token:08d}"

    @property
    def previous(self) -> Claim:
        """Return the claim that came before this one; there is none before the first."""
        return Claim(application=self.application, token=self.token - 1)

    @property
    def next(self) -> Claim:
        """Return the claim that comes after this one, whoever makes it."""
        return Claim(application=self.application, token=self.token + 1)


class Entry(Recorded):
    """One claim as the ledger keeps it; ``over`` is the claim that a person took over, not released by its holder."""

    app: str
    run: RunId
    at: AwareDatetime
    over: int | None = None
    by: str | None = None
    reason: str | None = None
    released_at: AwareDatetime | None = None

    def __str__(self) -> str:
        return f"run {self.run} of app {self.app}"


class Held(Recorded):
    """The newest claim on an application while it is not released; no entry where it cannot be read."""

    claim: Claim
    entry: Entry | None = None

    def __str__(self) -> str:
        return str(self.entry) if self.entry else f"claim {self.claim.token}, which says no more"


class Wish(Recorded):
    """A run that wants to act; ``over`` is the claim that a person lets it take over, and no other."""

    application: str
    run: RunId
    under: RunId | None = None
    over: int | None = None
    by: str = ""
    reason: str = ""
    at: AwareDatetime

    def holds(self, entry: Entry, app: str) -> bool:
        """Say whether a claim is the run's own, or that of a run of the same app which it goes on under."""
        above = self.under or ""
        ours = entry.run in (self.run, self.under) or above.startswith(f"{entry.run}.")
        return entry.app == app and ours

    def had(self, entry: Entry, app: str) -> bool:
        """Say whether a claim that holds no more was the run's own, as in `holds`, after it wished for one."""
        ended = entry.released_at
        since = entry.at == self.at or ended is None or ended >= self.at
        return since and self.holds(entry, app)

    def is_younger_than(self, entry: Entry) -> bool:
        """Say whether a claim was released before the run wished: no older one can come from this wish."""
        return entry.released_at is not None and entry.released_at < self.at - CLOCKS_APART


@dataclass(frozen=True, slots=True)
class Adopt:
    """The newest claim is the run's own already."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Make:
    """The claim is to be made: whoever makes it first, has it."""

    claim: Claim
    entry: Entry
    instead_of: Held | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else acts, and nobody said to take over from just them."""

    held: Held


def step(newest: Claim | None, entry: Entry | None, wish: Wish, app: str) -> Adopt | Make | Wait:
    """Return what a run of an app has to do, given the newest claim on the application and what it says."""
    held = newest and (entry is None or entry.released_at is None)
    if newest and entry and held and wish.holds(entry, app):
        return Adopt(newest)
    told = Held(claim=newest, entry=entry) if newest and held else None
    if told and wish.over != told.claim.token:
        return Wait(told)
    made = Entry(
        app=app,
        run=wish.run,
        at=wish.at,
        over=told.claim.token if told else None,
        by=wish.by if told else None,
        reason=wish.reason if told else None,
    )
    claim = newest.next if newest else Claim(application=wish.application, token=1)
    return Make(claim, made, told)


def chain_of(application: str) -> str:
    """Return where the claims on an application are kept."""
    return f"{ACTING}/{application}"


def is_claim(key: str) -> bool:
    """Say whether a key is a claim's: whatever else somebody laid beside them is none."""
    number = key.rpartition("/")[2]
    return len(number) == 8 and number.isascii() and number.isdecimal()


def claim_at(key: str) -> Claim:
    """Return the claim that is kept under a key."""
    _, application, token = key.split("/")
    return Claim(application=application, token=int(token))


def entry_in(value: dict[str, Any] | None) -> Entry | None:
    """Return what a claim says, None while it is just being made."""
    try:
        return Entry.model_validate(value)
    except ValueError:
        return None


def fenced(claim: Claim, newer: Entry | None) -> str:
    """Say that a run acts no more, because there is a newer claim than its own."""
    when = f" at {newer.at:%Y-%m-%d %H:%M:%S} UTC" if newer else ""
    who = f"app {newer.app}" if newer else "another app"
    run = f" with run {newer.run}" if newer else ""
    return f"{who} took over {claim.application}{when}{run}; {MUST_NOT_ACT}"


def let_go(claim: Claim, own: Entry | None, app: str) -> str | None:
    """Say why a claim that nobody took over holds no more, None while it does."""
    if own is None:
        why = "cannot be read in the ledger any more: it was emptied or exchanged under the run"
    elif own.app != app:
        why = f"is that of {own} in this ledger, not of app {app}: it was exchanged under the run"
    elif own.released_at is not None:
        why = f"of {own} was given back at {own.released_at:%Y-%m-%d %H:%M:%S} UTC"
    else:
        return None
    return f"claim {claim.token} on {claim.application} {why}; {MUST_NOT_ACT}"
