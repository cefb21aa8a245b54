"""Where a plan wants a member to come up, against what its protected item says: name, size, networks, addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from domain.model import last_segment, same_id
from domain.network import AddressKind, Landing, Nic
from domain.plan import Member, Plan
from domain.replication import Interface, Phase, ProtectedItem
from domain.standing import replicates_from

RESERVED_AT_START, RESERVED_AT_END = 4, 1


@dataclass(frozen=True, slots=True)
class Landed:
    """What a protected item is to say of the machine that it becomes; None is left as Azure has it."""

    name: str | None
    size: str | None
    network: str | None
    drill_network: str | None
    nics: tuple[Interface, ...]


class Unclear(Exception):
    """The plan's words about a member's interfaces do not fit the machine."""


def landing_of(plan: Plan, member: Member, item: ProtectedItem) -> Landed:
    """Return what a member's item is to say; raises Unclear where the plan's interfaces are not the machine's."""
    names = [last_segment(nic.source_nic or nic.nic) for nic in item.nics]
    wanted = dict(zip(matched(member, names), member.nics, strict=True))
    drills = any(nic.drill for nic in member.nics)
    return Landed(
        name=member.recovery_name,
        size=member.size,
        network=plan.protection.networks.target if plan.protection else None,
        drill_network=plan.drill.network if plan.drill and drills else None,
        nics=tuple(
            _landed(member, nic, wanted[index]) if index in wanted else nic
            for index, nic in enumerate(item.nics)
        ),
    )


def matched(member: Member, names: Sequence[str]) -> tuple[int, ...]:
    """Return which of the machine's interfaces each of the plan's is, by position; raises Unclear."""
    has = ", ".join(names) or "none"
    known = {name.casefold(): index for index, name in enumerate(names)}
    found: list[int] = []
    for nic in member.nics:
        if nic.name is None and len(names) == 1:
            found.append(0)
        elif nic.name is None:
            raise Unclear(f"{member.name} has the interfaces {has}; name each one in its nics")
        elif nic.name.casefold() not in known:
            raise Unclear(f"{member.name} has no interface {nic.name}; it has {has}")
        else:
            found.append(known[nic.name.casefold()])
    if len(set(found)) < len(found):
        raise Unclear(f"{member.name} has the same interface twice in its nics; keep one of them")
    return tuple(found)


def drift_of(landed: Landed, item: ProtectedItem) -> list[str]:
    """Return what a protected item says otherwise than the plan, each in a few words."""
    wanted = [
        ("name in the recovery region", landed.name, item.recovery_name),
        ("size in the recovery region", landed.size, item.recovery_size),
        ("network", landed.network, item.network),
        ("drill network", landed.drill_network, item.drill_network),
    ]
    said = [
        f"its {what} is {_short(seen)}, the plan wants {_short(want)}"
        for what, want, seen in wanted
        if want is not None and not same_id(want, seen or "")
    ]
    for want, seen in zip(landed.nics, item.nics, strict=True):
        said += _interface_drift(want, seen)
    return said


def drift_in(plan: Plan, located: Mapping[str, ProtectedItem]) -> Iterator[str]:
    """Yield what the items of a plan's members say otherwise than the plan, while they replicate the way out."""
    for member in plan.members:
        item = located.get(member.name)
        if item is None or item.phase is not Phase.PROTECTED:
            continue  # the settings come with protection, and mean nothing any more after a failover
        if not replicates_from(item, plan.source.region):
            continue  # its settings are those of the way home
        try:
            drift = drift_of(landing_of(plan, member, item), item)
        except Unclear as unclear:
            drift = [str(unclear)]
        if drift:
            yield f"{member.name} would not come up as planned: {'; '.join(drift)}; protect it again"


def foreign_machines(plan: Plan, located: Mapping[str, ProtectedItem]) -> Iterator[str]:
    """Yield the members whose item, going the way out, protects a machine that is not the plan's."""
    for member in plan.members:
        item = located.get(member.name)
        if item is None or not item.vm or not replicates_from(item, plan.source.region):
            continue
        own = {last_segment(plan.vm_id(member)), member.recovery_name or ""}
        if last_segment(item.vm).casefold() not in {name.casefold() for name in own}:
            yield (
                f"the item {item.name} of {member.name} protects another machine, {last_segment(item.vm)}; "
                f"name its item or its vm in the plan"
            )


def objection_to(address: str, prefixes: Iterable[str]) -> str | None:
    """Return why an address cannot be had in a subnet, by its address prefixes alone; None if it may be."""
    asked = IPv4Address(address)
    blocks = [IPv4Network(prefix) for prefix in prefixes if ":" not in prefix]
    home = next((block for block in blocks if asked in block), None)
    if home is None:
        return f"{address} lies outside {', '.join(map(str, blocks)) or 'every subnet'}"
    first, last = home[RESERVED_AT_START], home[-1 - RESERVED_AT_END]
    if not first <= asked <= last:
        return f"{address} is one of the five addresses that Azure reserves in {home}; use {first} to {last}"
    return None


def _landed(member: Member, nic: Interface, wanted: Nic) -> Interface:
    changes = _spot("", wanted, _address(member, wanted, nic))
    if wanted.drill:
        changes |= _spot("drill_", wanted.drill, _address(member, wanted.drill, nic))
    return nic.model_copy(update=changes)


def _spot(where: str, landing: Landing, address: str | None) -> dict[str, object]:
    """Return what the plan says of one landing; what it does not say is left as Azure has it."""
    given: dict[str, object] = {
        f"{where}subnet": landing.subnet,
        f"{where}public_ip": landing.public_ip,
        f"{where}pools": landing.pools,
        f"{where}nsg": landing.nsg,
    }
    return {key: value for key, value in given.items() if value} | {f"{where}address": address}


def _address(member: Member, wanted: Landing, nic: Interface) -> str | None:
    if wanted.address == AddressKind.DYNAMIC:
        return None
    if wanted.address == AddressKind.KEEP:
        if nic.source_address is None:
            raise Unclear(f"the address of {member.name} is not known, so it cannot be kept")
        return nic.source_address
    return wanted.address


def _interface_drift(want: Interface, seen: Interface) -> list[str]:
    said = []
    told = seen.model_dump()
    for key, wanted in want.model_dump().items():
        if str(told[key] or "").casefold() != str(wanted or "").casefold():
            what = key.replace("_", " ").replace("pools", "load-balancer pools")
            said.append(f"its {what} is {_short(told[key])}, the plan wants {_short(wanted)}")
    return said


def _short(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(_short(one) for one in value) or "none"
    return last_segment(str(value)) if value else "not set"
