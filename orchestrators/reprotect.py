"""Protect machines the other way round after a failover: each by itself, for Azure's plan-level call is dead.

The machine's item gets a new home and a new id, which the job names; it is watched until its replication is complete.
"""

from __future__ import annotations

from datetime import timedelta

from activities.recovery import Wave, WaveMember
from activities.reprotection import Reprotection, ReprotectQuestion
from domain.policy import Retry
from domain.replication import Verb
from domain.reports import ReprotectReport
from domain.run import MemberOutcome, MemberReport, Outcome

from orchestrators.before import assess, errors, lost
from orchestrators.conduct import conduct, heed_words
from orchestrators.decision import decide
from orchestrators.durable import Context, Steps, call, now
from orchestrators.record import End, Record
from orchestrators.wave import run_wave

# The region to replicate to may be on its way back still: an hour of patience, in few requests.
PATIENT = Retry(attempts=5, pause=timedelta(minutes=15))


def reprotect(context: Context) -> Steps[dict[str, object]]:
    """Protect what failed over the other way round, so that it can come back."""
    return (yield from conduct(context, (assess, decide, reprotect_and_end)))


def reprotect_and_end(context: Context, run: Record) -> Steps[End | None]:
    """Re-protect, and end the run with what it came to."""
    end = yield from reprotect_members(context, run)
    if end is not None:
        return end
    if run.skips:
        return End(Outcome.COMPLETED_WITH_SKIPS, f"re-protected; {'; '.join(run.skips)}")
    return End(Outcome.COMPLETED, "every machine is protected the other way round")


def reprotect_members(context: Context, run: Record) -> Steps[End | None]:
    """Turn the replication of every member round, or adopt what was begun, and wait until all are protected."""
    run.step("re-protect")
    started = now(context)
    behind = {member.name for tier in run.tiers for member in tier.lost}
    names = tuple(m.name for m in run.plan.members if m.name in run.items and m.name not in behind)
    question = ReprotectQuestion(plan=run.request.plan, members=names)
    prepared = yield from call(
        context, Reprotection.prepare_reprotection, question, until=run.until
    )
    required = {member.name: member.required for member in run.plan.members}
    refused = [
        MemberReport(
            name=name,
            item_id=turning.item or run.items[name],
            started_at=started,
            ended_at=now(context),
            outcome=MemberOutcome.REFUSED,
            required=required[name],
            error=turning.refused,
        )
        for name, turning in prepared.members.items()
        if turning.refused
    ]
    for report in refused:
        run.note(f"{report.name} is not re-protected: {report.error}")
    members = tuple(
        WaveMember(name=name, item=turning.item, enabling=turning.enabling, required=required[name])
        for name, turning in prepared.members.items()
        if turning.item is not None
    )
    reports: tuple[MemberReport, ...] = ()
    if members:
        run.touched = True
        wave = Wave(vault=run.plan.vault.id, verb=Verb.REPROTECT, members=members, claim=run.claim)
        runs = tuple(filter(None, (run.id, run.request.under)))
        reports = yield from run_wave(
            context, run.journal, wave, PATIENT, run.until, runs=runs, mark=len(run.turned)
        )
    _keep(
        run,
        ReprotectReport(started_at=started, ended_at=now(context), members=(*reports, *refused)),
    )
    end = yield from heed_words(context, run)
    return end or _judge(run, [*lost(reports), *refused])


def _keep(run: Record, report: ReprotectReport) -> None:
    """Keep what was done, and where each item lives now; a failback turns its machines twice."""
    run.turned.append(report)
    if run.readiness is not None:
        moved = {m.name: m.item_id for m in report.members if m.former_item_id}
        items = {**run.readiness.items, **moved}
        run.readiness = run.readiness.model_copy(update={"items": items})
    run.reprotect = ReprotectReport(
        started_at=run.turned[0].started_at,
        ended_at=report.ended_at,
        members=tuple(member for each in run.turned for member in each.members),
    )


def _judge(run: Record, left: list[MemberReport]) -> End | None:
    run.skips += [f"{m.name}, which is optional, is not protected" for m in left if not m.required]
    needed = [member for member in left if member.required]
    if needed:
        return End(Outcome.PARTIAL, f"not every machine is protected: {errors(needed)}")
    return None
