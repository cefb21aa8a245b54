"""What ARM tells of the resources that a plan names: vaults, machines, storage accounts, networks and addresses.

Each is one GET of the resource itself (Compute, Network, Storage and Recovery Services REST references); a resource
that is not there is None, every other refusal is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from adapters.azure_errors import translated
from adapters.identity import Clients
from domain.errors import Transient
from domain.model import last_segment, segment_after
from domain.regions import region_key
from domain.resources import MachineSeen, NetworkSeen, ResourceSeen

# Versions that are in service; the fields that are read have been there since 2018.
VERSIONS: Mapping[str, str] = {
    "microsoft.recoveryservices": "2024-04-01",
    "microsoft.storage": "2023-05-01",
    "microsoft.compute": "2024-07-01",
    "microsoft.network": "2024-05-01",
    "microsoft.authorization": "2020-05-01",
}


# What a test failover makes, and where it is listed by resource group.
HANGING: Mapping[str, str] = {
    "vm": "Microsoft.Compute/virtualMachines",
    "disk": "Microsoft.Compute/disks",
    "nic": "Microsoft.Network/networkInterfaces",
    "publicip": "Microsoft.Network/publicIPAddresses",
}


class AzureResources:
    """The resources of a plan, read only."""

    def __init__(self, observe: Clients) -> None:
        self._observe = observe

    def region(self, resource: str) -> str | None:
        """Return the region of a vault or a storage account."""
        found = self._get(resource)
        return region_key(found["location"]) if found else None

    def machine(self, vm: str) -> MachineSeen | None:
        """Return a machine with its disks and interfaces, the primary interface first."""
        found = self._get(vm)
        if found is None:
            return None
        properties = found.get("properties", {})
        storage = properties.get("storageProfile") or {}
        disks = [storage.get("osDisk") or {}, *(storage.get("dataDisks") or ())]
        managed = [(disk.get("managedDisk") or {}).get("id") for disk in disks if disk]
        nics = (properties.get("networkProfile") or {}).get("networkInterfaces") or ()
        return MachineSeen(
            id=found["id"],
            region=region_key(found["location"]),
            disks=tuple(disk for disk in managed if disk),
            unmanaged=tuple(
                disk.get("name", "?") for disk in disks if disk and not disk.get("managedDisk")
            ),
            nics=tuple(nic["id"] for nic in sorted(nics, key=_not_primary)),
        )

    def address(self, nic: str) -> str | None:
        """Return the private address of a network interface's primary configuration."""
        found = self._get(nic)
        configs = found.get("properties", {}).get("ipConfigurations") or () if found else ()
        first = next(iter(sorted(configs, key=_not_primary)), None)
        address: str | None = first["properties"].get("privateIPAddress") if first else None
        return address

    def locks(self, group: str) -> Sequence[str]:
        """Return the names of the locks on a resource group."""
        found = self._get(f"{group}/providers/Microsoft.Authorization/locks") or {}
        return [lock["name"] for lock in found.get("value") or ()]

    def network(self, network: str) -> NetworkSeen | None:
        """Return a virtual network with the address prefixes of its subnets."""
        found = self._get(network)
        if found is None:
            return None
        subnets = found.get("properties", {}).get("subnets") or ()
        return NetworkSeen(
            id=found["id"],
            region=region_key(found["location"]),
            subnets={subnet["name"]: _prefixes(subnet["properties"]) for subnet in subnets},
            peers=tuple(_peers(found.get("properties", {}))),
        )

    def is_free(self, network: str, address: str) -> bool:
        """Say whether an address of a virtual network is free."""
        found = self._get(network, "/CheckIPAddressAvailability", f"ipAddress={quote(address)}&")
        return bool(found and found.get("available"))

    def hanging(self, group: str) -> Sequence[ResourceSeen]:
        """Return the machines, interfaces, disks and public addresses of a resource group."""
        return [
            _hanging(kind, found)
            for kind, path in HANGING.items()
            for found in self._list(f"{group}/providers/{path}")
        ]

    def _list(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the resources of a list, page by page."""
        page = self._get(path) or {}
        while True:
            yield from page.get("value") or ()
            link = page.get("nextLink")
            if not link:
                return
            page = self._follow(path, link)

    def _follow(self, path: str, link: str) -> dict[str, Any]:
        client = self._observe.site_recovery(segment_after(path, "subscriptions"))
        doing = f"listing {last_segment(path)}"
        with translated(doing):
            response = client.send_request(HttpRequest("GET", link))
            if response.status_code != 200:
                raise HttpResponseError(response=response)
        return _read(response, doing)

    def _get(self, resource: str, action: str = "", query: str = "") -> dict[str, Any] | None:
        client = self._observe.site_recovery(segment_after(resource, "subscriptions"))
        version = VERSIONS[segment_after(resource, "providers").casefold()]
        url = f"{quote(resource + action)}?{query}api-version={version}"
        doing = f"reading {last_segment(resource)}"
        with translated(doing):
            response = client.send_request(HttpRequest("GET", url))
            if response.status_code == 404 and "SubscriptionNotFound" not in response.text():
                return None  # nothing of that name; a subscription out of sight proves nothing
            if response.status_code != 200:
                raise HttpResponseError(response=response)
        return _read(response, doing)


def _read(response: Any, doing: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = response.json()
    except ValueError as error:
        raise Transient("answer_unreadable", f"{doing}: the answer cannot be read") from error
    return found


def _peers(properties: Mapping[str, Any]) -> Iterator[str]:
    for peering in properties.get("virtualNetworkPeerings") or ():
        remote = (peering.get("properties") or {}).get("remoteVirtualNetwork") or {}
        if remote.get("id"):
            yield remote["id"]


def _hanging(kind: str, found: Mapping[str, Any]) -> ResourceSeen:
    """Return a resource with the machine it hangs on and the public addresses it carries."""
    properties = found.get("properties") or {}
    configs = properties.get("ipConfigurations") or ()
    public = [(c.get("properties") or {}).get("publicIPAddress") or {} for c in configs]
    owner = found.get("managedBy") or (properties.get("virtualMachine") or {}).get("id")
    return ResourceSeen(
        kind=kind,
        id=found["id"],
        owner=owner,
        addresses=tuple(address["id"] for address in public if address.get("id")),
    )


def _not_primary(part: Mapping[str, Any]) -> bool:
    return not (part.get("properties") or {}).get("primary")


def _prefixes(subnet: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the prefixes of a subnet, which tells one, or since 2017 several."""
    return tuple(subnet.get("addressPrefixes") or filter(None, [subnet.get("addressPrefix")]))
