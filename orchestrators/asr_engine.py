"""Drive Azure's own recovery plans: start one or adopt it, believe each member's item alone, prove tier after tier.

Azure starts group after group by itself, so a tier's gate is asked while the next group is on its way already; whatever
does not prove itself keeps users where they are. A manual action within Azure's plan is a question at a gate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activities.recovery import Ended, Started
from activities.recovery_plans import PlanDrive, PlanDriver, PlanQuestion, PlanStarted, PlanStep
from domain.asr_run import SyncPoint
from domain.plan import Engine, Tier
from domain.replication import Verb
from domain.request import Kind
from domain.run import GateReport, MemberOutcome, MemberReport, Outcome, TierReport, Verdict

from orchestrators.asr_watch import PlanWatch, PlanWatched, watch_plan
from orchestrators.before import assess
from orchestrators.chains import ChainMoved
from orchestrators.controls import heed
from orchestrators.durable import Context, StepFailed, Steps, call, child, now, sleep
from orchestrators.gate import pass_gate
from orchestrators.names import watch_id
from orchestrators.question import ask_person
from orchestrators.record import End, Record
from orchestrators.wave import member_fact, report_of, wave_of, with_loss

ANSWER_WITHIN = timedelta(hours=1)
AFTER_WITHIN = timedelta(minutes=30)


def by_plans(run: Record) -> bool:
    """Say whether Azure's recovery plans move this run: out and in drills; home each machine goes by itself."""
    return run.plan.engine is Engine.ASR and run.kind is not Kind.FAILBACK


def assess_plans(context: Context, run: Record) -> Steps[End | None]:
    """Look before anything is touched, at Azure's recovery plans too where they are to move the run."""
    end = yield from assess(context, run)
    return end or (yield from look_at_plans(context, run))


def look_at_plans(context: Context, run: Record) -> Steps[End | None]:
    """Hold Azure's recovery plans against the plan; what they are in the way of goes machine by machine, or not."""
    if run.plan.engine is not Engine.ASR:
        return None
    if not by_plans(run):
        run.deviations.append(
            "home the machines move one by one: Azure's recovery plan knows the way out alone"
        )
        return None
    question = PlanQuestion(plan=run.request.plan)
    seen = yield from call(context, PlanDriver.look_at_plans, question, until=run.until)
    run.deviations += seen.oddities
    told = "; ".join(seen.objections)
    if told and run.kind is Kind.COMMIT:
        run.deviations.append(f"the commit goes machine by machine: {told}")
        return None
    if told:
        return End(Outcome.FAILED, f"not ready, nothing was touched: {told}")
    run.recovery_plans = seen.members
    run.note(f"Azure's recovery plans are as the plan has them: {', '.join(seen.members)}")
    return None


@dataclass(slots=True)
class Journey:
    """What is known of the members while recovery plans move them."""

    verb: Verb
    tiers: tuple[Tier, ...]
    started_at: datetime
    members: dict[str, MemberReport] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)
    reports: dict[str, TierReport] = field(default_factory=dict)
    stopped: str | None = None
    refused: str | None = None
    watches: int = 0
    answered: int = 0

    def failed(self, names: tuple[str, ...]) -> list[MemberReport]:
        """Return those of some members that are not there."""
        known = [self.members[name] for name in names if name in self.members]
        return [report for report in known if report.outcome is not MemberOutcome.ARRIVED]

    @property
    def halted(self) -> bool:
        """Say whether no further recovery plan may begin."""
        lost = [r for r in self.members.values() if r.outcome is not MemberOutcome.ARRIVED]
        shut = any(not report.arrived for report in self.reports.values())
        return bool(self.stopped or self.refused or shut or any(r.required for r in lost))


def move_by_plans(
    context: Context, run: Record, verb: Verb, network: str | None = None
) -> Steps[ChainMoved]:
    """Let Azure's recovery plans move every tier, and return what came of each, and who stopped it."""
    journey = Journey(verb, run.plan.ordered_tiers(), now(context))
    for name, members in run.recovery_plans.items():
        yield from _drive(context, run, journey, name, members, network)
        if journey.halted or now(context) >= run.until:
            break
    for tier in journey.tiers:
        begun = [m for m in tier.members if m.name in journey.members]
        if tier.name not in journey.reports and begun:
            yield from _prove(context, run, journey, tier)
    order = [tier.name for tier in journey.tiers]
    reports = sorted(journey.reports.values(), key=lambda report: order.index(report.name))
    return ChainMoved(reports=tuple(reports), stopped=journey.stopped)


