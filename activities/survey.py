"""The look before machines are protected: everything the plan names, read from Azure, nothing touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from domain.landing import Unclear, foreign_machines, matched, objection_to
from domain.model import ArmId, Recorded, last_segment
from domain.network import AddressKind, Landing
from domain.plan import Member, Plan
from domain.protection import Protection
from domain.regions import display_name
from domain.replication import Phase, ProtectedItem, locate
from domain.resources import MachineSeen, NetworkSeen
from domain.standing import replicates_from

LOOKS_AT_ONCE = 8


class Resources(Protocol):
    """The resources that a plan names, read only; what is not there is None."""

    def region(self, resource: str) -> str | None:
        """Return the region of a vault or a storage account."""
        ...

    def machine(self, vm: str) -> MachineSeen | None:
        """Return a machine."""
        ...

    def address(self, nic: str) -> str | None:
        """Return the private address of a network interface's primary configuration."""
        ...

    def network(self, network: str) -> NetworkSeen | None:
        """Return a virtual network."""
        ...

    def is_free(self, network: str, address: str) -> bool:
        """Say whether an address of a virtual network is free."""
        ...


class Vault(Protocol):
    """The vault, read only."""

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        ...


class SurveyQuestion(Recorded):
    """The plan whose machines are to be protected."""

    plan: Plan


class Surveyed(Recorded):
    """What was found: what forbids it, each member's disks, and the items that are there already."""

    blockers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    lost: dict[str, str] = Field(default_factory=dict)
    disks: dict[str, tuple[ArmId, ...]] = Field(default_factory=dict)
    items: dict[str, ArmId] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """An address, or any, of a network that a member asks for."""

    member: str
    network: str
    subnet: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What one member's look came to: its disks, what forbids to protect it, what it asks for."""

    disks: tuple[ArmId, ...] = ()
    said: tuple[str, ...] = ()
    wishes: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """Reads what a plan names before anything is made: one request per resource, several at once."""

    vault: Vault
    resources: Resources

    def survey_protection(self, question: SurveyQuestion) -> Surveyed:
        """Return what forbids to protect the plan's machines; an optional member's trouble is only its own."""
        plan = question.plan
        protection = plan.protection
        if protection is None:
            return Surveyed(blockers=("the plan has no protection section",))
        blockers = [*self._vault_trouble(plan)]
        for end, store in (
            (plan.source.region, protection.cache.source),
            (plan.target.region, protection.cache.target),
        ):
            blockers += _misplaced("cache account", store, self.resources.region(store), end)
        networks = self._networks(plan, protection, blockers)
        items = self.vault.items(plan.vault.id)
        located = {
            member.name: item
            for member in plan.members
            if (item := locate(items, plan.vault.item_id(member.item_name), plan.vm_id(member)))
        }
        blockers += foreign_machines(plan, located)
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            looked = list(
                pool.map(
                    lambda member: self._look(plan, member, located.get(member.name), networks),
                    plan.members,
                )
            )
        blockers += _doubles(wish for member in looked for wish in member.wishes)
        return _told(plan, blockers, looked, located)

    def _vault_trouble(self, plan: Plan) -> Iterable[str]:
        """Refuse a vault in the region that it must survive: Azure's word counts, not the plan's."""
        region = self.resources.region(plan.vault.id)
        name = last_segment(plan.vault.id)
        if region is None:
            yield f"there is no vault {name}; create it from infra/, or mend the plan"
        elif region == plan.source.region:
            yield (
                f"the vault {name} lies in {display_name(region)}, the region it must survive; "
                f"use a vault in {display_name(plan.target.region)}"
            )
        elif region != plan.vault.region:
            yield (
                f"the vault {name} lies in {display_name(region)}, not in {display_name(plan.vault.region)} "
                "as the plan says; mend the plan's vault.region"
            )

    def _networks(
        self, plan: Plan, protection: Protection, blockers: list[str]
    ) -> dict[str, NetworkSeen]:
        """Return the networks that the plan names, by their ids as written."""
        named = [
            (protection.networks.source, plan.source.region),
            (protection.networks.target, plan.target.region),
        ]
        if plan.drill:
            named.append((plan.drill.network, plan.target.region))
        found = {}
        for network, region in named:
            seen = self.resources.network(network)
            blockers += _misplaced("network", network, seen.region if seen else None, region)
            if seen:
                found[network] = seen
        return found

    def _look(
        self,
        plan: Plan,
        member: Member,
        item: ProtectedItem | None,
        networks: dict[str, NetworkSeen],
    ) -> Looked:
        """Return a member's disks, what forbids to protect it, and the addresses that it asks for."""
        if item and (said := _past_protection(plan, member.name, item)):
            return Looked(said=(said,))
        machine = self.resources.machine(plan.vm_id(member))
        if machine is None:
            vm = last_segment(plan.vm_id(member))
            return Looked(said=(f"there is no machine {vm} for {member.name}; mend its vm",))
        unfit = _unfit(plan, member.name, machine)
        try:
            wishes = self._wishes(plan, member, machine)
        except Unclear as unclear:
            return Looked(machine.disks, (*unfit, str(unclear)))
        for wish in wishes:
            if wish.network in networks:
                unfit += self._objections(wish, networks[wish.network])
        return Looked(machine.disks, tuple(unfit), tuple(wishes))

    def _wishes(self, plan: Plan, member: Member, machine: MachineSeen) -> list[Wish]:
        """Return where the plan wants the member's interfaces; raises Unclear."""
        wishes: list[Wish] = []
        if plan.protection is None or not member.nics:
            return wishes
        order = matched(member, [last_segment(nic) for nic in machine.nics])
        for index, nic in zip(order, member.nics, strict=True):
            source = machine.nics[index]
            wishes.append(self._wish(member, source, nic, plan.protection.networks.target))
            if nic.drill and plan.drill:
                wishes.append(self._wish(member, source, nic.drill, plan.drill.network))
        return wishes

    def _wish(self, member: Member, source: str, landing: Landing, network: str) -> Wish:
        address: str | None = landing.address
        if landing.address == AddressKind.KEEP:
            address = self.resources.address(source)
            if address is None:
                raise Unclear(
                    f"the address of {last_segment(source)} is not known, so it cannot be kept"
                )
        if landing.address == AddressKind.DYNAMIC:
            address = None
        return Wish(member.name, network, landing.subnet, address)

    def _objections(self, wish: Wish, network: NetworkSeen) -> Iterable[str]:
        """Yield why a subnet or an address cannot be had; whether it is free is asked last."""
        name = last_segment(network.id)
        if wish.subnet is None:
            prefixes = tuple(prefix for subnet in network.subnets.values() for prefix in subnet)
        else:
            found = network.prefixes(wish.subnet)
            if found is None:
                has = ", ".join(network.subnets) or "none"
                yield f"{name} has no subnet {wish.subnet} for {wish.member}; it has {has}"
                return
            prefixes = found
        if wish.address is None:
            return
        said = objection_to(wish.address, prefixes)
        if said:
            where = f"subnet {wish.subnet} of {name}" if wish.subnet else name
            yield f"{wish.member} cannot have its address in {where}: {said}"
        elif not self.resources.is_free(network.id, wish.address):
            yield (
                f"{wish.address}, which {wish.member} asks for, is taken in {name}; "
                "give it another address, or dynamic"
            )


