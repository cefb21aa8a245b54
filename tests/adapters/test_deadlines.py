"""A probe and a call have one deadline over everything: the look-up, every address, the handshake, the answer."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import pytest
import trustme

from adapters.action_secrets import ActionSecrets
from adapters.deadline import Deadline, Timed
from adapters.egress import Egress, SystemNetwork, Unreached
from adapters.http_calls import CONNECT_SECONDS, HttpCalls
from adapters.probes import TIMEOUT_SECONDS, NetworkProbes
from domain.action import HttpCall
from domain.errors import Permanent, Transient
from domain.gate import Probe
from domain.reach import Reach
from domain.run import ProbeAnswer
from tests.adapters.test_probes import proxy_at
from tests.adapters.wires import SITE, Wires

REACH = Reach.of((SITE,))
RESOLVERS = [("127.0.0.1", 53)]
MANY = [f"20.1.1.{n}" for n in range(1, 9)]
EITHER = pytest.mark.parametrize(
    "probe", [Probe(tcp=f"{SITE}:80"), Probe(http=f"http://{SITE}/")], ids=["tcp", "http"]
)


@dataclass
class Silence:
    """A network in which time passes and nobody answers; it has a clock of its own."""

    found: Sequence[str] = ()
    look_up_takes: float = 0.0
    at: float = 1000.0
    shares: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.at

    def addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        self.at += min(seconds, self.look_up_takes)
        if seconds < self.look_up_takes:
            raise TimeoutError
        return self.found

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.shares.append(seconds)
        self.at += seconds
        raise TimeoutError("timed out")

    def ask(self, probe: Probe) -> tuple[ProbeAnswer, float]:
        """Return what a probe heard, and how many seconds it took."""
        begun, egress = self.at, Egress(None, self, now=self)
        (answer,) = NetworkProbes(egress, RESOLVERS).ask([probe], REACH)
        return answer, self.at - begun


@EITHER
def test_all_addresses_of_a_host_share_one_deadline_and_are_named(probe: Probe) -> None:
    wires = Silence(MANY, look_up_takes=1.0)
    answer, took = wires.ask(probe)
    assert took == pytest.approx(TIMEOUT_SECONDS)
    assert wires.shares == pytest.approx([0.5] * 8), "each is given the same"
    assert not answer.ok
    tried = "; ".join(f"20.1.1.{n}: timed out" for n in range(1, 5))
    assert answer.heard.endswith(f": {tried}; and 4 more addresses")


@EITHER
def test_a_resolver_that_is_silent_takes_no_longer_than_the_probe(probe: Probe) -> None:
    wires = Silence(MANY, look_up_takes=60.0)
    answer, took = wires.ask(probe)
    assert took == pytest.approx(TIMEOUT_SECONDS)
    assert answer.heard.endswith(f": looking {SITE} up: timed out")
    assert wires.shares == []


@EITHER
def test_a_host_without_an_address_is_told_as_such(probe: Probe) -> None:
    answer, _ = Silence().ask(probe)
    assert answer.heard.endswith(f": {SITE} has no address")


def test_a_call_shares_its_time_to_connect_over_all_addresses() -> None:
    wires = Silence(MANY)
    begun, calls = wires.at, HttpCalls(Egress(None, wires, now=wires), ActionSecrets())
    with pytest.raises(Transient, match="could not be reached"):
        calls.send(HttpCall(url=f"http://{SITE}/", body="{}"), "m", REACH)
    assert wires.at - begun == pytest.approx(CONNECT_SECONDS)
    assert len(wires.shares) == 8


def test_a_look_up_that_never_ends_is_left_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    speak = Event()

    def silent(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        assert speak.wait(20)
        return [(0, 0, 0, "", ("20.1.1.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    network = SystemNetwork()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            network.addresses(SITE, 80, 0.01)
    assert asked == [SITE]
    speak.set()
    assert network.addresses(SITE, 80, 20) == ["20.1.1.1"]


# -- answers that never end -----------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-more: "


@contextmanager
def one_caller(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A port whose first connection is talked to; that it breaks off is no fault."""

    def take(listening: socket.socket) -> None:
        try:
            talk(listening.accept()[0])
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        thread = Thread(target=take, args=(listening,))
        thread.start()
        try:
            yield f"{SITE}:{listening.getsockname()[1]}"
        finally:
            thread.join(5)


