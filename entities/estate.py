"""The failovers that began in the whole estate, across applications, for as long as it matters how many they were."""

from __future__ import annotations

from datetime import datetime

from domain.guardrails import begin, others_of
from entities.context import EntityContext, UnknownOperation


def estate(context: EntityContext) -> None:
    """Count the start of a run once, and tell how many others began within the hour before."""
    state = context.get_state() or {}
    if context.operation_name != "begin":
        raise UnknownOperation("estate", context.operation_name)
    request = context.get_input()
    run, at = request["run"], datetime.fromisoformat(request["at"])
    others = others_of(state, run, at)
    state = begin(state, run, at, request.get("limit"))
    context.set_state(state)
    context.set_result({"others": others, "counted": run in state["starts"]})
