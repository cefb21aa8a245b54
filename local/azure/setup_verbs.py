"""How a vault is set up over ARM: fabrics, containers, policies and mappings by PUT; items put under replication."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from local.azure import jobs
from local.azure.arm import Answer, Call
from local.azure.estate import Container, ContainerMapping, Fabric, Landing, Policy, ProtectedItem
from local.azure.item_verbs import Row, a2a
from local.azure.items import Phase, ReplicatedItem, Settings
from local.azure.jobs import Scenario
from local.azure.paths import (
    CONTAINER,
    FABRIC,
    ITEM,
    MAPPING,
    NETWORK,
    NETWORK_MAPPING,
    VAULT,
)
from local.azure.refusals import Refusal, invalid, not_found
from local.azure.setup import NetworkMapping

if TYPE_CHECKING:
    from local.azure.site_recovery import SiteRecovery


class SetupVerbs:
    """The operations that set one vault up."""

    def __init__(self, site: SiteRecovery) -> None:
        self.site = site
        self.setup = site.estate
        self.replication = site.replication

    def table(self) -> list[Row]:
        """Return the operations that are simulated."""
        return [
            ("PUT", FABRIC, "fabrics/create", self.make_fabric),
            ("PUT", CONTAINER, "containers/create", self.make_container),
            ("PUT", VAULT + "/replicationPolicies/{policy}", "policies/create", self.make_policy),
            ("PUT", MAPPING + "/{mapping}", "containerMappings/create", self.make_mapping),
            ("GET", NETWORK_MAPPING, "networkMappings/list", self.network_mappings),
            ("GET", NETWORK_MAPPING + "/{mapping}", "networkMappings/get", self.network_mapping),
            ("PUT", NETWORK_MAPPING + "/{mapping}", "networkMappings/create", self.map_networks),
            ("PUT", ITEM, "protectedItems/create", self.enable),
            ("GET", FABRIC + "/operationresults/{job}", "operationResults/get", self.result),
            ("GET", NETWORK + "/operationresults/{job}", "operationResults/get", self.result),
            ("GET", VAULT + "/operationresults/{job}", "operationResults/get", self.result),
        ]

    def result(self, call: Call) -> Answer:
        """Show what an operation on the set-up led to; never recorded, so simulated."""
        job = self.replication.job(call.params["job"])
        return Answer(200 if job.is_over(call.now) else 202)

    def make_fabric(self, call: Call) -> Answer:
        """Start making a fabric: a region as the vault knows it."""
        name, properties = call.params["fabric"], _properties(call)
        region = str((properties.get("customDetails") or {}).get("location") or "").lower()
        if region not in {known.name for known in self.setup.regions}:
            raise invalid(f"The location '{region}' is not known.", "Send the name of a region.")
        fabric = Fabric(name, region)

        def finish(_at: datetime) -> None:
            _put(self.setup.fabrics, fabric)

        target = self.site.shapes.fabric_id(name)
        return self._start(call, jobs.FABRIC, name, finish, target)

    def make_container(self, call: Call) -> Answer:
        """Start making a container of a fabric."""
        fabric, name = self._fabric(call.params["fabric"]), call.params["container"]
        container = Container(name, fabric.name)

        def finish(_at: datetime) -> None:
            _put(self.setup.containers, container)

        target = self.site.shapes.container_id(container)
        return self._start(call, jobs.CONTAINER, name, finish, target)

    def make_policy(self, call: Call) -> Answer:
        """Start making a replication policy."""
        name, given = call.params["policy"], _properties(call).get("providerSpecificInput") or {}
        if given.get("instanceType") != "A2A" or "multiVmSyncStatus" not in given:
            raise invalid(
                "The policy is not of instanceType A2A, or says no multiVmSyncStatus.",
                "Send properties.providerSpecificInput with both.",
            )
        policy = Policy(
            name,
            history_minutes=int(given.get("recoveryPointHistory") or 1440),
            crash_consistent_minutes=int(given.get("crashConsistentFrequencyInMinutes") or 5),
            app_consistent_minutes=int(given.get("appConsistentFrequencyInMinutes") or 0),
        )

        def finish(_at: datetime) -> None:
            _put(self.setup.policies, policy)

        return self._start(call, jobs.POLICY, name, finish, self.site.shapes.policy_id(name))

    def make_mapping(self, call: Call) -> Answer:
        """Start giving one container the right to replicate to another."""
        source, properties = self._container(call.params["container"]), _properties(call)
        target = self._container(_last(properties.get("targetProtectionContainerId")))
        policy = _last(properties.get("policyId"))
        if policy.lower() not in {known.name.lower() for known in self.setup.policies}:
            raise not_found(policy)
        mapping = ContainerMapping(call.params["mapping"], source.name, target.name, policy)

        def finish(_at: datetime) -> None:
            _put(self.setup.mappings, mapping)

        known = self.setup.mapping_between(source.name, target.name)
        place = self.site.shapes.container_id(source)
        return self._start(
            call, jobs.MAPPING, mapping.name, finish, place, at_once=known is not None
        )

    def network_mappings(self, call: Call) -> Answer:
        """List the network mappings of a fabric."""
        fabric = call.params["fabric"].lower()
        found = [m for m in self.setup.network_mappings if m.fabric.lower() == fabric]
        return self.site.page(call, found, self._shown)

    def network_mapping(self, call: Call) -> Answer:
        """Show a network mapping."""
        for mapping in self.setup.network_mappings:
            if mapping.name.lower() == call.params["mapping"].lower():
                return Answer(200, self._shown(mapping))
        raise not_found(call.params["mapping"])

    def map_networks(self, call: Call) -> Answer:
        """Start mapping a network to the one in which its machines come up."""
        properties = _properties(call)
        fabric = self._fabric(call.params["fabric"])
        target_fabric = self._fabric(str(properties.get("recoveryFabricName") or ""))
        source = str((properties.get("fabricSpecificDetails") or {}).get("primaryNetworkId") or "")
        target = str(properties.get("recoveryNetworkId") or "")
        for network in (source, target):
            if self.setup.network(network) is None:
                raise invalid(f"The network '{network}' does not exist.", "Send a network's id.")
        mapping = NetworkMapping(
            call.params["mapping"], fabric.name, source, target_fabric.name, target
        )

        def finish(_at: datetime) -> None:
            _put(self.setup.network_mappings, mapping)

        place = f"{self.site.shapes.fabric_id(fabric.name)}/replicationNetworks/azureNetwork"
        return self._start(call, jobs.NETWORK_MAPPING, mapping.name, finish, place)

    def enable(self, call: Call) -> Answer:
        """Start putting a machine under replication; one that is there already is refused (simulated code)."""
        wish = a2a(call)
        details = wish["providerSpecificDetails"]
        primary, name = self._container(call.params["container"]), call.params["item"]
        recovery = self._container(_last(details.get("recoveryContainerId")))
        mapping = self.setup.mapping_between(primary.name, recovery.name)
        if mapping is None:
            raise invalid(
                f"The container '{primary.name}' has no mapping to '{recovery.name}'.",
                "Create the container mapping first.",
            )
        machine = self._machine(str(details.get("fabricObjectId") or ""), call.now)
        if any(item.source == machine.facts for item in self.replication.items.values()):
            raise Refusal(
                409,
                "Conflict",
                f"The virtual machine '{machine.facts.name}' is protected already.",
                detail="ProtectionAlreadyEnabled",
                causes="Another protected item replicates the machine.",
                action="Disable its replication first.",
            )
        cache = self._demand_disks(
            primary, machine.facts.disks, machine.facts.resource_group, details
        )
        group = _last(details.get("recoveryResourceGroupId"))
        network = str(details.get("recoveryAzureNetworkId") or self._mapped(machine.facts.network))
        facts = machine.facts
        landing = Landing(
            group, "", network=network, subnet=_last(details.get("recoverySubnetName"))
        )
        item = ReplicatedItem(
            facts=ProtectedItem(name, facts.name, primary.name, landing),
            guid=self.replication.identify(f"item {primary.name} {name}"),
            primary=primary,
            recovery=recovery,
            policy=_last(wish.get("policyId")) or mapping.policy,
            source=facts,
            settings=Settings(
                group=group,
                network=network,
                subnet=landing.subnet,
                name=facts.name,
                size=facts.size,
                test_name=f"{facts.name}-test",
            ),
            since=call.now,
            phase=Phase.ENABLING,
            cache=cache,
            group=str(details.get("multiVmGroupName") or ""),
        )
        job = self.replication.enable(item, call.now, self.site.activity(call))
        return self.site.accepted(call, job, self.site.shapes.item_id(item))

    def _mapped(self, network: str) -> str:
        """Return the network that a machine's own one is mapped to."""
        for mapping in self.setup.network_mappings:
            if _last(mapping.source).lower() == network.lower():
                return mapping.target
        return ""

    def _machine(self, vm: str, now: datetime) -> Any:
        parts = vm.strip("/").split("/")
        group = parts[3] if len(parts) > 3 else ""
        machine = self.replication.world.find(group, _last(vm), now)
        if machine is None:
            raise invalid(f"The virtual machine '{vm}' does not exist.", "Send a machine's id.")
        return machine

    def _demand_disks(
        self, primary: Container, disks: tuple[str, ...], group: str, details: dict[str, Any]
    ) -> str:
        """Refuse disks that are not the machine's, and a cache account of another region (simulated code)."""
        given = details.get("vmManagedDisks") or []
        own = {
            self.setup.resource_id(group, "Microsoft.Compute/disks", disk).lower() for disk in disks
        }
        named = {str(disk.get("diskId", "")).lower() for disk in given}
        if not named or not named <= own:
            raise invalid(
                "VMDisksMissing: managed disk details are not provided, or are not the machine's.",
                "Send the managed disks of the machine.",
            )
        cache = str(given[0].get("primaryStagingAzureStorageAccountId") or "")
        account = self.setup.storage(cache)
        region = self.replication.region_of(primary)
        if account is None or account.region != region:
            raise invalid(
                f"The cache storage account '{cache}' is not in the region '{region}'.",
                "Send a storage account of the region in which the machine runs.",
            )
        return cache

    def _start(
        self,
        call: Call,
        scenario: Scenario,
        subject: str,
        finish: Callable[[datetime], None],
        target: str,
        *,
        at_once: bool = False,
    ) -> Answer:
        activity = self.site.activity(call)
        job = self.replication.start_setup(scenario, subject, call.now, activity, finish)
        if at_once:  # recorded: a mapping that is there already takes a second
            self.replication.hasten(job, 1)
        return self.site.accepted(call, job, target)

    def _fabric(self, name: str) -> Fabric:
        for fabric in self.setup.fabrics:
            if fabric.name.lower() == name.lower():
                return fabric
        raise not_found(name)

    def _container(self, name: str) -> Container:
        for container in self.setup.containers:
            if container.name.lower() == name.lower():
                return container
        raise not_found(name)

    def _shown(self, mapping: NetworkMapping) -> dict[str, Any]:
        """Write a network mapping as recorded: its networks in lower case."""
        fabric = self.setup.fabric(mapping.fabric)
        target = self.setup.fabric(mapping.target_fabric)
        place = f"{self.site.shapes.fabric_id(fabric.name)}/replicationNetworks/azureNetwork"
        kind = "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationNetworks"
        return {
            "type": f"{kind}/replicationNetworkMappings",
            "id": f"{place}/replicationNetworkMappings/{mapping.name}",
            "name": mapping.name,
            "properties": {
                "state": "Paired",
                "primaryNetworkFriendlyName": _last(mapping.source).lower(),
                "primaryNetworkId": mapping.source.lower(),
                "primaryFabricFriendlyName": self.setup.region(fabric.region).display_name,
                "recoveryNetworkFriendlyName": _last(mapping.target).lower(),
                "recoveryNetworkId": mapping.target.lower(),
                "recoveryFabricArmId": self.site.shapes.fabric_id(target.name),
                "recoveryFabricFriendlyName": self.setup.region(target.region).display_name,
                "fabricSpecificSettings": {
                    "instanceType": "AzureToAzure",
                    "primaryFabricLocation": fabric.region,
                    "recoveryFabricLocation": target.region,
                },
            },
        }


def _properties(call: Call) -> dict[str, Any]:
    properties = call.body().get("properties")
    if not isinstance(properties, dict):
        raise invalid("The body has no properties.", "Send properties.")
    return properties


def _last(arm_id: object) -> str:
    return str(arm_id or "").rpartition("/")[2]


def _put(known: list[Any], piece: Any) -> None:
    """Add a piece, or replace the one of its name."""
    known[:] = [one for one in known if one.name.lower() != piece.name.lower()] + [piece]
