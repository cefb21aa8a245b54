"""What a vault is set up with: as the estate has it at first, then as requests change it."""

from __future__ import annotations

from dataclasses import dataclass

from local.azure.estate import (
    Container,
    ContainerMapping,
    Estate,
    Fabric,
    Machine,
    Network,
    Policy,
    Region,
    StorageAccount,
    Vault,
)


@dataclass(frozen=True, slots=True)
class NetworkMapping:
    """A pair of networks: machines of the one come up in the other."""

    name: str
    fabric: str
    source: str
    target_fabric: str
    target: str


class Setup:
    """The vault's fabrics, containers, policies and mappings, and what of the estate they refer to."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.fabrics: list[Fabric] = list(estate.fabrics)
        self.containers: list[Container] = list(estate.containers)
        self.policies: list[Policy] = list(estate.policies)
        self.mappings: list[ContainerMapping] = list(estate.mappings)
        self.network_mappings: list[NetworkMapping] = []
        self.locked_groups: set[str] = set()

    @property
    def subscription(self) -> str:
        """Return the subscription of the vault."""
        return self.estate.subscription

    @property
    def vault(self) -> Vault:
        """Return the vault."""
        return self.estate.vault

    @property
    def regions(self) -> tuple[Region, ...]:
        """Return the regions."""
        return self.estate.regions

    def region(self, name: str) -> Region:
        """Return a region by name."""
        return self.estate.region(name)

    def machine(self, name: str) -> Machine:
        """Return a machine of the estate by name."""
        return self.estate.machine(name)

    def container(self, name: str) -> Container:
        """Return a container by name."""
        return next(c for c in self.containers if c.name.lower() == name.lower())

    def fabric(self, name: str) -> Fabric:
        """Return a fabric by name."""
        return next(f for f in self.fabrics if f.name.lower() == name.lower())

    def policy(self, name: str) -> Policy:
        """Return a policy by name."""
        return next(p for p in self.policies if p.name.lower() == name.lower())

    def mapping_from(self, container: str) -> ContainerMapping:
        """Return the mapping that leads out of a container."""
        return next(m for m in self.mappings if m.source == container)

    def mapping_between(self, source: str, target: str) -> ContainerMapping | None:
        """Return the mapping from one container to another, if there is one."""
        pair = (source.lower(), target.lower())
        return next(
            (m for m in self.mappings if (m.source.lower(), m.target.lower()) == pair), None
        )

    def network_id(self, network: Network) -> str:
        """Return the ARM id of a network of the estate."""
        return self.resource_id(
            network.resource_group, "Microsoft.Network/virtualNetworks", network.name
        )

    def network(self, arm_id: str) -> Network | None:
        """Return the network that an ARM id names, if the estate has it."""
        for network in self.estate.networks:
            if self.network_id(network).lower() == arm_id.lower():
                return network
        return None

    def storage(self, arm_id: str) -> StorageAccount | None:
        """Return the storage account that an ARM id names, if the estate has it."""
        kind = "Microsoft.Storage/storageAccounts"
        for account in self.estate.storage_accounts:
            known = self.resource_id(account.resource_group, kind, account.name)
            if known.lower() == arm_id.lower():
                return account
        return None

    def group_id(self, group: str) -> str:
        """Return the ARM id of a resource group."""
        return self.estate.group_id(group)

    def resource_id(self, group: str, kind: str, name: str) -> str:
        """Return the ARM id of a resource."""
        return f"{self.group_id(group)}/providers/{kind}/{name}"
