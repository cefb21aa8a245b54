"""Ask a person: the question lies on the run's desk, the world is told that it waits, the answer is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from activities.notices import Notice, Notices

from orchestrators.approval import Answer, Question, await_decision
from orchestrators.durable import HASTY, Context, StepFailed, Steps, ask, call, child, now
from orchestrators.names import desk_of
from orchestrators.record import Record

TELL_WITHIN = timedelta(minutes=1)


def ask_person(
    context: Context, run: Record, gate: str, within: timedelta, says: str = ""
) -> Steps[Answer]:
    """Put a question on the desk, tell the world that it waits, and keep the answer.

    Without a decision the time was up, somebody cancelled the run, or wished for something else meanwhile.
    """
    asked_at = now(context)
    run.asked += 1
    asker = f"{run.id}.{gate}" + (f"-{run.asked}" if gate in run.gates_asked else "")
    run.gates_asked.add(gate)
    question = Question.model_validate(
        {
            "run": run.id,
            "under": run.request.under,
            "gate": gate,
            "digest": run.digest,
            "requested_by": run.request.requested_by,
            "requested_by_id": run.request.requested_by_id,
            "until": asked_at + within,
            "wishes": run.wishes_seen,
        }
    )
    # Open before it is shown or announced: whoever sees the question can answer it.
    yield from ask(context, desk_of(run.id), "open", {**question.wire(), "bell": asker})
    run.journal.waits(gate, run.digest, question.until, says)
    run.note(
        f"asks for a decision at gate {gate} until {question.until:%H:%M:%S} UTC"
        + (f": {says}" if says else "")
    )
    yield from tell(context, run, "Leeward.DecisionNeeded", {"gate": gate, "digest": run.digest})
    answer = yield from child(context, await_decision, question, asker, Answer)
    run.spent.decision += now(context) - asked_at
    run.journal.waits(None)
    if answer.decision is not None:
        run.decisions.append(answer.decision)
        run.note(f"{answer.decision.by} said {answer.decision.verdict.value} at gate {gate}")
    elif not answer.disturbed:
        run.note(f"gate {gate} closed without an answer")
    return answer


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
