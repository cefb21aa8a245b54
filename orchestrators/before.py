"""What comes before anything is moved: look, and clean up what a forgotten drill left pending."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from activities.readiness import Asking, Preflight, Question
from activities.recovery import WaveMember
from domain.grants import Grants
from domain.regions import display_name
from domain.replication import Verb
from domain.request import Kind
from domain.run import MemberOutcome, MemberReport, Outcome, Readiness

from orchestrators.durable import Context, Steps, call, now
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
    readiness = yield from read_readiness(context, run)
    return weigh(run, readiness)


def read_readiness(context: Context, run: Record) -> Steps[Readiness]:
    """Read what stands in the way of the run."""
    question = question_of(run)
    found = yield from call(context, Preflight.assess_readiness, question, until=run.until)
    return with_grants(run, found)


def question_of(run: Record) -> Question:
    """Return what is asked about the run's ground; the identities are asked once in a run, at its first look."""
    asking = Asking.NOBODY if run.readiness else Asking.RUN
    return Question(plan=run.request.plan, kind=run.kind, asking=asking)


def with_grants(run: Record, found: Readiness) -> Readiness:
    """Return what was found, with the grants as the run's first look found them."""
    known = run.readiness.grants if run.readiness else found.grants
    return found.model_copy(update={"grants": known})


def weigh(run: Record, readiness: Readiness) -> End | None:
    """Keep what was read, and return the run's end where there is nothing to do, or no way."""
    run.readiness = readiness
    if readiness.settled:
        where = display_name(run.plan.target.region)
        why = SETTLED.get(run.kind, f"the application serves from {where} already; nothing to do")
        return End(Outcome.DECLINED, why)
    grants = readiness.grants or Grants()
    told = (*readiness.blockers, *readiness.warnings, *grants.told)
    run.deviations += [sentence for sentence in told if sentence not in run.deviations]
    if not readiness.ready:
        run.note(f"not ready: {'; '.join(readiness.blockers)}")
        return End(
            Outcome.FAILED, f"not ready, nothing was touched: {'; '.join(readiness.blockers)}"
        )
    for lack in grants.missing:
        run.note(f"goes on all the same, but {lack}")
    run.note(f"{len(run.plan.members)} machines in {len(run.plan.tiers)} tiers are ready to move")
    return None


def clean_up_drills(context: Context, run: Record) -> Steps[End | None]:
    """Clean up test failovers that nobody ended: Azure refuses the real one while one is pending."""
    pending = run.readiness.pending_drills if run.readiness else ()
    if not pending:
        return None
    run.step("drill clean-up")
    run.touched = True
    run.note(f"a drill is pending for {', '.join(pending)}; it is cleaned up first")
    wave = wave_of(
        run.plan.vault, Verb.DRILL_CLEANUP, *run.plan.tiers, claim=run.claim, items=run.items
    )
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
