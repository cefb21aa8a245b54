"""The kill switch of the estate: while it is on, no run moves by itself."""

from __future__ import annotations

from domain.guardrails import Pulled
from entities.context import EntityContext, UnknownOperation


def kill_switch(context: EntityContext) -> None:
    """Set the switch, or tell where it stands; the newest word by its own time counts, however late it comes."""
    stands = Pulled.model_validate(context.get_state() or {})
    match context.operation_name:
        case "set":
            said = Pulled.model_validate(context.get_input())
            newer = stands.at is None or (said.at is not None and said.at >= stands.at)
            stands = said if newer else stands
            context.set_state(stands.wire())
        case "read":
            pass
        case other:
            raise UnknownOperation("kill_switch", other)
    context.set_result(stands.wire())
