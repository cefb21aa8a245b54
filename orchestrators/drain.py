"""Drain a source that is still alive: users wait at the maintenance endpoint while its last writes are replicated.

At every instant an endpoint is enabled: the source goes only after the maintenance endpoint is there, and returns first
should nothing have been moved after all.
"""

from __future__ import annotations

from datetime import datetime

from activities.traffic import EndpointChange, ProfileQuestion, Traffic
from domain.model import in_words
from domain.route import Endpoint
from domain.run import MemberOutcome

from orchestrators.conduct import heed_words
from orchestrators.controls import rest
from orchestrators.durable import Context, Steps, call, now
from orchestrators.record import End, Record


def drain(context: Context, run: Record) -> Steps[End | None]:
    """Send users to the maintenance endpoint, and give the source time to finish what it had begun."""
    traffic = run.plan.traffic
    if not run.graceful:
        return None
    run.step("drain")
    if traffic.maintenance is None:
        run.deviations.append(
            "the profile has no maintenance endpoint: users reach the source until it is shut down"
        )
        return None
    question = ProfileQuestion(profile=traffic.profile)
    run.drained = yield from call(context, Traffic.read_profile, question, until=run.until)
    run.touched = True
    run.down_since = now(context)
    yield from _set(context, run, traffic.maintenance, True, run.until)
    yield from _set(context, run, traffic.source, False, run.until)
    run.note(
        f"users wait at {traffic.maintenance.name}; {in_words(traffic.drain)} for the source to finish"
    )
    yield from rest(context, traffic.drain, run.id, run.request.under)
    return (yield from heed_words(context, run))


def take_back_drain(context: Context, run: Record, end: End) -> Steps[End]:
    """Send users back to the source where nothing was moved after all: it was never shut down."""
    maintenance = run.plan.traffic.maintenance
    if run.drained is None or maintenance is None or run.traffic is not None or _moved(run):
        return end
    yield from _set(context, run, run.plan.traffic.source, True, run.put_back_until)
    yield from _set(context, run, maintenance, False, run.put_back_until)
    run.note("nothing was moved, so users were sent back to the source")
    return end


def _moved(run: Record) -> bool:
    """Say whether any machine may have left the source: a job that was started may have shut it down."""
    return any(
        member.job_id or member.outcome is MemberOutcome.ARRIVED
        for tier in run.tiers
        for member in tier.members
    )


def _set(
    context: Context, run: Record, end: Endpoint, enabled: bool, until: datetime
) -> Steps[None]:
    profile = run.plan.traffic.profile
    change = EndpointChange(profile=profile, endpoint=end, enabled=enabled, claim=run.claim)
    yield from call(context, Traffic.set_endpoint, change, until=until)
    run.note(f"endpoint {end.name} {'enabled' if enabled else 'disabled'}")
