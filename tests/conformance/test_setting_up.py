"""What Leeward sends to set a vault up, and reads from it, held against the recordings and the OpenAPI."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.identity import Identities
from adapters.item_settings import body_of
from adapters.resources import AzureResources
from adapters.site_recovery import AzureSiteRecovery
from adapters.vault_setup import AzureVaultSetup
from domain.landing import Landed
from domain.replication import Enabling, Interface, ProtectedItem, Terms, Verb
from domain.setup import Piece, PieceKind, rounds_of
from local.azure.arm import Answer, Call, route
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from tests.activities.ports import item
from tests.conformance.compare import differences
from tests.conformance.wire import SITE_RECOVERY, known_fields, problems, recording
from tests.identities import identities
from tests.journeys.world import shop_estate
from tests.plan_samples import SUBSCRIPTION, VAULT, protected_plan

Json = dict[str, Any]
PLAN = protected_plan()
JOB = "1b8a9bd2-d6d7-47f9-b885-8a5a21158e05"
NET = f"{SUBSCRIPTION}/resourceGroups/net/providers"
VM = f"{NET}/Microsoft.Compute/virtualMachines/db-01"
NIC = f"{NET}/Microsoft.Network/networkInterfaces/db-01-nic"
DISK = f"{NET}/Microsoft.Compute/disks/db-01-os"
RECORDED = {
    PieceKind.FABRIC: "fabric_create_202.json",
    PieceKind.CONTAINER: "container_create_202.json",
    PieceKind.CONTAINER_MAPPING: "container_mapping_create_202.json",
    PieceKind.NETWORK_MAPPING: "network_mapping_create_202.json",
}


def pieces() -> dict[PieceKind, Piece]:
    """Return one piece of each kind, that of the way out."""
    assert PLAN.protection
    every = [piece for pieces in rounds_of(PLAN, PLAN.protection) for piece in pieces]
    return {piece.kind: piece for piece in reversed(every)}


@dataclass
class Azure:
    """An ARM that answers GETs with given bodies and takes every PUT and PATCH, as recorded, with a 202."""

    bodies: dict[str, Json] = field(default_factory=dict)
    sent: list[tuple[str, str, Json]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)

    def answer(self, call: Call) -> Answer:
        self.queries.append(call.query)
        if call.method == "GET":
            found = self.bodies.get(call.path.casefold())
            said = {"error": {"code": "ResourceNotFound", "message": "gone"}}
            return Answer(200, found) if found is not None else Answer(404, said)
        self.sent.append((call.method, call.path, call.body()))
        location = f"{call.base}{call.path}/operationresults/{JOB}?api-version=2025-08-01"
        return Answer(202, headers=[("location", location)])

    def hold(self, arm_id: str, body: Json) -> None:
        self.bodies[arm_id.casefold()] = body


@contextmanager
def arm() -> Iterator[tuple[Azure, Identities]]:
    azure = Azure()
    also = [
        route(method, "/subscriptions/{any}/.+", "recorded", ".*", azure.answer)
        for method in ("GET", "PUT", "PATCH")
    ]
    with Simulator(shop_estate(), VirtualClock(), also=also) as simulator:
        os.environ.update(simulator.environment())
        yield azure, identities()


def request_of(name: str) -> Json:
    """Return a recorded request, its ids begun as everybody but Site Recovery begins them."""
    text = json.dumps(recording(name)["request"]).replace("/Subscriptions/", "/subscriptions/")
    found: Json = json.loads(text)
    return found


def _path(recorded: Json) -> list[str]:
    """Return what a recorded request's path says besides names."""
    return str(recorded["uri"]).split("?")[0].split("/vaults/")[1].split("/")[1::2]


@pytest.mark.parametrize("kind", RECORDED, ids=str)
def test_a_piece_is_made_with_the_request_that_was_recorded(kind: PieceKind) -> None:
    recorded = request_of(RECORDED[kind])
    with arm() as (azure, who):
        job = AzureVaultSetup(who).create(pieces()[kind])
    ((method, path, body),) = azure.sent
    assert (method, job) == ("PUT", JOB)
    assert path.split("/vaults/")[1].split("/")[1::2] == _path(recorded)
    assert path.casefold() == pieces()[kind].id.casefold()
    assert list(differences(recorded["body"], body)) == []


def test_a_policy_is_made_as_the_openapi_has_it() -> None:
    with arm() as (azure, who):
        AzureVaultSetup(who).create(pieces()[PieceKind.POLICY])
    ((_, path, body),) = azure.sent
    assert path.endswith("/replicationPolicies/day")
    assert problems(SITE_RECOVERY, "CreatePolicyInput", body) == []
    specific = body["properties"]["providerSpecificInput"]
    assert problems(SITE_RECOVERY, "A2APolicyCreationInput", specific) == []
    assert set(specific) <= known_fields(SITE_RECOVERY, "A2APolicyCreationInput")
    assert (specific["crashConsistentFrequencyInMinutes"], specific["recoveryPointHistory"]) == (
        5,
        1440,
    )


