"""The one way out to what a plan names: looked up once, held against the plan's reach, connected to that very address.

With a forward proxy the proxy looks names up, where it stands: then the plan's names, and addresses that are written
out, are held against its reach here, and what names lead to is the proxy's to judge.
"""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from http import HTTPStatus
from threading import Lock, Thread
from typing import Protocol
from urllib.parse import urlsplit

import requests

from adapters.deadline import Clock, Deadline, Timed
from adapters.pinned import Connect, Pinned
from domain.errors import Permanent
from domain.reach import EVERYWHERE, Reach, host_of, literal

MOST_TOLD = 4


class OutsideReach(Permanent):
    """Something that the plan's reach does not let through; nothing was sent."""

    def __init__(self, why: str) -> None:
        super().__init__("outside_reach", why)


class Unreached(OSError):
    """Nobody takes a connection; the text says what was tried."""


class Network(Protocol):
    """Names looked up, and connections."""

    def addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """Return the addresses of a host, the best first; raises OSError, TimeoutError after so many seconds."""
        ...

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        """Connect to an address; raises OSError, TimeoutError after so many seconds."""
        ...


class SystemNetwork:
    """The network that the app runs in, with the resolver that the system is set up with."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], Future[list[str]]] = {}
        self._lock = Lock()

    def addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """Return the addresses of a host, the best first; raises OSError, TimeoutError after so many seconds.

        The system's resolver cannot be told to stop: it is left to itself, and whoever asks the same meanwhile waits
        for the same answer, so that a resolver that is silent is asked once for each host.
        """
        with self._lock:
            answer = self._asked.get((host, port))
            if answer is None:
                answer = Future()
                Thread(target=self._look_up, args=(host, port, answer), daemon=True).start()
                self._asked[host, port] = answer
        return answer.result(seconds)

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        """Connect to an address; raises OSError, TimeoutError after so many seconds."""
        return socket.create_connection((address, port), seconds)

    def _look_up(self, host: str, port: int, answer: Future[list[str]]) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except Exception as error:
            answer.set_exception(error)
        with self._lock:
            del self._asked[host, port]


class Egress:
    """Opens connections and sessions for plans, through the forward proxy if the network needs one."""

    def __init__(
        self,
        proxy: str | None,
        network: Network | None = None,
        bounds: Reach = EVERYWHERE,
        now: Clock = time.monotonic,
    ) -> None:
        self._proxy = proxy
        self._bounds = bounds
        self._network = network or SystemNetwork()
        self._now = now

    def knock(self, host: str, port: int, reach: Reach, seconds: float) -> None:
        """Open a connection and close it; raises OutsideReach, or OSError and HTTPException where nobody takes it.

        ``seconds`` is for all of it: the look-up, every address, the proxy's word.
        """
        if self._proxy is None:
            self.connection(host, port, reach, False, seconds).close()
            return
        host = host.lower().removesuffix(".")
        self._let_through(host, reach, False)
        proxy, ends = urlsplit(self._proxy), Deadline(seconds, self._now)
        tunnel = http.client.HTTPConnection(proxy.hostname or "", proxy.port)
        with closing(tunnel):
            taken = self._to_proxy(tunnel.host, tunnel.port, seconds)
            tunnel.sock = Timed(taken, ends)
            tunnel.request("CONNECT", f"{host}:{port}", headers={"Host": f"{host}:{port}"})
            answer = tunnel.getresponse()
        if answer.status != HTTPStatus.OK:
            raise Unreached(f"the proxy answers {answer.status} {answer.reason}")

    def session(
        self, url: str, reach: Reach, seconds: float, *, sent: bool = False
    ) -> requests.Session:
        """Return a session that gets no further than the URL's host and the reach; raises OutsideReach.

        ``seconds`` is for all that is asked with it, from now on. ``sent`` says that data goes there. The session
        follows nobody's settings but the app's own.
        """
        host = host_of(url)
        if host is None:
            raise OutsideReach(f"{url[:80]!r} names no host")
        self._let_through(host, reach, sent)
        session = requests.Session()
        # The environment would send ~/.netrc along, and put HTTPS_PROXY before our own.
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        connect: Connect = self._to_proxy
        if self._proxy:
            session.proxies = {"http": self._proxy, "https": self._proxy}
        else:

            def connect(host: str, port: int, seconds: float) -> socket.socket:
                return self.connection(host, port, reach, sent, seconds)

        pinned = Pinned(connect, Deadline(seconds, self._now))
        session.mount("http://", pinned)
        session.mount("https://", pinned)
        return session

    def connection(
        self, host: str, port: int, reach: Reach, sent: bool, seconds: float
    ) -> socket.socket:
        """Look a host up once and connect to what was found, if all of it is within reach.

        ``seconds`` is for the look-up and all addresses: each gets its share of what is left. Raises OutsideReach, or
        Unreached with what was tried.
        """
        host = host.lower().removesuffix(".")
        self._let_through(host, reach, sent)
        ends = Deadline(seconds, self._now)
        found = self._addresses(host, port, ends)
        for text in found:
            # One answer beyond the reach spoils all: who mixes them wants the wrong one taken some time.
            address = literal(text)
            if address is None:
                raise OutsideReach(f"{host} leads to {text!r}, which is no address")
            why = reach.refuses_address(host, address, sent=sent)
            if why := why or self._bounds.refuses_address(host, address):
                raise OutsideReach(why)
        return self._first_to_take_it(host, found, port, ends)

    def _to_proxy(self, host: str, port: int, seconds: float) -> socket.socket:
        """Connect to the forward proxy, which is the app's own and in no plan's reach."""
        ends = Deadline(seconds, self._now)
        return self._first_to_take_it(host, self._addresses(host, port, ends), port, ends)

    def _addresses(self, host: str, port: int, ends: Deadline) -> Sequence[str]:
        if literal(host):
            return [host]
        try:
            return self._network.addresses(host, port, ends.left())
        except OSError as error:
            said = "timed out" if isinstance(error, TimeoutError) else error
            raise Unreached(f"looking {host} up: {said}") from error

    def _first_to_take_it(
        self, host: str, found: Sequence[str], port: int, ends: Deadline
    ) -> socket.socket:
        missed: list[str] = []
        for position, address in enumerate(found):
            try:
                share = ends.left() / (len(found) - position)
                return self._network.connect(address, port, share)
            except OSError as error:
                missed.append(f"{address}: {error}")
        tried = "; ".join(missed[:MOST_TOLD]) or f"{host} has no address"
        more = len(missed) - MOST_TOLD
        raise Unreached(f"{tried}; and {more} more addresses" if more > 0 else tried)

    def _let_through(self, host: str, reach: Reach, sent: bool) -> None:
        if why := reach.refuses(host, sent=sent) or self._bounds.refuses(host):
            raise OutsideReach(why)