def after_plans(context: Context, run: Record, verb: Verb, within: datetime) -> Steps[None]:
    """Let Azure's plans commit or clean up first; whatever they leave is then done machine by machine."""
    journey = Journey(verb, (), now(context))
    for name, members in run.recovery_plans.items():
        drive = _drive_of(run, journey, name, members, None)
        until = min(within, now(context) + AFTER_WITHIN)
        try:
            started = yield from call(context, PlanDriver.start_plan, drive, until=until)
        except StepFailed as failed:
            run.note(f"{verb.value} goes on machine by machine: {failed.said}")
            continue
        run.note(_started(name, verb, started))
        drive = drive.model_copy(update={"job": started.job})
        while not (yield from _watch(context, run, journey, drive, until, runs=())).over:
            if now(context) >= until:
                break


def _drive(
    context: Context,
    run: Record,
    journey: Journey,
    name: str,
    members: tuple[str, ...],
    network: str | None,
) -> Steps[None]:
    """Run one recovery plan to its rest, again as often as the plan allows: Azure skips who has arrived."""
    retry = run.plan.policy.retry
    for attempt in range(1, retry.attempts + 1):
        began = now(context)
        journey.ended = {n: news for n, news in journey.ended.items() if news.arrived}
        drive = _drive_of(run, journey, name, members, network)
        try:
            started = yield from call(context, PlanDriver.start_plan, drive, until=run.until)
        except StepFailed as failed:
            journey.refused = failed.said
            run.note(f"recovery plan {name} was not started: {failed.said}")
            _note_members(
                context, run, journey, drive, PlanWatched(trouble=failed.said), began, attempt
            )
            return
        run.note(_started(name, journey.verb, started))
        drive = drive.model_copy(update={"job": started.job})
        yield from _follow(context, run, journey, drive, began, attempt, started.adopted)
        lost = journey.failed(members)
        late = now(context) + retry.pause >= run.until
        done = journey.stopped or journey.refused or attempt == retry.attempts
        if not lost or late or done:
            return
        run.note(f"recovery plan {name} is run again for {', '.join(m.name for m in lost)}")
        yield from sleep(context, retry.pause)


def _follow(
    context: Context,
    run: Record,
    journey: Journey,
    drive: PlanDrive,
    began: datetime,
    attempt: int,
    adopted: bool,
) -> Steps[None]:
    """Watch a recovery plan; prove each tier that is there, put its steps to a person, stop it if told to."""
    while True:
        runs = () if journey.stopped else tuple(filter(None, (run.id, run.request.under)))
        seen = yield from _watch(context, run, journey, drive, run.until, runs)
        at_rest = seen.over or seen.trouble is not None or now(context) >= run.until
        _note_members(context, run, journey, drive, seen, began, attempt, adopted, at_rest)
        for tier in journey.tiers:
            if not all(_arrived(journey.members.get(member.name)) for member in tier.members):
                break  # what comes after it cannot prove itself before
            if tier.name not in journey.reports:
                yield from _prove(context, run, journey, tier)
        if at_rest:
            return
        if seen.step is not None:
            yield from _ask(context, run, journey, drive, seen.step)
        elif seen.cancelled_by:
            journey.stopped = seen.cancelled_by
            yield from _stop(context, run, drive)


def _watch(
    context: Context,
    run: Record,
    journey: Journey,
    drive: PlanDrive,
    until: datetime,
    runs: tuple[str, ...],
) -> Steps[PlanWatched]:
    journey.watches += 1
    here = {member.name for member in drive.wave.members}
    watch = PlanWatch(
        drive=drive,
        tiers=tuple(
            tuple(m.name for m in tier.members if m.name in here) for tier in journey.tiers
        ),
        until=until,
        runs=runs,
        ended=tuple(news for news in journey.ended.values() if news.name in here),
    )
    watcher = watch_id(f"{run.id}.{journey.verb.value}-plan", journey.watches)
    run.journal.follow(watcher)
    seen = yield from child(context, watch_plan, watch, watcher, PlanWatched)
    run.journal.follow()
    journey.ended |= {news.name: news for news in seen.ended}
    return seen


def _ask(
    context: Context, run: Record, journey: Journey, drive: PlanDrive, step: PlanStep
) -> Steps[None]:
    """Put a manual action of Azure's plan to a person; without a yes the plan starts nothing more."""
    within = min(ANSWER_WITHIN, run.until - now(context))
    says = f"recovery plan {drive.name} waits for {step.name}: {step.says}"
    gate = f"{journey.verb.value}-step-{journey.answered + 1}"
    answer = yield from ask_person(context, run, gate, within, says)
    if answer.decision is None and answer.disturbed:
        standing = yield from heed(context, run.until, run.id, run.request.under)
        if standing.cancelled_by:
            journey.stopped = standing.cancelled_by
            yield from _stop(context, run, drive)
        elif len(standing.wishes) > run.wishes_seen:
            run.wishes_seen = len(standing.wishes)
            run.note("what was wished for is not done while machines move; say it in the window")
        return  # the watch looks again, and the question is put anew
    journey.answered += 1
    if answer.decision is not None and answer.decision.verdict is Verdict.APPROVE:
        told = drive.model_copy(update={"step": step.name})
        yield from call(context, PlanDriver.resume_plan, told, until=run.until)
        return
    by = answer.decision.by if answer.decision else "nobody"
    run.note(f"{by} agreed that recovery plan {drive.name} goes on after {step.name}")
    journey.refused = f"{step.name} was not done"
    yield from _stop(context, run, drive)


