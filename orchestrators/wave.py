"""A wave: members that move together, each until it arrived or its attempts are used up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from activities.recovery import Ended, Recovery, Started, Wave, WaveMember
from domain.acting import Claim
from domain.model import in_words
from domain.plan import Tier, Vault
from domain.policy import Retry
from domain.replication import REPLICATES, Verb
from domain.run import MemberOutcome, MemberReport

from orchestrators.durable import (
    HASTY,
    PATIENT,
    Context,
    StepFailed,
    Steps,
    call,
    child,
    now,
    sleep,
)
from orchestrators.journal import Journal
from orchestrators.names import watch_id
from orchestrators.watch import Watch, Watched, watch_wave

# Attempts are five at most; the watcher of one that was forced half-way is counted from here.
FORCED_AGAIN = 10
WAVES_APART = 20
CANCEL_TAKES = timedelta(seconds=15)


def wave_of(
    vault: Vault,
    verb: Verb,
    *tiers: Tier,
    claim: Claim | None,
    items: Mapping[str, str] | None = None,
) -> Wave:
    """Return the wave of a verb for every member of the tiers; ``items`` says where each was found."""
    found = items or {}
    return Wave(
        vault=vault.id,
        verb=verb,
        claim=claim,
        members=tuple(
            WaveMember(
                name=member.name,
                item=found.get(member.name, vault.item_id(member.item_name)),
                required=member.required,
            )
            for tier in tiers
            for member in tier.members
        ),
    )


def run_wave(
    context: Context,
    journal: Journal,
    wave: Wave,
    retry: Retry,
    until: datetime,
    incident_at: datetime | None = None,
    runs: tuple[str, ...] = (),
    mark: int = 0,
) -> Steps[tuple[MemberReport, ...]]:
    """Bring every member to the end of the verb, starting a failed one again as often as the plan allows.

    With ``incident_at``, each report says how much was lost: from the recovery point to the incident. A graceful wave
    that one of ``runs`` is told to force is cancelled where it still runs, and started again without the source.
    ``mark`` counts the waves of this verb that the run has had before: their watchers have names already.
    """
    reports: dict[str, MemberReport] = {}
    order = [member.name for member in wave.members]
    waiting = wave.members
    for attempt in range(1, retry.attempts + 1):
        started_at = now(context)
        wave = wave.model_copy(update={"members": waiting})
        number = attempt + mark * WAVES_APART
        started, watched = yield from _attempt(context, journal, wave, until, number, runs)
        if watched.forced:
            wave = yield from _let_go(context, journal, wave, started, until)
            again = number + FORCED_AGAIN
            started, watched = yield from _attempt(context, journal, wave, until, again, runs)
        ended = {news.name: news for news in watched.ended}
        for member in waiting:
            said = next(s for s in started if s.name == member.name)
            report = report_of(
                member,
                said,
                ended.get(member.name),
                watched.trouble,
                started_at,
                now(context),
                attempt,
            )
            reports[member.name] = with_loss(report, incident_at)
        failed = [m for m in waiting if reports[m.name].outcome is MemberOutcome.FAILED]
        for member in waiting:
            journal.note(member_fact(wave.verb, reports[member.name]))
        if not failed or attempt == retry.attempts or now(context) + retry.pause >= until:
            break
        journal.note(
            f"{', '.join(m.name for m in failed)}: tried again after {in_words(retry.pause)}"
        )
        yield from sleep(context, retry.pause)
        waiting = tuple(failed)
        if wave.verb is Verb.DRILL:
            failing = wave.model_copy(update={"members": waiting})
            waiting = yield from _clear(context, journal, failing, until, number)
        if not waiting:
            break
    return tuple(reports[name] for name in order)


def _attempt(
    context: Context,
    journal: Journal,
    wave: Wave,
    until: datetime,
    attempt: int,
    runs: tuple[str, ...],
) -> Steps[tuple[tuple[Started, ...], Watched]]:
    """Start the wave's members, or adopt them, and watch those that are on their way."""
    started = yield from _start(context, wave, until)
    journal.note(_started_fact(wave.verb, started))
    going = _with_jobs(wave.members, started)
    if not going:
        return started, Watched(ended=())
    watch = Watch(
        wave=wave.model_copy(update={"members": going}),
        until=until,
        at_once=all(said.happened for said in started),
        runs=runs if wave.graceful or wave.verb in REPLICATES else (),
    )
    watcher = watch_id(f"{context.instance_id}.{wave.verb.value}", attempt)
    journal.follow(watcher)
    watched = yield from child(context, watch_wave, watch, watcher, Watched)
    journal.follow()
    journal.take_over(watched.facts)
    return started, watched


def _clear(
    context: Context, journal: Journal, wave: Wave, until: datetime, attempt: int
) -> Steps[tuple[WaveMember, ...]]:
    """Clean up what failed test failovers made, and return the members that can be rehearsed again."""
    without = tuple(member.model_copy(update={"job": None}) for member in wave.members)
    wave = wave.model_copy(update={"verb": Verb.DRILL_CLEANUP, "members": without})
    _, watched = yield from _attempt(context, journal, wave, until, attempt, ())
    cleared = {news.name for news in watched.ended if news.arrived}
    return tuple(member for member in without if member.name in cleared)


