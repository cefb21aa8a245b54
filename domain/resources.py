"""The resources that a plan names, as far as Leeward asks: machines, and the networks they come up in."""

from __future__ import annotations

from pydantic import Field

from domain.model import ArmId, Recorded


class MachineSeen(Recorded):
    """A machine as Compute tells it; ``unmanaged`` are disks that are blobs of a storage account."""

    id: ArmId
    region: str
    disks: tuple[ArmId, ...] = ()
    unmanaged: tuple[str, ...] = ()
    nics: tuple[ArmId, ...] = ()


class NetworkSeen(Recorded):
    """A virtual network: its region, the address prefixes of its subnets by name, the networks it is peered with."""

    id: ArmId
    region: str
    subnets: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    peers: tuple[str, ...] = ()

    def prefixes(self, subnet: str) -> tuple[str, ...] | None:
        """Return the address prefixes of a subnet, None where the network has none of that name."""
        known = {name.casefold(): prefixes for name, prefixes in self.subnets.items()}
        return known.get(subnet.casefold())


class ResourceSeen(Recorded):
    """A machine, or what hangs on one: ``owner`` is that machine, ``addresses`` an interface's public ones."""

    kind: str
    id: ArmId
    owner: str | None = None
    addresses: tuple[str, ...] = ()
