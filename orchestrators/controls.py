"""Heed what people say to a run that goes: it waits while paused, and ends where it stands after a cancel.

Words of control are facts on the run's desk; the event is only a doorbell. A run under another one heeds both desks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.controls import Standing

from orchestrators.durable import Context, Steps, ask, hear, now
from orchestrators.names import bell, desk_of, lineage

# A paused run looks at its desk again by then, should a ring be lost.
LISTEN = timedelta(minutes=5)


def read_standing(context: Context, *runs: str | None) -> Steps[Standing]:
    """Return what the first run has to heed, with what its parents were told."""
    standing: Standing | None = None
    every = (above for run in filter(None, runs) for above in lineage(run))
    for run in dict.fromkeys(every):
        said = yield from ask(context, desk_of(run), "standing", {})
        told = Standing.model_validate(said["standing"])
        standing = told if standing is None else standing.and_above(told)
    return standing or Standing()


def heed(context: Context, until: datetime, *runs: str | None) -> Steps[Standing]:
    """Wait while the run is paused, at most ``until``, and return what it has to heed then."""
    standing = yield from read_standing(context, *runs)
    while standing.paused_by and not standing.cancelled_by and now(context) < until:
        yield from hear_control(context, standing, until)
        standing = yield from read_standing(context, *runs)
    return standing


def rest(context: Context, duration: timedelta, *runs: str | None) -> Steps[Standing]:
    """Wait so long, or until somebody lays a word of control on the run's desk, and return what is to be heeded."""
    until = now(context) + duration
    standing = first = yield from read_standing(context, *runs)
    while now(context) < until and standing == first and not standing.cancelled_by:
        yield from hear_control(context, standing, until)
        standing = yield from read_standing(context, *runs)
    return standing


def hear_control(context: Context, standing: Standing, until: datetime) -> Steps[None]:
    """Wait for the ring that follows what is known, for `LISTEN` at most."""
    within = min(LISTEN, until - now(context))
    yield from hear(context, bell("control", standing.seen + 1), within)