def _let_go(
    context: Context, journal: Journal, wave: Wave, started: tuple[Started, ...], until: datetime
) -> Steps[Wave]:
    """Cancel what still waits for the source, and return the wave as it goes on without it."""
    journal.note(f"{wave.verb.value}: forced, so it goes on without the source")
    going = wave.model_copy(update={"members": _with_jobs(wave.members, started)})
    try:
        yield from call(context, Recovery.cancel_wave, going, HASTY, until)
    except StepFailed as failed:
        journal.note(f"what runs could not be cancelled, so it is waited for: {failed}")
    yield from sleep(context, CANCEL_TAKES)
    return wave.model_copy(update={"graceful": False})


def _start(context: Context, wave: Wave, until: datetime) -> Steps[tuple[Started, ...]]:
    """Ask for every member's job, and again for those that only had to wait; raise nothing."""
    said: dict[str, Started] = {}
    waiting = wave.members
    for pause in (*PATIENT, None):
        try:
            asked = wave.model_copy(update={"members": waiting})
            answer = yield from call(context, Recovery.start_wave, asked, until=until)
        except StepFailed as failed:
            refused = (Started(name=m.name, code=failed.code, message=failed.said) for m in waiting)
            said.update({started.name: started for started in refused})
            break
        said.update({started.name: started for started in answer.members})
        waiting = tuple(member for member in waiting if said[member.name].again)
        if not waiting or pause is None:
            break
        wish = max((said[member.name].after_seconds or 0) for member in waiting)
        wait = max(pause, timedelta(seconds=wish))
        if now(context) + wait >= until:
            break
        yield from sleep(context, wait)
    return tuple(said[member.name] for member in wave.members)


def _with_jobs(
    members: tuple[WaveMember, ...], started: tuple[Started, ...]
) -> tuple[WaveMember, ...]:
    """Return the members that are on their way, or there already: the watch sees both."""
    jobs = {s.name: s.job for s in started if s.job or s.happened or s.adopted}
    return tuple(m.model_copy(update={"job": jobs[m.name]}) for m in members if m.name in jobs)


def report_of(
    member: WaveMember,
    said: Started,
    ended: Ended | None,
    trouble: str | None,
    started_at: datetime,
    seen_at: datetime,
    attempt: int,
) -> MemberReport:
    """Put together what is known of one member after one attempt."""
    point = ended.recovery_point_at if ended else None
    error = (
        (ended and _words(ended.code, ended.message)) or _words(said.code, said.message) or trouble
    )
    if ended and ended.arrived:
        outcome, error = MemberOutcome.ARRIVED, None
    elif ended:
        outcome = MemberOutcome.FAILED
    elif said.code:
        outcome = MemberOutcome.REFUSED
    else:
        outcome = MemberOutcome.TIMED_OUT
        error = trouble or f"its job {said.job} was still running when the tier's time was up"
    ended_at = (ended and ended.ended_at) or seen_at
    before = said.adopted and ended_at < started_at
    return MemberReport(
        name=member.name,
        item_id=(ended and ended.item) or member.item,
        former_item_id=member.item if ended and ended.item else None,
        job_id=said.job,
        recovery_point_time=point,
        started_at=ended_at if before else started_at,
        ended_at=max(ended_at, started_at) if not before else ended_at,
        outcome=outcome,
        attempts=attempt,
        adopted=said.adopted,
        required=member.required,
        error=error,
    )


def with_loss(report: MemberReport, incident_at: datetime | None) -> MemberReport:
    """Add how old the recovery point was when the incident began: what was written since is lost.

    A point from after that shows that replication had gone on; then the failover itself is what ended it.
    """
    point = report.recovery_point_time
    if incident_at is None or point is None:
        return report
    lost = max(timedelta(0), (incident_at if point <= incident_at else report.started_at) - point)
    return report.model_copy(update={"rpo_seconds": int(lost.total_seconds())})


def _words(code: str | None, message: str | None) -> str | None:
    return f"{message} ({code})" if code else None


def _started_fact(verb: Verb, started: tuple[Started, ...]) -> str:
    parts = {
        "started": [s.name for s in started if s.job and not s.adopted],
        "adopted": [s.name for s in started if s.adopted and not s.happened],
        "done before": [s.name for s in started if s.happened],
        "refused": [s.name for s in started if s.code],
    }
    return f"{verb.value}: " + "; ".join(
        f"{what} {_some(names)}" for what, names in parts.items() if names
    )


def _some(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{len(names)} members"


def member_fact(verb: Verb, report: MemberReport) -> str:
    """Return what became of one member, in a sentence."""
    if report.outcome is not MemberOutcome.ARRIVED:
        return f"{report.name}: {verb.value} {report.outcome.value}: {report.error}"
    if verb is not Verb.FAILOVER:
        return f"{report.name}: {verb.value} done"
    took = int((report.ended_at - report.started_at).total_seconds())
    rpo = f", {report.rpo_seconds} s of data lost at most" if report.rpo_seconds is not None else ""
    return f"{report.name} arrived after {took} s{rpo}"
