"""Ask people: the question lies on the run's desk, the world is told that it waits, the answers are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from activities.notices import Notice, Notices
from domain.approval import ApprovalReport, Passage, Scope, Terms
from domain.run import Decision, Verdict, Waiting

from orchestrators.approval import Answer, Question, await_decision
from orchestrators.durable import HASTY, Context, StepFailed, Steps, ask, call, child, now
from orchestrators.names import SHOWN_QUESTION, desk_of
from orchestrators.record import Record

TELL_WITHIN = timedelta(minutes=1)
PASSAGES = {
    Verdict.APPROVE: Passage.APPROVED,
    Verdict.REJECT: Passage.REJECTED,
    Verdict.BREAK_GLASS: Passage.BROKEN_GLASS,
}
ONE_PERSON = Terms()


def ask_person(
    context: Context,
    run: Record,
    gate: str,
    within: timedelta,
    says: str = "",
    terms: Terms = ONE_PERSON,
    scope: Scope | None = None,
) -> Steps[Answer]:
    """Put a question on the desk, tell the world that it waits, and keep the answers.

    ``terms`` say what it takes to pass, one person where they are not given; ``scope`` is what the decisions cover, the
    run's plan alone where it is not given. Without a decision the time was up, somebody cancelled the run, or wished
    for something else meanwhile.
    """
    asked_at = now(context)
    run.asked += 1
    asker = f"{run.id}.{gate}" + (f"-{run.asked}" if gate in run.gates_asked else "")
    run.gates_asked.add(gate)
    question = Question(
        run=run.id,
        under=run.request.under,
        gate=gate,
        digest=scope.digest() if scope else run.digest,
        requested_by=run.request.requested_by,
        requested_by_id=run.request.requested_by_id,
        until=asked_at + within,
        wishes=run.wishes_seen,
        terms=terms,
    )
    # Open before it is shown or announced: whoever sees the question can answer it.
    yield from ask(context, desk_of(run.id), "open", {**question.wire(), "bell": asker})
    waiting = _waiting(question, says, scope)
    run.journal.waits(waiting)
    run.note(_asks(waiting))
    needed = {
        "gate": gate,
        "digest": question.digest,
        "needed": terms.approvers,
        "says": waiting.says[:SHOWN_QUESTION],
    }
    yield from tell(context, run, "Leeward.DecisionNeeded", needed)
    answer = yield from child(context, await_decision, question, asker, Answer)
    run.spent.decision += now(context) - asked_at
    run.journal.waits(None)
    run.approvals.append(_report(question, answer, scope, asked_at, now(context)))
    _note_answer(run, gate, terms, answer)
    if answer.decision and answer.decision.verdict is Verdict.BREAK_GLASS:
        yield from _announce_broken_glass(context, run, answer.decision)
    return answer


def _waiting(question: Question, says: str, scope: Scope | None) -> Waiting:
    terms = question.terms
    return Waiting(
        gate=question.gate,
        digest=question.digest,
        until=question.until,
        says=says,
        needed=terms.approvers,
        roles=terms.roles,
        break_glass=terms.break_glass,
        covers=scope.covers() if scope else (f"the plan, SHA-256 {question.digest}",),
    )


def _asks(waiting: Waiting) -> str:
    many = f" by {waiting.needed} people" if waiting.needed > 1 else ""
    told = f": {waiting.says}" if waiting.says else ""
    return (
        f"asks for a decision{many} at gate {waiting.gate} until {waiting.until:%H:%M:%S} UTC{told}"
    )


def _report(
    question: Question, answer: Answer, scope: Scope | None, asked_at: datetime, ended_at: datetime
) -> ApprovalReport:
    passage = Passage.WITHDRAWN if answer.disturbed else Passage.EXPIRED
    if answer.decision:
        passage = PASSAGES[answer.decision.verdict]
    return ApprovalReport(
        gate=question.gate,
        digest=question.digest,
        needed=question.terms.approvers,
        roles=question.terms.roles,
        asked_at=asked_at,
        until=question.until,
        ended_at=ended_at,
        passage=passage,
        approved_by=tuple(decision.by for decision in answer.approvals),
        scope=scope,
    )


def _note_answer(run: Record, gate: str, terms: Terms, answer: Answer) -> None:
    """Write down who said what, each once: a question that goes on after another word is answered with all so far."""
    for count, decision in enumerate(answer.counted, start=1):
        if decision in run.decisions:
            continue
        run.decisions.append(decision)
        of = f", {count} of {terms.approvers}" if terms.approvers > 1 else ""
        of = of if decision.verdict is Verdict.APPROVE else ""
        run.note(f"{decision.by} said {decision.verdict.value} at gate {gate}{of}")
    if answer.decision is None and not answer.disturbed:
        got = f" after {len(answer.approvals)} of {terms.approvers}" if answer.approvals else ""
        run.note(f"gate {gate} closed without an answer{got}")


def _announce_broken_glass(context: Context, run: Record, decision: Decision) -> Steps[None]:
    """Say to everybody that one person went on alone, and why."""
    said = f"{decision.by} broke the glass at gate {decision.gate}: {decision.reason}"
    run.deviations.append(said)
    data = {"gate": decision.gate, "by": decision.by, "reason": decision.reason}
    yield from tell(context, run, "Leeward.BreakGlass", data)


def tell(
    context: Context,
    run: Record,
    kind: str,
    data: Mapping[str, object],
    patience: Iterable[timedelta] = HASTY,
) -> Steps[bool]:
    """Publish a notice and say whether anybody was told; nobody's night gets longer because one failed."""
    notice = Notice(kind=kind, run=run.id, data={"plan": run.plan.name, **data})
    try:
        told = yield from call(
            context, Notices.announce, notice, patience, now(context) + TELL_WITHIN
        )
    except StepFailed as failed:
        run.deviations.append(f"{kind} was not announced: {failed}")
        return False
    return told.told
