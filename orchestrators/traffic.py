"""Move users: prove the target, enable it, wait until it is online, disable the source, verify; else put it back.

At every instant at least one endpoint is enabled: the source goes only after the target is served, and on the way
back it returns before the target goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, repeat

from activities.health import Health, PathQuestion
from activities.traffic import EndpointChange, ProfileQuestion, Traffic
from domain.acting import Claim
from domain.model import Recorded
from domain.reach import Places
from domain.route import Endpoint
from domain.route import Traffic as TrafficPlan
from domain.run import ProfileState, TrafficReport, in_their_words
from pydantic import AwareDatetime

from orchestrators.durable import Context, StepFailed, Steps, call, now, sleep
from orchestrators.gate import pass_gate
from orchestrators.journal import Answered, Journal

# Ten seconds for the first minutes, then a minute: a profile that takes long must not make the history long.
LOOK_AGAIN = timedelta(seconds=10)
LOOK_SELDOM = timedelta(minutes=1)
OFTEN = 30
SERVED = {"online", "unmonitored"}


class TrafficShift(Recorded):
    """Where users are to be sent, and until when that may take; ``drained`` ones wait at the maintenance endpoint."""

    traffic: TrafficPlan
    reach: Places | None = None
    until: AwareDatetime
    put_back_until: AwareDatetime
    drained: bool = False
    claim: Claim | None = None

    @property
    def left(self) -> tuple[Endpoint, ...]:
        """Return the endpoints that users leave: the source last, for it is what the switch is about."""
        waiting = self.traffic.maintenance if self.drained else None
        return (waiting, self.traffic.source) if waiting else (self.traffic.source,)


class TrafficShifted(Answered):
    """What became of the switch."""

    report: TrafficReport


def shift_traffic(context: Context) -> Steps[dict[str, object]]:
    """Send users to the target, or leave them where they were and say why."""
    shift = TrafficShift.model_validate(context.get_input())
    journal = Journal(context)
    report = TrafficReport(profile=shift.traffic.profile)
    try:
        report = yield from _prove_target(context, journal, shift, report)
        if report.trouble is None:
            until = min(shift.until, now(context) + shift.traffic.within)
            before = yield from _read(context, shift.traffic, until)
            report = report.model_copy(update={"before": before})
            report = yield from _switch(context, journal, shift, until, report)
            if report.after:
                report = yield from _verify(context, journal, shift, report.after, until, report)
    except StepFailed as failed:
        report = report.model_copy(update={"trouble": str(failed)})
    if report.trouble and report.before:
        report = yield from _put_back(context, journal, shift, report.before, report)
    if report.left_open:
        journal.note(f"the switch is left open: {report.trouble}")
    elif report.trouble:
        journal.note(f"traffic was not moved: {report.trouble}")
    return TrafficShifted(report=report, facts=tuple(journal.facts)).wire()


def _prove_target(
    context: Context, journal: Journal, shift: TrafficShift, report: TrafficReport
) -> Steps[TrafficReport]:
    """Ask the target ourselves: Traffic Manager cannot, for it does not probe a disabled endpoint."""
    journal.note(f"{shift.traffic.target.name} must answer before users are sent there")
    gate = yield from pass_gate(context, shift.traffic.gate, shift.until, shift.reach)
    report = report.model_copy(update={"gate": gate})
    if gate.passed:
        return report
    heard = in_their_words(gate.answers)
    return report.model_copy(
        update={"trouble": f"the target did not answer Leeward's own probe: {heard}"}
    )


def _switch(
    context: Context,
    journal: Journal,
    shift: TrafficShift,
    until: datetime,
    report: TrafficReport,
) -> Steps[TrafficReport]:
    traffic = shift.traffic
    yield from _set(context, shift, traffic.target, True, until)
    journal.note(f"endpoint {traffic.target.name} enabled")
    online = yield from _wait_online(context, traffic, until)
    if not online:
        text = f"endpoint {traffic.target.name} did not come online in Traffic Manager"
        return report.model_copy(update={"trouble": text})
    journal.note(f"endpoint {traffic.target.name} is online in Traffic Manager")
    after: ProfileState | None = None
    for end in shift.left:
        after = yield from _set(context, shift, end, False, until)
        journal.note(f"endpoint {end.name} disabled: users go to {traffic.target.name}")
    return report.model_copy(update={"after": after, "switched_at": now(context)})


def _read(context: Context, traffic: TrafficPlan, until: datetime) -> Steps[ProfileState]:
    question = ProfileQuestion(profile=traffic.profile)
    return (yield from call(context, Traffic.read_profile, question, until=until))


def _set(
    context: Context, shift: TrafficShift, endpoint: Endpoint, enabled: bool, until: datetime
) -> Steps[ProfileState]:
    change = EndpointChange(
        profile=shift.traffic.profile, endpoint=endpoint, enabled=enabled, claim=shift.claim
    )
    return (yield from call(context, Traffic.set_endpoint, change, until=until))


def _wait_online(context: Context, traffic: TrafficPlan, until: datetime) -> Steps[bool]:
    """Wait until Traffic Manager's own probes find the target well; ``CheckingEndpoint`` is not enough."""
    pauses = _pauses()
    while True:
        profile = yield from _read(context, traffic, until)
        target = profile.endpoint(traffic.target.name)
        if target is not None and target.monitor.casefold() in SERVED:
            return True
        pause = next(pauses)
        if now(context) + pause > until:
            return False
        yield from sleep(context, pause)


