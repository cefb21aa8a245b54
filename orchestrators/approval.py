"""A question to a person. The answer is a fact on the run's desk; the external event is only a doorbell.

A lost ring costs at most `LISTEN`: the desk is asked again by then. A ring that came early, or twice, decides nothing.
"""

from __future__ import annotations

from datetime import timedelta

from domain.controls import Standing
from domain.model import Recorded
from domain.run import Decision
from pydantic import AwareDatetime

from orchestrators.controls import read_standing
from orchestrators.durable import Context, Steps, ask, hear, now
from orchestrators.names import bell, desk_of

LISTEN = timedelta(seconds=15)
TURNS_PER_HISTORY = 20


class Question(Recorded):
    """What is asked at a gate, about which plan digest, by whose wish, and until when.

    ``wishes`` counts those that the run knows: a new one, like a cancel, ends the wait without an answer.
    """

    run: str
    under: str | None = None
    gate: str
    digest: str
    requested_by: str
    requested_by_id: str = ""
    until: AwareDatetime
    wishes: int = 0


class Answer(Recorded):
    """The decision, or none when nobody answered in time or the wait was ``disturbed`` by another word."""

    decision: Decision | None = None
    disturbed: bool = False


def await_decision(context: Context) -> Steps[dict[str, object] | None]:
    """Wait until the question that lies open on the desk is answered or its time is up."""
    question = Question.model_validate(context.get_input())
    desk = desk_of(question.run)
    said = yield from ask(context, desk, "read", {"gate": question.gate})
    for _ in range(TURNS_PER_HISTORY):
        left = question.until - now(context)
        if left <= timedelta(0):
            said = yield from ask(context, desk, "close", {"gate": question.gate})
        if said["decision"]:
            decision = Decision.model_validate({**said["decision"], "at": now(context)})
            return Answer(decision=decision).wire()
        standing = Standing.model_validate(said["standing"])
        if question.under:
            above = yield from read_standing(context, question.under)
            standing = standing.and_above(above)
        if standing.cancelled_by or len(standing.wishes) > question.wishes:
            return Answer(disturbed=True).wire()
        if left <= timedelta(0):
            return Answer().wire()
        yield from hear(context, bell(question.gate, said["rings"] + 1), min(LISTEN, left))
        said = yield from ask(context, desk, "read", {"gate": question.gate})
    context.continue_as_new(question.wire())
    return None
