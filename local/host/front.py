"""What the host answers over HTTP: routes of the app, webhooks, the admin interface."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.host import invoke
from local.host.admin import Admin
from local.host.answer import Answer
from local.host.app import Function
from local.host.auth import Keys
from local.host.durable_api import DurableApi
from local.host.eventgrid import EventGridWebhook
from local.host.invoke import Activity, Invoker
from local.host.routes import BadRoute, Routes, path_parts

TRIGGER = "httpTrigger"
BODY_LIMIT = 100 * 1024 * 1024
_RESERVED = ("admin", "runtime", "durabletask")
_NO_BODY = (204, 304)
_BRIEF = "The function app is up and running on this machine.\n"

_log = logging.getLogger(__name__)


class BodyTooLarge(Exception):
    """A request body above the limit."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been read whole."""

    method: str
    path: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    from_here: bool

    @property
    def key(self) -> str | None:
        """Return the access key that the caller presents."""
        return self.headers.get("x-functions-key") or self.query.get("code")


class Front:
    """The ASGI application of the host."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        prefix: str,
        invoker: Invoker,
        durable: DurableApi,
        admin: Admin,
        activity: Activity,
        keys: Keys | None = None,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        self._routes = route_table(functions, prefix)
        self._invoker = invoker
        self._durable = durable
        self._admin = admin
        self._event_grid = EventGridWebhook(functions, invoker.begin)
        self._activity = activity
        self._keys = keys
        self._body_limit = body_limit
        # Apart from the functions' threads: a function may wait for an answer of this API.
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="management")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        self._activity.begin()
        try:
            response = await self._respond(scope, receive)
            await response(scope, receive, send)
        finally:
            self._activity.end()

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=True)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        try:
            asked = await self._read(Request(scope, receive))
        except BodyTooLarge:
            return _wire(Answer.of_text(413, f"The body is above {self._body_limit} bytes."))
        except ClientDisconnect:
            return Response(status_code=499)
        try:
            return _wire(await self._answer(asked))
        except Exception:
            _log.exception("%s %s failed", asked.method, asked.path)
            return Response(status_code=500)

    async def _answer(self, asked: Asked) -> Answer:
        parts = path_parts(asked.path)
        match [part.lower() for part in parts[:3]]:
            case []:
                return Answer.of_text(200, _BRIEF) if asked.method == "GET" else Answer(404)
            case ["durabletask", *_]:
                return await self._manage(asked, 1) if asked.from_here else Answer(404)
            case ["runtime", "webhooks", "durabletask"]:
                if not self._webhook_open("durabletask_extension", asked):
                    return Answer(401)
                return await self._manage(asked, 3)
            case ["runtime", "webhooks", "eventgrid"]:
                if not self._webhook_open("eventgrid_extension", asked):
                    return Answer(401)
                return await self._event_grid.answer(
                    asked.method, asked.query, asked.headers, asked.body
                )
            case ["runtime", *_]:
                return Answer(404)
            case ["admin", *_]:
                if self._keys and not self._keys.open_admin(asked.key):
                    return Answer(401)
                return await self._blocking(self._admin.answer, asked.method, parts[1:], asked.body)
        return await self._call_function(asked)

    async def _call_function(self, asked: Asked) -> Answer:
        found = self._routes.find(asked.method, asked.path)
        if found is None:
            return Answer(404)
        function, route_params = found
        if self._keys and not self._keys.open_function(
            function.name, function.auth_level, asked.key
        ):
            return Answer(401)
        request = invoke.request(
            asked.method, asked.url, asked.headers, asked.query, route_params, asked.body
        )
        try:
            returned = await asyncio.wrap_future(self._invoker.begin(function, request))
        except Exception:
            return Answer(500)  # as in Azure, the caller learns nothing more; the log has it all
        try:
            return invoke.response(returned)
        except TypeError as error:
            _log.error("function %s: %s", function.name, error)
            return Answer(500)

    async def _manage(self, asked: Asked, depth: int) -> Answer:
        below = asked.path.lstrip("/").split("/", depth)
        path = below[depth] if len(below) > depth else ""
        return await self._blocking(
            self._durable.answer,
            asked.method,
            path,
            asked.query,
            asked.headers,
            asked.body,
            asked.url,
        )

    async def _blocking(self, answer: Any, *arguments: Any) -> Answer:
        loop = asyncio.get_running_loop()
        answered: Answer = await loop.run_in_executor(self._threads, lambda: answer(*arguments))
        return answered

    def _webhook_open(self, extension: str, asked: Asked) -> bool:
        return self._keys is None or self._keys.open_webhook(extension, asked.key)

    async def _read(self, request: Request) -> Asked:
        scope = request.scope
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > self._body_limit:
                raise BodyTooLarge
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        raw_query = scope["query_string"].decode("latin-1")
        headers = _joined(Headers(scope=scope).items())
        host = headers.get("host") or "{}:{}".format(*scope["server"])
        return Asked(
            method=request.method.upper(),
            path=raw_path,
            url=f"{scope['scheme']}://{host}{raw_path}" + (f"?{raw_query}" if raw_query else ""),
            headers=headers,
            query=_joined(QueryParams(scope["query_string"]).multi_items()),
            body=bytes(body),
            from_here=_is_loopback(scope.get("client")),
        )


def route_table(functions: Mapping[str, Function], prefix: str) -> Routes[Function]:
    """Return the routes of all HTTP functions; raises BadRoute with the function's name."""
    routes: Routes[Function] = Routes()
    for function in functions.values():
        if function.trigger_type == TRIGGER:
            template = f"{prefix.strip('/')}/{function.route.strip('/')}".strip("/")
            if template.partition("/")[0].lower() in _RESERVED:
                raise BadRoute(
                    f"function {function.name}: the route {template!r} is the host's own;"
                    f" choose one that does not begin with {', '.join(_RESERVED)}"
                )
            try:
                routes.add(template, function.methods, function)
            except BadRoute as error:
                raise BadRoute(f"function {function.name}: {error}") from error
    return routes


