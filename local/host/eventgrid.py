"""The Event Grid webhook: handshakes, batches in both schemas, one invocation per event."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from local.host.answer import Answer
from local.host.app import Function
from local.host.invoke import event

TRIGGER = "eventGridTrigger"
_CLOUD_BATCH = "application/cloudevents-batch+json"
_CLOUD_SINGLE = "application/cloudevents+json"

_log = logging.getLogger(__name__)

Begin = Callable[[Function, Any], "Future[Any]"]


class EventGridWebhook:
    """Answers what Event Grid sends to `/runtime/webhooks/EventGrid?functionName=F`."""

    def __init__(self, functions: Mapping[str, Function], begin: Begin) -> None:
        self._functions = {
            name: function
            for name, function in functions.items()
            if function.trigger_type == TRIGGER
        }
        self._begin = begin

    async def answer(
        self, method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer one delivery; the headers' names are in lower case."""
        name = query.get("functionName", "")
        function = self._functions.get(name)
        if function is None:
            return Answer.of_text(404, f"cannot find function: '{name}'")
        if method == "OPTIONS":
            return _allow(headers)
        if method != "POST":
            return Answer(404)
        return await self._deliver(function, headers, body)

    async def _deliver(self, function: Function, headers: Mapping[str, str], body: bytes) -> Answer:
        kind = headers.get("aeg-event-type", "").lower()
        if not kind and _is_cloud(headers):
            kind = "notification"
        if kind == "unsubscribe":
            return Answer(202)
        if kind not in ("subscriptionvalidation", "notification"):
            return Answer(400)
        try:
            content = json.loads(body)
            if kind == "subscriptionvalidation":
                return _validate(content)
            events = _events(content)
        except (ValueError, LookupError, TypeError) as error:
            return Answer.of_text(400, f"the body is not what Event Grid sends: {error!r}")
        return await self._notify(function, events)

    async def _notify(self, function: Function, events: list[dict[str, Any]]) -> Answer:
        """Run the function once per event, all at once; one failure asks for the whole again."""
        runs = [asyncio.wrap_future(self._begin(function, event(each))) for each in events]
        results = await asyncio.gather(*runs, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                reason = f"Exception while executing function: Functions.{function.name}"
                return Answer.of_text(500, reason)
        return Answer(202)


def _is_cloud(headers: Mapping[str, str]) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type in (_CLOUD_SINGLE, _CLOUD_BATCH)


def _allow(headers: Mapping[str, str]) -> Answer:
    """Answer the CloudEvents handshake: the origin that asks may deliver, at any rate."""
    origin = headers.get("webhook-request-origin")
    if not origin:
        return Answer(400)
    allowed = (("WebHook-Allowed-Origin", origin), ("WebHook-Allowed-Rate", "*"))
    return Answer(200, headers=allowed)


def _validate(content: Any) -> Answer:
    data = content[0]["data"] if isinstance(content, list) else content["data"]
    if isinstance(data, str):  # CloudEvents carry the data of a validation encoded twice
        data = json.loads(data)
    return Answer.of_json(200, {"validationResponse": str(data["validationCode"])})


def _events(content: Any) -> list[dict[str, Any]]:
    events = content if isinstance(content, list) else [content]
    for each in events:
        if not isinstance(each, dict):
            raise ValueError(f"an event must be a JSON object, not {type(each).__name__}")
    return events
