"""Ask an entity as the engine does: one operation after the other on its state, which is JSON in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from entities.context import EntityContext


class Turn:
    """One operation on one entity."""

    def __init__(self, state: Any, operation: str, request: Any) -> None:
        self.operation_name: str | None = operation
        self.state = state
        self.request = request
        self.result: Any = None

    def get_input(self) -> Any:
        return self.request

    def get_state(self) -> Any:
        return self.state

    def set_state(self, state: Any) -> None:
        self.state = state

    def set_result(self, result: Any) -> None:
        self.result = result


class Asked:
    """An entity and what it remembers."""

    def __init__(self, entity: Callable[[EntityContext], None]) -> None:
        self._entity = entity
        self._stored = "null"

    @property
    def state(self) -> Any:
        """Return what is remembered."""
        return json.loads(self._stored)

    def __call__(self, operation: str, **request: Any) -> Any:
        turn = Turn(self.state, operation, json.loads(json.dumps(request)))
        self._entity(turn)
        self._stored = json.dumps(turn.state)
        return turn.result
