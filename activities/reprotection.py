"""What it takes to protect a machine the other way round: read, member by member, before anything is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from domain.errors import StepError
from domain.model import ArmId, Recorded, last_segment
from domain.plan import Member, Plan
from domain.regions import display_name
from domain.replication import Enabling, Phase, ProtectedItem, locate
from domain.resources import MachineSeen

LOOKS_AT_ONCE = 8


class Vault(Protocol):
    """The vault, read only."""

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        ...


class Mappings(Protocol):
    """The container mappings of the vault."""

    def policy_between(self, source: str, target: str) -> str | None:
        """Return the policy of the mapping from one container to another, None where there is no mapping."""
        ...


class Resources(Protocol):
    """The machines, and the locks on resource groups."""

    def machine(self, vm: str) -> MachineSeen | None:
        """Return a machine, None where there is none."""
        ...

    def locks(self, group: str) -> Sequence[str]:
        """Return the names of the locks on a resource group."""
        ...


class ReprotectQuestion(Recorded):
    """The members of a plan that are to be protected the other way round."""

    plan: Plan
    members: tuple[str, ...]


class Turning(Recorded):
    """What one member is re-protected with, or why it cannot be; neither where it is protected that way already."""

    item: ArmId | None = None
    enabling: Enabling | None = None
    refused: str | None = None


class Prepared(Recorded):
    """What was found, by member."""

    members: dict[str, Turning] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reprotection:
    """Looks at the machines that a failover made and at the way back from there."""

    vault: Vault
    mappings: Mappings
    resources: Resources

    def prepare_reprotection(self, question: ReprotectQuestion) -> Prepared:
        """Return each member's terms; which end is the present one is what its item says, never assumed."""
        plan = question.plan
        items = self.vault.items(plan.vault.id)

        def look(member: Member) -> Turning:
            item = locate(items, plan.vault.item_id(member.item_name), plan.vm_id(member))
            return self._look(plan, member, item)

        wanted = [member for member in plan.members if member.name in question.members]
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            turnings = list(pool.map(look, wanted))
        return Prepared(
            members={member.name: t for member, t in zip(wanted, turnings, strict=True)}
        )

    def _look(self, plan: Plan, member: Member, item: ProtectedItem | None) -> Turning:
        if item is None:
            return Turning(refused=f"{member.name} has no protected item; protect it anew")
        if item.phase in (Phase.REPLICATING, Phase.PROTECTED) or item.vm is None:
            return Turning(item=item.id, enabling=_adopting(item))
        if item.phase is Phase.ARRIVED:
            return Turning(
                refused=f"the failover of {member.name} is not committed; commit it first"
            )
        if item.recovered_vm is None or item.recovery_container is None:
            return Turning(refused=f"{item.id} does not say which machine the failover made")
        made = self.resources.machine(item.recovered_vm)
        if made is None or not made.disks:
            where = last_segment(item.recovered_vm)
            return Turning(
                refused=f"the machine {where} that the failover made, or its disks, are not there"
            )
        back = item.id.rsplit("/replicationProtectedItems/", 1)[0]
        policy = self.mappings.policy_between(item.recovery_container, back)
        if policy is None:
            here, there = last_segment(item.recovery_container), last_segment(back)
            return Turning(
                refused=f"container {here} has no mapping to {there}, so {member.name} cannot be "
                f"protected that way; `leeward protect {plan.name}` makes it"
            )
        cache = _cache(plan, made.region)
        if cache is None:
            return Turning(
                refused=f"the plan names no cache storage in {display_name(made.region)}; "
                "add it to protection.cache"
            )
        objection = self._objection(member, item.vm)
        if objection:
            return Turning(refused=objection)
        return Turning(
            item=item.id,
            enabling=Enabling(
                vm=item.recovered_vm,
                disks=made.disks,
                cache=cache,
                policy=policy,
                container=back,
                resource_group=item.vm.split("/providers/")[0],
            ),
        )

    def _objection(self, member: Member, old: str) -> str | None:
        """Return why Azure could not reuse the old machine; a region that does not answer is Azure's to tell."""
        group = old.split("/providers/")[0]
        try:
            if self.resources.machine(old) is None:
                return (
                    f"the machine {last_segment(old)} that {member.name} came from was deleted, and Azure "
                    "re-protects onto its disks alone; disable the replication and protect it anew"
                )
            locks = self.resources.locks(group)
        except StepError:
            return None
        if locks:
            return (
                f"the lock {locks[0]} on {last_segment(group)} stands in the way: the old machine of "
                f"{member.name} is deleted when it is re-protected; remove the lock and ask again"
            )
        return None


def _adopting(item: ProtectedItem) -> Enabling | None:
    """Return what a re-protection that began before is recognised by: its machine."""
    if item.vm is None:
        return None
    container = item.id.rsplit("/replicationProtectedItems/", 1)[0]
    nothing = item.policy or container
    return Enabling(
        vm=item.vm,
        disks=(),
        cache=container,
        policy=nothing,
        container=container,
        resource_group=item.vm.split("/providers/")[0],
    )


def _cache(plan: Plan, region: str) -> str | None:
    if plan.protection is None:
        return None
    ends = {
        plan.source.region: plan.protection.cache.source,
        plan.target.region: plan.protection.cache.target,
    }
    return ends.get(region)
