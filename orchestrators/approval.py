"""A question to a person. The answer is a fact on the run's desk; the external event is only a doorbell.

A lost ring costs at most `LISTEN`: the desk is asked again by then. A ring that came early, or twice, decides nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.approval import Terms
from domain.controls import Standing
from domain.model import Recorded
from domain.run import Decision, Verdict
from pydantic import AwareDatetime

from orchestrators.controls import read_standing
from orchestrators.durable import Context, Steps, ask, hear, now
from orchestrators.names import bell, desk_of

LISTEN = timedelta(seconds=15)
TURNS_PER_HISTORY = 20


class Question(Recorded):
    """What is asked at a gate, about which plan digest, by whose wish, and until when.

    ``terms`` are what it takes to pass. ``wishes`` counts those that the run knows: a new one, like a cancel, ends the
    wait without an answer.
    """

    run: str
    under: str | None = None
    gate: str
    digest: str
    requested_by: str
    requested_by_id: str = ""
    until: AwareDatetime
    wishes: int = 0
    terms: Terms = Terms()


class Answer(Recorded):
    """The decision, or none when too few answered in time or the wait was ``disturbed`` by another word.

    ``approvals`` are all that counted, those that did not suffice too.
    """

    decision: Decision | None = None
    approvals: tuple[Decision, ...] = ()
    disturbed: bool = False

    @property
    def counted(self) -> tuple[Decision, ...]:
        """Return every decision that counted, the one that ended the wait last."""
        if self.decision is None or self.decision.verdict is Verdict.APPROVE:
            return self.approvals
        return (*self.approvals, self.decision)


def await_decision(context: Context) -> Steps[dict[str, object] | None]:
    """Wait until the question that lies open on the desk is answered or its time is up."""
    question = Question.model_validate(context.get_input())
    said = yield from _look(context, question, "read")
    for _ in range(TURNS_PER_HISTORY):
        left = question.until - now(context)
        if left <= timedelta(0):
            said = yield from _look(context, question, "close")
        answer = Answer(decision=said["decision"], approvals=said["approvals"])
        if answer.decision:
            return answer.wire()
        standing = Standing.model_validate(said["standing"])
        if question.under:
            above = yield from read_standing(context, question.under)
            standing = standing.and_above(above)
        if standing.cancelled_by or len(standing.wishes) > question.wishes:
            return answer.model_copy(update={"disturbed": True}).wire()
        if left <= timedelta(0):
            return answer.wire()
        yield from hear(context, bell(question.gate, said["rings"] + 1), min(LISTEN, left))
        said = yield from _look(context, question, "read")
    context.continue_as_new(question.wire())
    return None


def _look(context: Context, question: Question, operation: str) -> Steps[Any]:
    """Read the gate, or close it, and give what came since the last look the time of this one."""
    request = {"gate": question.gate, "at": now(context).isoformat()}
    return (yield from ask(context, desk_of(question.run), operation, request))