@contextmanager
def dripping(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A port that sends a header byte by byte for seconds, so that no single read ever times out."""
    enough = Event()

    def drip(connection: socket.socket) -> None:
        with (
            connection
            if context is None
            else context.wrap_socket(connection, server_side=True) as line
        ):
            line.recv(4096)
            line.sendall(HEAD)
            for _ in range(300):
                if enough.wait(0.01):
                    return
                line.sendall(b"x")
            line.sendall(b"\r\n\r\n")

    with one_caller(drip) as site:
        try:
            yield site
        finally:
            enough.set()


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.probes.TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("adapters.http_calls.LONGEST_SECONDS", 0.2)


def ask(probe: Probe, proxy: str | None = None) -> ProbeAnswer:
    (answer,) = NetworkProbes(Egress(proxy, Wires()), RESOLVERS).ask([probe], REACH)
    return answer


def test_a_site_whose_headers_drip_is_left_when_its_time_is_up(briefly: None) -> None:
    with dripping() as site:
        answer = ask(Probe(http=f"http://{site}/"))
    assert (answer.ok, answer.heard) == (False, "no answer: ReadTimeout")


def test_so_is_one_behind_tls(
    briefly: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(SITE).configure_cert(context)
    with dripping(context) as site:
        answer = ask(Probe(http=f"https://{site}/"))
    assert (answer.ok, answer.heard) == (False, "no answer: ReadTimeout")


@pytest.mark.parametrize(
    ("probe", "heard"),
    [
        (Probe(tcp=f"{SITE}:80"), "no connection: timed out"),
        (Probe(http=f"http://{SITE}/"), "no answer: ReadTimeout"),
        (Probe(http=f"https://{SITE}/"), "no answer: ReadTimeout"),
    ],
    ids=["tcp", "http", "https"],
)
def test_so_is_a_proxy(briefly: None, probe: Probe, heard: str) -> None:
    with dripping() as site:
        answer = ask(probe, proxy_at(site))
    assert (answer.ok, answer.heard) == (False, heard)


def test_a_call_whose_answer_drips_may_have_arrived(briefly: None) -> None:
    calls = HttpCalls(Egress(None, Wires()), ActionSecrets())
    with dripping() as site, pytest.raises(Permanent, match="may have arrived"):
        calls.send(HttpCall(url=f"http://{site}/", body="{}"), "m", REACH)


# -- the connection is made in a time of its own ----------------------------------------------


@contextmanager
def taking(*says: bytes, heard: Callable[[], None] = lambda: None) -> Iterator[str]:
    """A port that takes one connection and answers each thing it hears with the next of these, then with silence."""

    def listen(line: socket.socket) -> None:
        with line:
            line.settimeout(5)
            for said in says:
                line.recv(4096)
                heard()
                line.sendall(said)
            while line.recv(4096):
                pass

    with one_caller(listen) as site:
        yield site


SILENT_AT: dict[str, tuple[bool, Callable[[], AbstractContextManager[str]]]] = {
    "the handshake": (False, taking),
    "the proxy's word": (True, taking),
    "the rest of the proxy's word": (True, dripping),
    "the handshake behind the proxy": (True, lambda: taking(b"HTTP/1.1 200 OK\r\n\r\n")),
}


@pytest.mark.parametrize("where", SILENT_AT)
def test_who_is_silent_before_the_connection_is_made_is_left_when_that_time_is_up(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.http_calls.CONNECT_SECONDS", 0.1)
    monkeypatch.setattr("adapters.http_calls.LONGEST_SECONDS", 2.0)
    by_proxy, port = SILENT_AT[where]
    with port() as site:
        calls = HttpCalls(Egress(proxy_at(site) if by_proxy else None, Wires()), ActionSecrets())
        begun = time.monotonic()
        with pytest.raises(Transient, match="did not answer"):
            calls.send(HttpCall(url=f"https://{site}/", method="GET"), "m", REACH)
        assert time.monotonic() - begun < 1


def test_an_answer_may_take_longer_than_the_connection() -> None:
    clock = Silence()

    def heard() -> None:
        clock.at += 2 * CONNECT_SECONDS

    with taking(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", heard=heard) as site:
        calls = HttpCalls(Egress(None, Wires(), now=clock), ActionSecrets())
        assert calls.send(HttpCall(url=f"http://{site}/", body="{}"), "m", REACH).ok


def test_tls_gets_what_is_left_of_the_time_and_a_moment_where_nothing_is() -> None:
    clock = Silence()
    here, there = socket.socketpair()
    with here, there:
        timed = Timed(here, Deadline(60, clock).within(5))
        clock.at += 4
        assert timed.gettimeout() == pytest.approx(1)
        clock.at += 1
        assert 0 < timed.gettimeout() < 0.01


@pytest.mark.parametrize(("passed", "left"), [(10, 5), (58, 2)])
def test_a_time_within_a_deadline_never_reaches_beyond_it(passed: float, left: float) -> None:
    clock = Silence()
    ends = Deadline(60, clock)
    clock.at += passed
    assert ends.within(5).left() == pytest.approx(left)


def test_a_connection_that_comes_when_time_is_up_is_closed() -> None:
    clock = Silence()
    ends = Deadline(5, clock)
    clock.at += 5
    here, there = socket.socketpair()
    with here, there:
        with pytest.raises(TimeoutError):
            Timed(here, ends)
        assert here.fileno() == -1


def test_a_proxy_that_is_silent_takes_no_longer_than_the_probe() -> None:
    wires = Silence(MANY)
    begun = wires.at
    egress = Egress("http://proxy.example.com:3128", wires, now=wires)
    with pytest.raises(Unreached, match=r"20\.1\.1\.1: timed out"):
        egress.knock(SITE, 80, REACH, TIMEOUT_SECONDS)
    assert wires.at - begun == pytest.approx(TIMEOUT_SECONDS)
