"""The durable engine: event-sourced, on one SQLite file, replayed by the real SDK.

Killed at any point, it goes on from the file: a turn is written whole or not at all, an activity
whose result was not written runs again.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from local.clock import Clock
from local.host import history
from local.host.contract import (
    App,
    FunctionFailed,
    FunctionNotFound,
    InstanceBusy,
    InstanceEnded,
    InstanceNotFound,
    Status,
)
from local.host.decisions import BUSY, Decisions
from local.host.dispatch import Dispatcher
from local.host.entities import Entities, entity_id, is_entity
from local.host.functions import KnownFunctions
from local.host.history import EventType, decoded, stamp, unstamp
from local.host.orchestrations import Orchestrations
from local.host.rewind import rewind
from local.host.store import ENDED, Instance, Store, Task, Transaction

_log = logging.getLogger(__name__)


class DurableEngine:
    """The engine of one app on one file; see `contract.Engine` for what each method promises."""

    def __init__(
        self,
        app: App,
        file: Path,
        clock: Clock,
        *,
        default_version: str | None = None,
        activity_threads: int = 8,
        turn_threads: int = 4,
    ) -> None:
        self._app = app
        self._clock = clock
        self._known = KnownFunctions(app)
        self._store = Store(file, self._committed)
        self._decisions = Decisions(default_version)
        self._orchestrations = Orchestrations(app, self._known, self._store, clock, self._decisions)
        self._entities = Entities(app, self._known, self._store, clock)
        self._stopped = False
        self._dispatcher = Dispatcher(
            clock, self._turn, self._activity, self._fire, turn_threads, activity_threads
        )

    # -- life --------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work on what the file holds; returns at once."""
        self._dispatcher.add(*self._store.unfinished())
        self._dispatcher.start()

    def stop(self, patience: float = 5.0) -> None:
        """Stop working and close the file; waits for what runs, at most ``patience`` seconds."""
        self._dispatcher.stop(patience)
        self._stopped = True
        self._store.close()

    def busy(self) -> bool:
        """Say whether something is running or ready to run now, at the clock's present time."""
        return self._dispatcher.busy()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until `busy` is false, at most ``timeout`` wall seconds; say whether it is."""
        return self._dispatcher.wait_idle(timeout)

    def next_due(self) -> datetime | None:
        """Return the story time of the earliest timer that has not fired, if any."""
        return self._dispatcher.next_due()

    def wake(self) -> None:
        """Look at the clock again: somebody moved it."""
        self._dispatcher.wake()

    # -- orchestrations ----------------------------------------------------------------

    def start_new(
        self,
        name: str,
        payload: str | None,
        instance_id: str | None = None,
        version: str | None = None,
    ) -> str:
        """Start an orchestration and return its id."""
        self._known.require("orchestrator", name)
        chosen = instance_id or uuid.uuid4().hex
        if is_entity(chosen):
            raise ValueError(
                f"an orchestration's instance id must not begin with @, as '{chosen}' does"
            )
        with self._transaction() as writes:
            active = writes.active_status(chosen)
            if active is not None:
                raise InstanceBusy(BUSY.format(active))
            now = self._clock.now()
            self._decisions.start(writes, now, chosen, name, payload, version)
        return chosen

    def restart(self, instance_id: str, with_new_id: bool) -> str:
        """Start anew with the same name and input."""
        old = self._found(instance_id)
        return self.start_new(old.name, old.input, None if with_new_id else old.id, old.version)

    def raise_event(self, instance_id: str, name: str, payload: str | None) -> None:
        """Deliver an external event."""
        self._tell(instance_id, history.event_raised(name, payload))

    def terminate(self, instance_id: str, reason: str) -> None:
        """End the instance at once."""
        self._tell(instance_id, history.event(EventType.EXECUTION_TERMINATED, Input=reason))

    def suspend(self, instance_id: str, reason: str) -> None:
        """Hold the instance's events."""
        self._tell(instance_id, history.event(EventType.EXECUTION_SUSPENDED, Reason=reason))

    def resume(self, instance_id: str, reason: str) -> None:
        """Give a suspended instance its held events."""
        self._tell(instance_id, history.event(EventType.EXECUTION_RESUMED, Reason=reason))

    def rewind(self, instance_id: str, reason: str) -> None:
        """Run a failed instance again from its last good point."""
        with self._transaction() as writes:
            rewind(self._store, writes, self._found(instance_id), reason, self._clock.now())

    def purge(self, instance_id: str) -> int:
        """Forget one ended instance; returns how many were forgotten."""
        with self._transaction() as writes:
            found = self._store.instance(instance_id)
            if found is None or not found.has_ended:
                return 0
            writes.forget(instance_id)
        return 1

    def purge_where(
        self,
        created_from: datetime,
        created_to: datetime | None = None,
        statuses: Collection[str] = (),
    ) -> int:
        """Forget the ended instances that match; returns how many."""
        ended = [status for status in ENDED if not statuses or status in statuses]
        if not ended:
            return 0
        where, values = _where(created_from, created_to, ended, None)
        with self._transaction() as writes:
            rows = self._store.rows(f"SELECT id FROM instances WHERE {where}", *values)
            for row in rows:
                writes.forget(row[0])
        return len(rows)

    def status(self, instance_id: str, with_history: bool = False) -> Status:
        """Return the status of one instance."""
        found = self._found(instance_id)
        past = self._store.history(found.execution_id) if with_history else []
        return _status(found, past)

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
        where, values = _where(created_from, created_to, statuses, id_prefix)
        after = int(continuation) if continuation and continuation.isdecimal() else 0
        rows = self._store.rows(
            f"SELECT * FROM instances WHERE {where} AND number > ? ORDER BY number LIMIT ?",
            *values,
            after,
            limit + 1,
        )
        page = [Instance(*row) for row in rows[:limit]]
        token = str(page[-1].number) if len(rows) > limit and page else None
        return [_status(instance, ()) for instance in page], token

    # -- entities ----------------------------------------------------------------------

    def signal_entity(self, name: str, key: str, operation: str, payload: str | None) -> None:
        """Send a one-way operation to an entity."""
        self._known.require("entity", name)
        with self._transaction() as writes:
            writes.send(
                entity_id(name, key),
                {"id": str(uuid.uuid4()), "name": operation, "signal": True, "input": payload},
            )

    def entity_state(self, name: str, key: str) -> str | None:
        """Return an entity's state as JSON text, None where the entity does not exist."""
        rows = self._store.rows("SELECT state FROM entities WHERE id = ?", entity_id(name, key))
        return str(rows[0][0]) if rows else None

    def entities(self, name: str | None = None) -> list[tuple[str, str, datetime]]:
        """Return name, key and time of last operation of the entities that exist."""
        found = []
        for address, updated in self._store.rows("SELECT id, updated_at FROM entities ORDER BY id"):
            its_name, key = address[1:].split("@", 1)
            if name is None or its_name == name.lower():
                found.append((its_name, key, unstamp(updated)))
        return found

    def history_bytes(self) -> Mapping[str, int]:
        """Return the size of every instance's stored history, in bytes of JSON."""
        return dict(
            self._store.rows(
                "SELECT instances.id, coalesce(sum(length(CAST(event AS BLOB))), 0) "
                "FROM instances LEFT JOIN history USING (execution_id) GROUP BY instances.id"
            )
        )

    # -- what the threads run ----------------------------------------------------------

    def _turn(self, target: str) -> None:
        if is_entity(target):
            self._entities.turn(target)
        else:
            self._orchestrations.turn(target)

    def _activity(self, task: Task) -> None:
        try:
            self._known.require("activity", task.name)
            answer = self._app.run_activity(task.name, task.payload)
            result = history.task_completed(task.task_id, answer)
        except FunctionNotFound as missing:
            result = history.task_failed(task.task_id, str(missing), "")
        except FunctionFailed as failure:
            reason = f"Activity function '{task.name}' failed:  {failure.reason}"
            result = history.task_failed(task.task_id, reason, failure.details)
        if self._stopped:
            _log.info("activity %s ended after the host did; it will run again", task.name)
            return
        with self._store.transaction() as writes:
            writes.settle(task, result)

    def _fire(self, timers: Sequence[int]) -> None:
        with self._store.transaction() as writes:
            writes.fire(timers)

    # -- within ------------------------------------------------------------------------

    def _committed(self, writes: Transaction) -> None:
        self._dispatcher.take(writes)

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """Write something a caller asked for, without being found idle halfway through."""
        with self._dispatcher.working(), self._store.transaction() as writes:
            yield writes

    def _found(self, instance_id: str) -> Instance:
        found = self._store.instance(instance_id)
        if found is None:
            raise InstanceNotFound(f"there is no instance '{instance_id}'")
        return found

    def _tell(self, instance_id: str, message: history.Event) -> None:
        with self._transaction() as writes:
            found = self._found(instance_id)
            if found.has_ended:
                raise InstanceEnded(f"instance '{instance_id}' has ended: {found.status}")
            writes.send(instance_id, message)


def _where(
    created_from: datetime | None,
    created_to: datetime | None,
    statuses: Collection[str],
    id_prefix: str | None,
) -> tuple[str, list[object]]:
    """Return the SQL that selects instances, and its values."""
    conditions, values = ["TRUE"], list[object]()
    if created_from is not None:
        conditions.append("created_at >= ?")
        values.append(stamp(created_from))
    if created_to is not None:
        conditions.append("created_at <= ?")
        values.append(stamp(created_to))
    if statuses:
        conditions.append(f"status IN ({', '.join('?' * len(statuses))})")
        values.extend(statuses)
    if id_prefix:
        conditions.append("substr(id, 1, ?) = ?")
        values.extend((len(id_prefix), id_prefix))
    return " AND ".join(conditions), values


def _status(instance: Instance, past: Sequence[str]) -> Status:
    return Status(
        instance_id=instance.id,
        name=instance.name,
        runtime_status=instance.status,
        created_at=unstamp(instance.created_at),
        updated_at=unstamp(instance.updated_at),
        input=decoded(instance.input),
        custom_status=decoded(instance.custom_status),
        output=decoded(instance.output),
        history=[json.loads(event) for event in past],
    )
