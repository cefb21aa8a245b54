"""What may happen on the desk of a run: gates open and close, and decisions count or are kept with the reason why not.

A decision counts if its gate is open, it names the plan digest that was asked about, it comes from somebody else than
who asked for the run, and it is the first.
"""

from __future__ import annotations

from typing import Any

State = dict[str, Any]
KEPT_REFUSALS = 200


def open_gate(state: State, question: dict[str, Any]) -> State:
    """Open a gate; one that was opened before stays as it is."""
    if question["gate"] in state["gates"]:
        return state
    gate = {
        "digest": question["digest"],
        "requestedBy": question["requested_by"],
        "bell": question["bell"],
        "open": True,
        "rings": 0,
        "decision": None,
    }
    return {**state, "gates": {**state["gates"], question["gate"]: gate}}


def decide(state: State, decision: dict[str, Any]) -> State:
    """Lay a decision on the desk: it counts, or it is kept with the reason why it does not."""
    objection = objection_to(state, decision)
    if objection:
        return {
            **state,
            "refused": [*state["refused"], {**decision, "because": objection}][-KEPT_REFUSALS:],
        }
    gate = state["gates"][decision["gate"]]
    decided = {**gate, "open": False, "rings": gate["rings"] + 1, "decision": decision}
    return {**state, "gates": {**state["gates"], decision["gate"]: decided}}


def close_gate(state: State, name: str) -> State:
    """Close a gate; answers that come now are late."""
    gate = state["gates"].get(name)
    if gate is None:
        return state
    return {**state, "gates": {**state["gates"], name: {**gate, "open": False}}}


def objection_to(state: State, decision: dict[str, Any]) -> str | None:
    """Return why a decision does not count, or None if it does."""
    gate = state["gates"].get(decision["gate"])
    if gate is None:
        return f"this run asks nothing at gate {decision['gate']}"
    if gate["decision"]:
        return f"gate {decision['gate']} was decided by {gate['decision']['by']}"
    if not gate["open"]:
        return f"gate {decision['gate']} is closed"
    if decision["digest"] != gate["digest"]:
        return "the decision is about another plan digest than the one asked about"
    if decision["by"].casefold() == gate["requestedBy"].casefold():  # Entra compares names so
        return f"{decision['by']} asked for this run and cannot decide about it; somebody else must"
    return None
