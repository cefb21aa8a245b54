"""An app of plain functions in the place of the SDK: each turn is what a script makes of the history so far."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from local.host.replay import ActionType

WAIT = 10


class ScriptedApp:
    """Answers a turn with what a script makes of the history so far."""

    def __init__(self, script: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.script = script
        self.contexts: list[dict[str, Any]] = []
        self.activity: Callable[[str | None], str | None] = lambda payload: payload
        self.entity: Callable[[dict[str, Any]], dict[str, Any]] = _keep_count

    def durable_names(self) -> Mapping[str, frozenset[str]]:
        return {
            "orchestrator": frozenset({"scripted"}),
            "activity": frozenset({"act"}),
            "entity": frozenset({"tally"}),
        }

    def run_orchestrator(self, name: str, context: str) -> str:
        told = json.loads(context)
        self.contexts.append(told)
        return json.dumps(
            {"schemaVersion": 2, "isDone": False, "actions": [[]]} | self.script(told)
        )

    def run_activity(self, name: str, payload: str | None) -> str | None:
        return self.activity(payload)

    def run_entity(self, name: str, context: str) -> str:
        return json.dumps(self.entity(json.loads(context)))


def _keep_count(context: dict[str, Any]) -> dict[str, Any]:
    count = json.loads(context["state"] or "0") + len(context["batch"])
    results = [{"isError": False, "result": str(count)} for _ in context["batch"]]
    return {"entityExists": True, "entityState": json.dumps(count), "results": results}


def act(payload: str = "1") -> dict[str, Any]:
    return {"actionType": ActionType.CALL_ACTIVITY, "functionName": "act", "input": payload}


def heard(context: dict[str, Any], kind: int) -> list[dict[str, Any]]:
    return [event for event in context["history"] if event["EventType"] == kind]


def one_activity(context: dict[str, Any]) -> dict[str, Any]:
    done = heard(context, 5)
    return {"actions": [[act()]], "isDone": bool(done), "output": done and done[0]["Result"]}


def until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads do."""
    pause = threading.Event()
    for _ in range(WAIT * 200):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not happen within 10 s")
