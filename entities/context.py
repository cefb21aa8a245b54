"""What an entity sees of the engine."""

from __future__ import annotations

from typing import Any, Protocol


class EntityContext(Protocol):
    """One operation on one entity."""

    @property
    def operation_name(self) -> str | None:
        """Return the operation."""
        ...

    def get_input(self) -> Any:
        """Return the operation's input as plain JSON."""
        ...

    def get_state(self) -> Any:
        """Return the entity's state, None where it has none yet."""
        ...

    def set_state(self, state: Any) -> None:
        """Replace the entity's state."""
        ...

    def set_result(self, result: Any) -> None:
        """Answer the operation."""
        ...


class UnknownOperation(Exception):
    """An entity was asked for something it does not do."""

    def __init__(self, entity: str, operation: str | None) -> None:
        super().__init__(f"{entity} knows no operation {operation!r}")
