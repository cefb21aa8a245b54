"""Where a plan wants its machines to come up, against what their items say."""

from __future__ import annotations

from typing import Any

import pytest

from domain.landing import Unclear, drift_in, drift_of, foreign_machines, landing_of, objection_to
from domain.plan import Plan
from domain.replication import Interface
from tests.activities.ports import item
from tests.plan_samples import SUBSCRIPTION, plan, protected_plan

NETWORKS = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network"
ETH0 = Interface(
    nic="n-1",
    source_nic=f"{NETWORKS}/networkInterfaces/eth0",
    source_address="10.1.1.4",
    config="ipconfig1",
    subnet="db",
)
ETH1 = ETH0.model_copy(
    update={"nic": "n-2", "source_nic": f"{NETWORKS}/networkInterfaces/eth1", "subnet": "back"}
)


def of(member: dict[str, Any], **more: Any) -> Plan:
    return plan(tiers=[{"name": "db", "members": [{"name": "db-01", **member}]}], **more)


def drift(member: dict[str, Any], *nics: Interface, **seen: Any) -> list[str]:
    found = item("db-01", nics=nics or (ETH0,), **seen)
    asked = of(member)
    return drift_of(landing_of(asked, asked.members[0], found), found)


def test_a_member_of_which_the_plan_says_nothing_cannot_drift() -> None:
    assert drift({}, ETH0, ETH1, recovery_name="any", recovery_size="any", network="any") == []


@pytest.mark.parametrize(
    ("nic", "seen", "says"),
    [
        ({"address": "keep"}, {"address": "10.1.1.4"}, None),
        ({"address": "keep"}, {}, "its address is not set, the plan wants 10.1.1.4"),
        ({"address": "10.2.1.9"}, {"address": "10.2.1.9"}, None),
        ({"address": "10.2.1.9"}, {"address": "10.2.1.8"}, "its address is 10.2.1.8, the plan"),
        ({"address": "dynamic"}, {"address": "10.2.1.8"}, "the plan wants not set"),
        ({}, {"address": "10.2.1.8"}, "the plan wants not set"),
        ({"subnet": "DB"}, {}, None),
        ({"subnet": "web"}, {}, "its subnet is db, the plan wants web"),
        (
            {"nsg": f"{NETWORKS}/networkSecurityGroups/g"},
            {},
            "its nsg is not set, the plan wants g",
        ),
        ({}, {"nsg": f"{NETWORKS}/networkSecurityGroups/g"}, None),
        ({"drill": {"subnet": "lab"}}, {}, "its drill subnet is not set, the plan wants lab"),
        ({"drill": {"address": "keep"}}, {}, "its drill address is not set, the plan wants 10.1.1"),
        ({}, {"drill_subnet": "lab"}, None),
        (
            {"pools": [f"{NETWORKS}/loadBalancers/l/backendAddressPools/p"]},
            {},
            "its load-balancer pools is none, the plan wants p",
        ),
    ],
)
def test_an_interface_drifts_where_it_says_otherwise_than_the_plan(
    nic: dict[str, Any], seen: dict[str, Any], says: str | None
) -> None:
    told = drift({"nics": [nic]}, ETH0.model_copy(update=seen))
    assert len(told) == (1 if says else 0), told
    assert not says or says in told[0]


@pytest.mark.parametrize(
    ("member", "seen", "says"),
    [
        ({"size": "Standard_D4s_v5"}, {"recovery_size": "standard_d4s_v5"}, None),
        ({"size": "Standard_D4s_v5"}, {"recovery_size": "Standard_D2s_v5"}, "Standard_D2s_v5, the"),
        ({"recovery_name": "db-west"}, {"recovery_name": "db-01"}, "is db-01, the plan wants db-w"),
    ],
)
def test_name_and_size_drift_whatever_their_case(
    member: dict[str, Any], seen: dict[str, Any], says: str | None
) -> None:
    told = drift(member, **seen)
    assert len(told) == (1 if says else 0), told
    assert not says or says in told[0]


@pytest.mark.parametrize(
    ("nics", "says"),
    [
        ([{"subnet": "db"}], "db-01 has the interfaces eth0, eth1; name each one"),
        ([{"name": "eth9"}], "db-01 has no interface eth9; it has eth0, eth1"),
        ([{"name": "eth0"}, {"name": "ETH0"}], "the same interface twice"),
    ],
)
def test_interfaces_that_are_not_the_machines_are_refused_in_words(
    nics: list[dict[str, Any]], says: str
) -> None:
    with pytest.raises(Unclear, match=says):
        drift({"nics": nics}, ETH0, ETH1)


def test_of_two_interfaces_only_the_named_one_is_changed() -> None:
    told = drift({"nics": [{"name": "eth1", "subnet": "lab"}]}, ETH0, ETH1)
    assert told == ["its subnet is back, the plan wants lab"]


def test_an_address_that_is_not_known_cannot_be_kept() -> None:
    with pytest.raises(Unclear, match="cannot be kept"):
        drift({"nics": [{"address": "keep"}]}, ETH0.model_copy(update={"source_address": None}))


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.2.1.4", None),
        ("10.2.1.254", None),
        ("10.2.1.0", "reserves in 10.2.1.0/24; use 10.2.1.4 to 10.2.1.254"),
        ("10.2.1.3", "reserves"),
        ("10.2.1.255", "reserves"),
        ("10.2.2.4", "10.2.2.4 lies outside 10.2.1.0/24"),
    ],
)
def test_an_address_must_lie_in_its_subnet_and_not_be_one_of_azures_five(
    address: str, says: str | None
) -> None:
    told = objection_to(address, ("10.2.1.0/24", "fd00::/64"))
    assert (told is None) if says is None else (told is not None and says in told)


def test_drift_is_told_of_items_that_replicate_the_way_out_alone() -> None:
    asked = of({"size": "Standard_D4s_v5"})
    seen: dict[str, Any] = {"recovery_size": "Standard_D2s_v5", "nics": (ETH0,)}
    (said,) = drift_in(asked, {"db-01": item("db-01", **seen)})
    assert said.startswith("db-01 would not come up as planned: its size in the recovery region is")
    for changes in (
        {"state": "UnplannedFailoverCommitted"},
        {"state": "InitialReplicationInProgress"},
        {"source_region": "westus"},
    ):
        assert not list(drift_in(asked, {"db-01": item("db-01", **seen, **changes)}))


def test_the_network_drifts_where_the_plan_protects() -> None:
    asked = protected_plan()
    assert asked.protection is not None
    target = asked.protection.networks.target
    for network, count in ((target.upper(), 0), ("/subscriptions/s/other", 1), (None, 1)):
        found = {"db-01": item("db-01", network=network)}
        assert len(list(drift_in(asked, found))) == count, network


@pytest.mark.parametrize(
    ("vm", "foreign"),
    [
        (
            f"{SUBSCRIPTION}/resourcegroups/east/providers/microsoft.compute/virtualmachines/db-01",
            0,
        ),
        (f"{SUBSCRIPTION}/resourcegroups/east/providers/microsoft.compute/virtualmachines/web", 1),
    ],
)
def test_an_item_that_protects_another_machine_is_foreign(vm: str, foreign: int) -> None:
    found = {"db-01": item("db-01", vm=vm, source_region="eastus")}
    assert len(list(foreign_machines(plan(), found))) == foreign
    turned = {"db-01": item("db-01", vm=vm, source_region="westus")}
    assert not list(foreign_machines(plan(), turned))
