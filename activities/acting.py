"""The claims by which runs act, over all apps: make one, hold to it before each act, let it go.

Each app has a task hub of its own, so its lock says nothing to another app. What they share is the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import AwareDatetime

from activities.calendar import Ledger
from domain.acting import (
    FENCED_OFF,
    Adopt,
    Claim,
    Entry,
    Held,
    Make,
    Wait,
    Wish,
    chain_of,
    claim_at,
    entry_in,
    fenced,
    is_claim,
    let_go,
    step,
)
from domain.errors import Permanent, Transient
from domain.model import Recorded

# Each lost race means that somebody else has just made a claim: more than a few of them in a row are no chance.
RACES = 3


class Acts(Protocol):
    """A request that changes something of an application."""

    @property
    def claim(self) -> Claim | None:
        """Return the claim that its run acts by."""
        ...


class Claimed(Recorded):
    """The claim that a run acts by, whose it is, and instead of whom; no claim where somebody else holds it."""

    claim: Claim | None = None
    app: str = ""
    holder: str = ""
    instead_of: Held | None = None
    held: Held | None = None


class Leaving(Recorded):
    """A run that is done with acting, and when."""

    claim: Claim
    run: str
    at: AwareDatetime


class Left(Recorded):
    """Whether somebody took over before the run was done, in words."""

    taken_over: str | None = None


@dataclass(frozen=True, slots=True)
class Acting:
    """Keeps the chain of claims; ``app`` is what this app is called in it."""

    ledger: Ledger
    app: str

    def claim_application(self, wish: Wish) -> Claimed:
        """Claim an application for a run; delivered twice it is the same claim, even if that is over by then.

        Raises Transient while somebody else is making a claim.
        """
        for _ in range(RACES):
            newest, entry = self._newest(wish.application)
            match step(newest, entry, wish, self.app):
                case Adopt(claim):
                    return self._own(claim, entry, wish)
                case Wait(held) if held.entry is None:
                    raise Transient("claim_unread", f"{wish.application} is held by {held}")
                case Wait(held):
                    return Claimed(held=held)
                case Make(claim, made, instead_of):
                    if newest and (past := self._had(newest, entry, wish)):
                        return past
                    if self.ledger.claim(claim.key, made.wire()):
                        return Claimed(
                            claim=claim, app=self.app, holder=made.run, instead_of=instead_of
                        )
        raise Transient(
            "claim_contended",
            f"others claim {wish.application} at this very moment; it is tried again",
        )

    def leave_application(self, leaving: Leaving) -> Left:
        """Release a run's own claim, and say whether it was taken over before; delivered twice it says the same."""
        claim = leaving.claim
        own = entry_in(self.ledger.read(claim.key))
        if own is None or own.released_at is None:
            newer = self.ledger.read(claim.next.key)
            if newer is not None:
                return Left(taken_over=fenced(claim, entry_in(newer)))
        if own is not None and own.released_at is None and own.run == leaving.run:
            released = own.model_copy(update={"released_at": leaving.at})
            self.ledger.keep(claim.key, released.wire())
        return Left()

    def hold_to(self, request: Acts) -> None:
        """Raise unless what acts still holds its application: two reads of the ledger.

        Raises Permanent ``fenced_off`` once somebody took over, or where the ledger does not know the claim any more;
        Transient where the ledger cannot be read, for nobody acts blind.
        """
        claim = request.claim
        if claim is None:
            what = type(request).__name__
            raise Permanent("unclaimed", f"the {what} came without the claim that its run acts by")
        own = entry_in(self.ledger.read(claim.key))
        # The newer one is asked for last: what was made before this read is seen, whenever the own one was read.
        newer = self.ledger.read(claim.next.key)
        if newer is not None:
            raise Permanent(FENCED_OFF, fenced(claim, entry_in(newer)))
        if lost := let_go(claim, own, self.app):
            raise Permanent(FENCED_OFF, lost)

    def holder(self, application: str) -> Held | None:
        """Return who acts on an application now, in whichever app; raises Transient."""
        newest, entry = self._newest(application)
        if newest is None or (entry is not None and entry.released_at is not None):
            return None
        return Held(claim=newest, entry=entry)

    def release(self, held: Held, at: datetime) -> None:
        """Release a claim that a run of this app left behind when it ended; raises Transient."""
        if held.entry is not None:
            self.leave_application(Leaving(claim=held.claim, run=held.entry.run, at=at))

    def _had(self, claim: Claim, entry: Entry | None, wish: Wish) -> Claimed | None:
        """Return the claim that came of this wish and is over: a message may come again after its run has left.

        The claims are looked through from the newest to the first that was released before the wish was made.
        """
        while True:
            if entry is not None and wish.had(entry, self.app):
                return self._own(claim, entry, wish)
            if claim.token == 1 or (entry is not None and wish.is_younger_than(entry)):
                return None
            claim = claim.previous
            entry = entry_in(self.ledger.read(claim.key))

    def _own(self, claim: Claim, entry: Entry | None, wish: Wish) -> Claimed:
        """Return a claim that this wish has made already, or goes on under."""
        return Claimed(
            claim=claim,
            app=self.app,
            holder=entry.run if entry else "",
            instead_of=self._taken_over(claim, entry, wish),
        )

    def _taken_over(self, claim: Claim, entry: Entry | None, wish: Wish) -> Held | None:
        """Return whom a claim that this run has made already took the application from."""
        if entry is None or entry.over is None or entry.run != wish.run:
            return None
        over = Claim(application=claim.application, token=entry.over)
        return Held(claim=over, entry=entry_in(self.ledger.read(over.key)))

    def _newest(self, application: str) -> tuple[Claim | None, Entry | None]:
        keys = [key for key in self.ledger.keys(chain_of(application)) if is_claim(key)]
        if not keys:
            return None, None
        return claim_at(keys[-1]), entry_in(self.ledger.read(keys[-1]))
