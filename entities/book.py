"""The book of runs: the newest of them in the order in which they began.

The engine's own list holds each run's children too, by the hundred, and cannot be asked for the newest: the book can.
"""

from __future__ import annotations

from typing import Any

from entities.context import EntityContext, UnknownOperation

KEPT = 2000


def book(context: EntityContext) -> None:
    """Enter a run; entering one twice changes nothing, and of very many the oldest leave the book."""
    state: dict[str, Any] = context.get_state() or {"runs": []}
    if context.operation_name != "enter":
        raise UnknownOperation("book", context.operation_name)
    run = context.get_input()
    if all(known["run"] != run["run"] for known in state["runs"]):
        state = {"runs": [*state["runs"], run][-KEPT:]}
    context.set_state(state)
    context.set_result({"runs": len(state["runs"])})
