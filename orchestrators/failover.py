"""Fail an application over: the runbook of the worst night, from the lock to the evidence.

    lock -> readiness -> decision -> pending drills -> tiers in order -> fence -> traffic -> soak -> commit
         -> evidence -> notices -> unlock

Each step is a small generator that returns None to go on, or the `End` of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from activities.evidence import Archive, Draft
from activities.health import Health, SourceQuestion
from activities.notices import Notice, Notices
from activities.readiness import Preflight
from activities.readiness import Question as ReadinessQuestion
from activities.recovery import WaveMember
from domain.model import in_words
from domain.policy import CommitMode, Reaction
from domain.regions import display_name
from domain.replication import Verb
from domain.run import (
    CommitReport,
    MemberOutcome,
    MemberReport,
    Outcome,
    RunEnd,
    Silence,
    Verdict,
    in_their_words,
    judge_fence,
)

from orchestrators.approval import Answer, Question, await_decision
from orchestrators.durable import (
    HASTY,
    Context,
    StepFailed,
    Steps,
    ask,
    call,
    child,
    in_short,
    now,
    sleep,
)
from orchestrators.gate import pass_gate
from orchestrators.names import desk_of, lock_of, region_of, tier_id
from orchestrators.record import End, Record
from orchestrators.tier import TierMove, TierMoved, move_tier
from orchestrators.traffic import TrafficShift, TrafficShifted, shift_traffic
from orchestrators.wave import run_wave, wave_of

DRILL_CLEANUP_WITHIN = timedelta(minutes=30)
COMMIT_WITHIN = timedelta(hours=1)
TELL_WITHIN = timedelta(minutes=1)


def fail_over(context: Context) -> Steps[dict[str, object]]:
    """Move tiers in order, prove each, then switch traffic, then commit. The first tier to fail stops the rest."""
    run = Record(context)
    lock = lock_of(run.plan.app)
    granted = yield from ask(context, lock, "acquire", {"run": run.id})
    if granted["token"] is None:
        end = End(Outcome.DECLINED, f"{run.plan.app} is held by run {granted['holder']}")
    else:
        run.token = granted["token"]
        try:
            end = yield from _run(context, run)
        except StepFailed as failed:
            end = run.broken_off(str(failed))
        except Exception as bug:
            end = run.broken_off(f"a fault of Leeward's own: {in_short(bug)}")
    answer = yield from _conclude(context, run, end)
    if granted["token"] is not None:
        yield from ask(context, lock, "release", {"run": run.id})
    return answer.wire()


def _run(context: Context, run: Record) -> Steps[End]:
    for step in (
        _assess,
        _decide,
        _clean_up_drills,
        _move_tiers,
        _fence,
        _shift_traffic,
        _soak,
        _commit,
    ):
        if now(context) >= run.until:
            return run.too_late()
        end = yield from step(context, run)
        if end is not None:
            return end
    return run.completed()


def _assess(context: Context, run: Record) -> Steps[End | None]:
    """Look before anything is touched; the verdict stays with the run."""
    run.step("readiness")
    readiness = yield from call(
        context,
        Preflight.assess_readiness,
        ReadinessQuestion(plan=run.plan),
        until=run.until,
    )
    run.readiness = readiness
    if readiness.settled:
        where = display_name(run.plan.target.region)
        return End(Outcome.DECLINED, f"the application serves from {where} already; nothing to do")
    for sentence in (*readiness.blockers, *readiness.warnings):
        run.deviations.append(sentence)
    if not readiness.ready:
        run.note(f"not ready: {'; '.join(readiness.blockers)}")
        return End(
            Outcome.FAILED, f"not ready, nothing was touched: {'; '.join(readiness.blockers)}"
        )
    run.note(f"{len(run.plan.members)} machines in {len(run.plan.tiers)} tiers are ready to move")
    return None


def _decide(context: Context, run: Record) -> Steps[End | None]:
    """Ask a person, when the plan says so; a run that one signal opened asks whatever the plan says."""
    run.step("decision")
    if not run.plan.policy.approval.required and not run.request.signals:
        run.note("the plan asks for no approval")
        return None
    within = min(run.plan.policy.approval.within, run.until - now(context))
    answer = yield from _ask(context, run, "approval", within)
    if answer.decision is None:
        return End(
            Outcome.DECLINED, f"nobody approved within {in_words(within)}; nothing was touched"
        )
    if answer.decision.verdict is Verdict.REJECT:
        return End(Outcome.DECLINED, f"{answer.decision.by} rejected it; nothing was touched")
    return None


def _ask(context: Context, run: Record, gate: str, within: timedelta) -> Steps[Answer]:
    """Put a question on the desk, tell the world that it waits, and keep the answer."""
    asked_at = now(context)
    question = Question.model_validate(
        {
            "run": run.id,
            "gate": gate,
            "digest": run.digest,
            "requested_by": run.request.requested_by,
            "until": asked_at + within,
        }
    )
    asker = f"{run.id}.{gate}"
    # Open before it is shown or announced: whoever sees the question can answer it.
    yield from ask(context, desk_of(run.id), "open", {**question.wire(), "bell": asker})
    run.journal.waits(gate, run.digest, question.until)
    run.note(f"asks for a decision at gate {gate} until {question.until:%H:%M:%S} UTC")
    yield from _tell(context, run, "Leeward.DecisionNeeded", {"gate": gate, "digest": run.digest})
    answer = yield from child(context, await_decision, question, asker, Answer)
    run.spent.decision += now(context) - asked_at
    run.journal.waits(None)
    if answer.decision is None:
        run.note(f"gate {gate} closed without an answer")
    else:
        run.decisions.append(answer.decision)
        run.note(f"{answer.decision.by} said {answer.decision.verdict.value} at gate {gate}")
    return answer


def _clean_up_drills(context: Context, run: Record) -> Steps[End | None]:
    """Clean up test failovers that nobody ended: Azure refuses the real one while one is pending."""
    pending = run.readiness.pending_drills if run.readiness else ()
    if not pending:
        return None
    run.step("drill clean-up")
    run.touched = True
    run.note(f"a drill is pending for {', '.join(pending)}; it is cleaned up first")
    wave = wave_of(run.plan.vault, Verb.DRILL_CLEANUP, *run.plan.tiers)
    members: tuple[WaveMember, ...] = tuple(m for m in wave.members if m.name in pending)
    until = min(run.until, now(context) + DRILL_CLEANUP_WITHIN)
    reports = yield from run_wave(
        context,
        run.journal,
        wave.model_copy(update={"members": members}),
        run.plan.policy.retry,
        until,
    )
    stuck = _lost(reports)
    run.cleaned = tuple(r.name for r in reports if r not in stuck)
    run.leftovers = tuple(r.name for r in stuck)
    if stuck:
        return End(
            Outcome.NEEDS_HUMAN, f"a pending drill could not be cleaned up: {_errors(stuck)}"
        )
    return None


def _lost(reports: Sequence[MemberReport]) -> list[MemberReport]:
    return [report for report in reports if report.outcome is not MemberOutcome.ARRIVED]


def _errors(reports: Sequence[MemberReport]) -> str:
    return "; ".join(f"{report.name}: {report.error}" for report in reports)


def _move_tiers(context: Context, run: Record) -> Steps[End | None]:
    """Move one tier after the other; the first that does not arrive stops the rest."""
    started = now(context)
    for position, tier in enumerate(run.plan.ordered_tiers(), start=1):
        if now(context) >= run.until:
            return run.too_late()
        run.touched = True
        run.step(f"tier {tier.name}")
        run.journal.tier(tier.name, "moving")
        mover = tier_id(run.id, position)
        run.journal.follow(mover)
        move = TierMove(
            vault=run.plan.vault,
            tier=tier,
            retry=run.plan.policy.retry,
            run_started_at=run.started_at,
            incident_at=run.incident_at,
            until=run.until,
        )
        moved = yield from child(context, move_tier, move, mover, TierMoved)
        run.tiers.append(moved.report)
        run.journal.follow(None)
        run.journal.tier(tier.name, "arrived" if moved.report.arrived else "failed")
        run.journal.take_over(moved.facts)
        run.spent.recovery = now(context) - started
        if not moved.report.arrived:
            why = moved.report.trouble or "its gate could not be asked"
            return End(
                Outcome.PARTIAL,
                f"tier {tier.name} did not arrive, traffic stays where it was: {why}",
            )
    return None


def _fence(context: Context, run: Record) -> Steps[End | None]:
    """Prove that the source is down, or say that it could not be proved and follow the plan's policy."""
    run.step("fence")
    policy = run.plan.policy.fence
    question = SourceQuestion(
        vms={member.name: run.plan.vm_id(member) for member in run.plan.members},
        probes=policy.probes,
    )
    seen = yield from call(context, Health.look_at_source, question, until=run.until)
    run.fence = fence = judge_fence(seen.machines, seen.answers, now(context))
    run.note(f"fence: {fence.explanation}")
    reaction = {
        Silence.DOWN: Reaction.PROCEED,
        Silence.SILENT: policy.silent,
        Silence.ANSWERING: policy.answering,
    }[fence.verdict]
    if reaction is Reaction.STOP:
        return End(Outcome.NEEDS_HUMAN, f"traffic stays where it was: {fence.explanation}")
    if not fence.proved:
        run.deviations.append(f"the plan goes on with an unproved fence: {fence.explanation}")
    return None


