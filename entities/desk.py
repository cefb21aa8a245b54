"""The desk of one run: which questions are open, and every answer ever laid on it."""

from __future__ import annotations

from typing import Any

from domain.desk import State, close_gate, decide, open_gate
from entities.context import EntityContext, UnknownOperation


def desk(context: EntityContext) -> None:
    """Open a gate, lay a decision on the desk, read or close the gate."""
    state: State = context.get_state() or {"gates": {}, "refused": []}
    request = context.get_input()
    match context.operation_name:
        case "open":
            state = open_gate(state, request)
        case "decide":
            state = decide(state, request)
        case "close":
            state = close_gate(state, request["gate"])
        case "read":
            pass
        case other:
            raise UnknownOperation("desk", other)
    context.set_state(state)
    context.set_result(_answer(state, request["gate"]))


def _answer(state: State, name: str) -> dict[str, Any]:
    gate = state["gates"].get(name) or {"rings": 0, "decision": None}
    return {"rings": gate["rings"], "decision": gate["decision"]}
