"""The TLS side: ARM, tokens, the tenant and the event topic as one ASGI app."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.azure.arm import Answer, Call

TRANSPORT = "simulator.transport"
Serve = Callable[[Call], Answer]
Recorded = Callable[[Call, Answer], None]


class Server(uvicorn.Server):
    """uvicorn that ends at once: by itself it looks, and waits, a tenth of a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()

    async def main_loop(self) -> None:
        """Serve until the end is asked for."""
        await self._over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close every connection at once."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        while self.server_state.connections:
            await asyncio.sleep(0)

    def end(self) -> None:
        """Ask for the end, from any thread."""
        self.should_exit = self.force_exit = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._over.set)


class Web:
    """Turns HTTP into calls, and answers into HTTP; loses answers when told to."""

    def __init__(
        self, new_call: Callable[[Request, bytes], Call], parts: Mapping[str, Serve]
    ) -> None:
        """Serve each part below its path; the first that fits answers, by any method."""
        self._new_call = new_call
        self.app = Starlette(
            routes=[
                Route(path, self._endpoint(serve), methods=_METHODS)
                for path, serve in parts.items()
            ]
        )

    def _endpoint(self, serve: Serve) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Any:
            call = self._new_call(request, await request.body())
            answer = serve(call)
            if call.wait_seconds:
                await asyncio.sleep(call.wait_seconds)
            if call.lost:
                return _Severed()
            return _response(answer)

        return respond


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class _Severed:
    """Closes the connection where a response should be."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][TRANSPORT].abort()
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()


class SeverableProtocol(H11Protocol):
    """uvicorn's protocol, whose apps may cut the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Put the transport within reach of the app."""
        super().connection_made(transport)
        self.app = functools.partial(_with_transport, self.app, transport)


async def _with_transport(
    app: ASGIApp, transport: asyncio.Transport, scope: Scope, receive: Receive, send: Send
) -> None:
    scope["extensions"] = {**scope.get("extensions", {}), TRANSPORT: transport}
    await app(scope, receive, send)


def _response(answer: Answer) -> Response:
    content = (answer.text or "").encode()
    if answer.body is not None:
        content = json.dumps(answer.body).encode()
    response = Response(content, answer.status)
    length = (b"content-length", str(len(content)).encode())
    response.raw_headers = [length] + [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    return response
