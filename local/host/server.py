"""Serve an ASGI application on a loopback port, from a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

_START_LIMIT = 10.0


class PortTaken(Exception):
    """The port cannot be had."""


class HttpServer:
    """A port that is taken at once, and answered from `start` on."""

    def __init__(self, port: int = 0) -> None:
        # The protocol is named because asyncio turns Nagle's delay, 40 ms an answer, off only then.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
            # Two may bind to a port at once; only one may listen.
            self._socket.listen(1024)
        except OSError as error:
            self._socket.close()
            raise PortTaken(
                f"port {port} on 127.0.0.1 cannot be had ({error.strerror}): choose another with"
                " --port, or end what uses it"
            ) from error
        except OverflowError as error:
            self._socket.close()
            raise PortTaken(f"there is no port {port}: choose one from 0 to 65535") from error
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return where the server is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, app: ASGIApp) -> None:
        """Answer requests with ``app``; returns once the port takes connections."""
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="http-server", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_LIMIT
        while not self._server.ready:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the HTTP server on port {self.port} did not start")
            time.sleep(0.001)

    def stop(self) -> None:
        """Take no more requests, let those in hand end, and free the port."""
        if self._server is not None and self._thread is not None:
            self._server.leave()
            self._thread.join()
        self._socket.close()


class _Server(uvicorn.Server):
    """Waits to be told to leave; the server it is made of looks ten times a second."""

    ready = False

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._leaving = asyncio.Event()
        await self.on_tick(0)
        self.ready = True
        await self._leaving.wait()

    def leave(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leaving.set)