def test_recorded_pieces_are_read() -> None:
    want = pieces()
    with arm() as (azure, who):
        setup = AzureVaultSetup(who)
        assert setup.find(want[PieceKind.FABRIC]) is None, "a 404 is an answer"
        azure.hold(want[PieceKind.FABRIC].id, recording("fabric_get.json")["response"]["body"])
        azure.hold(
            want[PieceKind.CONTAINER].id, recording("container_get.json")["response"]["body"]
        )
        azure.hold(want[PieceKind.POLICY].id, recording("policy_get.json")["response"]["body"])
        fabric = setup.find(want[PieceKind.FABRIC])
        policy = setup.find(want[PieceKind.POLICY])
        assert setup.find(want[PieceKind.CONTAINER]) is not None
    assert fabric is not None and fabric.says == {"region": "eastus"}
    assert fabric.id.startswith("/subscriptions/")
    assert policy is not None
    assert policy.says["crash-consistent frequency in minutes"] == "5"
    assert policy.says["retention in minutes"] == "0"


def test_a_mapping_is_known_by_its_ends_whatever_its_name() -> None:
    want = pieces()
    network = recording("network_mapping_get.json")["response"]["body"]
    source = network["properties"]["primaryNetworkId"]
    asked = want[PieceKind.NETWORK_MAPPING]
    mapping = want[PieceKind.CONTAINER_MAPPING]
    sent = recording("container_mapping_create_202.json")["request"]["body"]["properties"]
    found: Json = {
        "id": f"{mapping.id}-other",
        "name": "other",
        "properties": {
            "targetProtectionContainerId": sent["targetProtectionContainerId"],
            "policyId": sent["policyId"],
        },
    }
    with arm() as (azure, who):
        azure.hold(asked.id.rsplit("/", 1)[0], {"value": [network]})
        azure.hold(mapping.id.rsplit("/", 1)[0], {"value": [found]})
        setup = AzureVaultSetup(who)
        assert setup.find(asked) is None and setup.find(mapping) is None
        wants = {**asked.wants, "source network": source.upper()}
        seen = setup.find(asked.model_copy(update={"wants": wants}))
        target = {**mapping.wants, "target container": sent["targetProtectionContainerId"].lower()}
        other = setup.find(mapping.model_copy(update={"wants": target}))
    assert seen is not None and seen.id.endswith("/cli-test-network-mapping-A2A-1")
    assert seen.says["target network"] == network["properties"]["recoveryNetworkId"]
    assert other is not None and other.id.endswith("-other")
    assert other.says["policy"].endswith("/cli-test-vault-policy-A2A-1")


def test_a_machine_is_protected_with_the_request_that_was_recorded() -> None:
    recorded = request_of("protected_item_create_202.json")["body"]
    enabling = Enabling(
        vm=VM,
        disks=(DISK,),
        cache=f"{NET}/Microsoft.Storage/storageAccounts/east",
        policy=f"{VAULT}/replicationPolicies/day",
        container=f"{VAULT}/replicationFabrics/rf/replicationProtectionContainers/rc",
        resource_group=f"{SUBSCRIPTION}/resourceGroups/west",
        network=f"{NET}/Microsoft.Network/virtualNetworks/west",
        subnet="db",
    )
    with arm() as (azure, who):
        vault = AzureSiteRecovery(who)
        job = vault.start(PLAN.vault.item_id("db-01"), Verb.PROTECT, Terms(enabling=enabling))
    ((method, path, body),) = azure.sent
    assert (method, job, path.rsplit("/", 1)[-1]) == ("PUT", JOB, "db-01")
    # recorded: the subnet's whole id; the OpenAPI calls it a name, and the item tells it as one
    recorded["properties"]["providerSpecificDetails"]["recoverySubnetName"] = "MySubnet"
    assert list(differences(recorded, body)) == []
    specific = body["properties"]["providerSpecificDetails"]
    assert problems(SITE_RECOVERY, "A2AEnableProtectionInput", specific) == []


