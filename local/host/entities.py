"""One turn of an entity: the operations that have come, in order, and the answers to callers."""

from __future__ import annotations

import json
import logging
from typing import Any

from local.clock import Clock
from local.host import history
from local.host.contract import App, FunctionFailed, FunctionNotFound
from local.host.functions import KnownFunctions
from local.host.history import Event, stamp
from local.host.store import Store

_log = logging.getLogger(__name__)


def entity_id(name: str, key: str) -> str:
    """Return the address of an entity; names are compared without case, keys with it."""
    return f"@{name.lower()}@{key}"


def is_entity(target: str) -> bool:
    """Say whether an address is an entity's."""
    return target.startswith("@")


class Entities:
    """Runs batches of operations; the caller sees to it that an entity has one at a time."""

    def __init__(self, app: App, known: KnownFunctions, store: Store, clock: Clock) -> None:
        self._app = app
        self._known = known
        self._store = store
        self._clock = clock

    def turn(self, target: str) -> None:
        """Run the operations that wait for an entity."""
        messages = self._store.messages(target)
        if not messages:
            return
        requests = [message.body for message in messages]
        found = self._store.rows("SELECT state FROM entities WHERE id = ?", target)
        answer = self._run(target, found[0][0] if found else None, bool(found), requests)
        with self._store.transaction() as writes:
            writes.take(messages)
            exists, state = answer["entityExists"], answer["entityState"]
            writes.keep_entity(target, state, exists, stamp(self._clock.now()))
            for request, result in zip(requests, answer["results"], strict=True):
                if not request["signal"]:
                    caller, execution = request["parent"], request["parentExecution"]
                    if writes.is_current(caller, execution):
                        reply = history.event_raised(request["id"], _reply(result))
                        writes.send(caller, reply, execution)
                elif result["isError"]:
                    _log.warning("%s %s: %s", target, request["name"], result["result"])

    def _run(
        self, target: str, state: str | None, exists: bool, requests: list[Event]
    ) -> dict[str, Any]:
        """Ask the SDK; where it could not run at all, every operation failed and nothing changed."""
        name, key = target[1:].split("@", 1)
        context = {
            "self": {"name": name, "key": key},
            "exists": exists,
            "state": state,
            "batch": requests,
        }
        try:
            self._known.require("entity", name)
            answer: dict[str, Any] = json.loads(self._app.run_entity(name, json.dumps(context)))
        except (FunctionFailed, FunctionNotFound) as failure:
            failed = {"isError": True, "result": json.dumps(str(failure))}
            return {
                "entityExists": exists,
                "entityState": state,
                "results": [failed] * len(requests),
            }
        return answer


def _reply(result: dict[str, Any]) -> str:
    reply = {"result": result["result"]}
    if result["isError"]:
        reply["exceptionType"] = "Exception"
    return json.dumps(reply)