def _shift_traffic(context: Context, run: Record) -> Steps[End | None]:
    """Send users to the recovered application, and prove that they get there."""
    run.step("traffic")
    started = now(context)
    shift = TrafficShift(
        traffic=run.plan.traffic, until=run.until, put_back_until=run.put_back_until
    )
    run.journal.follow(f"{run.id}.traffic")
    shifted = yield from child(context, shift_traffic, shift, f"{run.id}.traffic", TrafficShifted)
    run.journal.follow(None)
    run.traffic = shifted.report
    run.journal.take_over(shifted.facts)
    run.spent.traffic = now(context) - started
    if not shifted.report.verified:
        users = "users may be at either end" if shifted.report.left_open else "users did not"
        return End(Outcome.NEEDS_HUMAN, f"the application moved, {users}: {shifted.report.trouble}")
    return None


def _soak(context: Context, run: Record) -> Steps[End | None]:
    """Let the application serve for a while before its way back is deleted, then ask it once more."""
    commit = run.plan.policy.commit
    if commit.mode is not CommitMode.AUTO_AFTER:
        return None
    run.step("soak")
    run.note(
        f"serves from {display_name(run.plan.target.region)} for {in_words(commit.after)} before the commit"
    )
    started = now(context)
    yield from sleep(context, min(commit.after, run.until - started))
    if started + commit.after > run.until:
        run.spent.soak = now(context) - started
        return run.too_late()
    end = yield from _still_answers(context, run)
    run.spent.soak = now(context) - started
    return end


