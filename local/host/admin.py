"""The admin interface: run any function by hand, see what is loaded."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from local.host import eventgrid, invoke, timers
from local.host.answer import Answer
from local.host.app import Function, LoadedApp
from local.host.contract import Engine, FunctionFailed

_log = logging.getLogger(__name__)

Begin = Callable[[Function, Any], "Future[Any]"]


class Admin:
    """Answers `/admin/...`; its methods may block on the engine."""

    def __init__(self, app: LoadedApp, engine: Engine, begin: Begin) -> None:
        self._app = app
        self._engine = engine
        self._begin = begin

    def answer(self, method: str, parts: list[str], body: bytes) -> Answer:
        """Answer a request for the parts of the path below `/admin`."""
        match method, *(part.lower() for part in parts):
            case "GET", "host", "status":
                return Answer.of_json(200, {"state": "Running", "version": "4.0"})
            case (("GET" | "POST"), "host", "ping"):
                return Answer(200)
            case "GET", "functions":
                shown = [_shown(function) for function in self._app.functions.values()]
                return Answer.of_json(200, shown)
            case "GET", "functions", name:
                function = self._named(name)
                return Answer.of_json(200, _shown(function)) if function else Answer(404)
            case "POST", "functions", name:
                function = self._named(name)
                return self._run(function, body) if function else Answer(404)
        return Answer(404)

    def _named(self, name: str) -> Function | None:
        for function in self._app.functions.values():
            if function.name.lower() == name:
                return function
        return None

    def _run(self, function: Function, body: bytes) -> Answer:
        try:
            content = json.loads(body or b"{}")
            given = content.get("input") if isinstance(content, dict) else None
            if not isinstance(content, dict) or not isinstance(given, str | None):
                raise ValueError("it must be an object whose input is a string")
            return self._run_with(function, given)
        except ValueError as error:
            return Answer.of_text(400, f'The body must be JSON like {{"input": "..."}}: {error}')

    def _run_with(self, function: Function, given: str | None) -> Answer:
        """Begin to run the function on the text given; ValueError where it does not fit."""
        kind, name = function.durable or (function.trigger_type, function.name)
        if kind == timers.TRIGGER:
            self._begin(function, invoke.timer(False, None, None))
        elif kind == eventgrid.TRIGGER:
            event = json.loads(given or "null")
            if not isinstance(event, dict):
                raise ValueError("the input of an Event Grid function is the JSON of one event")
            self._begin(function, invoke.event(event))
        elif kind == "httpTrigger":
            method = sorted(function.methods & {"POST", "GET"}, reverse=True) or ["POST"]
            body = (given or "").encode()
            url = f"http://localhost/admin/functions/{function.name}"
            self._begin(function, invoke.request(method[0], url, {}, {}, {}, body))
        elif kind == "orchestrator":
            self._engine.start_new(name, given)
        elif kind == "activity":
            self._run_activity(name, given)
        else:
            raise ValueError(f"a function with {function.trigger_type} cannot be run by hand")
        return Answer(202)

    def _run_activity(self, name: str, given: str | None) -> None:
        try:
            self._app.run_activity(name, given)
        except FunctionFailed as error:
            _log.error("activity %s failed\n%s", name, error.details)


def _shown(function: Function) -> Mapping[str, Any]:
    bindings = [dict(function.trigger), *(dict(binding) for binding in function.bindings)]
    return {"name": function.name, "config": {"bindings": bindings}, "language": "python"}
