"""What hangs on a machine (interface, disks, public address), networks, storage, locks: the bodies of their GETs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.azure.addresses import next_free, usable
from local.azure.arm import Answer, Call, Route, route
from local.azure.estate import Network
from local.azure.refusals import invalid, resource_not_found
from local.azure.setup import Setup
from local.azure.world import Resource, RunningMachine, World

VERSIONS = r"20\d\d-\d\d-\d\d"
_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{group}"
KINDS = {
    "disk": "Microsoft.Compute/disks",
    "nic": "Microsoft.Network/networkInterfaces",
    "publicip": "Microsoft.Network/publicIPAddresses",
}
NETWORKS = "Microsoft.Network/virtualNetworks"
STORAGE = "Microsoft.Storage/storageAccounts"
LOCKS = "Microsoft.Authorization/locks"


@dataclass(slots=True)
class Resources:
    """Answers for the resources of the world, the networks and the storage accounts of the estate."""

    world: World
    setup: Setup

    def routes(self) -> list[Route]:
        """Return the operations that are simulated."""
        table: list[tuple[str, str, Callable[[Call], Answer]]] = []
        for kind, name in KINDS.items():
            short = name.rpartition("/")[2]
            table += [
                (f"{_SUBSCRIPTION}/providers/{name}", f"{short}/list", self._lister(kind)),
                (f"{_GROUP}/providers/{name}", f"{short}/list", self._lister(kind)),
                (f"{_GROUP}/providers/{name}/{{name}}", f"{short}/get", self._getter(kind)),
            ]
        table += [
            (f"{_GROUP}/providers/{NETWORKS}", "virtualNetworks/list", self.list_networks),
            (f"{_GROUP}/providers/{NETWORKS}/{{name}}", "virtualNetworks/get", self.network),
            (
                f"{_GROUP}/providers/{NETWORKS}/{{name}}/CheckIPAddressAvailability",
                "virtualNetworks/checkIpAddressAvailability",
                self.check_address,
            ),
            (f"{_GROUP}/providers/{STORAGE}/{{name}}", "storageAccounts/get", self.storage),
            (f"{_GROUP}/providers/{LOCKS}", "locks/list", self.locks),
        ]
        return [route("GET", template, name, VERSIONS, door) for template, name, door in table]

    def list_networks(self, call: Call) -> Answer:
        """List the virtual networks of a resource group."""
        group = call.params["group"].lower()
        here = [n for n in self.setup.estate.networks if n.resource_group.lower() == group]
        return Answer(200, {"value": [self._network(n) for n in here]})

    def network(self, call: Call) -> Answer:
        """Show a virtual network."""
        return Answer(200, self._network(self._find_network(call)))

    def check_address(self, call: Call) -> Answer:
        """Tell whether an address of a network is free, and which others are."""
        network = self._find_network(call)
        address = call.argument("ipAddress")
        taken = self.world.taken(network.name, call.now)
        inside = [subnet for subnet in network.subnets if usable(subnet, address)]
        if not inside:
            raise invalid(
                f"The address {address} is not one that the network '{network.name}' can give.",
                "Ask for an address of one of its subnets that Azure does not keep for itself.",
            )
        free = address not in taken
        others = [] if free else [next_free(subnet, taken) for subnet in inside]
        return Answer(
            200,
            {"available": free, "availableIPAddresses": [o for o in others if o]},
        )

    def storage(self, call: Call) -> Answer:
        """Show a storage account."""
        wanted = self.setup.resource_id(call.params["group"], STORAGE, call.params["name"])
        account = self.setup.storage(wanted)
        if account is None:
            raise resource_not_found(STORAGE, call.params["name"], call.params["group"])
        return Answer(
            200,
            {
                "id": self.setup.resource_id(account.resource_group, STORAGE, account.name),
                "name": account.name,
                "type": STORAGE,
                "location": account.region,
                "kind": "StorageV2",
                "sku": {"name": "Standard_LRS", "tier": "Standard"},
                "properties": {"provisioningState": "Succeeded"},
            },
        )

    def locks(self, call: Call) -> Answer:
        """List the locks of a resource group."""
        group = call.params["group"]
        locked = group.lower() in {name.lower() for name in self.setup.locked_groups}
        lock = {
            "id": self.setup.resource_id(group, LOCKS, "keep"),
            "name": "keep",
            "type": LOCKS,
            "properties": {"level": "CanNotDelete", "notes": "set by the estate's owner"},
        }
        return Answer(200, {"value": [lock] if locked else []})

    def _lister(self, kind: str) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            group = call.params.get("group", "").lower()
            there = [
                self._show(resource, call.now)
                for resource in self._there(kind, call.now)
                if not group or resource.group.lower() == group
            ]
            return Answer(200, {"value": there})

        return answer

    def _getter(self, kind: str) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            group, name = call.params["group"], call.params["name"]
            for resource in self._there(kind, call.now):
                key = (resource.group.lower(), resource.name.lower())
                if key == (group.lower(), name.lower()):
                    return Answer(200, self._show(resource, call.now))
            raise resource_not_found(KINDS[kind], name, group)

        return answer

    def _there(self, kind: str, now: datetime) -> Iterable[Resource]:
        return (r for r in self.world.resources if r.kind == kind and r.exists(now))

    def _show(self, resource: Resource, now: datetime) -> dict[str, Any]:
        attached = resource.machine.exists(now)
        vm = self.machine_id(resource.machine)
        body: dict[str, Any] = {
            "id": self.resource_id(resource),
            "name": resource.name,
            "type": KINDS[resource.kind],
            "location": resource.machine.facts.region,
            "tags": {},
        }
        match resource.kind:
            case "disk":
                body["managedBy"] = vm if attached else None
                state = "Attached" if attached else "Unattached"
                body["properties"] = {"diskState": state, "diskSizeGB": 128}
            case "nic":
                body["properties"] = self._interface(resource)
                if attached:
                    body["properties"]["virtualMachine"] = {"id": vm}
            case _:
                body["properties"] = {"publicIPAllocationMethod": "Static"}
        return body

    def _interface(self, resource: Resource) -> dict[str, Any]:
        facts = resource.machine.facts
        address: dict[str, Any] = {
            "privateIPAddress": facts.private_ip,
            "privateIPAllocationMethod": resource.details.get("allocation", "Static"),
            "primary": True,
            "subnet": {"id": self.subnet_id(facts.network, facts.subnet)},
        }
        if resource.details.get("public_ip"):
            address["publicIPAddress"] = {"id": resource.details["public_ip"]}
        pools = resource.details.get("pools") or ()
        if pools:
            address["loadBalancerBackendAddressPools"] = [{"id": pool} for pool in pools]
        properties: dict[str, Any] = {
            "provisioningState": "Succeeded",
            "primary": True,
            "ipConfigurations": [{"name": "ipconfig1", "properties": address}],
        }
        if resource.details.get("nsg"):
            properties["networkSecurityGroup"] = {"id": resource.details["nsg"]}
        return properties

    def subnet_id(self, network: str, subnet: str) -> str:
        """Return the ARM id of a subnet of a network of the estate."""
        for known in self.setup.estate.networks:
            if known.name == network:
                return f"{self.setup.network_id(known)}/subnets/{subnet}"
        return f"{self.setup.resource_id('networks', NETWORKS, network or 'default')}/subnets/{subnet or 'default'}"

    def resource_id(self, resource: Resource) -> str:
        """Return the ARM id of a resource."""
        return self.setup.resource_id(resource.group, KINDS[resource.kind], resource.name)

    def machine_id(self, machine: RunningMachine) -> str:
        """Return the ARM id of a machine."""
        facts = machine.facts
        kind = "Microsoft.Compute/virtualMachines"
        return self.setup.resource_id(facts.resource_group, kind, facts.name)

    def profile(self, machine: RunningMachine) -> dict[str, Any]:
        """Return what a machine's body says of its disks and interfaces."""
        facts = machine.facts
        own = [r for r in self.world.resources if r.machine is machine]
        disks = [
            {
                "name": r.name,
                "createOption": "FromImage" if n == 0 else "Attach",
                **({"managedDisk": {"id": self.resource_id(r)}} if facts.managed else {}),
                **({} if n == 0 else {"lun": n - 1}),
            }
            for n, r in enumerate(r for r in own if r.kind == "disk")
        ]
        return {
            "storageProfile": {
                "osDisk": {"osType": facts.os, **disks[0]} if disks else {},
                "dataDisks": disks[1:],
            },
            "networkProfile": {
                "networkInterfaces": [
                    {"id": self.resource_id(r), "properties": {"primary": True}}
                    for r in own
                    if r.kind == "nic"
                ]
            },
        }

    def _find_network(self, call: Call) -> Network:
        group, name = call.params["group"], call.params["name"]
        found = self.setup.network(self.setup.resource_id(group, NETWORKS, name))
        if found is None:
            raise resource_not_found(NETWORKS, name, group)
        return found

    def _network(self, network: Network) -> dict[str, Any]:
        arm_id = self.setup.network_id(network)
        peers = [n for n in self.setup.estate.networks if n.name in network.peers]
        return {
            "id": arm_id,
            "name": network.name,
            "type": NETWORKS,
            "location": network.region,
            "properties": {
                "provisioningState": "Succeeded",
                "addressSpace": {"addressPrefixes": [s.prefix for s in network.subnets]},
                "subnets": [
                    {
                        "id": f"{arm_id}/subnets/{subnet.name}",
                        "name": subnet.name,
                        "properties": {"addressPrefix": subnet.prefix},
                    }
                    for subnet in network.subnets
                ],
                "virtualNetworkPeerings": [
                    {
                        "name": f"to-{peer.name}",
                        "properties": {
                            "peeringState": "Connected",
                            "remoteVirtualNetwork": {"id": self.setup.network_id(peer)},
                        },
                    }
                    for peer in peers
                ],
            },
        }
