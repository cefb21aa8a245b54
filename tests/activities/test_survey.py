"""What forbids to protect an application is said at once and before anything is made, each with the mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from activities.survey import Survey, Surveyed, SurveyQuestion
from domain.plan import Plan
from domain.resources import MachineSeen, NetworkSeen
from tests.activities.ports import VaultInMemory, item
from tests.plan_samples import SUBSCRIPTION, protected_plan

GROUP = f"{SUBSCRIPTION}/resourceGroups/east/providers"
DRILL = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/lab"


def machine(name: str, **changes: Any) -> MachineSeen:
    known: dict[str, Any] = {
        "id": f"{GROUP}/Microsoft.Compute/virtualMachines/{name}",
        "region": "eastus",
        "disks": (f"{GROUP}/Microsoft.Compute/disks/{name}-os",),
        "nics": (f"{GROUP}/Microsoft.Network/networkInterfaces/{name}-nic",),
    }
    return MachineSeen.model_validate({**known, **changes})


@dataclass
class ResourcesInMemory:
    """Resources as a plan expects them, but for what a test takes away or moves."""

    regions: dict[str, str | None] = field(default_factory=dict)
    machines: dict[str, MachineSeen | None] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def region(self, resource: str) -> str | None:
        name = resource.rsplit("/", 1)[-1]
        usual = {"v": "westus", "east": "eastus", "west": "westus"}
        return {**usual, **self.regions}[name]

    def machine(self, vm: str) -> MachineSeen | None:
        name = vm.rsplit("/", 1)[-1]
        return self.machines.get(name, machine(name))

    def address(self, nic: str) -> str | None:
        return "10.2.1.7"

    def network(self, network: str) -> NetworkSeen | None:
        name = network.rsplit("/", 1)[-1]
        region = {"east": "eastus", "west": "westus", "lab": "westus", **self.regions}[name]
        subnets = {"db": ("10.2.1.0/24",), "app": ("10.2.2.0/24",)}
        return NetworkSeen(id=network, region=region, subnets=subnets) if region else None

    def is_free(self, network: str, address: str) -> bool:
        self.asked.append(address)
        return address not in self.taken


def look(
    plan: Plan, resources: ResourcesInMemory | None = None, items: Sequence[Any] = ()
) -> Surveyed:
    survey = Survey(VaultInMemory().hold(*items), resources or ResourcesInMemory())
    return survey.survey_protection(SurveyQuestion(plan=plan))


def one(nic: dict[str, Any] | None = None, **more: Any) -> Plan:
    member = {"name": "db-01", **({"nics": [nic]} if nic else {})}
    return protected_plan(member, **more)


def test_an_unprotected_application_in_order_is_ready_with_its_disks() -> None:
    seen = look(one())
    assert not seen.blockers and not seen.items
    assert seen.disks == {"db-01": (f"{GROUP}/Microsoft.Compute/disks/db-01-os",)}


def test_the_vaults_real_region_counts_and_not_the_plans_word() -> None:
    (said,) = look(one(), ResourcesInMemory(regions={"v": "eastus"})).blockers
    assert said == (
        "the vault v lies in East US, the region it must survive; use a vault in West US"
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"regions": {"v": None}}, "there is no vault v"),
        ({"regions": {"v": "centralus"}}, "lies in Central US, not in West US as the plan says"),
        ({"machines": {"db-01": None}}, "there is no machine db-01 for db-01; mend its vm"),
        (
            {"machines": {"db-01": machine("db-01", disks=(), unmanaged=("os",))}},
            "the disks os of db-01 are not managed",
        ),
        (
            {"machines": {"db-01": machine("db-01", region="centralus")}},
            "db-01 lies in Central US, the plan protects East US",
        ),
        ({"machines": {"db-01": machine("db-01", disks=())}}, "has no disk"),
    ],
)
def test_what_is_not_as_the_plan_says_is_refused(changes: dict[str, Any], says: str) -> None:
    seen = look(one(), ResourcesInMemory(**changes))
    (said,) = seen.blockers
    assert says in said


def test_a_cache_account_or_a_network_that_is_missing_or_elsewhere_is_refused() -> None:
    missing = look(one(), ResourcesInMemory(regions={"east": None})).blockers
    assert [said.split(";")[0] for said in missing] == [
        "there is no cache account east",
        "there is no network east",
    ]
    moved = look(one(), ResourcesInMemory(regions={"west": "eastus"})).blockers
    assert moved[0].startswith("the cache account west lies in East US, it must lie in West US")
    assert moved[1].startswith("the network west lies in East US, it must lie in West US")


@pytest.mark.parametrize(
    ("nic", "says"),
    [
        ({"subnet": "db", "address": "10.2.1.9"}, None),
        ({"subnet": "db", "address": "keep"}, None),
        ({"address": "10.2.2.9"}, None),
        ({"subnet": "db"}, None),
        ({"subnet": "gone"}, "west has no subnet gone for db-01; it has db, app"),
        ({"subnet": "db", "address": "10.2.2.9"}, "10.2.2.9 lies outside 10.2.1.0/24"),
        ({"subnet": "app", "address": "keep"}, "10.2.1.7 lies outside 10.2.2.0/24"),
        ({"subnet": "db", "address": "10.2.1.2"}, "one of the five addresses that Azure reserves"),
        (
            {"subnet": "db", "address": "10.2.1.66"},
            "10.2.1.66, which db-01 asks for, is taken in west",
        ),
        ({"name": "eth9"}, "db-01 has no interface eth9; it has db-01-nic"),
    ],
)
def test_an_address_is_in_range_free_and_not_reserved(
    nic: dict[str, Any], says: str | None
) -> None:
    seen = look(one(nic), ResourcesInMemory(taken={"10.2.1.66"}))
    assert len(seen.blockers) == (1 if says else 0), seen.blockers
    assert not says or says in seen.blockers[0]


def test_a_kept_address_must_be_free_too() -> None:
    (said,) = look(one({"address": "keep"}), ResourcesInMemory(taken={"10.2.1.7"})).blockers
    assert said.startswith("10.2.1.7, which db-01 asks for, is taken in west")


def test_a_drill_has_its_own_network_and_its_own_addresses() -> None:
    resources = ResourcesInMemory()
    drill = {"subnet": "db", "address": "10.2.1.3"}
    asked = one({"subnet": "db", "address": "10.2.1.9", "drill": drill}, drill={"network": DRILL})
    (said,) = look(asked, resources).blockers
    assert "in subnet db of lab: 10.2.1.3 is one of the five" in said
    assert resources.asked == ["10.2.1.9"]


def test_two_members_cannot_have_one_address() -> None:
    nics = [{"subnet": "db", "address": "10.2.1.9"}]
    asked = protected_plan({"name": "a", "nics": nics}, {"name": "b", "nics": nics})
    (said,) = look(asked).blockers
    assert said.startswith("a, b ask for the same address 10.2.1.9 in west")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"state": "InitialReplicationInProgress"}, None),
        ({"source_region": "westus"}, "runs in West US now; fail back"),
        ({"state": "UnplannedFailoverCommitted"}, "end its failover first"),
        ({"vm": f"{GROUP}/Microsoft.Compute/virtualMachines/other"}, "protects another machine"),
    ],
)
def test_an_item_that_is_there_is_adopted_or_forbids_the_run(
    changes: dict[str, Any], says: str | None
) -> None:
    seen = look(one(), items=[item("db-01", **changes)])
    assert len(seen.blockers) == (1 if says else 0), seen.blockers
    assert not says or says in seen.blockers[0]
    assert list(seen.items) == ["db-01"]


def test_an_optional_members_trouble_is_only_its_own() -> None:
    asked = protected_plan({"name": "a"}, {"name": "b", "required": False})
    seen = look(asked, ResourcesInMemory(machines={"b": None}))
    assert not seen.blockers
    assert seen.lost == {"b": "there is no machine b for b; mend its vm"}
    assert seen.warnings == ("b is left out: there is no machine b for b; mend its vm",)
