"""Take an application for a run and let it go: this app's own lock first, then the claim that all apps see."""

from __future__ import annotations

from dataclasses import dataclass

from activities.acting import Acting, Leaving
from domain.acting import Claim, Wish
from domain.run import Outcome

from orchestrators.durable import HASTY, Context, StepFailed, Steps, ask, call, now
from orchestrators.names import lock_of
from orchestrators.record import End, Record


@dataclass(frozen=True, slots=True)
class Taken:
    """An application and the claim that a run acts on it by, or the run's end where it may not.

    ``own`` says whether the lock is the run's to give back: one that goes on under another run leaves it there.
    """

    application: str
    claim: Claim | None = None
    own: bool = False
    refused: End | None = None


def take(context: Context, run: Record, application: str) -> Steps[Taken]:
    """Take an application, or go under the run above that holds it."""
    asked = {"run": run.id, "under": run.request.under}
    granted = yield from ask(context, lock_of(application), "acquire", asked)
    own = granted["holder"] == run.id
    if granted["token"] is None:
        told = f"{application} is held by run {granted['holder']}"
        return Taken(application, refused=End(Outcome.DECLINED, told))
    wish = Wish(
        application=application,
        run=run.id,
        under=run.request.under,
        over=run.request.over.get(application),
        by=run.request.requested_by,
        reason=run.request.reason,
        at=now(context),
    )
    try:
        claimed = yield from call(context, Acting.claim_application, wish, until=run.until)
    except StepFailed as failed:
        told = f"whether another app acts on {application} cannot be told: {failed}; nothing was touched"
        refused = End(Outcome.FAILED, told)
    else:
        if claimed.claim is not None:
            if claimed.instead_of:
                told = f"{wish.by} took {application} over from {claimed.instead_of}: {wish.reason}"
                run.note(told)
                run.deviations.append(told)
                run.taken_over.append(f"{application} from {claimed.instead_of}")
            return Taken(application, claimed.claim, own)
        refused = End(Outcome.DECLINED, f"{application} is held by {claimed.held}")
    if own:
        yield from unlock(context, run, application)
    return Taken(application, refused=refused)


def leave(context: Context, run: Record, taken: Taken, end: End) -> Steps[End]:
    """Give the claim back, for nothing is changed any more; say so if somebody took over before."""
    if taken.claim is None:
        return end
    leaving = Leaving(claim=taken.claim, run=run.id, at=now(context))
    try:
        left = yield from call(context, Acting.leave_application, leaving, HASTY)
    except StepFailed as failed:
        run.deviations.append(f"the claim on {taken.application} was not given back: {failed}")
        return end
    if left.taken_over is None:
        return end
    outcome = Outcome.NEEDS_HUMAN if run.touched else end.outcome
    return End(outcome, f"{left.taken_over}; it had come to {end.outcome.value}: {end.because}")


def unlock(context: Context, run: Record, application: str) -> Steps[None]:
    """Give the lock of this app back."""
    yield from ask(context, lock_of(application), "release", {"run": run.id})