def _still_answers(context: Context, run: Record) -> Steps[End | None]:
    """Ask the application once more: a commit deletes its way back."""
    gate = yield from pass_gate(context, run.plan.traffic.gate, run.until)
    if gate.passed:
        return None
    return End(
        Outcome.NEEDS_HUMAN,
        f"not committed, the application stopped answering since: {in_their_words(gate.answers)}",
    )


def _commit(context: Context, run: Record) -> Steps[End | None]:
    """Make the failover final, as the plan says; this deletes the recovery points."""
    run.step("commit")
    commit = run.plan.policy.commit
    run.commit = CommitReport(mode=commit.mode.value, committed=False)
    if commit.mode is CommitMode.NEVER:
        run.note("the plan leaves the commit to a person")
        return None
    if commit.mode is CommitMode.MANUAL:
        within = min(commit.within, run.until - now(context))
        answer = yield from _ask(context, run, "commit", within)
        if answer.decision is None:
            return End(
                Outcome.NEEDS_HUMAN, f"nobody decided about the commit within {in_words(within)}"
            )
        if answer.decision.verdict is Verdict.REJECT:
            return End(Outcome.COMPLETED_WITH_SKIPS, f"{answer.decision.by} rejected the commit")
    started = now(context)
    if commit.mode is CommitMode.MANUAL:  # the answer may have taken long; a soak has just asked
        silent = yield from _still_answers(context, run)
        if silent is not None:
            return silent
    wave = wave_of(run.plan.vault, Verb.COMMIT, *run.plan.ordered_tiers())
    until = min(run.until, started + COMMIT_WITHIN)
    members = yield from run_wave(context, run.journal, wave, run.plan.policy.retry, until)
    run.spent.commit = now(context) - started
    lost = _lost(members)
    run.commit = CommitReport(
        mode=commit.mode.value,
        committed=not lost,
        started_at=started,
        ended_at=now(context),
        members=members,
        trouble=_errors(lost) or None,
    )
    if lost:
        return End(Outcome.NEEDS_HUMAN, f"the commit is not complete: {_errors(lost)}")
    return None


def _conclude(context: Context, run: Record, end: End) -> Steps[RunEnd]:
    """Gather the signals, seal the evidence, tell the world; what fails here is said, not raised."""
    run.step("evidence")
    region = region_of(run.plan.source.region)
    try:
        kept = yield from ask(context, region, "since", {"at": run.started_at.isoformat()})
        run.add_signals(kept["signals"])
    except Exception as bug:
        run.deviations.append(f"the region's signals could not be read: {in_short(bug)}")
    sha256 = None
    try:
        draft = Draft(evidence=run.evidence(end), facts=tuple(run.journal.facts))
        kept_by = run.ends_by - TELL_WITHIN
        sha256 = (yield from call(context, Archive.seal_evidence, draft, until=kept_by)).sha256
    except StepFailed as failed:
        end = End(Outcome.NEEDS_HUMAN, f"{end.outcome.value}: {end.because}; but {failed}")
    ending = {"outcome": end.outcome.value, "because": end.because, "evidenceSha256": sha256}
    told = yield from _tell(context, run, "Leeward.RunEnded", ending)
    run.step("ended")
    return RunEnd(
        run=run.id, outcome=end.outcome, because=end.because, evidence_sha256=sha256, told=told
    )


def _tell(context: Context, run: Record, kind: str, data: Mapping[str, object]) -> Steps[bool]:
    """Publish a notice and say whether anybody was told; nobody's night gets longer because one failed."""
    notice = Notice(kind=kind, run=run.id, data={"plan": run.plan.name, **data})
    try:
        told = yield from call(context, Notices.announce, notice, HASTY, now(context) + TELL_WITHIN)
    except StepFailed as failed:
        run.deviations.append(f"{kind} was not announced: {failed}")
        return False
    return told.told
