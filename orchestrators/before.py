"""What comes before anything is moved: look, ask a person, clean up what a forgotten drill left pending."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from activities.readiness import Preflight, Question
from activities.recovery import WaveMember
from domain.model import in_words
from domain.regions import display_name
from domain.replication import Verb
from domain.request import Kind
from domain.run import MemberOutcome, MemberReport, Outcome, Verdict

from orchestrators.conduct import heed_words
from orchestrators.durable import Context, Steps, call, now
from orchestrators.question import ask_person
from orchestrators.record import End, Record
from orchestrators.wave import run_wave, wave_of

DRILL_CLEANUP_WITHIN = timedelta(minutes=30)
SETTLED = {
    Kind.COMMIT: "there is no failover to commit",
    Kind.REPROTECT: "every machine is protected already",
}


def assess(context: Context, run: Record) -> Steps[End | None]:
    """Look before anything is touched; the verdict stays with the run."""
    run.step("readiness")
    readiness = yield from call(
        context,
        Preflight.assess_readiness,
        Question(plan=run.request.plan, kind=run.kind),
        until=run.until,
    )
    run.readiness = readiness
    if readiness.settled:
        where = display_name(run.plan.target.region)
        why = SETTLED.get(run.kind, f"the application serves from {where} already; nothing to do")
        return End(Outcome.DECLINED, why)
    for sentence in (*readiness.blockers, *readiness.warnings):
        run.deviations.append(sentence)
    if not readiness.ready:
        run.note(f"not ready: {'; '.join(readiness.blockers)}")
        return End(
            Outcome.FAILED, f"not ready, nothing was touched: {'; '.join(readiness.blockers)}"
        )
    run.note(f"{len(run.plan.members)} machines in {len(run.plan.tiers)} tiers are ready to move")
    return None


def decide(context: Context, run: Record) -> Steps[End | None]:
    """Ask a person, when the plan says so; a run that one signal opened asks whatever the plan says."""
    run.step("decision")
    if run.request.under:
        run.note(f"moves by the approval of run {run.request.under}")
        return None
    if not run.plan.policy.approval.required and not run.request.signals:
        run.note("the plan asks for no approval")
        return None
    return (yield from ask_for_approval(context, run))


def ask_for_approval(context: Context, run: Record, says: str = "") -> Steps[End | None]:
    """Ask at the gate that nothing passes unapproved; ``says`` is what whoever answers should know."""
    within = min(run.plan.policy.approval.within, run.until - now(context))
    answer = yield from ask_person(context, run, "approval", within, says)
    if answer.decision is None:
        end = (yield from heed_words(context, run)) if answer.disturbed else None
        return end or End(
            Outcome.DECLINED, f"nobody approved within {in_words(within)}; nothing was touched"
        )
    if answer.decision.verdict is Verdict.REJECT:
        return End(Outcome.DECLINED, f"{answer.decision.by} rejected it; nothing was touched")
    return None


def clean_up_drills(context: Context, run: Record) -> Steps[End | None]:
    """Clean up test failovers that nobody ended: Azure refuses the real one while one is pending."""
    pending = run.readiness.pending_drills if run.readiness else ()
    if not pending:
        return None
    run.step("drill clean-up")
    run.touched = True
    run.note(f"a drill is pending for {', '.join(pending)}; it is cleaned up first")
    wave = wave_of(run.plan.vault, Verb.DRILL_CLEANUP, *run.plan.tiers, items=run.items)
    members: tuple[WaveMember, ...] = tuple(m for m in wave.members if m.name in pending)
    until = min(run.until, now(context) + DRILL_CLEANUP_WITHIN)
    reports = yield from run_wave(
        context,
        run.journal,
        wave.model_copy(update={"members": members}),
        run.plan.policy.retry,
        until,
    )
    stuck = lost(reports)
    run.cleaned = tuple(r.name for r in reports if r not in stuck)
    run.leftovers = tuple(r.name for r in stuck)
    if stuck:
        return End(Outcome.NEEDS_HUMAN, f"a pending drill could not be cleaned up: {errors(stuck)}")
    return None


def lost(reports: Sequence[MemberReport]) -> list[MemberReport]:
    """Return the members that did not come to the end of their wave."""
    return [report for report in reports if report.outcome is not MemberOutcome.ARRIVED]


def errors(reports: Sequence[MemberReport]) -> str:
    """Return what went wrong with members, in one line; what several met is said once."""
    met: dict[str | None, list[str]] = {}
    for report in reports:
        met.setdefault(report.error, []).append(report.name)
    return "; ".join(f"{', '.join(names)}: {error}" for error, names in met.items())
