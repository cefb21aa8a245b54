"""Decide whether a run may move: ask people, and look whether what they agreed to is still so before going on.

An approval is about the plan, the recovery points and the change of traffic as they stood when the question was asked.
What changed since voids it. If it was the ground, people are asked anew: the outage is still on, and they see what
changed. If it was the plan, the run ends: it carries the plan it began with, and its owner thinks otherwise by now.
"""

from __future__ import annotations

from datetime import timedelta

from activities.plans import PlanQuestion, PlanShelf
from domain.approval import MOVES_USERS, Passage, Terms, drift_between, scope_of
from domain.model import in_words
from domain.run import Outcome, Verdict

from orchestrators.approval import Answer
from orchestrators.automatic import check_guards, count_start, look_at_switch, may_move_alone
from orchestrators.before import read_readiness, weigh
from orchestrators.conduct import heed_words
from orchestrators.durable import HASTY, Context, StepFailed, Steps, call, now
from orchestrators.question import ask_person
from orchestrators.record import End, Record

GATE = "approval"
# A ground that will not hold still is nothing to build on: people look first, and ask for a run then.
MOST_QUESTIONS = 3
PLAN_WITHIN = timedelta(minutes=1)


def decide(context: Context, run: Record) -> Steps[End | None]:
    """Decide whether the run may move, and let the estate count that it does."""
    run.step("decision")
    moves = run.kind in MOVES_USERS
    if run.request.under:
        run.note(f"moves by the approval of run {run.request.under}")
    else:
        end = yield from _decide(context, run, moves)
        if end is not None:
            return end
    if moves and not (run.automatic and run.automatic.went_on):
        others = yield from count_start(context, run)
        if others is None:
            run.deviations.append("the estate did not count this start in time")
    return None


def _decide(context: Context, run: Record, moves: bool) -> Steps[End | None]:
    """Ask people, when the plan says so; a run that signals opened asks, unless it may move by itself."""
    if may_move_alone(run):
        return (yield from _go_alone(context, run))
    if moves:
        _, switch = yield from look_at_switch(context, run)
        if switch.veto:
            run.note(f"{switch.says}; a run that people decide about goes on all the same")
            run.deviations.append(f"a person's run went on although {switch.says}")
    if not run.plan.policy.approval.required and not run.request.signals:
        run.note("the plan asks for no approval")
        return None
    return (yield from _agree(context, run))


def _go_alone(context: Context, run: Record) -> Steps[End | None]:
    """Say that the run will go on by itself, let people object, and go on unless they or a veto did."""
    run.automatic = found = yield from check_guards(context, run, moving=False)
    if not found.vetoes:
        after = min(run.plan.policy.automation.after, run.until - now(context))
        says = (
            f"goes on by itself at {now(context) + after:%H:%M:%S} UTC unless somebody rejects it"
        )
        answer = yield from _put(context, run, says, after)
        end = _rejected(answer) or (yield from heed_words(context, run))
        if end is not None:
            return end
        if answer.decision is not None:
            drift, end = yield from _look_again(context, run)
            return end if not drift or end else (yield from _agree(context, run, drift))
        run.automatic = found = yield from check_guards(context, run, moving=True)
    if not found.vetoes:
        unopposed = {"passage": Passage.UNOPPOSED}
        run.approvals[-1] = run.approvals[-1].model_copy(update=unopposed)
        run.note("nobody objected and no veto stands: the run goes on by itself")
        return None
    vetoes = "; ".join(found.vetoes)
    run.note(f"does not go on by itself: {vetoes}")
    return (yield from _agree(context, run, says=f"does not go on by itself: {vetoes}"))


