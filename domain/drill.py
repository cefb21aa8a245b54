"""A drill: which resources are its own, whether its network is apart from production, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.model import Recorded, last_segment, same_id
from domain.reports import Leftover
from domain.resources import NetworkSeen, ResourceSeen

DISK_MARK = "-asrtest"
"""Site Recovery names a drill's disks after the source's, with this at the end (recorded: tfoDiskName)."""


class Rehearsed(Recorded):
    """One member as a drill sees it: where its test machine comes up, under which name, of which size.

    ``lent`` are public addresses that its owner lends to the test machine: they were there before and stay.
    """

    name: str
    group: str
    test_name: str
    size: str
    disks: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()


def objection_to_network(
    network: NetworkSeen | None, wanted: str, region: str, members: Sequence[Rehearsed]
) -> str | None:
    """Return why a drill may not use a network, or None if it is there and apart from production."""
    name = last_segment(wanted)
    if network is None:
        return f"there is no network {name} to rehearse in; create it, or mend drill.network"
    if network.region != region:
        return (
            f"the drill's network {name} lies in {network.region}, the machines come up in {region}"
        )
    production = {used.casefold(): used for member in members for used in member.networks}
    if wanted.casefold() in production:
        return (
            f"{name} is a production network: a drill there would meet the running application; "
            "name an isolated network in drill.network"
        )
    for peer in network.peers:
        if peer.casefold() in production:
            return (
                f"{name} is peered with {last_segment(peer)}, a production network, so it is not isolated; "
                "remove the peering, or name another network in drill.network"
            )
    return None


def leftovers_of(
    seen: Iterable[ResourceSeen], members: Sequence[Rehearsed]
) -> tuple[Leftover, ...]:
    """Return the resources that belong to test machines of these members, whichever drill made them."""
    lent = [address for member in members for address in member.lent]
    everything = [r for r in seen if not any(same_id(r.id, address) for address in lent)]
    own = [r for r in everything if any(_belongs(r, member) for member in members)]
    machines = [r.id for r in own if r.kind == "vm"]
    addresses = [address for r in own for address in r.addresses]
    for resource in everything:
        owned = resource.owner and any(same_id(resource.owner, vm) for vm in machines)
        pointed_at = any(same_id(resource.id, address) for address in addresses)
        if (owned or pointed_at) and resource not in own:
            own.append(resource)
    return tuple(Leftover(kind=r.kind, id=r.id) for r in own)


def _belongs(resource: ResourceSeen, member: Rehearsed) -> bool:
    """Say whether a resource is named by the member's test failover."""
    name, test = last_segment(resource.id).casefold(), member.test_name.casefold()
    if name == test or name.startswith(f"{test}-"):
        return True
    owner = last_segment(resource.owner).casefold() if resource.owner else ""
    if owner == test:
        return True
    disks = {f"{last_segment(disk).casefold()}{DISK_MARK}" for disk in member.disks}
    return resource.kind == "disk" and name in disks


def vm_hours(
    members: Sequence[Rehearsed], spans: dict[str, tuple[datetime, datetime]]
) -> dict[str, float]:
    """Return how many hours machines of each size ran, from the start of their test failover to the clean-up's end."""
    hours: dict[str, float] = {}
    for member in members:
        if member.name in spans:
            started, ended = spans[member.name]
            ran = max(0.0, (ended - started).total_seconds() / 3600)
            hours[member.size] = round(hours.get(member.size, 0.0) + ran, 2)
    return hours
