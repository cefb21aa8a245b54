"""The signals of one region, folded so that a duplicate or a late one cannot matter.

Per witness and resource the newest signal by event time wins. What was set aside is kept too, newest last, so that
nothing that arrived is lost without a trace.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from domain.signals import Signal
from entities.context import EntityContext, UnknownOperation

KEPT = 500
LOOK_BACK_SECONDS = 3600
TOLD = 100  # a run's record names this many signals at most, the newest; the region keeps the rest

State = dict[str, Any]


def region(context: EntityContext) -> None:
    """Observe a signal, set an event aside, or tell the signals since a time."""
    state: State = context.get_state() or {"signals": {}, "aside": []}
    request = context.get_input()
    match context.operation_name:
        case "observe":
            state = observe(state, Signal.model_validate(request))
        case "set_aside":
            state = {**state, "aside": [*state["aside"], request][-KEPT:]}
        case "since":
            context.set_result({"signals": since(state, request["at"])})
        case other:
            raise UnknownOperation("region", other)
    context.set_state(state)


def observe(state: State, signal: Signal) -> State:
    """Fold one signal in; the newest per witness and resource stays, ties by id."""
    key = f"{signal.witness.value} {signal.resource.casefold()}"
    known = state["signals"].get(key)
    if known is not None:
        held = Signal.model_validate(known)
        if (held.at, held.id) >= (signal.at, signal.id):
            return state
    signals = {**state["signals"], key: signal.wire()}
    if len(signals) > KEPT:
        del signals[min(signals, key=lambda k: _age(signals[k], k))]
    return {**state, "signals": signals}


def _age(wire: dict[str, Any], key: str) -> tuple[datetime, str, str]:
    """Return what signals are dropped by: no two are alike, so the order in which they came cannot matter."""
    signal = Signal.model_validate(wire)
    return signal.at, signal.id, key


def since(state: State, at: str) -> list[dict[str, Any]]:
    """Return the signals of the hour before a time and of all that followed, oldest first, the newest `TOLD`."""
    earliest = datetime.fromisoformat(at) - timedelta(seconds=LOOK_BACK_SECONDS)
    signals = [Signal.model_validate(wire) for wire in state["signals"].values()]
    recent = sorted((s for s in signals if s.at >= earliest), key=lambda s: (s.at, s.id))
    return [signal.wire() for signal in recent[-TOLD:]]
