"""The lookout of a region: look, judge, sleep, and again, for as long as a plan protects something there.

There is one per region, by its instance id, however many apps and restarts ask for it. It judges and starts nothing:
what an incident opens is opened by a trigger, under an id that follows from the incident's.
"""

from __future__ import annotations

from datetime import timedelta

from activities.lookout import LOOK_EVERY_SECONDS, Glance, Lookout, Seen
from domain.model import Recorded

from orchestrators.durable import Context, StepFailed, Steps, ask, call, now, sleep
from orchestrators.names import region_of

LOOK_EVERY = timedelta(seconds=LOOK_EVERY_SECONDS)
# Once every plan has its incident, looking only tells when that is over.
LOOK_CALMLY_EVERY = timedelta(minutes=1)
LOOKS_PER_HISTORY = 30


class Watch(Recorded):
    """Which region is watched."""

    region: str


def watch_region(context: Context) -> Steps[dict[str, object] | None]:
    """Look at a region again and again; end when no plan is concerned by it any more."""
    watch = Watch.model_validate(context.get_input())
    for _ in range(LOOKS_PER_HISTORY):
        began, pace = now(context), LOOK_EVERY
        glance = Glance(region=watch.region, at=began)
        try:
            seen = yield from call(context, Lookout.look_around, glance, patience=())
        except StepFailed as failed:
            context.set_custom_status({"looked": began.isoformat(), "trouble": str(failed)})
        else:
            if not seen.watched:
                return watch.wire()
            known = yield from _judge(context, watch.region, seen)
            pace = LOOK_CALMLY_EVERY if known else LOOK_EVERY
        yield from sleep(context, max(timedelta(seconds=1), began + pace - now(context)))
    context.continue_as_new(watch.wire())
    return None


def _judge(context: Context, region: str, seen: Seen) -> Steps[bool]:
    """Let the region judge what was seen, and say whether every plan has its incident already."""
    at = now(context).isoformat()
    request = {"at": at, **seen.wire()}
    stances = yield from ask(context, region_of(region), "look", request)
    incidents = {plan: s["incident"]["id"] for plan, s in stances.items() if s["incident"]}
    context.set_custom_status({"looked": at, "incidents": incidents})
    return all(watched.plan in incidents for watched in seen.watched)