def test_an_update_is_as_the_openapi_has_it_and_tells_every_interface_whole() -> None:
    nic = Interface(nic="n", source_nic=NIC, config="ipconfig1", subnet="db", pools=(f"{NET}/p",))
    seen = item("db-01", nics=(nic,), recovery_name="db-01", network=f"{NET}/n")
    changed = nic.model_copy(update={"address": "10.2.1.9", "drill_subnet": "lab"})
    landed = Landed(None, "Standard_D4s_v5", None, f"{NET}/lab", (changed,))
    with arm() as (azure, who):
        job = AzureSiteRecovery(who).update(seen, landed)
    ((method, _, body),) = azure.sent
    assert (method, job) == ("PATCH", JOB)
    assert body == body_of(seen, landed)
    assert problems(SITE_RECOVERY, "UpdateReplicationProtectedItemInput", body) == []
    told = body["properties"]
    assert set(told) <= known_fields(SITE_RECOVERY, "UpdateReplicationProtectedItemInputProperties")
    assert told["recoveryAzureVMName"] == "db-01", "what the plan leaves open is sent as it is"
    (one,) = told["vmNics"]
    assert set(one) <= known_fields(SITE_RECOVERY, "VMNicInputDetails")
    (config,) = one["ipConfigs"]
    assert set(config) <= known_fields(SITE_RECOVERY, "IPConfigInputDetails")
    assert (config["recoveryStaticIPAddress"], config["tfoSubnetName"]) == ("10.2.1.9", "lab")
    assert config["recoveryLBBackendAddressPoolIds"] == [f"{NET}/p"]


def test_the_recorded_item_tells_its_interface_and_the_address_that_could_be_kept() -> None:
    body = recording("protected_item_get_protected.json")["response"]["body"]
    with arm() as (azure, who):
        azure.hold(f"{VAULT}/replicationProtectedItems", {"value": [body]})
        (found,) = AzureSiteRecovery(who).items(VAULT)
    assert isinstance(found, ProtectedItem)
    (nic,) = found.nics
    assert (nic.source_address, nic.address, nic.subnet) == ("10.67.0.5", None, "MySubnet")
    assert (found.recovery_name, found.drill_network) == ("CliVM2", None)


# -- resources: shapes of the Compute, Network, Storage and Recovery Services REST references ----------


def test_a_machine_tells_its_disks_and_its_primary_interface_first() -> None:
    os_disk = {"name": "os", "managedDisk": {"id": DISK}}
    nics = [
        {"id": f"{NIC}-2", "properties": {"primary": False}},
        {"id": NIC, "properties": {"primary": True}},
    ]
    body: Json = {
        "id": VM,
        "location": "East US",
        "properties": {
            "storageProfile": {
                "osDisk": os_disk,
                "dataDisks": [
                    {"lun": 0, "name": "d0", "managedDisk": {"id": f"{DISK}-0"}},
                    {"lun": 1, "name": "old", "vhd": {"uri": "https://x/old.vhd"}},
                ],
            },
            "networkProfile": {"networkInterfaces": nics},
        },
    }
    with arm() as (azure, who):
        resources = AzureResources(who.observe)
        assert resources.machine(VM) is None
        azure.hold(VM, body)
        seen = resources.machine(VM)
    assert seen is not None
    assert (seen.region, seen.disks, seen.unmanaged) == ("eastus", (DISK, f"{DISK}-0"), ("old",))
    assert seen.nics == (NIC, f"{NIC}-2")


def test_networks_addresses_and_regions_are_read() -> None:
    network = f"{NET}/Microsoft.Network/virtualNetworks/west"
    subnets = [
        {"name": "db", "properties": {"addressPrefix": "10.2.1.0/24"}},
        {"name": "app", "properties": {"addressPrefixes": ["10.2.2.0/24", "10.2.3.0/24"]}},
    ]
    configs = [
        {"name": "b", "properties": {"primary": False, "privateIPAddress": "10.1.1.5"}},
        {"name": "a", "properties": {"primary": True, "privateIPAddress": "10.1.1.4"}},
    ]
    store = f"{NET}/Microsoft.Storage/storageAccounts/east"
    check = f"{network}/CheckIPAddressAvailability"
    with arm() as (azure, who):
        azure.hold(
            network, {"id": network, "location": "westus", "properties": {"subnets": subnets}}
        )
        azure.hold(NIC, {"id": NIC, "properties": {"ipConfigurations": configs}})
        azure.hold(store, {"id": store, "location": "eastus"})
        azure.hold(VAULT, {"id": VAULT, "location": "westus"})
        resources = AzureResources(who.observe)
        seen = resources.network(network)
        assert seen is not None and seen.region == "westus"
        assert seen.prefixes("DB") == ("10.2.1.0/24",) and seen.prefixes("gone") is None
        assert seen.prefixes("app") == ("10.2.2.0/24", "10.2.3.0/24")
        assert resources.address(NIC) == "10.1.1.4"
        assert (resources.region(store), resources.region(VAULT)) == ("eastus", "westus")
        assert resources.region(f"{store}x") is None and resources.network(f"{network}x") is None
        for free in (True, False):
            azure.hold(check, {"available": free, "availableIPAddresses": []})
            assert resources.is_free(network, "10.2.1.9") is free
    assert "ipAddress=10.2.1.9&" in azure.queries[-1]