def _agree(
    context: Context, run: Record, drift: tuple[str, ...] = (), says: str = ""
) -> Steps[End | None]:
    """Ask until people have agreed to what is still so when the run goes on, three times at most."""
    for _ in range(MOST_QUESTIONS):
        says = f"asked again, for {'; '.join(drift)}" if drift else says
        end = yield from ask_for_approval(context, run, says, _terms(run))
        end = end or (yield from heed_words(context, run))  # a pause meanwhile is waited out
        if end is not None:
            return end
        drift, end = yield from _look_again(context, run)
        if end is not None or not drift:
            return end
    return End(
        Outcome.DECLINED,
        f"what was approved changed {MOST_QUESTIONS} times, at last: {'; '.join(drift)}; nothing was touched",
    )


def _terms(run: Record) -> Terms:
    policy = run.plan.policy.approval
    return Terms(approvers=policy.approvers, roles=policy.roles, break_glass=policy.break_glass)


def ask_for_approval(context: Context, run: Record, says: str, terms: Terms) -> Steps[End | None]:
    """Ask at the gate that nothing passes unapproved, and return the run's end unless enough people agreed."""
    within = min(run.plan.policy.approval.within, run.until - now(context))
    answer = yield from _put(context, run, says, within, terms)
    if answer.decision is None:
        end = (yield from heed_words(context, run)) if answer.disturbed else None
        return end or End(Outcome.DECLINED, _too_few(len(answer.approvals), terms, within))
    return _rejected(answer)


def _put(
    context: Context, run: Record, says: str, within: timedelta, terms: Terms | None = None
) -> Steps[Answer]:
    """Put the next question about all that the run would do."""
    profile = run.readiness.profile if run.readiness else None
    grants = run.readiness.grants if run.readiness else None
    lacks = tuple(each for each in grants.missing if each not in says) if grants else ()
    # The reason comes first: what is shown of a question has an end.
    told = (*(f"takes over {each}" for each in run.taken_over), says, *lacks)
    says = "; ".join(filter(None, told))
    scope = scope_of(run.request, run.id, GATE, len(run.approvals) + 1, profile)
    return (yield from ask_person(context, run, GATE, within, says, terms or _terms(run), scope))


def _rejected(answer: Answer) -> End | None:
    if answer.decision is not None and answer.decision.verdict is Verdict.REJECT:
        return End(Outcome.DECLINED, f"{answer.decision.by} rejected it; nothing was touched")
    return None


def _too_few(got: int, terms: Terms, within: timedelta) -> str:
    who = f"only {got} of {terms.approvers} people" if got else "nobody"
    return f"{who} approved within {in_words(within)}; nothing was touched"


def _look_again(context: Context, run: Record) -> Steps[tuple[tuple[str, ...], End | None]]:
    """Read the plan and the ground again; return what voids the approval, and the run's end where that ends it."""
    changed = yield from _plan_changed(context, run)
    if changed is not None:
        _void(run, (changed,))
        why = f"{changed} after it was asked about; ask for a run of the plan as it is now"
        return (changed,), End(Outcome.DECLINED, f"{why}; nothing was touched")
    before = run.readiness
    after = yield from read_readiness(context, run)
    drift = tuple(drift_between(before, after)) if before else ()
    if not drift and after.ready and not after.settled:
        run.readiness = after
        return (), None
    end = weigh(run, after)
    drift = drift or (end.because,) if end else drift
    _void(run, drift)
    return drift, end


def _plan_changed(context: Context, run: Record) -> Steps[str | None]:
    """Return what its owner did to the plan meanwhile; a store that does not answer holds up nobody who agreed."""
    question = PlanQuestion(name=run.request.plan.name, digest=run.digest)
    try:
        seen = yield from call(
            context, PlanShelf.look_up_plan, question, HASTY, now(context) + PLAN_WITHIN
        )
    except StepFailed as failed:
        run.deviations.append(f"whether the plan was changed since could not be read: {failed}")
        return None
    return seen.changed


def _void(run: Record, drift: tuple[str, ...]) -> None:
    run.note(f"the approval is void, for {'; '.join(drift)}")
    voided = {"passage": Passage.VOIDED, "voided_by": drift}
    run.approvals[-1] = run.approvals[-1].model_copy(update=voided)
