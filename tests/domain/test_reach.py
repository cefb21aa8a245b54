from __future__ import annotations

import inspect
from ipaddress import ip_address, ip_network
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

import domain
from domain.model import Model
from domain.plan import Plan
from domain.reach import CLOSED, Places, Reach, closed, host_of
from domain.reach_rules import called_by, outside
from tests.plan_samples import plan, plan_data, tier

PLACES: TypeAdapter[tuple[str, ...]] = TypeAdapter(Places)
REACH = Reach.of(
    ("shop.example.com", "*.shop.example", "10.2.0.0/16", "10.3.0.7", "fd12:3456::/32")
)


@pytest.mark.parametrize(
    ("host", "probed", "sent"),
    [
        ("shop.example.com", True, True),
        ("www.shop.example.com", False, False),
        ("xshop.example.com", False, False),
        ("shop.example", False, False),
        ("west.shop.example", True, False),
        ("a.west.shop.example", True, False),
        ("westshop.example", False, False),
        ("10.2.1.4", True, False),
        ("10.3.0.7", True, True),
        ("10.3.0.8", False, False),
        ("20.42.65.9", False, False),
        ("fd12:3456::1", True, False),
        ("127.0.0.1", False, False),
        ("localhost", False, False),
        ("2130706433", False, False),
    ],
)
def test_a_host_is_talked_to_where_the_list_names_it_and_sent_to_where_it_names_it_itself(
    host: str, probed: bool, sent: bool
) -> None:
    assert (REACH.refuses(host) is None, REACH.refuses(host, sent=True) is None) == (probed, sent)


@pytest.mark.parametrize(
    ("host", "address", "ok"),
    [
        ("shop.example.com", "20.42.65.9", True),
        ("shop.example.com", "10.9.9.9", True),  # named itself: its network need not be
        ("west.shop.example", "20.42.65.9", True),
        ("west.shop.example", "10.2.1.4", True),
        ("west.shop.example", "10.9.9.9", False),
        ("west.shop.example", "192.168.1.1", False),
        ("west.shop.example", "100.64.0.1", False),
        ("west.shop.example", "fd99::1", False),
        ("shop.example.com", "169.254.169.254", False),
        ("shop.example.com", "168.63.129.16", False),
        ("shop.example.com", "127.0.0.1", False),
        ("shop.example.com", "::1", False),
        ("shop.example.com", "fe80::1", False),
        ("shop.example.com", "::ffff:10.2.1.4", False),
        ("shop.example.com", "64:ff9b::a9fe:a9fe", False),
        ("shop.example.com", "2002:a9fe:a9fe::", False),
        ("shop.example.com", "224.0.0.1", False),
        ("shop.example.com", "255.255.255.255", False),
        ("shop.example.com", "0.0.0.0", False),
        ("shop.example.com", "::", False),
    ],
)
def test_what_a_name_leads_to_is_held_against_the_list_too(
    host: str, address: str, ok: bool
) -> None:
    assert (REACH.refuses_address(host, ip_address(address)) is None) is ok


@given(st.sampled_from(CLOSED), st.data())
def test_no_list_opens_what_is_closed(shut: Any, data: st.DataObject) -> None:
    network, why = shut
    first, last = int(network.network_address), int(network.broadcast_address)
    address = type(network.network_address)(data.draw(st.integers(first, last)))
    assert closed(address)
    everything = Reach(
        frozenset({"shop.example.com"}),
        networks=(ip_network("0.0.0.0/0"), ip_network("::/0")),
    )
    for reach in (everything, Reach.of(None)):
        assert reach.refuses(str(address))
        assert reach.refuses_address("shop.example.com", address)
    with pytest.raises(ValidationError, match="no plan may reach"):
        PLACES.validate_python([str(address)])
    assert why


@pytest.mark.parametrize(
    ("place", "held"),
    [
        ("shop.example.com", True),
        ("other.example.com", False),
        ("west.shop.example", True),
        ("*.shop.example", True),
        ("*.west.shop.example", True),
        ("*.example", False),
        ("*.example.com", False),
        ("10.2.0.0/16", True),
        ("10.2.7.0/24", True),
        ("10.2.1.4", True),
        ("10.0.0.0/8", False),
        ("10.3.0.7", True),
        ("10.3.0.0/24", False),
        ("fd12:3456:1::/48", True),
        ("fd00::/32", False),
    ],
)
def test_a_place_is_held_whole_or_not_at_all(place: str, held: bool) -> None:
    assert REACH.holds(place) is held
    assert Reach.of(None).holds(place)


def test_a_run_from_before_there_was_a_list_reaches_all_that_is_not_closed() -> None:
    before = Reach.of(None)
    assert before.refuses("any.example.org") is None
    assert before.refuses_address("any.example.org", ip_address("10.0.0.1")) is None
    assert (
        "reach"
        not in Plan.model_validate({k: v for k, v in plan_data().items() if k != "reach"}).wire()
    ), "the digest of what was approved stays what it was"


