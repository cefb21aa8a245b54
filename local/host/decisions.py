"""What an orchestrator decided becomes activities, timers, messages and new instances."""

from __future__ import annotations

import json
import uuid
from datetime import datetime

from local.host import history
from local.host.history import Event, EventType, stamp, unstamp
from local.host.replay import Decision, Kind
from local.host.store import Instance, Transaction

BUSY = "An Orchestration instance with the status {} already exists."


class Decisions:
    """Carries decisions out within the transaction of the turn that made them."""

    def __init__(self, default_version: str | None) -> None:
        self._default_version = default_version

    def start(
        self,
        writes: Transaction,
        now: datetime,
        instance_id: str,
        name: str,
        payload: str | None,
        version: str | None,
        parent: tuple[Instance, int] | None = None,
    ) -> None:
        """Write a new instance; the caller has seen that the id is free."""
        writes.create(
            id=instance_id,
            execution_id=uuid.uuid4().hex,
            name=name,
            version=self._default_version if version is None else version,
            status="Pending",
            input=payload,
            created_at=stamp(now),
            updated_at=stamp(now),
            parent_id=parent and parent[0].id,
            parent_execution_id=parent and parent[0].execution_id,
            parent_task_id=parent and parent[1],
        )

    def carry_out(
        self, writes: Transaction, now: datetime, instance: Instance, decision: Decision
    ) -> Event:
        """Write what the decision asks for and return the event that records it."""
        match decision.kind:
            case Kind.ACTIVITY:
                return _schedule(writes, instance, decision)
            case Kind.SUB_ORCHESTRATION:
                return self._start_child(writes, now, instance, decision)
            case Kind.TIMER:
                return _set_timer(writes, instance, decision)
            case Kind.MESSAGE:
                return _send(writes, instance, decision)

    def _start_child(
        self, writes: Transaction, now: datetime, parent: Instance, decision: Decision
    ) -> Event:
        active = writes.active_status(decision.instance_id)
        payload = json.dumps(decision.input)
        if active is None:
            self.start(
                writes,
                now,
                decision.instance_id,
                decision.name,
                payload,
                decision.version,
                (parent, decision.id),
            )
        else:
            # Simulated: Azure Storage drops such a start, and the parent waits for ever.
            refused = history.child_failed(decision.id, BUSY.format(active), "")
            writes.send(parent.id, refused, parent.execution_id)
        return history.event(
            EventType.SUB_ORCHESTRATION_CREATED,
            decision.id,
            Name=decision.name,
            InstanceId=decision.instance_id,
            Version=decision.version,
            Input=payload,
        )


def _schedule(writes: Transaction, instance: Instance, decision: Decision) -> Event:
    writes.schedule(instance.id, instance.execution_id, decision.id, decision.name, decision.input)
    return history.event(
        EventType.TASK_SCHEDULED,
        decision.id,
        Name=decision.name,
        Version=None,
        Input=decision.input,
    )


def _set_timer(writes: Transaction, instance: Instance, decision: Decision) -> Event:
    due = unstamp(decision.fire_at or "")
    fired = history.timer_fired(decision.id, stamp(due))
    writes.set_timer(due, instance.id, fired, instance.execution_id)
    return history.event(EventType.TIMER_CREATED, decision.id, FireAt=stamp(due))


def _send(writes: Transaction, instance: Instance, decision: Decision) -> Event:
    request = {
        "id": decision.request_id,
        "name": decision.name,
        "signal": decision.is_signal,
        # Encoded once more than the SDK did: entities decode their input twice.
        "input": None if decision.input is None else json.dumps(decision.input),
        "parent": instance.id,
        "parentExecution": instance.execution_id,
    }
    if decision.fire_at is None:
        writes.send(decision.instance_id, request)
    else:
        writes.set_timer(unstamp(decision.fire_at), decision.instance_id, request, None)
    return history.event(
        EventType.EVENT_SENT,
        decision.id,
        InstanceId=decision.instance_id,
        Name=decision.name,
        Input=json.dumps(request),
    )
