"""Decide whether a run may move: ask people, and look whether what they agreed to is still so before going on.

An approval is about the plan, the recovery points and the change of traffic as they stood when the question was asked.
What changed since voids it. If it was the ground, people are asked anew: the outage is still on, and they see what
changed. If it was the plan, the run ends: it carries the plan it began with, and its owner thinks otherwise by now.
"""

from __future__ import annotations

from datetime import timedelta

from activities.plans import PlanQuestion, PlanShelf
from domain.approval import Passage, Terms, drift_between, scope_of
from domain.model import in_words
from domain.run import Outcome, Verdict

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
    """Ask people, when the plan says so; a run that one signal opened asks whatever the plan says."""
    run.step("decision")
    if run.request.under:
        run.note(f"moves by the approval of run {run.request.under}")
        return None
    if not run.plan.policy.approval.required and not run.request.signals:
        run.note("the plan asks for no approval")
        return None
    drift: tuple[str, ...] = ()
    for number in range(1, MOST_QUESTIONS + 1):
        says = f"asked again, for {'; '.join(drift)}" if drift else ""
        end = yield from ask_for_approval(context, run, says, _terms(run), number)
        end = end or (
            yield from heed_words(context, run)
        )  # whoever paused it meanwhile is waited for
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


def ask_for_approval(
    context: Context, run: Record, says: str, terms: Terms, number: int = 1
) -> Steps[End | None]:
    """Ask at the gate that nothing passes unapproved, and return the run's end unless enough people agreed."""
    profile = run.readiness.profile if run.readiness else None
    scope = scope_of(run.request, run.id, GATE, number, profile)
    within = min(run.plan.policy.approval.within, run.until - now(context))
    answer = yield from ask_person(context, run, GATE, within, says, terms, scope)
    if answer.decision is None:
        end = (yield from heed_words(context, run)) if answer.disturbed else None
        return end or End(Outcome.DECLINED, _too_few(len(answer.approvals), terms, within))
    if answer.decision.verdict is Verdict.REJECT:
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
