"""The one way out: looked up once, held against the list, connected to that very address, following nobody."""

from __future__ import annotations

import socket
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme

from adapters.action_secrets import ActionSecrets
from adapters.egress import Egress, OutsideReach, SystemNetwork
from adapters.http_calls import HttpCalls
from adapters.probes import NetworkProbes
from domain.action import HttpCall
from domain.gate import Probe
from domain.reach import Reach
from domain.run import ProbeAnswer
from tests.adapters.test_probes import Site, closed_port, proxy_at, served
from tests.adapters.wires import PUBLIC, SITE, Wires

NAMED = Reach.of((SITE,))
IMDS = "169.254.169.254"


def ask(wires: Wires, probe: Probe, reach: Reach = NAMED, proxy: str | None = None) -> ProbeAnswer:
    (answer,) = NetworkProbes(Egress(proxy, wires), [("127.0.0.1", 53)]).ask([probe], reach)
    return answer


@pytest.mark.parametrize(
    "closed", [IMDS, "168.63.129.16", "127.0.0.1", "::1", "fe80::1", "::ffff:a9fe:a9fe"]
)
@pytest.mark.parametrize("probe", [Probe(tcp=f"{SITE}:80"), Probe(http=f"http://{SITE}/")], ids=str)
def test_a_listed_name_that_leads_to_what_is_closed_is_not_asked(closed: str, probe: Probe) -> None:
    wires = Wires({SITE: [[closed]]})
    answer = ask(wires, probe)
    assert (answer.ok, answer.asked) == (False, False)
    assert answer.heard.startswith(f"not asked: {SITE} leads to {closed}, which is ")
    assert wires.connected == []


def test_one_answer_beyond_reach_among_good_ones_spoils_all() -> None:
    wires = Wires({SITE: [[PUBLIC, IMDS]]})
    assert not ask(wires, Probe(tcp=f"{SITE}:80")).asked
    assert wires.connected == []


def test_a_name_is_looked_up_once_so_that_a_second_answer_comes_too_late() -> None:
    with served() as server:
        wires = Wires({SITE: [[PUBLIC], [IMDS]]})
        assert ask(wires, Probe(http=f"http://{SITE}:{server.server_port}/200")).ok
    assert (wires.looked_up, wires.connected) == ([SITE], [PUBLIC])


def test_the_next_address_is_tried_where_the_first_is_dead() -> None:
    with served() as server:
        wires = Wires({SITE: [["20.1.1.1", PUBLIC]]}, dead=frozenset({"20.1.1.1"}))
        assert ask(wires, Probe(tcp=f"{SITE}:{server.server_port}")).ok
    assert wires.connected == ["20.1.1.1", PUBLIC]


@pytest.mark.parametrize("name", ["other.example.com", "localhost", "10.2.1.4", IMDS])
@pytest.mark.parametrize("through", [False, True])
def test_what_is_not_listed_is_not_even_looked_up_nor_asked_of_the_proxy(
    name: str, through: bool
) -> None:
    Site.asked.clear()
    with served() as server:
        proxy = f"http://127.0.0.1:{server.server_port}" if through else None
        wires = Wires()
        for probe in (Probe(http=f"http://{name}/200"), Probe(tcp=f"{name}:80")):
            assert not ask(wires, probe, proxy=proxy).asked
    assert (wires.looked_up, wires.connected, Site.asked) == ([], [], [])


@pytest.mark.parametrize(
    ("bounds", "leads", "ok"),
    [
        (("*.example.com",), PUBLIC, True),
        (("*.example.com",), "10.2.1.4", False),
        (("*.example.com", "10.2.0.0/16"), "10.2.1.4", True),
        (("other.example.com",), PUBLIC, False),
    ],
)
@pytest.mark.parametrize("reach", [NAMED, Reach.of(None)], ids=["listed", "from before"])
def test_no_plan_gets_further_than_the_app_lets_any(
    bounds: tuple[str, ...], leads: str, ok: bool, reach: Reach
) -> None:
    with served() as server:
        wires = Wires({SITE: [[leads]]})
        egress = Egress(None, wires, Reach.of(bounds, "the app's setting REACH"))
        probe = Probe(tcp=f"{SITE}:{server.server_port}")
        (answer,) = NetworkProbes(egress, [("127.0.0.1", 53)]).ask([probe], reach)
    assert (answer.ok, answer.asked) == (ok, ok)
    assert ok or answer.heard.endswith("outside the app's setting REACH")


def test_an_ipv6_address_is_reached_as_it_is_written() -> None:
    with served() as server:
        wires = Wires()
        reach = Reach.of(("fd12:3456::/32",))
        assert ask(wires, Probe(http=f"http://[fd12:3456::7]:{server.server_port}/200"), reach).ok
        assert not ask(wires, Probe(http="http://[fd99::7]/"), reach).asked
    assert wires.connected == ["fd12:3456::7"]


