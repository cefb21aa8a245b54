"""What a drill reads of Azure: the network it is to run in, and every resource that it may leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.drill import Rehearsed, leftovers_of, objection_to_network
from domain.model import Recorded
from domain.plan import Plan
from domain.replication import ProtectedItem, locate
from domain.reports import Leftover
from domain.resources import NetworkSeen, ResourceSeen


class Vault(Protocol):
    """The vault, read only."""

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        ...


class Resources(Protocol):
    """Networks, and all that hangs on machines."""

    def network(self, network: str) -> NetworkSeen | None:
        """Return a virtual network, None where there is none."""
        ...

    def hanging(self, group: str) -> Sequence[ResourceSeen]:
        """Return the machines, interfaces, disks and public addresses of a resource group."""
        ...


class SceneQuestion(Recorded):
    """The plan that is to be rehearsed."""

    plan: Plan


class Scene(Recorded):
    """What a drill finds before it begins: its members, and what forbids it."""

    members: tuple[Rehearsed, ...] = ()
    objection: str | None = None


class LeftoverQuestion(Recorded):
    """Whose leftovers are looked for."""

    members: tuple[Rehearsed, ...]


class LeftoversSeen(Recorded):
    """What is there of drills."""

    leftovers: tuple[Leftover, ...] = ()


@dataclass(frozen=True, slots=True)
class Drills:
    """Looks before a drill, and after it."""

    vault: Vault
    resources: Resources

    def set_scene(self, question: SceneQuestion) -> Scene:
        """Return where and as what each member comes up, and whether the network is apart from production."""
        plan = question.plan
        if plan.drill is None:
            return Scene(objection="the plan has no drill section")
        items = self.vault.items(plan.vault.id)
        members = tuple(
            _rehearsed(plan, member.name, item)
            for member in plan.members
            if (item := locate(items, plan.vault.item_id(member.item_name), plan.vm_id(member)))
        )
        network = self.resources.network(plan.drill.network)
        objection = objection_to_network(network, plan.drill.network, plan.target.region, members)
        return Scene(members=members, objection=objection)

    def look_for_leftovers(self, question: LeftoverQuestion) -> LeftoversSeen:
        """Return every resource of a drill that is still there: four lists per resource group tell of all."""
        groups = {member.group.casefold(): member.group for member in question.members}
        seen = [found for group in groups.values() for found in self.resources.hanging(group)]
        return LeftoversSeen(leftovers=leftovers_of(seen, question.members))


def _rehearsed(plan: Plan, name: str, item: ProtectedItem) -> Rehearsed:
    networks = [item.network, *(nic.network for nic in item.nics)]
    if plan.protection:
        networks += [plan.protection.networks.source, plan.protection.networks.target]
    return Rehearsed(
        name=name,
        group=item.recovery_group or plan.target.resource_group or "",
        test_name=item.test_name or f"{name}-test",
        size=item.recovery_size or "unknown size",
        disks=item.disks,
        lent=tuple(nic.drill_public_ip for nic in item.nics if nic.drill_public_ip),
        networks=tuple(dict.fromkeys(network for network in networks if network)),
    )
