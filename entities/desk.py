"""The desk of one run: the open questions, every answer and word of control laid on it, and where its parts stand."""

from __future__ import annotations

from typing import Any

from domain.controls import standing_of
from domain.desk import (
    EMPTY,
    State,
    close_all,
    close_gate,
    control,
    decide,
    look,
    open_gate,
    report,
    set_aside,
)
from domain.stuck import no_more_words, wait_for_word, word_for
from entities.context import EntityContext, UnknownOperation

READS = ("standing",)


def desk(context: EntityContext) -> None:
    """Open, read or close a gate; take a decision or a word of control; tell or note where the run's parts stand.

    Whoever reads or closes a gate says what time it is, and so does who takes the minutes, which closes them all.
    """
    state: State = {**EMPTY, **(context.get_state() or {})}
    request = context.get_input() or {}
    if "at" in request and context.operation_name in ("read", "close", "minutes"):
        state = look(state, request["at"])
    match context.operation_name:
        case "open":
            state = open_gate(state, request)
        case "read":
            pass
        case "set_aside":
            state = set_aside(state, request)
        case "minutes":
            state = close_all(state)
            context.set_state(state)
            context.set_result({"refused": state["refused"]})
            return
        case "decide":
            state = decide(state, request)
        case "close":
            state = close_gate(state, request["gate"])
        case "control":
            state = control(state, request)
        case "wait":
            state = wait_for_word(state, request["step"], request["bell"])
        case "unwait":
            state = no_more_words(state, request["step"])
        case "report":
            state = report(state, request["name"], request["state"])
        case operation if operation in READS:
            pass
        case other:
            raise UnknownOperation("desk", other)
    if context.operation_name not in READS:
        context.set_state(state)
    context.set_result(_answer(state, request.get("gate"), request.get("step")))


def _answer(state: State, name: str | None, step: str | None) -> dict[str, Any]:
    """Return the gate that was asked about, what the run has to heed, and where its parts stand."""
    gate = state["gates"].get(name) or {"rings": 0, "decision": None, "approvals": []}
    return {
        "rings": gate["rings"],
        "decision": gate["decision"],
        "approvals": gate["approvals"],
        "standing": standing_of(state["controls"]).wire(),
        "states": state["states"],
        "word": word_for(state, step),
    }
