"""What the halves of the host know of each other: the app that runs code, the engine that remembers.

The *app* side loads ``function_app.py`` and invokes functions by name. The *engine* keeps instances,
histories and entities in SQLite and decides what runs next. Neither knows the other's inside; both
speak the JSON that the Durable extension and the out-of-process SDK exchange. The *front* (HTTP,
Event Grid, timers, the management API) speaks to the engine through `Engine` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


class FunctionFailed(Exception):
    """A function of the app raised; the texts are those the Python worker reports."""

    def __init__(self, reason: str, details: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


class App(Protocol):
    """The durable functions of a loaded app, by name; called from several threads at once."""

    def durable_names(self) -> Mapping[str, frozenset[str]]:
        """Return the names by kind: ``orchestrator``, ``activity``, ``entity`` (lower-cased)."""
        ...

    def run_orchestrator(self, name: str, context: str) -> str:
        """Replay one orchestrator over the context JSON and return the SDK's state JSON.

        Raises FunctionFailed with the text the SDK raised when the orchestrator failed.
        """
        ...

    def run_activity(self, name: str, payload: str | None) -> str | None:
        """Run one activity with its JSON input and return its JSON answer; raises FunctionFailed."""
        ...

    def run_entity(self, name: str, context: str) -> str:
        """Run a batch of operations on one entity and return the SDK's entity state JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of one instance, as the management API shows it."""

    instance_id: str
    name: str
    runtime_status: str
    created_at: datetime
    updated_at: datetime
    input: Any = None
    """What the start's body held: a string with JSON in it, where the SDK's client sent it."""
    custom_status: Any = None
    output: Any = None
    history: list[dict[str, Any]] = field(default_factory=list)
    """The raw history events, as the SDK gets them: `EventType` is a number."""


class InstanceBusy(Exception):
    """A new start was refused: an instance of that id is pending, running or suspended."""


class InstanceNotFound(Exception):
    """No instance of that id is known."""


class InstanceEnded(Exception):
    """The instance has ended, so it takes no more messages."""


class FunctionNotFound(Exception):
    """The app has no function of that name and kind."""


class Engine(Protocol):
    """The durable engine as the front sees it. JSON texts go in, JSON values come out.

    A payload is the request body as the management API received it. The SDK's client encodes
    twice, so its body is a JSON string that holds JSON; the SDK's orchestrators, events and
    entities decode accordingly. The engine passes bodies through and adds no encoding.
    """

    def start(self) -> None:
        """Begin to work on what the file holds; returns at once."""
        ...

    def stop(self) -> None:
        """Stop working; what was not finished is taken up by the next start on the same file."""
        ...

    def start_new(
        self,
        name: str,
        payload: str | None,
        instance_id: str | None = None,
        version: str | None = None,
    ) -> str:
        """Start an orchestration; raises InstanceBusy or FunctionNotFound. Returns its id.

        Raises ValueError for an id that begins with @: those are entities.
        """
        ...

    def raise_event(self, instance_id: str, name: str, payload: str | None) -> None:
        """Deliver an external event; raises InstanceNotFound or InstanceEnded."""
        ...

    def terminate(self, instance_id: str, reason: str) -> None:
        """End the instance at once; raises InstanceNotFound or InstanceEnded."""
        ...

    def suspend(self, instance_id: str, reason: str) -> None:
        """Hold the instance's events; raises InstanceNotFound or InstanceEnded."""
        ...

    def resume(self, instance_id: str, reason: str) -> None:
        """Give a suspended instance its held events; raises InstanceNotFound or InstanceEnded."""
        ...

    def rewind(self, instance_id: str, reason: str) -> None:
        """Run a failed instance again from its last good point.

        Raises InstanceNotFound, or InstanceEnded where the instance ended well or was terminated.
        """
        ...

    def restart(self, instance_id: str, with_new_id: bool) -> str:
        """Start anew with the same name and input; raises InstanceNotFound or InstanceBusy."""
        ...

    def purge(self, instance_id: str) -> int:
        """Forget one ended instance; returns how many were forgotten."""
        ...

    def purge_where(
        self,
        created_from: datetime,
        created_to: datetime | None = None,
        statuses: Collection[str] = (),
    ) -> int:
        """Forget the ended instances that match; returns how many."""
        ...

    def status(self, instance_id: str, with_history: bool = False) -> Status:
        """Return the status of one instance; raises InstanceNotFound."""
        ...

    def query(
        self,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        statuses: Collection[str] = (),
        id_prefix: str | None = None,
        limit: int = 100,
        continuation: str | None = None,
    ) -> tuple[list[Status], str | None]:
        """Return a page of instances, oldest first, and the token of the next page if any."""
        ...

    def signal_entity(self, name: str, key: str, operation: str, payload: str | None) -> None:
        """Send a one-way operation to an entity; raises FunctionNotFound."""
        ...

    def entity_state(self, name: str, key: str) -> str | None:
        """Return an entity's state as JSON text, None where the entity does not exist."""
        ...

    def entities(self, name: str | None = None) -> list[tuple[str, str, datetime]]:
        """Return name, key and time of last operation of the entities that exist."""
        ...

    def busy(self) -> bool:
        """Say whether something is running or ready to run now, at the clock's present time."""
        ...

    def next_due(self) -> datetime | None:
        """Return the story time of the earliest timer that has not fired, if any."""
        ...

    def wake(self) -> None:
        """Look at the clock again: somebody moved it."""
        ...

    def history_bytes(self) -> Mapping[str, int]:
        """Return the size of every instance's stored history, in bytes of JSON."""
        ...
