"""What may happen on the desk of a run: gates open and close, and decisions count or are kept with the reason why not.

A decision counts if its gate is open, it names the plan digest that was asked about, it comes from somebody else than
who asked for the run, and it is the first.
"""

from __future__ import annotations

from typing import Any

from domain.controls import STEP_WORDS, ControlVerb, objection_to_control
from domain.stuck import objection_to_word, take_word

State = dict[str, Any]
EMPTY: State = {"gates": {}, "refused": [], "controls": [], "states": {}, "stuck": {}}
KEPT_REFUSALS = 200
KEPT_CONTROLS = 200


def open_gate(state: State, question: dict[str, Any]) -> State:
    """Open a gate; one that was opened before stays as it is, but rings where it is asked now."""
    known = state["gates"].get(question["gate"])
    if known:
        rung = {**known, "bell": question["bell"]}
        return {**state, "gates": {**state["gates"], question["gate"]: rung}}
    gate = {
        "digest": question["digest"],
        "requestedBy": question["requested_by"],
        "requestedById": question.get("requested_by_id", ""),
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
    if _same_person(decision, gate):
        return f"{decision['by']} asked for this run and cannot decide about it; somebody else must"
    return None


def _same_person(decision: dict[str, Any], gate: dict[str, Any]) -> bool:
    """Compare by the directory's ids, which nobody shares; names are compared where one of them is not known."""
    one, other = decision.get("byId", ""), gate.get("requestedById", "")
    if one and other:
        return bool(one.casefold() == other.casefold())
    return bool(decision["by"].casefold() == gate["requestedBy"].casefold())


def control(state: State, word: dict[str, Any]) -> State:
    """Lay a word of control on the desk; what would change nothing is left out, and the pile has an end."""
    laid = state.get("controls", [])
    if useless_word(state, word) or len(laid) >= KEPT_CONTROLS:
        return state
    if word["verb"] in STEP_WORDS:
        state = take_word(state, word)
    return {**state, "controls": [*laid, word]}


def useless_word(state: State, word: dict[str, Any]) -> str | None:
    """Return why a word of control would change nothing, or None if it would."""
    laid = state.get("controls", [])
    objection = objection_to_control(laid, ControlVerb(word["verb"]))
    if objection is None and word["verb"] in STEP_WORDS:
        objection = objection_to_word(state, word)
    return objection


def report(state: State, name: str, stands: str) -> State:
    """Note where a part of the run stands, for those that wait for it."""
    return {**state, "states": {**state.get("states", {}), name: stands}}
