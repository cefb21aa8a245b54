"""The commit window: the application serves, and the way back is still open until somebody, or the plan, closes it.

While it is open the recovery point can be changed, or the application taken back home. The commit deletes the
recovery points, and with them every other point to choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from domain.approval import Terms
from domain.controls import Control, ControlVerb, Standing
from domain.model import in_words
from domain.policy import CommitMode, RecoveryPoint
from domain.regions import display_name
from domain.replication import Verb
from domain.request import Kind, Mode, RunRequest
from domain.run import (
    WELL,
    CommitReport,
    MemberReport,
    Outcome,
    TierReport,
    Verdict,
    in_their_words,
)

from orchestrators.asr_engine import after_plans, assess_plans, by_plans
from orchestrators.before import errors, lost
from orchestrators.conduct import conduct, heed_words
from orchestrators.controls import read_standing, rest
from orchestrators.durable import Context, StepFailed, Steps, now
from orchestrators.gate import pass_gate
from orchestrators.legs import run_leg
from orchestrators.points import change_points
from orchestrators.question import ask_person
from orchestrators.record import End, Record
from orchestrators.wave import run_wave, wave_of

COMMIT_WITHIN = timedelta(hours=1)
ROLL_BACK_LEG = 9


def commit_failover(context: Context) -> Steps[dict[str, object]]:
    """Close the window of a failover that was left uncommitted."""
    return (yield from conduct(context, (assess_plans, open_window)))


def soak(context: Context, run: Record) -> Steps[End | None]:
    """Let the application serve for a while before its way back is deleted, then ask it once more."""
    policy = run.plan.policy.commit
    if run.commit_mode is not CommitMode.AUTO_AFTER:
        return None
    run.step("soak")
    run.note(
        f"serves from {display_name(run.plan.target.region)} for {in_words(policy.after)} before the commit; "
        "until then its recovery point can be changed, or it can be rolled back"
    )
    started = now(context)
    full = min(started + policy.after, run.until)
    closes = min(full, run.request.soak_until or full)
    while now(context) < closes:
        standing = yield from rest(context, closes - now(context), run.id, run.request.under)
        end = yield from heed_words(context, run)
        end = end or (yield from _grant(context, run, standing))
        if end is not None:
            run.spent.soak = now(context) - started
            return end
    if closes < full:
        run.hurried = True
        run.note("the soak was cut short: it is time to go on, or the budget would not suffice")
        run.skips.append("the soak was cut short to keep the budget")
    elif started + policy.after > run.until:
        run.spent.soak = now(context) - started
        return run.too_late()
    end = yield from still_answers(context, run)
    run.spent.soak = now(context) - started
    return end


def still_answers(context: Context, run: Record) -> Steps[End | None]:
    """Ask the application once more: a commit deletes its way back."""
    gate = yield from pass_gate(context, run.plan.traffic.gate, run.until, run.plan.reach)
    if gate.passed:
        return None
    return End(
        Outcome.NEEDS_HUMAN,
        f"not committed, the application stopped answering since: {in_their_words(gate.answers)}",
    )


def commit(context: Context, run: Record) -> Steps[End | None]:
    """Make the failover final, as the plan says; this deletes the recovery points."""
    run.step("commit")
    mode = run.commit_mode
    run.commit = CommitReport(mode=mode.value, committed=False)
    if mode is CommitMode.NEVER:
        run.note("the plan leaves the commit to a person")
        return None
    if mode is CommitMode.MANUAL:
        end = yield from _ask_for_commit(context, run)
        if end is None:  # the answer may have taken long; a soak has just asked
            asked_at = now(context)
            end = yield from still_answers(context, run)
            run.spent.commit += now(context) - asked_at
        if end is not None:
            return end
    return (yield from commit_members(context, run, mode.value))


def open_window(context: Context, run: Record) -> Steps[End | None]:
    """Ask for the commit of what arrived before, offering its window, and commit."""
    run.step("commit")
    run.touched = True
    run.commit = CommitReport(mode=CommitMode.MANUAL.value, committed=False)
    if run.plan.policy.approval.required:
        end = yield from _ask_for_commit(context, run)
        if end is not None:
            return end
    return (yield from commit_members(context, run, CommitMode.MANUAL.value))


def _ask_for_commit(context: Context, run: Record) -> Steps[End | None]:
    """Ask until somebody decides, granting meanwhile what the window offers."""
    closes = min(now(context) + run.plan.policy.commit.within, run.until)
    within = in_words(closes - now(context))
    count = len(run.plan.members)
    says = (
        f"a commit deletes the recovery points of {count} machines; "
        "until then their point can be changed, or the application rolled back"
    )
    while now(context) < closes:
        terms = Terms(roles=run.plan.policy.approval.roles)
        answer = yield from ask_person(context, run, "commit", closes - now(context), says, terms)
        if answer.decision is not None:
            if answer.decision.verdict is Verdict.REJECT:
                return End(
                    Outcome.COMPLETED_WITH_SKIPS, f"{answer.decision.by} rejected the commit"
                )
            return None
        if not answer.disturbed:
            break
        end = yield from heed_words(context, run)
        if end is not None:
            return end
        standing = yield from read_standing(context, run.id)
        end = yield from _grant(context, run, standing)
        if end is not None:
            return end
    return End(Outcome.NEEDS_HUMAN, f"nobody decided about the commit within {within}")


def commit_members(context: Context, run: Record, mode: str) -> Steps[End | None]:
    """Commit every member that arrived."""
    started = now(context)
    wave = wave_of(
        run.plan.vault, Verb.COMMIT, *run.plan.ordered_tiers(), claim=run.claim, items=run.items
    )
    behind = {member.name for tier in run.tiers for member in tier.lost}
    if run.kind is Kind.COMMIT and run.readiness:
        behind |= {m.name for m in wave.members} - set(run.readiness.to_commit)
    there = tuple(member for member in wave.members if member.name not in behind)
    wave = wave.model_copy(update={"members": there})
    until = min(run.until, started + COMMIT_WITHIN)
    if by_plans(run):
        yield from after_plans(context, run, Verb.COMMIT, until)
    members = yield from run_wave(context, run.journal, wave, run.plan.policy.retry, until)
    run.spent.commit += now(context) - started
    open_still = lost(members)
    run.commit = CommitReport(
        mode=mode,
        committed=not open_still,
        started_at=started,
        ended_at=now(context),
        members=members,
        trouble=errors(open_still) or None,
    )
    if open_still:
        return End(Outcome.NEEDS_HUMAN, f"the commit is not complete: {errors(open_still)}")
    return None


def _grant(context: Context, run: Record, standing: Standing) -> Steps[End | None]:
    """Do what people wished for in the window, each wish once."""
    wishes = standing.wishes[run.wishes_seen :]
    run.wishes_seen = max(run.wishes_seen, len(standing.wishes))
    for wish in wishes:
        if wish.verb is ControlVerb.ROLL_BACK:
            return (yield from _roll_back(context, run, wish))
        end = yield from _change_point(context, run, wish)
        if end is not None:
            return end
    return None


def _change_point(context: Context, run: Record, wish: Control) -> Steps[End | None]:
    """Put the machines on another recovery point, and let every tier and the application prove itself again."""
    rule = wish.point or RecoveryPoint.LATEST_PROCESSED
    run.note(f"{wish.by} changes the recovery point: {rule.value}")
    run.deviations.append(f"{wish.by} changed the recovery point to {rule.value}")
    try:
        members = yield from change_points(context, run, rule, wish.points)
    except StepFailed as failed:
        run.note(f"the point was not changed: {failed.said}")
        return None
    run.tiers = [_on_new_points(tier, members) for tier in run.tiers]
    if lost(members):
        run.note(f"not every machine changed its point: {errors(lost(members))}")
        return End(
            Outcome.NEEDS_HUMAN,
            f"not committed, the change of point is not complete: {errors(lost(members))}",
        )
    for tier in run.plan.ordered_tiers():
        if tier.gate is None:
            continue
        gate = yield from pass_gate(context, tier.gate, run.until, run.plan.reach)
        if not gate.passed:
            told = in_their_words(gate.answers)
            run.note(f"tier {tier.name} does not answer on its new point: {told}")
    return None


def _on_new_points(tier: TierReport, members: Sequence[MemberReport]) -> TierReport:
    """Return a tier's report with the points that its machines stand on now."""
    changed = {
        m.name: {"recovery_point_time": m.recovery_point_time, "rpo_seconds": m.rpo_seconds}
        for m in members
        if m.recovery_point_time
    }
    kept = tuple(m.model_copy(update=changed.get(m.name, {})) for m in tier.members)
    return tier.model_copy(update={"members": kept})


def _roll_back(context: Context, run: Record, wish: Control) -> Steps[End | None]:
    """Take the application home again: Azure has no undo, so the failover is committed and failed back."""
    if run.kind is Kind.FAILBACK:
        run.note(f"{wish.by} wishes to roll a failback back; ask for a failover once it has ended")
        return None
    run.note(f"{wish.by} rolls the failover back: it is committed, re-protected and failed back")
    run.deviations.append(f"{wish.by} rolled the failover back")
    end = yield from commit_members(context, run, run.commit_mode.value)
    if end is not None:
        return end
    home = RunRequest(
        plan=run.request.plan,
        kind=Kind.FAILBACK,
        mode=Mode.GRACEFUL,
        requested_by=wish.by,
        requested_by_id=wish.by_id,
        reason=f"rolled back from run {run.id}",
        under=run.request.under or run.id,
    )
    leg = yield from run_leg(context, run, home, ROLL_BACK_LEG)
    if leg.outcome in WELL:
        return End(Outcome.ROLLED_BACK, f"{wish.by} rolled it back; run {leg.run} {leg.because}")
    return End(Outcome.NEEDS_HUMAN, f"the roll-back ended {leg.outcome.value}: {leg.because}")