@pytest.mark.parametrize(
    ("place", "read"),
    [
        ("Shop.Example.com.", "shop.example.com"),
        ("*.Shop.example.com", "*.shop.example.com"),
        ("db01", "db01"),
        ("10.2.1.4/32", "10.2.1.4"),
        ("10.2.0.0/16", "10.2.0.0/16"),
        ("FD12:3456::/32", "fd12:3456::/32"),
    ],
)
def test_a_place_is_read_in_one_way(place: str, read: str) -> None:
    assert PLACES.validate_python([place]) == (read,)


@pytest.mark.parametrize(
    "place",
    [
        "", "*", "*.", "*.com", "*.trafficmanager.net", "*.mine.trafficmanager.net",
        "*.azure.com", "*.windows.net", "a*.example.com", "a..b",
        "-a.example.com", "a_b.example.com", "shop.example.com:80", "http://shop.example.com", "10.2.1.4/16",
        "10.0.0.0/7", "::/0", "fc00::/7", "localhost", "app.localhost", "*.app.localhost", "127.0.0.1", "2130706433",
        "0x7f000001", "127.1", "user@shop.example.com", "shop.example.com/path", "b\u00fccher.example", "a" * 254,
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused(place: str) -> None:
    with pytest.raises(ValidationError):
        PLACES.validate_python([place])


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Shop.example.com./x", "shop.example.com"),
        ("https://10.2.1.4:8443/", "10.2.1.4"),
        ("http://[FD12::1]:80/", "fd12::1"),
        ("http://good.example\\@evil.example/", None),
        ("http://good.example\\.evil.example/", None),
        ("http://[::1/", None),
        ("http://a:b/", None),
        ("http://a:99999/", None),
        ("http://%31%32/", None),
        ("http://b\u00fccher.example/", None),
        ("http:///x", None),
    ],
)
def test_a_host_is_read_where_nobody_can_read_another(url: str, host: str | None) -> None:
    assert host_of(url) == host


def asking(**more: Any) -> Plan:
    gate = {"probes": [{"tcp": "a.example.com:1"}]}
    call = {"name": "call", "http": {"url": "https://ops.example.com/"}}
    probe = {"http": "http://b.example.com/"}
    web = {
        **tier("web"), "gate": gate, "home_gate": gate, "drill_gate": gate,
        "pre_actions": [call], "post_actions": [{**call, "name": "call-2"}],
    }  # fmt: skip
    network = (
        f"{plan_data()['source']['resource_group']}/providers/Microsoft.Network/virtualNetworks/n"
    )
    return plan(
        tiers=[web],
        drill={"network": network, "hooks": [call]},
        signals={"vantage": {"probes": [probe], "canary": probe}},
        policy={"fence": {"probes": [probe]}},
        **more,
    )


def test_every_part_of_a_plan_that_talks_to_somebody_is_held_against_the_list() -> None:
    places = [".".join(map(str, one.place)) for one in called_by(asking())]
    assert sorted(places) == sorted(
        [
            "tiers.0.gate.probes.0.tcp",
            "tiers.0.home_gate.probes.0.tcp",
            "tiers.0.drill_gate.probes.0.tcp",
            "tiers.0.pre_actions.0.http.url",
            "tiers.0.post_actions.0.http.url",
            "traffic.gate.probes.0.http",
            "traffic.verify",
            "drill.hooks.0.http.url",
            "signals.vantage.probes.0.http",
            "signals.vantage.canary.http",
            "policy.fence.probes.0.http",
        ]
    )
    with pytest.raises(ValidationError) as refused:
        asking(reach=["elsewhere.example.org"])
    (error,) = refused.value.errors()
    assert len(error["ctx"]["problems"]) == len(places)


def test_no_model_holds_a_url_that_the_list_is_not_held_against() -> None:
    def modules() -> list[ModuleType]:
        return [
            __import__(f"domain.{m.name}", fromlist=["x"]) for m in iter_modules(domain.__path__)
        ]

    holding = {
        f"{name}.{field}"
        for module in modules()
        for name, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, Model)
        for field, annotation in model.__annotations__.items()
        if {"Url", "Address"} & set(str(annotation).replace("|", " ").replace("[", " ").split())
        and model.__module__
        != "domain.network"  # an interface's own address, which nobody is asked at
    }
    assert holding == {"Probe.tcp", "Probe.http", "HttpCall.url", "Traffic.verify"}


def test_a_plan_within_its_list_has_nothing_outside() -> None:
    assert list(outside(asking())) == []


def test_an_ipv4_address_in_the_translated_form_is_closed_too() -> None:
    assert closed(ip_address("::ffff:0:169.254.169.254"))
