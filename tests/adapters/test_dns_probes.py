"""Where users are sent: what each resolver answers, by every alias on the way."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from adapters import probes as module
from adapters.egress import Egress
from adapters.probes import NetworkProbes
from domain.run import DnsAnswer

Respond = Callable[[dns.message.Message], dns.message.Message | None]


@contextmanager
def resolver(respond: Respond) -> Iterator[tuple[str, int]]:
    """A resolver on loopback that answers every question as told, until it is left."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talking:
        talking.bind(("127.0.0.1", 0))

        def talk() -> None:
            while True:  # until "enough" comes
                data, sender = talking.recvfrom(4096)
                if data == b"enough":
                    return
                reply = respond(dns.message.from_wire(data))
                if reply is not None:
                    talking.sendto(reply.to_wire(), sender)

        thread = Thread(target=talk)
        thread.start()
        try:
            yield talking.getsockname()
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"enough", talking.getsockname())
            thread.join(5)


def answering(*records: str) -> Respond:
    def respond(question: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.RA
        for record in records:
            name, kind, value = record.split()
            reply.answer.append(dns.rrset.from_text(name, 5, "IN", kind, value))
        return reply

    return respond


NAME = "shop.trafficmanager.net"
TO_WEST = (
    f"{NAME}. CNAME shop-westus.example.com.",
    "shop-westus.example.com. CNAME vm.westus.cloudapp.azure.com.",
    "vm.westus.cloudapp.azure.com. A 10.2.3.4",
)


def leads(respond: Respond, target: str) -> DnsAnswer:
    with resolver(respond) as at:
        (answer,) = NetworkProbes(Egress(None), [at]).leads_to(NAME, target)
    assert answer.resolver == f"127.0.0.1:{at[1]}"
    return answer


@pytest.mark.parametrize(
    ("target", "ok"),
    [
        ("shop-westus.example.com", True),
        ("SHOP-westus.example.com.", True),
        ("vm.westus.cloudapp.azure.com", True),
        ("10.2.3.4", True),
        ("shop-eastus.example.com", False),
        ("westus.example.com", False),
        ("10.2.3", False),
    ],
)
def test_a_name_leads_to_its_target_by_every_alias_on_the_way(target: str, ok: bool) -> None:
    answer = leads(answering(*TO_WEST), target)
    assert answer.ok is ok
    assert answer.answer == "shop-westus.example.com vm.westus.cloudapp.azure.com 10.2.3.4"


def test_a_name_without_an_alias_leads_to_its_address() -> None:
    answer = leads(answering(f"{NAME}. A 10.2.3.4"), "10.2.3.4")
    assert (answer.ok, answer.answer) == (True, "10.2.3.4")


def no_such_name(question: dns.message.Message) -> dns.message.Message:
    reply = dns.message.make_response(question)
    reply.set_rcode(dns.rcode.NXDOMAIN)
    return reply


@pytest.mark.parametrize(
    ("respond", "text", "heard"),
    [
        (no_such_name, "no answer: NXDOMAIN", True),
        (answering(), "no answer: NoAnswer", True),
        (lambda _: None, "no answer: LifetimeTimeout", False),
    ],
)
def test_a_resolver_without_an_answer_is_told_as_such(
    respond: Respond, text: str, heard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.2)
    answer = leads(respond, "shop-westus.example.com")
    assert (answer.ok, answer.answer, answer.heard) == (False, text, heard)


def test_every_resolver_is_asked() -> None:
    east = answering(
        f"{NAME}. CNAME shop-eastus.example.com.", "shop-eastus.example.com. A 10.1.3.4"
    )
    with resolver(answering(*TO_WEST)) as one, resolver(east) as two:
        answers = NetworkProbes(Egress(None), [one, two]).leads_to(NAME, "shop-westus.example.com")
    assert [answer.ok for answer in answers] == [True, False]
    assert [answer.resolver for answer in answers] == [
        f"{host}:{port}" for host, port in (one, two)
    ]


def test_a_name_that_cannot_be_has_no_answer() -> None:
    (answer,) = NetworkProbes(Egress(None), [("127.0.0.1", 53)]).leads_to("a..b", "x")
    assert (answer.ok, answer.answer) == (False, "no answer: EmptyLabel")
