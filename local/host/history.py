"""The events of an instance's history, as the Durable extension spells them to the SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

Event = dict[str, Any]


class EventType(IntEnum):
    """The kinds of history events, numbered as on the wire."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_FAILED = 2
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_ORCHESTRATION_CREATED = 7
    SUB_ORCHESTRATION_COMPLETED = 8
    SUB_ORCHESTRATION_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_SENT = 14
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    GENERIC_EVENT = 17
    HISTORY_STATE = 18
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20


def stamp(when: datetime) -> str:
    """Return a time as history and status spell it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def unstamp(text: str) -> datetime:
    """Return the time that `stamp` spelled."""
    return datetime.fromisoformat(text)


def event(kind: EventType, event_id: int = -1, **fields: Any) -> Event:
    """Return an event that has not happened yet: it has neither a time nor a place in history."""
    return {"EventType": int(kind), "EventId": event_id, **fields}


def happened(what: Event, timestamp: str) -> Event:
    """Return the event as it happened at ``timestamp``, new to the orchestrator."""
    return {**what, "IsPlayed": False, "Timestamp": timestamp}


def task_completed(task_id: int, result: str | None) -> Event:
    """Return the event of an activity that returned."""
    return event(EventType.TASK_COMPLETED, TaskScheduledId=task_id, Result=result)


def task_failed(task_id: int, reason: str, details: str) -> Event:
    """Return the event of an activity that raised."""
    return event(EventType.TASK_FAILED, TaskScheduledId=task_id, Reason=reason, Details=details)


def child_completed(task_id: int, result: str | None) -> Event:
    """Return the event of a sub-orchestration that returned."""
    return event(EventType.SUB_ORCHESTRATION_COMPLETED, TaskScheduledId=task_id, Result=result)


def child_failed(task_id: int, reason: str, details: str | None) -> Event:
    """Return the event of a sub-orchestration that failed or was terminated."""
    return event(
        EventType.SUB_ORCHESTRATION_FAILED, TaskScheduledId=task_id, Reason=reason, Details=details
    )


def timer_fired(timer_id: int, fire_at: str) -> Event:
    """Return the event of a timer that came due."""
    return event(EventType.TIMER_FIRED, TimerId=timer_id, FireAt=fire_at)


def event_raised(name: str, payload: str | None) -> Event:
    """Return the event of an external event, or of an entity's answer to a call."""
    return event(EventType.EVENT_RAISED, Name=name, Input=payload)


def played(what: Event) -> str:
    """Return the JSON of an event as later turns see it."""
    return json.dumps({**what, "IsPlayed": True}, separators=(",", ":"))


def fresh(what: Event) -> str:
    """Return the JSON of an event as the turn that it happens in sees it."""
    return json.dumps(what, separators=(",", ":"))


def decoded(text: str | None) -> Any:
    """Return what a JSON text says, or the text itself where somebody sent something else."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
