"""The one way out to what a plan names: looked up once, held against the plan's reach, connected to that very address.

With a forward proxy the proxy looks names up, where it stands: then the plan's names, and addresses that are written
out, are held against its reach here, and what names lead to is the proxy's to judge.
"""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from domain.errors import Permanent
from domain.reach import EVERYWHERE, Reach, host_of, literal


class OutsideReach(Permanent):
    """Something that the plan's reach does not let through; nothing was sent."""

    def __init__(self, why: str) -> None:
        super().__init__("outside_reach", why)


class Network(Protocol):
    """Names looked up, and connections."""

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host, the best first; raises OSError."""
        ...

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        """Connect to an address; raises OSError."""
        ...


class SystemNetwork:
    """The network that the app runs in, with the resolver that the system is set up with."""

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host, the best first; raises OSError."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        """Connect to an address; raises OSError."""
        return socket.create_connection((address, port), seconds)


class Egress:
    """Opens connections and sessions for plans, through the forward proxy if the network needs one."""

    def __init__(
        self, proxy: str | None, network: Network | None = None, bounds: Reach = EVERYWHERE
    ) -> None:
        self._proxy = proxy
        self._bounds = bounds
        self._network = network or SystemNetwork()

    def knock(self, host: str, port: int, reach: Reach, seconds: float) -> None:
        """Open a connection and close it; raises OutsideReach, or OSError and HTTPException where nobody takes it."""
        if self._proxy is None:
            self.connection(host, port, reach, False, seconds).close()
            return
        host = host.lower().removesuffix(".")
        self._let_through(host, reach, False)
        proxy = urlsplit(self._proxy)
        tunnel = http.client.HTTPConnection(proxy.hostname or "", proxy.port, timeout=seconds)
        with closing(tunnel):
            tunnel.set_tunnel(host, port)
            tunnel.connect()

    def session(self, url: str, reach: Reach, *, sent: bool = False) -> requests.Session:
        """Return a session that gets no further than the URL's host and the reach; raises OutsideReach.

        ``sent`` says that data goes there. The session follows nobody's settings but the app's own.
        """
        host = host_of(url)
        if host is None:
            raise OutsideReach(f"{url[:80]!r} names no host")
        self._let_through(host, reach, sent)
        session = requests.Session()
        # The environment would send ~/.netrc along, and put HTTPS_PROXY before our own.
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        if self._proxy:
            session.proxies = {"http": self._proxy, "https": self._proxy}
        else:
            pinned = _Pinned(self, reach, sent)
            session.mount("http://", pinned)
            session.mount("https://", pinned)
        return session

    def connection(
        self, host: str, port: int, reach: Reach, sent: bool, seconds: float
    ) -> socket.socket:
        """Look a host up once and connect to what was found, if all of it is within reach."""
        host = host.lower().removesuffix(".")
        self._let_through(host, reach, sent)
        found = [host] if literal(host) else self._network.addresses(host, port)
        for text in found:
            # One answer beyond the reach spoils all: who mixes them wants the wrong one taken some time.
            address = literal(text)
            if address is None:
                raise OutsideReach(f"{host} leads to {text!r}, which is no address")
            why = reach.refuses_address(host, address, sent=sent)
            if why := why or self._bounds.refuses_address(host, address):
                raise OutsideReach(why)
        missed: OSError = OSError(f"{host} has no address")
        for text in found:
            try:
                return self._network.connect(text, port, seconds)
            except OSError as error:
                missed = error
        raise missed

    def _let_through(self, host: str, reach: Reach, sent: bool) -> None:
        if why := reach.refuses(host, sent=sent) or self._bounds.refuses(host):
            raise OutsideReach(why)


class _Pinned(HTTPAdapter):
    """Has its connections made by the egress; the name stays in Host, in SNI and in what the certificate must say."""

    def __init__(self, egress: Egress, reach: Reach, sent: bool) -> None:
        self._made_by = (egress, reach, sent)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Prepare pools of such connections."""
        super().init_poolmanager(*args, **more)
        egress, reach, sent = self._made_by

        def connected(to: HTTPConnection) -> socket.socket:
            seconds = to.timeout if isinstance(to.timeout, float | int) else 5.0
            try:
                return egress.connection(to.host, to.port or 0, reach, sent, seconds)
            except TimeoutError as error:
                raise ConnectTimeoutError(to, f"{to.host} did not answer in time") from error
            except OSError as error:
                raise NewConnectionError(to, f"no connection: {error}") from error

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return connected(self)

        class Tls(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return connected(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

        pools: PoolManager = self.poolmanager
        pools.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
