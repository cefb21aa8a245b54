"""The looks of a drill: whether its network is apart from production, and what it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from activities.drill import Drills, LeftoverQuestion, Scene, SceneQuestion
from domain.drill import Rehearsed
from domain.plan import Plan
from domain.replication import Interface
from domain.resources import NetworkSeen, ResourceSeen
from tests.activities.ports import VaultInMemory, item
from tests.plan_samples import SUBSCRIPTION, protected_plan

NETWORKS = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks"
APART, WEST, EAST = f"{NETWORKS}/apart", f"{NETWORKS}/west", f"{NETWORKS}/east"
GROUP = f"{SUBSCRIPTION}/resourceGroups/west"


@dataclass
class ResourcesInMemory:
    """Networks by id, and what hangs in each resource group."""

    networks: dict[str, NetworkSeen] = field(default_factory=dict)
    groups: dict[str, list[ResourceSeen]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def network(self, network: str) -> NetworkSeen | None:
        known = {name.casefold(): seen for name, seen in self.networks.items()}
        return known.get(network.casefold())

    def hanging(self, group: str) -> Sequence[ResourceSeen]:
        self.asked.append(group)
        return self.groups.get(group, [])


def network(arm_id: str, region: str = "westus", peers: tuple[str, ...] = ()) -> NetworkSeen:
    return NetworkSeen(id=arm_id, region=region, peers=peers)


def scene(
    wanted: str = APART,
    seen: NetworkSeen | None = None,
    nics: tuple[Interface, ...] = (),
    recovery: str | None = None,
    **changes: object,
) -> Scene:
    """Set the scene of a plan of one member that is to be rehearsed in a network."""
    plan = protected_plan(drill={"network": wanted}, **changes)
    resources = ResourcesInMemory({wanted: seen or network(wanted)})
    vault = VaultInMemory().hold(item("db-01", network=recovery, nics=nics, recovery_group=GROUP))
    return Drills(vault, resources).set_scene(SceneQuestion(plan=plan))


def test_a_network_apart_from_production_is_taken() -> None:
    found = scene()
    assert found.objection is None
    (member,) = found.members
    assert (member.name, member.test_name, member.group) == ("db-01", "db-01-test", GROUP)


@pytest.mark.parametrize("wanted", [WEST, EAST, WEST.upper(), EAST.replace("net/", "NET/")])
def test_a_network_of_production_is_refused_in_whatever_case_it_is_written(wanted: str) -> None:
    wanted = wanted.replace("/SUBSCRIPTIONS", "/subscriptions")
    objection = scene(wanted).objection
    assert objection is not None
    assert "is a production network" in objection
    assert "name an isolated network in drill.network" in objection


@pytest.mark.parametrize("other", [f"{NETWORKS}/elsewhere", f"{NETWORKS}/ELSEWHERE"])
def test_the_network_that_a_member_recovers_into_is_production(other: str) -> None:
    objection = scene(f"{NETWORKS}/elsewhere", recovery=other).objection
    assert objection is not None and "is a production network" in objection


def test_a_network_that_one_interface_lands_in_is_production() -> None:
    nics = (Interface(nic="a"), Interface(nic="b", network=f"{NETWORKS}/Backend"))
    objection = scene(f"{NETWORKS}/backend", nics=nics).objection
    assert objection is not None and "is a production network" in objection


def test_a_network_that_is_peered_with_production_is_not_apart() -> None:
    objection = scene(seen=network(APART, peers=(f"{NETWORKS}/hub", WEST.upper()))).objection
    assert objection is not None
    assert "is peered with WEST, a production network" in objection
    assert scene(seen=network(APART, peers=(f"{NETWORKS}/hub",))).objection is None


def test_a_network_of_another_region_or_none_at_all_is_refused() -> None:
    there = scene(seen=network(APART, region="eastus")).objection
    assert there == "the drill's network apart lies in eastus, the machines come up in westus"
    plan = protected_plan(drill={"network": APART})
    none = Drills(VaultInMemory(), ResourcesInMemory()).set_scene(SceneQuestion(plan=plan))
    assert none.objection is not None and "there is no network apart" in none.objection


def test_a_plan_without_a_drill_is_refused() -> None:
    plan: Plan = protected_plan()
    found = Drills(VaultInMemory(), ResourcesInMemory()).set_scene(SceneQuestion(plan=plan))
    assert found.objection == "the plan has no drill section"


# -- leftovers -------------------------------------------------------------------------------

DB = Rehearsed(
    name="db-01",
    group=GROUP,
    test_name="db-01-test",
    size="small",
    disks=("/subscriptions/g/disks/db-01_OsDisk",),
    lent=("/subscriptions/g/publicIPAddresses/lent",),
)
VM = "/subscriptions/g/virtualMachines/db-01-test"


def look(*seen: ResourceSeen, members: tuple[Rehearsed, ...] = (DB,)) -> list[str]:
    """Return the ids of what is taken for a drill's."""
    drills = Drills(VaultInMemory(), ResourcesInMemory(groups={GROUP: list(seen)}))
    return [
        one.id for one in drills.look_for_leftovers(LeftoverQuestion(members=members)).leftovers
    ]


