from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import httpx
import pytest

from tests.local.azure.shop import DRILL_NETWORK, FAILOVER, Arm


@pytest.fixture
def outside(arm: Arm) -> Iterator[httpx.Client]:
    with httpx.Client(proxy=arm.simulator.proxy_endpoint, trust_env=False) as client:
        yield client


def _connect(arm: Arm, target: str) -> tuple[int, bytes, socket.socket]:
    url = urlsplit(arm.simulator.proxy_endpoint)
    assert url.hostname and url.port
    stream = socket.create_connection((url.hostname, url.port), timeout=5)
    stream.sendall(f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += stream.recv(4096)
    return int(head.split()[1]), head, stream


def _status(arm: Arm, target: str) -> int:
    status, _, stream = _connect(arm, target)
    stream.close()
    return status


def _ask(arm: Arm, name: str, kind: str = "A", tcp: bool = False) -> dns.message.Message:
    host, _, port = arm.simulator.environment()["DNS_RESOLVERS"].partition(":")
    send = dns.query.tcp if tcp else dns.query.udp
    return send(dns.message.make_query(name, kind), host, timeout=5, port=int(port))


def test_a_machine_answers_through_the_proxy_and_names_itself(outside: httpx.Client) -> None:
    for url in (
        "http://10.1.3.4/healthz",
        "http://10.1.3.4:80/healthz?deep=1",
        "http://shop-eastus.example.com/healthz",
        "http://203.0.113.10/healthz",
        "http://shop.trafficmanager.net/healthz",
    ):
        answer = outside.get(url)
        assert (answer.status_code, answer.headers["x-served-by"]) == (200, "eastus/web-prod-01")
    assert outside.get("http://10.1.3.4/nothing").status_code == 404


def test_what_does_not_answer_is_told_from_what_is_not_there(outside: httpx.Client) -> None:
    assert outside.get("http://10.1.3.4:81/healthz").status_code == 502
    assert outside.get("http://nobody.example.com/").status_code == 502
    assert outside.get("http://10.2.3.4/healthz").status_code == 504
    assert outside.get("http://shop-westus.example.com/healthz").status_code == 504


def test_a_tunnel_opens_where_something_listens(arm: Arm) -> None:
    assert _status(arm, "10.1.1.4:5432") == 200
    assert _status(arm, "10.1.1.4:5433") == 502
    assert _status(arm, "nobody.example.com:5432") == 502
    assert _status(arm, "10.2.1.4:5432") == 504
    arm.simulator.set_region("eastus", down=True)
    assert _status(arm, "10.1.1.4:5432") == 504


def test_an_open_tunnel_stays_open_until_the_client_leaves(arm: Arm) -> None:
    _, _, stream = _connect(arm, "10.1.1.4:5432")
    stream.settimeout(0.1)
    with pytest.raises(TimeoutError):
        stream.recv(1)
    stream.close()


def test_an_http_port_answers_inside_a_tunnel(arm: Arm) -> None:
    _, head, stream = _connect(arm, "10.1.3.4:80")
    assert b"x-served-by: eastus/web-prod-01" in head
    stream.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    assert stream.recv(4096).startswith(b"HTTP/1.1 200 OK")
    stream.close()


@pytest.mark.parametrize(
    "head",
    [
        b"NONSENSE\r\n\r\n",
        b"CONNECT nowhere HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"POST http://x/ HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST http://x/ HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ],
)
def test_what_is_no_proxy_request_is_refused(arm: Arm, head: bytes) -> None:
    url = urlsplit(arm.simulator.proxy_endpoint)
    assert url.hostname and url.port
    with socket.create_connection((url.hostname, url.port), timeout=5) as stream:
        stream.sendall(head)
        assert stream.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_tier_is_healthy_only_with_the_tier_below(arm: Arm, outside: httpx.Client) -> None:
    arm.fail_over("web-prod-01")
    arm.later(200)
    assert outside.get("http://10.2.3.4/healthz").status_code == 503
    arm.fail_over("app-prod-01")
    arm.later(200)
    assert outside.get("http://10.2.2.4:8080/healthz").status_code == 503
    assert outside.get("http://10.2.3.4/healthz").status_code == 503
    arm.fail_over("db-prod-01")
    arm.later(240)
    assert outside.get("http://10.2.2.4:8080/healthz").status_code == 200
    answer = outside.get("http://shop-westus.example.com/healthz")
    assert (answer.status_code, answer.headers["x-served-by"]) == (200, "westus/web-prod-01")


def test_a_recovered_machine_exists_with_the_end_of_its_job_and_listens_once_booted(
    arm: Arm,
) -> None:
    job = arm.fail_over("db-prod-01")
    arm.later(100)
    assert arm.instance_view("shop-west", "db-prod-01").status_code == 404
    while arm.job(job)["properties"]["state"] == "InProgress":
        arm.later(1)
    view = arm.instance_view("shop-west", "DB-PROD-01").json()
    assert [status["code"] for status in view["statuses"]][1] == "PowerState/running"
    assert _status(arm, "10.2.1.4:5432") == 504
    arm.later(35)
    assert _status(arm, "10.2.1.4:5432") == 200


def test_drill_machines_answer_on_addresses_of_their_own(arm: Arm, outside: httpx.Client) -> None:
    body = {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "networkId": DRILL_NETWORK,
            "providerSpecificDetails": {"instanceType": "A2A"},
        }
    }
    for name in ("db-prod-01", "app-prod-01", "web-prod-01"):
        arm.act(name, "testFailover", body)
    arm.later(300)
    answer = outside.get("http://10.9.3.4/healthz")
    assert answer.headers["x-served-by"] == "westus/web-prod-01-test"
    assert answer.status_code == 200
    assert outside.get("http://shop-westus.example.com/healthz").status_code == 504


def test_reads_of_a_region_that_is_down_fail_and_the_vault_works_on(arm: Arm) -> None:
    arm.simulator.set_region("eastus", down=True)
    refused = arm.instance_view("shop-east", "db-prod-01")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ServiceUnavailable")
    assert arm.fail_over("db-prod-01")
    arm.later(200)
    assert arm.instance_view("shop-west", "db-prod-01").status_code == 200


def test_with_the_region_of_the_vault_down_the_vault_does_not_answer(arm: Arm) -> None:
    arm.simulator.set_region("westus", down=True)
    assert arm.vault_get("replicationProtectedItems").status_code == 503
    assert arm.traffic().status_code == 200


def test_a_machine_is_shown_with_its_view_when_asked(arm: Arm) -> None:
    path = f"{arm.root}/shop-east/providers/Microsoft.Compute/virtualMachines/db-prod-01"
    plain = arm.send("GET", path, version="2024-07-01").json()
    assert plain["location"] == "eastus"
    assert "instanceView" not in plain["properties"]
    query = {"$expand": "instanceView"}
    full = arm.send("GET", path, version="2024-07-01", **query).json()
    assert full["properties"]["instanceView"]["statuses"]


@pytest.mark.parametrize("tcp", [False, True])
def test_dns_answers_with_the_target_and_its_address(arm: Arm, tcp: bool) -> None:
    answer = _ask(arm, "shop.trafficmanager.net", tcp=tcp).answer
    assert [record.to_text() for record in answer] == [
        "shop.trafficmanager.net. 30 IN CNAME shop-eastus.example.com.",
        "shop-eastus.example.com. 30 IN A 203.0.113.10",
    ]


def test_dns_follows_the_switch(arm: Arm) -> None:
    arm.bring_west_up()
    arm.enable("west")
    arm.later(20)
    arm.enable("east", "Disabled")
    answer = _ask(arm, "SHOP.trafficmanager.net", "CNAME").answer
    assert [record[0].to_text() for record in answer] == ["shop-westus.example.com."]


def test_dns_knows_public_names_and_nothing_else(arm: Arm) -> None:
    found = _ask(arm, "shop-westus.example.com").answer
    assert [record[0].to_text() for record in found] == ["198.51.100.10"]
    assert _ask(arm, "shop-westus.example.com", "AAAA").rcode() == dns.rcode.NOERROR
    assert _ask(arm, "nobody.example.com").rcode() == dns.rcode.NXDOMAIN
    assert _ask(arm, "203.0.113.10").rcode() == dns.rcode.NXDOMAIN


def test_dns_says_that_a_name_without_enabled_endpoints_does_not_exist(
    arm: Arm, outside: httpx.Client
) -> None:
    arm.enable("east", "Disabled")
    assert _ask(arm, "shop.trafficmanager.net").rcode() == dns.rcode.NXDOMAIN
    assert outside.get("http://shop.trafficmanager.net/healthz").status_code == 502


def test_the_list_of_machines_tells_their_power_and_says_nothing_of_a_region_that_is_down(
    arm: Arm,
) -> None:
    elsewhere = {"canary": "PowerState/running"}
    assert _powers(arm) == dict.fromkeys(_SHOP, "PowerState/running") | elsewhere
    arm.simulator.set_region("eastus", down=True)
    assert _powers(arm) == {**dict.fromkeys(_SHOP), **elsewhere}


_SHOP = ("db-prod-01", "app-prod-01", "web-prod-01")


def _powers(arm: Arm) -> dict[str, str | None]:
    path = f"{arm.root.removesuffix('/resourceGroups')}/providers/Microsoft.Compute/virtualMachines"
    page = arm.send("GET", path, version="2024-07-01", statusOnly="true").raise_for_status().json()
    return {
        machine["name"]: machine["properties"]["instanceView"]["statuses"][1]["code"]
        if "instanceView" in machine["properties"]
        else None
        for machine in page["value"]
    }


def test_a_tier_is_unhealthy_once_the_tier_below_is_shut_down(
    arm: Arm, outside: httpx.Client
) -> None:
    body = {"properties": {**FAILOVER["properties"], "sourceSiteOperations": "Required"}}
    arm.act("db-prod-01", "unplannedFailover", body)
    assert outside.get("http://10.1.2.4:8080/healthz").status_code == 200
    arm.later(60)
    assert outside.get("http://10.1.2.4:8080/healthz").status_code == 503
    assert _status(arm, "10.1.1.4:5432") == 504


def test_only_the_published_port_of_a_public_name_answers(arm: Arm) -> None:
    assert _status(arm, "shop-eastus.example.com:80") == 200
    assert _status(arm, "shop-eastus.example.com:22") == 504


def test_a_body_beyond_all_measure_is_refused(arm: Arm) -> None:
    content = b"x" * 1_000_001
    url = f"{arm.simulator.proxy_endpoint}/_simulator/faults"
    with httpx.Client(trust_env=False) as client, client.stream("POST", url, content=content) as it:
        assert it.status_code == 413