def _pauses() -> Iterator[timedelta]:
    """Yield the pause before each next look, without end."""
    return chain(repeat(LOOK_AGAIN, OFTEN), repeat(LOOK_SELDOM))


def _verify(
    context: Context,
    journal: Journal,
    shift: TrafficShift,
    profile: ProfileState,
    until: datetime,
    report: TrafficReport,
) -> Steps[TrafficReport]:
    """Ask every resolver and the page itself, until all agree: an answer may be cached for one TTL."""
    target = profile.endpoint(shift.traffic.target.name)
    where = PathQuestion(
        fqdn=profile.fqdn,
        target=target.target if target else "",
        url=shift.traffic.verify,
        reach=shift.reach,
    )
    pauses = _pauses()
    while True:
        seen = yield from call(context, Health.look_at_path, where, until=until)
        report = report.model_copy(update={"dns": seen.dns, "http": seen.http, "verified": seen.ok})
        if seen.ok:
            journal.note(f"every resolver leads {profile.fqdn} to {where.target}, and it answers")
            return report
        pause = next(pauses)
        if now(context) + pause > until:
            astray = "; ".join(
                [f"{a.resolver}: {a.answer}" for a in seen.dns if not a.ok]
                + [f"{a.probe}: {a.heard}" for a in seen.http if not a.ok]
            )
            return report.model_copy(
                update={"trouble": f"the switch could not be verified: {astray}"}
            )
        yield from sleep(context, pause)


def _put_back(
    context: Context,
    journal: Journal,
    shift: TrafficShift,
    before: ProfileState,
    report: TrafficReport,
) -> Steps[TrafficReport]:
    """Restore the saved state: what was enabled comes first, so that users are never left with nothing."""
    ends = [
        (end, was.enabled)
        for end in (*shift.left, shift.traffic.target)
        if (was := before.endpoint(end.name)) is not None
    ]
    try:
        for end, enabled in sorted(ends, key=lambda pair: not pair[1]):
            after = yield from _set(context, shift, end, enabled, shift.put_back_until)
            report = report.model_copy(update={"after": after})
    except StepFailed as failed:
        text = f"{report.trouble}; and the endpoints could not be put back: {failed}"
        return report.model_copy(update={"trouble": text, "verified": False})
    journal.note("the endpoints were put back as they had been")
    return report.model_copy(update={"restored": True, "verified": False, "switched_at": None})
