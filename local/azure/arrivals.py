"""How machines come up: with which address, in which network, under which name; and how a drill's go away again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from local.azure.addresses import choose
from local.azure.estate import Landing, Machine
from local.azure.items import Settings
from local.azure.setup import Setup
from local.azure.world import Resource, RunningMachine, World, landed

if TYPE_CHECKING:
    from local.azure.items import ReplicatedItem

CLEAN_UP_TAKES = timedelta(seconds=20)
"""How long each resource of a drill lingers after its clean-up job (simulated)."""


class Arrivals:
    """Makes and takes away the machines of failovers and drills."""

    def __init__(self, setup: Setup, world: World) -> None:
        self.setup = setup
        self.world = world
        self._reserved: dict[int, str] = {}

    def network_id(self, group: str, name: str) -> str:
        """Return the ARM id of a network by name: the estate's own, or one that is only named."""
        for network in self.setup.estate.networks:
            if network.name == name:
                return self.setup.network_id(network)
        return self.setup.resource_id(group, "Microsoft.Network/virtualNetworks", name)

    def settled(self, landing: Landing, source: Machine) -> Settings:
        """Return where and as what a machine comes up that the estate has under replication."""
        group = landing.resource_group
        return Settings(
            group=group,
            network=self.network_id(group, landing.network),
            subnet=landing.subnet,
            name=source.name,
            size=source.size,
            test_name=f"{source.name}-test",
            address=landing.private_ip,
            test_network=landing.test_network and self.network_id(group, landing.test_network),
            test_address=landing.test_ip,
            test_subnet=landing.subnet if landing.test_ip else "",
        )

    def reserve(self, item: ReplicatedItem, now: datetime) -> str:
        """Choose the address of the machine that a failover makes; say why there is none, else nothing."""
        settings = item.settings
        return self._reserve(item, settings.network, settings.subnet, settings.address, now)

    def reserve_test(self, item: ReplicatedItem, network: str, now: datetime) -> str:
        """Choose the address of the machine that a drill makes."""
        settings = item.settings
        subnet = settings.test_subnet or settings.subnet
        return self._reserve(item, network, subnet, settings.test_address, now)

    def _reserve(
        self, item: ReplicatedItem, network_id: str, subnet: str, wanted: str, now: datetime
    ) -> str:
        self.release(item)
        network = self.setup.network(network_id)
        if network is None:  # an estate that describes no networks has any address to give
            self._reserved[id(item)] = wanted or item.source.private_ip
            return ""
        named = subnet.rpartition("/")[2]
        taken = self.world.taken(network.name, now) | set(self._reserved.values())
        address, trouble = choose(network, named, wanted, taken)
        if address:
            self._reserved[id(item)] = address
        return trouble

    def release(self, item: ReplicatedItem) -> None:
        """Give back the address that was chosen for a machine that is not made."""
        self._reserved.pop(id(item), None)

    def recover(self, item: ReplicatedItem, vm_id: str, at: datetime) -> RunningMachine:
        """Make the machine of a failover."""
        settings = item.settings
        facts = landed(
            item.source,
            settings.group,
            self._region(item),
            private_ip=self._reserved.pop(id(item), settings.address or item.source.private_ip),
            network=self._network_name(settings.network),
            subnet=settings.subnet.rpartition("/")[2],
            size=settings.size,
        )
        return self.world.power_on(
            replace(facts, name=settings.name),
            vm_id,
            at,
            item.source.disks,
            allocation="Static" if settings.address else "Dynamic",
            public_ip=settings.public_ip,
            pools=settings.pools,
            nsg=settings.nsg,
        )

    def make_test(
        self, item: ReplicatedItem, network: str, vm_id: str, at: datetime
    ) -> RunningMachine:
        """Make the machine of a drill in a network."""
        settings = item.settings
        facts = landed(
            item.source,
            settings.group,
            self._region(item),
            private_ip=self._reserved.pop(
                id(item), settings.test_address or item.source.private_ip
            ),
            network=self._network_name(network),
            subnet=(settings.test_subnet or settings.subnet).rpartition("/")[2],
            size=settings.size,
        )
        needs = tuple(f"{name}-test" for name in facts.needs)
        return self.world.power_on(
            replace(facts, name=settings.test_name, needs=needs),
            vm_id,
            at,
            tuple(f"{disk}-ASRtest" for disk in item.source.disks),
            allocation="Static" if settings.test_address else "Dynamic",
            public_ip=settings.test_public_ip,
            pools=settings.test_pools,
            nsg=settings.test_nsg,
        )

    def take_away(self, machine: RunningMachine, at: datetime, leaves: frozenset[str]) -> None:
        """Take a drill's machine away, but for what its clean-up was told to leave behind."""
        if "publicip" in leaves:
            facts = machine.facts
            name = f"{facts.name}-ip"
            self.world.resources.append(
                Resource("publicip", name, facts.resource_group, machine, at)
            )
        self.world.delete(machine, at, leaves, CLEAN_UP_TAKES)

    def turned(self, item: ReplicatedItem, group: str) -> Settings:
        """Return the settings of the way back: the machine goes where it came from, at the address it had."""
        settings, source = item.settings, item.source
        network = self.network_id(source.resource_group, source.network or "recovery-vnet")
        return replace(
            settings,
            group=group or source.resource_group,
            network=network,
            subnet=source.subnet or "default",
            name=source.name,
            size=source.size,
            test_name=f"{source.name}-test",
            address=source.private_ip,
            public_ip="",
            pools=(),
            nsg="",
            test_network="",
            test_subnet="",
            test_address="",
            test_public_ip="",
            test_pools=(),
            test_nsg="",
        )

    def _region(self, item: ReplicatedItem) -> str:
        return self.setup.fabric(item.recovery.fabric).region

    def _network_name(self, network_id: str) -> str:
        return network_id.rpartition("/")[2]
