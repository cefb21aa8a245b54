"""A question to a person. The answer is a fact on the run's desk; the external event is only a doorbell.

A lost ring costs at most `LISTEN`: the desk is asked again by then. A ring that came early, or twice, decides nothing.
"""

from __future__ import annotations

from datetime import timedelta

from domain.model import Recorded
from domain.run import Decision
from pydantic import AwareDatetime

from orchestrators.durable import Context, Steps, ask, hear, now
from orchestrators.names import bell, desk_of

LISTEN = timedelta(seconds=15)
TURNS_PER_HISTORY = 20


class Question(Recorded):
    """What is asked at a gate, about which plan digest, by whose wish, and until when."""

    run: str
    gate: str
    digest: str
    requested_by: str
    until: AwareDatetime


class Answer(Recorded):
    """The decision, or none when nobody answered in time."""

    decision: Decision | None = None


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
        if left <= timedelta(0):
            return Answer().wire()
        yield from hear(context, bell(question.gate, said["rings"] + 1), min(LISTEN, left))
        said = yield from ask(context, desk, "read", {"gate": question.gate})
    context.continue_as_new(question.wire())
    return None