def stop_plans(context: Context, run: Record, verb: Verb) -> Steps[None]:
    """Let no recovery plan of this run start anything more."""
    journey = Journey(verb, (), now(context))
    for name, members in run.recovery_plans.items():
        yield from _stop(context, run, _drive_of(run, journey, name, members, None))


def _stop(context: Context, run: Record, drive: PlanDrive) -> Steps[None]:
    run.note(f"recovery plan {drive.name} is told to start nothing more; what moves is waited for")
    try:
        yield from call(context, PlanDriver.cancel_plan, drive, until=run.until)
    except StepFailed as failed:
        run.note(f"recovery plan {drive.name} could not be stopped: {failed.said}")


def _prove(context: Context, run: Record, journey: Journey, tier: Tier) -> Steps[None]:
    """Ask the gate of a tier whose required members are there, and write its report."""
    asked = tier.gate if journey.verb is Verb.FAILOVER else tier.drill_gate
    members = tuple(journey.members[m.name] for m in tier.members if m.name in journey.members)
    arrived = len(members) == len(tier.members) and all(
        m.outcome is MemberOutcome.ARRIVED for m in members if m.required
    )
    recovered = arrived
    gate: GateReport | None = None
    halted: str | None = None
    if arrived and asked and any(not report.arrived for report in journey.reports.values()):
        halted = "it was not asked, for a tier before it did not arrive"
        arrived = False
    elif arrived and asked:
        run.note(f"tier {tier.name} must answer: {', '.join(map(str, asked.probes))}")
        try:
            gate = yield from pass_gate(context, asked, run.until, run.plan.reach)
        except StepFailed as failed:
            run.note(f"the gate of tier {tier.name} could not be asked: {failed}")
            arrived = False
        else:
            arrived = gate.passed
    report = TierReport(
        name=tier.name,
        started_at=journey.started_at,
        ended_at=now(context),
        rto_seconds=int((now(context) - run.started_at).total_seconds()),
        arrived=arrived,
        members=members,
        gate=gate,
        recovered=recovered,
        halted=halted,
    )
    journey.reports[tier.name] = report
    run.journal.tier(tier.name, "arrived" if arrived else "failed")
    run.note(
        f"tier {tier.name} arrived"
        if arrived
        else f"tier {tier.name} did not arrive: {report.trouble}"
    )


def _note_members(
    context: Context,
    run: Record,
    journey: Journey,
    drive: PlanDrive,
    seen: PlanWatched,
    began: datetime,
    attempt: int,
    adopted: bool = False,
    at_rest: bool = True,
) -> None:
    """Write down the members that are there; of the others what became of them, once the plan is at rest."""
    ended = {news.name: news for news in seen.ended}
    for member in drive.wave.members:
        news, known = ended.get(member.name), journey.members.get(member.name)
        if _arrived(known) or not (at_rest or (news and news.arrived)):
            continue
        refused = seen.trouble if not drive.job else None
        said = Started(
            name=member.name,
            job=seen.jobs.get(member.name) or drive.job,
            adopted=adopted,
            code="plan_refused" if refused else None,
            message=refused,
        )
        report = report_of(member, said, news, seen.trouble, began, now(context), attempt)
        report = with_loss(report, run.incident_at if journey.verb is Verb.FAILOVER else None)
        journey.members[member.name] = report
        run.note(member_fact(journey.verb, report))


def _arrived(report: MemberReport | None) -> bool:
    return report is not None and report.outcome is MemberOutcome.ARRIVED


def _drive_of(
    run: Record, journey: Journey, name: str, members: tuple[str, ...], network: str | None
) -> PlanDrive:
    wave = wave_of(run.plan.vault, journey.verb, *run.plan.tiers, claim=run.claim, items=run.items)
    here = tuple(member for member in wave.members if member.name in members)
    shares = any(m.multi_vm_group for m in run.plan.members if m.name in members)
    return PlanDrive(
        name=name,
        wave=wave.model_copy(
            update={"members": here, "graceful": run.graceful, "network": network}
        ),
        point=run.request.point or run.plan.policy.recovery_point,
        sync=SyncPoint.SHARED if shares else SyncPoint.OWN,
    )


def _started(name: str, verb: Verb, started: PlanStarted) -> str:
    if started.happened:
        return f"{verb.value} of recovery plan {name}: every machine was there before"
    how = "adopted" if started.adopted else "started"
    return f"{verb.value} of recovery plan {name}: {how}, job {started.job}"
