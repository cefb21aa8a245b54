"""Reading resources from Azure, over TLS, against the simulated one: what a test failover makes and leaves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from adapters.resources import AzureResources
from adapters.site_recovery import AzureSiteRecovery
from domain.errors import Permanent, Transient
from domain.model import last_segment
from domain.replication import Terms, Verb
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from tests.identities import identities
from tests.journeys.world import Json, shop_estate

GROUPS = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups"
VAULT = f"{GROUPS}/shop-dr/providers/Microsoft.RecoveryServices/vaults/shop-vault"
NETWORKS = f"{GROUPS}/shop-west/providers/Microsoft.Network/virtualNetworks"
WEST = f"{GROUPS}/shop-west"


def peered(estate: Json) -> None:
    drill = next(n for n in estate["networks"] if n["name"] == "shop-west-drill")
    drill["peers"] = ["shop-west-vnet"]


@dataclass
class Azure:
    simulator: Simulator
    clock: VirtualClock
    vault: AzureSiteRecovery
    resources: AzureResources

    def rehearse(self, verb: Verb) -> None:
        """Start a verb of a drill on the database and let its job end."""
        (db,) = [i for i in self.vault.items(VAULT) if i.name == "db-prod-01"]
        self.vault.start(db.id, verb, Terms(network=f"{NETWORKS}/shop-west-drill"))
        self.clock.advance(self.clock.now() + timedelta(minutes=4))

    def there(self) -> Counter[str]:
        return Counter(found.kind for found in self.resources.hanging(WEST))


@pytest.fixture
def azure() -> Iterator[Azure]:
    clock = VirtualClock()
    with Simulator(shop_estate(peered), clock) as simulator:
        os.environ.update(simulator.environment())
        who = identities()
        yield Azure(simulator, clock, AzureSiteRecovery(who), AzureResources(who.observe))


def test_all_that_a_test_failover_makes_is_listed_with_the_machine_it_hangs_on(
    azure: Azure,
) -> None:
    assert azure.there() == {}
    azure.rehearse(Verb.DRILL)
    found = {one.kind: one for one in azure.resources.hanging(WEST)}
    assert set(found) == {"vm", "nic", "disk"}
    assert last_segment(found["vm"].id) == "db-prod-01-test"
    assert last_segment(found["disk"].id).endswith("-ASRtest")
    assert found["nic"].owner == found["disk"].owner == found["vm"].id
    azure.rehearse(Verb.DRILL_CLEANUP)
    assert azure.there() == {}


def test_what_a_clean_up_leaves_is_listed_though_its_machine_is_gone(azure: Azure) -> None:
    azure.rehearse(Verb.DRILL)
    what = ("nic", "disk", "publicip")
    azure.simulator.faults.add(
        "leftover", operation="protectedItems/testFailoverCleanup", what=what
    )
    azure.rehearse(Verb.DRILL_CLEANUP)
    assert azure.there() == {"nic": 1, "disk": 1, "publicip": 1}
    assert {one.owner for one in azure.resources.hanging(WEST)} == {None}


def test_a_list_that_azure_refuses_is_no_empty_list(azure: Azure) -> None:
    azure.simulator.faults.add("throttle", operation="disks/list", retry_after=7, times=None)
    with pytest.raises(Transient) as told:
        azure.resources.hanging(WEST)
    assert told.value.after == timedelta(seconds=7)
    azure.simulator.faults.clear()
    azure.simulator.faults.add("error", operation="networkInterfaces/list", status=500, times=None)
    with pytest.raises(Transient):
        azure.resources.hanging(WEST)


def test_a_resource_group_that_is_not_there_holds_nothing(azure: Azure) -> None:
    assert azure.resources.hanging(f"{GROUPS}/nowhere") == []
    elsewhere = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/x"
    with pytest.raises(Permanent):
        azure.resources.hanging(elsewhere)


def test_a_network_tells_what_it_is_peered_with(azure: Azure) -> None:
    found = azure.resources.network(f"{NETWORKS}/shop-west-drill")
    assert found is not None
    assert (found.region, set(found.subnets)) == ("westus", {"db", "app", "web"})
    assert [last_segment(peer) for peer in found.peers] == ["shop-west-vnet"]
    assert azure.resources.network(f"{NETWORKS}/nowhere") is None