def resource(kind: str, name: str, **more: object) -> ResourceSeen:
    return ResourceSeen.model_validate({"kind": kind, "id": name, **more})


@pytest.mark.parametrize(
    "found",
    [
        resource("vm", VM),
        resource("vm", VM.upper().replace("/SUBSCRIPTIONS", "/subscriptions")),
        resource("nic", "/subscriptions/g/networkInterfaces/db-01-test-nic"),
        resource("nic", "/subscriptions/g/networkInterfaces/made-up", owner=VM),
        resource("disk", "/subscriptions/g/disks/DB-01_osdisk-ASRtest"),
        resource("disk", "/subscriptions/g/disks/strange", owner=VM.upper()),
        resource("publicip", "/subscriptions/g/publicIPAddresses/db-01-test-ip"),
    ],
    ids=lambda found: found.id,
)
def test_what_the_test_failover_named_or_hung_on_its_machine_is_its_own(
    found: ResourceSeen,
) -> None:
    assert look(found) == [found.id]


@pytest.mark.parametrize(
    "found",
    [
        resource("vm", "/subscriptions/g/virtualMachines/db-01"),
        resource("vm", "/subscriptions/g/virtualMachines/db-01-testing"),
        resource(
            "nic",
            "/subscriptions/g/networkInterfaces/db-01-nic",
            owner="/subscriptions/g/virtualMachines/db-01",
        ),
        resource("disk", "/subscriptions/g/disks/db-01_OsDisk"),
        resource("disk", "/subscriptions/g/disks/other-ASRtest"),
        resource("vm", "/subscriptions/g/virtualMachines/my-db-01-test"),
    ],
    ids=lambda found: found.id,
)
def test_production_and_the_drills_of_others_are_nobodys_leftovers(found: ResourceSeen) -> None:
    assert look(found) == []


def test_an_address_that_a_left_interface_carries_is_left_too_unless_it_was_lent() -> None:
    nic = resource(
        "nic",
        "/subscriptions/g/networkInterfaces/db-01-test-nic",
        addresses=(
            "/subscriptions/g/publicIPAddresses/made",
            "/subscriptions/G/publicIPAddresses/LENT",
        ),
    )
    made = resource("publicip", "/subscriptions/g/publicIPAddresses/made")
    lent = resource("publicip", "/subscriptions/g/publicIPAddresses/lent")
    assert look(nic, made, lent) == [nic.id, made.id]


def test_each_resource_group_is_asked_once() -> None:
    resources = ResourcesInMemory()
    app = DB.model_copy(update={"name": "app-01", "group": GROUP.upper()})
    Drills(VaultInMemory(), resources).look_for_leftovers(LeftoverQuestion(members=(DB, app)))
    assert len(resources.asked) == 1