def _told(
    plan: Plan, blockers: list[str], looked: Sequence[Looked], located: dict[str, ProtectedItem]
) -> Surveyed:
    """Put the findings together: what is wrong with an optional member leaves only that one out."""
    lost = {}
    for member, look in zip(plan.members, looked, strict=True):
        if look.said and member.required:
            blockers += look.said
        elif look.said:
            lost[member.name] = "; ".join(look.said)
    return Surveyed(
        blockers=tuple(blockers),
        warnings=tuple(f"{name} is left out: {said}" for name, said in lost.items()),
        lost=lost,
        disks={m.name: look.disks for m, look in zip(plan.members, looked, strict=True)},
        items={name: item.id for name, item in located.items()},
    )


def _misplaced(what: str, resource: str, region: str | None, wanted: str) -> list[str]:
    name = last_segment(resource)
    if region is None:
        return [f"there is no {what} {name}; create it, or mend the plan"]
    if region != wanted:
        where, should = display_name(region), display_name(wanted)
        return [f"the {what} {name} lies in {where}, it must lie in {should}; name one there"]
    return []


def _past_protection(plan: Plan, name: str, item: ProtectedItem) -> str | None:
    """Say why a member's item is beyond a first protection; None where it is to be protected, or is."""
    if not replicates_from(item, plan.source.region):
        return f"{name} runs in {display_name(item.source_region)} now; fail back before it is protected again"
    if item.phase not in (Phase.REPLICATING, Phase.PROTECTED):
        return f"{name} is {item.state} ({item.state_description}); end its failover first: commit, then re-protect"
    return None


def _unfit(plan: Plan, name: str, machine: MachineSeen) -> list[str]:
    said = []
    if machine.region != plan.source.region:
        said.append(
            f"{name} lies in {display_name(machine.region)}, the plan protects {display_name(plan.source.region)}"
        )
    if machine.unmanaged:
        said.append(
            f"the disks {', '.join(machine.unmanaged)} of {name} are not managed; convert them to managed disks"
        )
    elif not machine.disks:
        said.append(f"{name} has no disk that could be replicated; is its vm the right one?")
    return said


def _doubles(wishes: Iterable[Wish]) -> Iterable[str]:
    """Refuse an address that two members of the plan ask for."""
    asked = [(wish.network, wish.address, wish.member) for wish in wishes if wish.address]
    counted = Counter((network, address) for network, address, _ in asked)
    for (network, address), count in counted.items():
        if count > 1:
            who = ", ".join(m for n, a, m in asked if (n, a) == (network, address))
            yield f"{who} ask for the same address {address} in {last_segment(network)}; give each its own"