def test_a_redirect_to_what_is_closed_is_an_answer() -> None:
    with served() as server:
        wires = Wires()
        answer = ask(wires, Probe(http=f"http://{SITE}:{server.server_port}/moved/302"))
    assert (answer.ok, answer.heard) == (True, "302")
    assert wires.connected == [PUBLIC]


def test_through_a_proxy_the_name_goes_out_as_it_is_and_is_not_looked_up_here() -> None:
    Site.asked.clear()
    with served() as server:
        proxy = proxy_at(f"{SITE}:{server.server_port}")
        wires = Wires({SITE: [[IMDS]]})
        assert ask(wires, Probe(http=f"http://{SITE}/200"), proxy=proxy).ok
    assert (wires.looked_up, Site.asked) == ([], [f"http://{SITE}/200"])


@pytest.mark.parametrize(
    ("reach", "ok"),
    [(("hook.example.com",), True), (("*.example.com",), False), (None, True)],
)
def test_data_goes_to_hosts_that_are_named_themselves(
    reach: tuple[str, ...] | None, ok: bool
) -> None:
    with served() as server:
        wires = Wires()
        call = HttpCall(url=f"http://hook.example.com:{server.server_port}/200", method="GET")
        calls = HttpCalls(Egress(None, wires), ActionSecrets())
        if ok:
            assert calls.send(call, "m", Reach.of(reach)).ok
        else:
            with pytest.raises(OutsideReach, match="by a suffix alone"):
                calls.send(call, "m", Reach.of(reach))
            assert (wires.looked_up, wires.connected) == ([], [])


def test_a_call_to_a_name_that_leads_to_what_is_closed_sends_nothing_and_is_not_tried_again() -> (
    None
):
    wires = Wires({SITE: [[IMDS]]})
    call = HttpCall(url=f"http://{SITE}/hook?sig=canary", body="{}")
    with pytest.raises(OutsideReach) as refused:
        HttpCalls(Egress(None, wires), ActionSecrets()).send(call, "m", NAMED)
    assert refused.value.code == "outside_reach"
    assert "canary" not in refused.value.message
    assert wires.connected == []


class Named(BaseHTTPRequestHandler):
    """Says what it was called."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("x-served-by", self.headers["Host"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_the_name_stays_in_host_in_sni_and_in_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(SITE).configure_cert(context)
    asked_for: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked_for.append(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), Named) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake is no news
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        port = server.server_port
        right = ask(Wires(), Probe(http=f"https://{SITE}:{port}/"))
        wrong = ask(
            Wires(),
            Probe(http=f"https://other.example.com:{port}/"),
            Reach.of(("other.example.com",)),
        )
        server.shutdown()
        thread.join(5)
    assert (right.ok, right.heard) == (True, f"200 from {SITE}:{port}")
    assert (wrong.ok, wrong.heard) == (False, "no answer: SSLError")
    assert asked_for == [SITE, "other.example.com"]


def test_the_systems_own_network_leads_localhost_to_what_is_closed() -> None:
    reach = Reach(frozenset({"localhost"}))
    with pytest.raises(OutsideReach, match=r"localhost leads to .*, which is the app itself"):
        Egress(None).knock("localhost", closed_port(), reach, 1)


def test_the_systems_own_network_looks_up_and_connects() -> None:
    network = SystemNetwork()
    assert set(network.addresses("localhost", 80, 5)) <= {"127.0.0.1", "::1"}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        network.connect("127.0.0.1", listening.getsockname()[1], 5).close()
    with pytest.raises(OSError, match=r"."):
        network.addresses("no-such-host.invalid", 80, 30)


def test_a_session_reaches_no_other_host_than_the_one_it_was_made_for() -> None:
    with served() as server:
        wires = Wires()
        with (
            Egress(None, wires).session(f"http://{SITE}/", NAMED, 5) as session,
            pytest.raises(OutsideReach),
        ):
            session.get(f"http://other.example.com:{server.server_port}/200", timeout=5)
    assert wires.connected == []


@pytest.mark.parametrize("name", [SITE.upper(), f"{SITE}."])
def test_a_name_that_is_written_otherwise_is_knocked_at_through_a_proxy_too(name: str) -> None:
    with served() as server:
        proxy = proxy_at(f"{SITE}:{server.server_port}")
        assert ask(Wires(), Probe(tcp=f"{name}:80"), proxy=proxy).asked
        assert not ask(Wires(), Probe(tcp=f"{IMDS}.:80"), proxy=proxy).asked
