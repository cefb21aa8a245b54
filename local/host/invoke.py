"""Invoke functions as the Python worker does: build what triggers pass, turn answers back."""

from __future__ import annotations

import inspect
import json
import logging
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import azure.functions as func
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.http import HttpRequestConverter, HttpResponseConverter
from azure.functions.meta import Datum
from azure.functions.timer import TimerRequestConverter

from local.host.answer import Answer
from local.host.app import Function, LoadedApp
from local.host.durable_client import DurableUrls

_log = logging.getLogger(__name__)


class Activity:
    """Counts what the front has in hand, so that virtual time waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_hand = 0
        self._begun = 0

    def begin(self) -> None:
        """Take one more thing in hand."""
        with self._lock:
            self._in_hand += 1
            self._begun += 1

    def end(self) -> None:
        """Put one thing down."""
        with self._lock:
            self._in_hand -= 1

    def read(self) -> tuple[int, int]:
        """Return how much is in hand now and how much was ever begun."""
        with self._lock:
            return self._in_hand, self._begun


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The trace headers of a request."""

    Traceparent: str = ""
    Tracestate: str = ""
    Attributes: dict[str, str] = field(default_factory=dict)

    @property
    def trace_parent(self) -> str:
        """Return the traceparent header."""
        return self.Traceparent

    @property
    def trace_state(self) -> str:
        """Return the tracestate header."""
        return self.Tracestate

    @property
    def attributes(self) -> dict[str, str]:
        """Return the attributes of the trace."""
        return self.Attributes


@dataclass(frozen=True, slots=True)
class InvocationContext:
    """What a function gets that names a parameter `context`."""

    function_name: str
    function_directory: str
    invocation_id: str
    trace_context: TraceContext = field(default_factory=TraceContext)
    retry_context: None = None
    thread_local_storage: threading.local = field(default_factory=threading.local)


class Invoker:
    """Runs functions of the app with all their bindings filled in."""

    def __init__(self, app: LoadedApp, urls: DurableUrls, activity: Activity) -> None:
        self._app = app
        self._urls = urls
        self._activity = activity
        app.fill = self._arguments

    def begin(self, function: Function, value: Any) -> Future[Any]:
        """Begin to run a function with its trigger's value; a failure is logged, and the future's."""
        self._activity.begin()
        try:
            running = self._app.submit(function, self._arguments(function, value))
        except BaseException as error:  # what the call itself raises is the function's failure too
            running = Future()
            running.set_exception(error)
        running.add_done_callback(lambda done: self._ended(function, done))
        return running

    def _ended(self, function: Function, done: Future[Any]) -> None:
        self._activity.end()
        error = None if done.cancelled() else done.exception()
        if error is not None:
            stack = "".join(traceback.format_exception(error))
            _log.error("function %s failed\n%s", function.name, stack)

    def _arguments(self, function: Function, value: Any) -> dict[str, Any]:
        arguments = {function.argument: value}
        for binding in function.bindings:
            if binding["type"] == "durableClient":
                arguments[str(binding["name"])] = self._urls.client(
                    binding.get("taskHub"), binding.get("connectionName")
                )
        if "context" not in arguments and _takes_context(function):
            arguments["context"] = InvocationContext(
                function.name, str(self._app.directory), str(uuid4())
            )
        return arguments


def _takes_context(function: Function) -> bool:
    return "context" in inspect.signature(function.python).parameters


def request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    route_params: Mapping[str, str],
    body: bytes,
) -> func.HttpRequest:
    """Build the request object of an HTTP trigger."""

    def strings(values: Mapping[str, str]) -> dict[str, Datum]:
        return {name: Datum(value, "string") for name, value in values.items()}

    parts = {
        "method": Datum(method, "string"),
        "url": Datum(url, "string"),
        "headers": strings(headers),
        "query": strings(query),
        "params": strings(route_params),
        "body": Datum(body, "bytes"),
    }
    built: func.HttpRequest = HttpRequestConverter.decode(Datum(parts, "http"), trigger_metadata={})
    return built


def response(returned: Any) -> Answer:
    """Turn what an HTTP function returned into an answer; TypeError for what cannot be one."""
    try:
        encoded = HttpResponseConverter.encode(returned, expected_type=None)
    except NotImplementedError:
        raise TypeError(
            f"an HTTP function must return func.HttpResponse or str, not {type(returned).__name__}"
        ) from None
    if encoded.type == "string":
        return Answer.of_text(200, encoded.value)
    headers = [(name, value.value) for name, value in encoded.value["headers"].items()]
    for cookie in encoded.value["cookies"] or ():
        headers += [("Set-Cookie", morsel.OutputString()) for morsel in cookie.values()]
    status = int(encoded.value["status_code"].value)
    return Answer(status, encoded.value["body"].value, tuple(headers))


def event(content: Mapping[str, Any]) -> func.EventGridEvent | func.CloudEvent:
    """Build the event object of an Event Grid trigger, in the schema that the content has."""
    built: func.EventGridEvent | func.CloudEvent = EventGridEventInConverter.decode(
        Datum(json.dumps(content), "json"), trigger_metadata={}
    )
    return built


def timer(past_due: bool, last: datetime | None, following: datetime | None) -> func.TimerRequest:
    """Build the object of a timer trigger."""
    info = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": last.isoformat() if last else "0001-01-01T00:00:00+00:00",
            "LastUpdated": last.isoformat() if last else "0001-01-01T00:00:00+00:00",
            "Next": following.isoformat() if following else "0001-01-01T00:00:00+00:00",
        },
        "IsPastDue": past_due,
    }
    built: func.TimerRequest = TimerRequestConverter.decode(
        Datum(json.dumps(info), "json"), trigger_metadata={}
    )
    return built
