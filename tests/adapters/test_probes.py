from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import ClassVar

import pytest
import trustme

from adapters import probes as module
from adapters.egress import Egress
from adapters.probes import NetworkProbes
from domain.gate import Probe
from domain.reach import Reach
from domain.run import ProbeAnswer
from tests.adapters.wires import PUBLIC, SITE, Wires, named

REACH = Reach.of((SITE, "web.internal", "db.internal", "no.internal", "10.0.0.0/8"))


class Site(BaseHTTPRequestHandler):
    """Answers with the status that the path names; CONNECT opens a tunnel to nowhere in particular."""

    asked: ClassVar[list[str]] = []
    silence: ClassVar[Event] = Event()
    together: ClassVar[Barrier] = Barrier(3)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.endswith("/silence"):
            self.silence.wait(10)
            return
        if self.path.endswith("/together"):
            self.together.wait(10)
        status = self.path.rsplit("/", 1)[-1]
        self.send_response(int(status) if status.isdecimal() else 200)
        self.send_header("Content-Length", "0")
        self.send_header("x-authorized", str("Authorization" in self.headers))
        if "named" in self.path:
            self.send_header("x-served-by", "westus/web-prod-01")
        if "moved" in self.path:
            self.send_header("Location", "http://127.0.0.1:1/nowhere")
        self.end_headers()

    def do_CONNECT(self) -> None:
        self.asked.append(f"CONNECT {self.path}")
        self.send_response(200 if self.path == "db.internal:5432" else 502)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked.clear()
    Site.silence.clear()
    with served() as server:
        yield f"{SITE}:{server.server_port}"
        Site.silence.set()


@contextmanager
def served() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def raw(answer: bytes) -> Iterator[str]:
    """A port that says these bytes to the first who comes, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def talk() -> None:
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = Thread(target=talk)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            thread.join(5)


def ask(*probes: Probe, proxy: str | None = None) -> tuple[ProbeAnswer, ...]:
    egress = Egress(proxy, Wires())
    return NetworkProbes(egress, [("127.0.0.1", 53)]).ask(probes, REACH)


def proxy_at(site: str) -> str:
    return f"http://{site.replace(SITE, '127.0.0.1')}"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("path", "ok", "heard"),
    [
        ("/200", True, "200"),
        ("/204", True, "204"),
        ("/named/200", True, "200 from westus/web-prod-01"),
        ("/moved/301", True, "301"),
        ("/404", False, "404"),
        ("/500", False, "500"),
        ("/named/503", False, "503 from westus/web-prod-01"),
    ],
)
def test_a_site_is_heard(site: str, path: str, ok: bool, heard: str) -> None:
    (answer,) = ask(Probe(http=f"http://{site}{path}"))
    assert answer == ProbeAnswer(probe=f"GET http://{site}{path}", ok=ok, heard=heard)
    assert Site.asked == [path]


def test_a_site_that_says_nothing_is_not_waited_for(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.05)
    (answer,) = ask(Probe(http=f"http://{site}/silence"))
    assert (answer.ok, answer.heard) == (False, "no answer: ReadTimeout")


def test_a_site_that_is_not_there_is_not_heard() -> None:
    (answer,) = ask(Probe(http=f"http://{SITE}:{closed_port()}/"))
    assert not answer.ok
    assert answer.heard.startswith(f"no answer: ConnectionError: {PUBLIC}: ")
    assert "refused" in answer.heard


def test_a_site_that_talks_something_else_is_not_heard() -> None:
    with raw(b"SSH-2.0-OpenSSH\r\n") as address:
        (answer,) = ask(Probe(http=f"http://{named(address)}/"))
    assert (answer.ok, answer.heard) == (False, "no answer: ConnectionError")


def test_a_port_that_takes_connections_is_connected(site: str) -> None:
    (answer,) = ask(Probe(tcp=site))
    assert answer == ProbeAnswer(probe=f"tcp {site}", ok=True, heard="connected")


def test_a_port_that_refuses_is_not_connected() -> None:
    (answer,) = ask(Probe(tcp=f"{SITE}:{closed_port()}"))
    assert not answer.ok
    assert answer.heard.startswith("no connection: ")
    assert "refused" in answer.heard


@pytest.mark.parametrize(
    "probe",
    [
        Probe(tcp="site.example.com:99999"),
        Probe(tcp="a..b:80"),
        Probe(tcp=f"{'a' * 80}:80"),
        Probe(http="http://a..b/"),
        Probe(http=f"http://{'a' * 80}/"),
        Probe(http="http://site.example.com:99999/"),
        Probe(http="http://[::1/"),
        Probe(http="http://%zz/"),
    ],
    ids=str,
)
@pytest.mark.parametrize("through", [False, True])
def test_a_place_that_cannot_be_is_not_heard(site: str, probe: Probe, through: bool) -> None:
    (answer,) = ask(probe, proxy=proxy_at(site) if through and probe.tcp else None)
    assert not answer.ok
    assert answer.heard.startswith(("no ", "not asked: "))


def test_probes_are_asked_side_by_side_and_answered_in_order(site: str) -> None:
    Site.together.reset()
    together = [Probe(http=f"http://{site}/{n}/together") for n in range(3)]
    answers = ask(*together)
    assert [answer.probe for answer in answers] == [str(probe) for probe in together]
    assert all(answer.ok for answer in answers)


def test_no_probes_hear_nothing() -> None:
    assert ask() == ()


def test_a_forward_proxy_is_asked_for_sites(site: str) -> None:
    (answer,) = ask(Probe(http="http://web.internal/200"), proxy=proxy_at(site))
    assert answer.ok
    assert Site.asked == ["http://web.internal/200"]


def test_a_forward_proxy_opens_tunnels_to_ports(site: str) -> None:
    there, away = ask(
        Probe(tcp="db.internal:5432"), Probe(tcp="no.internal:1"), proxy=proxy_at(site)
    )
    assert there == ProbeAnswer(probe="tcp db.internal:5432", ok=True, heard="connected")
    assert not away.ok
    assert "502" in away.heard
    assert sorted(Site.asked) == ["CONNECT db.internal:5432", "CONNECT no.internal:1"]


def test_a_proxy_that_talks_something_else_connects_nobody() -> None:
    with raw(b"SSH-2.0-OpenSSH\r\n\r\n") as address:
        (answer,) = ask(Probe(tcp="db.internal:5432"), proxy=f"http://{address}")
    assert not answer.ok
    assert answer.heard.startswith("no connection: ")


def test_the_machine_s_own_proxy_and_netrc_are_left_aside(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"http://127.0.0.1:{closed_port()}"
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, nowhere)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login root password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def answer() -> None:
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                return
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        (found,) = ask(Probe(http=f"http://{SITE}:{listening.getsockname()[1]}/"))
        thread.join(5)
    assert found.ok
    assert heard
    assert b"authorization" not in heard[0].lower()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_tls_site_is_trusted_by_the_bundle_and_reached_past_the_machine_s_proxy(
    trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    authority = trustme.CA()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
    if trusted:
        bundle = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(SITE).configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake is no news
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        (answer,) = ask(Probe(http=f"https://{SITE}:{server.server_port}/200"))
        server.shutdown()
        thread.join(5)
    heard = "200" if trusted else "no answer: SSLError"
    assert (answer.ok, answer.heard) == (trusted, heard)
