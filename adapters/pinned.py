"""How an HTTP session comes by its connections: the egress makes them, and all of them are over in time."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from adapters.deadline import Deadline, Timed

Connect = Callable[[str, int, float], socket.socket]
USUAL_SECONDS = 5.0


class Pinned(HTTPAdapter):
    """Has its connections made elsewhere; the name stays in Host, in SNI and in what the certificate must say."""

    def __init__(self, connect: Connect, ends: Deadline) -> None:
        """Prepare it; ``connect`` gets a host, a port and seconds, and raises OSError."""
        self._pools = _pools(connect, ends)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Prepare pools of such connections."""
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        """Return pools of such connections to a forward proxy."""
        manager = super().proxy_manager_for(proxy, **more)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(connect: Connect, ends: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    def connected(to: HTTPConnection) -> socket.socket:
        seconds = to.timeout if isinstance(to.timeout, float | int) else USUAL_SECONDS
        try:
            # The proxy's word and the handshake belong to the connection: with all the time of an answer, a few who
            # are silent there would keep everybody else waiting.
            made = ends.within(seconds)
            return timed(connect(to.host, to.port or 0, made.left()), made)
        except OSError as error:
            raise NewConnectionError(to, f"no connection: {error}") from error

    def timed(taken: socket.socket, until: Deadline) -> socket.socket:
        return cast(socket.socket, Timed(taken, until))

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self)

        def connect(self) -> None:
            super().connect()
            cast(Timed, self.sock).keep_to(ends)

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self)

        def connect(self) -> None:
            super().connect()
            self.sock = timed(self.sock, ends)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}