def route_prefix(host_json: Mapping[str, Any]) -> str:
    """Return the prefix of all routes: `api`, unless host.json says otherwise."""
    http = host_json.get("extensions", {}).get("http", {})
    return str(http.get("routePrefix", "api"))


def _joined(items: Any) -> dict[str, str]:
    """Return one value per name; what occurs more than once is joined with commas."""
    joined: dict[str, str] = {}
    for name, value in items:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _is_loopback(client: tuple[str, int] | None) -> bool:
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _wire(answer: Answer) -> Response:
    body = b"" if answer.status in _NO_BODY else answer.body
    response = Response(body, answer.status)
    for name, value in answer.headers:
        if "\0" in name + value:  # line breaks do not get past func.HttpResponse
            raise ValueError(f"the header {name!r} holds a NUL")
        if name.lower() != "content-length":
            response.headers.append(name, value)
    return response


def describe(functions: Mapping[str, Function], prefix: str) -> list[str]:
    """Return one line per function: name, trigger, and where it can be reached."""
    lines = []
    for function in sorted(functions.values(), key=lambda each: (each.trigger_type, each.name)):
        line = f"{function.name}: {function.trigger_type}"
        if function.trigger_type == TRIGGER:
            methods = ",".join(sorted(function.methods))
            line += f" [{methods}] /{prefix.strip('/')}/{function.route.strip('/')}"
        elif "schedule" in function.trigger:
            line += f" {json.dumps(function.trigger['schedule'])}"
        others = ", ".join(
            f"{binding['type']} {binding['name']}"
            for binding in function.bindings
            if binding["name"] != "$return"
        )
        lines.append(line + (f" ({others})" if others else ""))
    return lines
