"""The signals of one region, folded so that a duplicate or a late one cannot matter, and the incidents they add up to.

What was set aside is kept too, newest last, so that nothing that arrived is lost without a trace; the whole of it is in
the record that the doors write before they answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from domain.fold import fold, objection_to, without_future
from domain.outlook import Watched, outlook_of
from domain.signals import Signal
from domain.stance import Stance, look
from entities.context import EntityContext, UnknownOperation

KEPT_ASIDE = 200
LOOK_BACK_SECONDS = 3600
TOLD = 100  # a run's record names this many signals at most, the newest; the region keeps the rest
FORGOTTEN_AFTER = timedelta(days=7)

State = dict[str, Any]
EMPTY: State = {"signals": {}, "aside": [], "looked_at": None, "stances": {}}


def region(context: EntityContext) -> None:
    """Observe a signal, set an event aside, look at what it means, note what came of it; tell signals and incidents."""
    state: State = {**EMPTY, **(context.get_state() or {})}
    request = context.get_input()
    match context.operation_name:
        case "observe":
            state = observe(state, Signal.model_validate(request))
        case "set_aside":
            state = _aside(state, request)
        case "look":
            state = look_around(state, request)
            context.set_result({plan: _shown(s) for plan, s in state["stances"].items()})
        case "note":
            state = note(state, request)
        case "since":
            context.set_result({"signals": since(state, request["at"])})
        case "incidents":
            stances = state["stances"].values()
            open_now = [stance["incident"]["id"] for stance in stances if stance["incident"]]
            context.set_result({"incidents": sorted(open_now)})
        case other:
            raise UnknownOperation("region", other)
    context.set_state(state)


def observe(state: State, signal: Signal) -> State:
    """Fold one signal in, as of the last look; one of another time is set aside."""
    if state["looked_at"] is not None:
        objection = objection_to(signal, datetime.fromisoformat(state["looked_at"]))
        if objection:
            return _aside(state, {"id": signal.id, "because": objection})
    return {**state, "signals": fold(state["signals"], signal)}


def look_around(state: State, request: dict[str, Any]) -> State:
    """Fold in what was seen, and judge what all signals mean for each plan that is watched."""
    now = datetime.fromisoformat(request["at"])
    signals, ahead = without_future(state["signals"], now)
    for wire in ahead:
        because = objection_to(Signal.model_validate(wire), now)
        state = _aside(state, {"id": wire["id"], "because": because})
    for wire in request["signals"]:
        signals = fold(signals, Signal.model_validate(wire))
    stances = dict(state["stances"])
    for wire in request["watched"]:
        watched = Watched.model_validate(wire)
        stance = Stance.model_validate(stances.get(watched.plan, {}))
        outlook = outlook_of(watched, signals, now)
        stances[watched.plan] = look(stance, watched, outlook, now).wire()
    kept = {
        plan: stance
        for plan, stance in stances.items()
        if now - datetime.fromisoformat(stance["looked_at"]) < FORGOTTEN_AFTER
    }
    looked_at = max(filter(None, (state["looked_at"], request["at"])), key=datetime.fromisoformat)
    return {**state, "signals": signals, "stances": kept, "looked_at": looked_at}


def note(state: State, request: dict[str, Any]) -> State:
    """Note what came of an incident, and up to which verdict the record has them."""
    known = state["stances"].get(request["plan"])
    if known is None:
        return state
    stance = Stance.model_validate(known)
    stance = stance.model_copy(update={"kept": max(stance.kept, request.get("kept", 0))})
    incident = request.get("incident")
    if incident and stance.incident and stance.incident.id == incident and stance.run is None:
        stance = stance.model_copy(update={"run": request["run"]})
    return {**state, "stances": {**state["stances"], request["plan"]: stance.wire()}}


def since(state: State, at: str) -> list[dict[str, Any]]:
    """Return the signals of the hour before a time and of all that followed, oldest first, the newest `TOLD`."""
    earliest = datetime.fromisoformat(at) - timedelta(seconds=LOOK_BACK_SECONDS)
    signals = [Signal.model_validate(wire) for wire in state["signals"].values()]
    recent = sorted((s for s in signals if s.at >= earliest), key=lambda s: (s.at, s.id))
    return [signal.wire() for signal in recent[-TOLD:]]


def _aside(state: State, what: dict[str, Any]) -> State:
    return {**state, "aside": [*state["aside"], what][-KEPT_ASIDE:]}


def _shown(stance: dict[str, Any]) -> dict[str, Any]:
    """Return what a look answers of a stance: the rest stays in the entity."""
    return {"verdict": stance["verdict"], "incident": stance["incident"], "run": stance["run"]}
