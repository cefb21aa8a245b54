"""One mutating run per application, with a fencing token that only ever grows."""

from __future__ import annotations

from typing import Any

from entities.context import EntityContext, UnknownOperation

FREE: dict[str, Any] = {"holder": None, "token": 0}


def lock(context: EntityContext) -> None:
    """Acquire or release the lock of an application, or tell who holds it; asking twice changes nothing."""
    state = context.get_state() or FREE
    request = context.get_input()
    match context.operation_name:
        case "acquire":
            state, answer = acquire(state, request["run"], request.get("under"))
        case "release":
            state, answer = release(state, request["run"])
        case "holder":
            answer = {"holder": state["holder"]}
        case other:
            raise UnknownOperation("lock", other)
    context.set_state(state)
    context.set_result(answer)


def acquire(
    state: dict[str, Any], run: str, under: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the lock to a run if it is free; its token is None when a run holds it that it does not go on under.

    An id names its parents: ``umbrella.3.9`` goes on under ``umbrella.3``, and so under ``umbrella``.
    """
    if state["holder"] is None:
        state = {"holder": run, "token": state["token"] + 1}
    holder = state["holder"]
    held = holder in {run, under} or (under or "").startswith(f"{holder}.")
    return state, {"holder": state["holder"], "token": state["token"] if held else None}


def release(state: dict[str, Any], run: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take the lock back from a run; one that does not hold it changes nothing."""
    if state["holder"] == run:
        state = {**state, "holder": None}
    return state, {"holder": state["holder"]}
