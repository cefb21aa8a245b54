"""Rewind: take the failures out of a failed instance's history and let it try them again."""

from __future__ import annotations

import json
from datetime import datetime

from local.host import history
from local.host.contract import InstanceEnded
from local.host.history import Event, EventType, stamp
from local.host.store import Instance, Store, Transaction

_FAILED = (EventType.TASK_FAILED, EventType.SUB_ORCHESTRATION_FAILED)
_SCHEDULED = (EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED)


def rewind(
    store: Store, writes: Transaction, instance: Instance, reason: str, now: datetime
) -> None:
    """Make an instance that failed Running again, and those of its children that failed.

    As in Azure, a failed activity becomes unscheduled, so that the orchestrator asks for it anew,
    and a failed sub-orchestration is rewound itself, so that its parent hears of it again.
    """
    if instance.status in ("Completed", "Terminated"):
        raise InstanceEnded(f"instance '{instance.id}' cannot be rewound: {instance.status}")
    if instance.status != "Failed":
        return
    past = [json.loads(text) for text in store.history(instance.execution_id)]
    failed = {event["TaskScheduledId"] for event in past if event["EventType"] in _FAILED}
    kept: list[Event] = []
    for event in past:
        kind = event["EventType"]
        if kind == EventType.SUB_ORCHESTRATION_CREATED and event["EventId"] in failed:
            child = store.instance(event["InstanceId"])
            if child is not None and child.parent_execution_id == instance.execution_id:
                rewind(store, writes, child, reason, now)
                kept.append(event)
                continue
        is_failure = kind in _FAILED or (kind in _SCHEDULED and event["EventId"] in failed)
        if is_failure or kind == EventType.EXECUTION_COMPLETED:
            event = {
                **history.event(EventType.GENERIC_EVENT, Data=f"Rewound: {reason}"),
                "Timestamp": event["Timestamp"],
            }
        kept.append(event)
    writes.drop_history(instance.execution_id)
    writes.append(instance.execution_id, kept, position=0)
    writes.update(instance.id, status="Running", output=None, updated_at=stamp(now))
    writes.send(instance.id, history.event(EventType.GENERIC_EVENT, Data=f"Rewound: {reason}"))
