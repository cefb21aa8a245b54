"""History as the management API shows it: names for numbers, an answer merged with its call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.host.history import EventType

_CALLS = ("TaskScheduled", "SubOrchestrationInstanceCreated")
_ANSWERS = {
    "TaskCompleted": "TaskScheduled",
    "TaskFailed": "TaskScheduled",
    "SubOrchestrationInstanceCompleted": "SubOrchestrationInstanceCreated",
    "SubOrchestrationInstanceFailed": "SubOrchestrationInstanceCreated",
}
_WITH_RESULT = ("TaskCompleted", "SubOrchestrationInstanceCompleted", "ExecutionCompleted")
_HIDDEN = {
    "TaskScheduled": ("Version",),
    "SubOrchestrationInstanceCreated": ("Version",),
    "ExecutionStarted": ("Version", "OrchestrationInstance", "ParentInstance", "Tags", "Name"),
    "TimerFired": ("TimerId",),
} | dict.fromkeys(_ANSWERS, ("TaskScheduledId",))
_TURNS = ("OrchestratorStarted", "OrchestratorCompleted")


def shown_history(
    events: Iterable[Mapping[str, Any]], with_input: bool, with_output: bool
) -> list[dict[str, Any]]:
    """Return the events of a history for a reader."""
    shown: list[dict[str, Any]] = []
    calls: dict[tuple[str, int], dict[str, Any]] = {}
    for event in events:
        kind = _kind(event["EventType"])
        if kind in _TURNS:
            continue
        item = _item(kind, event, with_input, with_output)
        if kind in _CALLS:
            calls[kind, event["EventId"]] = item
        elif kind in _ANSWERS:
            call = calls.pop((_ANSWERS[kind], event["TaskScheduledId"]), None)
            if call is not None:
                item |= {"ScheduledTime": call["Timestamp"], "FunctionName": call["Name"]}
                item |= {"Input": call["Input"]} if with_input else {}
                shown = [other for other in shown if other is not call]
        shown.append(item)
    return shown


def _kind(number: int) -> str:
    name = EventType(number).name.title().replace("_", "")
    return name.replace("SubOrchestration", "SubOrchestrationInstance")


def _item(
    kind: str, event: Mapping[str, Any], with_input: bool, with_output: bool
) -> dict[str, Any]:
    hidden = {"EventId", "IsPlayed", *_HIDDEN.get(kind, ())}
    if not with_input:
        hidden.add("Input")
    if kind in _WITH_RESULT and not with_output:
        hidden.add("Result")
    item = {name: value for name, value in event.items() if name not in hidden}
    item["EventType"] = kind
    if kind == "ExecutionStarted":
        item["FunctionName"] = event["Name"]
    if "Result" in item:
        item["Result"] = _value(item["Result"])
    return item


def _value(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text
