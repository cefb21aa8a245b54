"""What may happen on the desk of a run: gates open and close, and decisions count or are kept with the reason why not.

A decision counts if its gate is open, it names the digest that was asked about, it comes from somebody else than who
asked for the run, of a role that was asked for, and who has not approved before. A rejection is final, and so is the
last approval that is needed; only breaking the glass passes a gate alone.
"""

from __future__ import annotations

from typing import Any

from domain.approval import Terms
from domain.controls import STEP_WORDS, ControlVerb, objection_to_control
from domain.policy import BreakGlass
from domain.run import Verdict
from domain.stuck import objection_to_word, take_word

State = dict[str, Any]
EMPTY: State = {"gates": {}, "refused": [], "controls": [], "states": {}, "stuck": {}}
KEPT_REFUSALS = 100
KEPT_CONTROLS = 200
# What is kept of a question that was withdrawn for another one.
ROUND = ("digest", "approvals", "decision")


def open_gate(state: State, question: dict[str, Any]) -> State:
    """Open a gate. Asked the same again it stays as it is, but rings where it is asked now; about anything else it
    begins anew, and what was said about the former question is kept as its own round."""
    known = state["gates"].get(question["gate"])
    if known and known["digest"] == question["digest"]:
        return _with(state, question["gate"], {**known, "bell": question["bell"]})
    terms = Terms.model_validate(question.get("terms", {}))
    gate = {
        "digest": question["digest"],
        "requestedBy": question["requested_by"],
        "requestedById": question.get("requested_by_id", ""),
        "needed": terms.approvers,
        "roles": list(terms.roles),
        "breakGlass": terms.break_glass.value,
        "bell": question["bell"],
        "open": True,
        "rings": known["rings"] if known else 0,
        "approvals": [],
        "decision": None,
        "former": [*known["former"], {key: known[key] for key in ROUND}] if known else [],
    }
    return _with(state, question["gate"], gate)


def decide(state: State, decision: dict[str, Any]) -> State:
    """Lay a decision on the desk: it counts, or it is kept with the reason why it does not."""
    objection = objection_to(state, decision)
    if objection:
        return set_aside(state, {**decision, "because": objection})
    gate = state["gates"][decision["gate"]]
    approves = decision["verdict"] == Verdict.APPROVE
    approvals = [*gate["approvals"], decision] if approves else gate["approvals"]
    settled = not approves or len(approvals) >= gate["needed"]
    decided = {
        **gate,
        "approvals": approvals,
        "open": not settled,
        "rings": gate["rings"] + 1,
        "decision": decision if settled else None,
    }
    return _with(state, decision["gate"], decided)


def set_aside(state: State, decision: dict[str, Any]) -> State:
    """Keep a decision that does not count; it carries the reason."""
    return {**state, "refused": [*state["refused"], decision][-KEPT_REFUSALS:]}


def close_gate(state: State, name: str) -> State:
    """Close a gate; answers that come now are late."""
    gate = state["gates"].get(name)
    return state if gate is None else _with(state, name, {**gate, "open": False})


def close_all(state: State) -> State:
    """Close every gate: the run asks nothing any more."""
    gates = {name: {**gate, "open": False} for name, gate in state["gates"].items()}
    return {**state, "gates": gates}


def look(state: State, at: str) -> State:
    """Give every decision that has no time yet that of this look: the desk has no clock, the run that looks has one."""

    def seen(decision: dict[str, Any]) -> dict[str, Any]:
        return decision if decision.get("at") else {**decision, "at": at}

    gates = {
        name: {
            **gate,
            "approvals": [seen(each) for each in gate["approvals"]],
            "decision": seen(gate["decision"]) if gate["decision"] else None,
        }
        for name, gate in state["gates"].items()
    }
    return {**state, "gates": gates, "refused": [seen(each) for each in state["refused"]]}


def objection_to(state: State, decision: dict[str, Any]) -> str | None:
    """Return why a decision does not count, or None if it does."""
    name = decision["gate"]
    gate = state["gates"].get(name)
    if gate is None:
        return f"this run asks nothing at gate {name}"
    if decision["digest"] != gate["digest"]:
        return "the decision is about another digest than the one asked about"
    if gate["decision"]:
        return f"gate {name} was decided by {gate['decision']['by']}"
    if not gate["open"]:
        return f"gate {name} is closed"
    return _objection_to_person(gate, decision) or _objection_to_verdict(gate, decision)


def standing_at(gate: dict[str, Any]) -> dict[str, Any]:
    """Return how far a gate is: what is needed, what it got and from whom."""
    by = [decision["by"] for decision in gate["approvals"]]
    return {"needed": gate["needed"], "got": len(by), "approvedBy": by}


def _objection_to_person(gate: dict[str, Any], decision: dict[str, Any]) -> str | None:
    by, roles = decision["by"], {role.casefold() for role in decision.get("roles") or ()}
    if gate["roles"] and not roles & {role.casefold() for role in gate["roles"]}:
        return f"{by} has none of the roles that may decide here: {', '.join(gate['roles'])}"
    asker = {"by": gate["requestedBy"], "byId": gate["requestedById"]}
    alone = decision["verdict"] == Verdict.BREAK_GLASS and gate["breakGlass"] == BreakGlass.ANYONE
    if same_person(asker, decision) and not alone:
        return f"{by} asked for this run and cannot decide about it; somebody else must"
    return None


def _objection_to_verdict(gate: dict[str, Any], decision: dict[str, Any]) -> str | None:
    by = decision["by"]
    match decision["verdict"]:
        case Verdict.BREAK_GLASS:
            if gate["breakGlass"] == BreakGlass.NEVER:
                return "the plan lets nobody go on alone here"
            if not (decision.get("reason") or "").strip():
                return "going on alone needs a reason"
        case Verdict.APPROVE:
            if any(same_person(given, decision) for given in gate["approvals"]):
                return f"{by} has approved already; another person must"
    return None


def same_person(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Say whether two are one person: by their stable ids where both have one, else by their names.

    Neither is told apart by case: Entra compares names so, and writes ids either way.
    """
    if one.get("byId") and other.get("byId"):
        return str(one["byId"]).casefold() == str(other["byId"]).casefold()
    return str(one["by"]).casefold() == str(other["by"]).casefold()


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


def _with(state: State, name: str, gate: dict[str, Any]) -> State:
    return {**state, "gates": {**state["gates"], name: gate}}
