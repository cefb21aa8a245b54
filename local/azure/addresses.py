"""Which private address a machine gets: the one it is given, or the next free one of its subnet."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network

from local.azure.estate import Network, Subnet

RESERVED_FIRST = 4
"""Azure keeps the network's address, the gateway's and two for DNS, and the last one for broadcast."""


def usable(subnet: Subnet, address: str) -> bool:
    """Return whether a machine may have this address of a subnet."""
    prefix, wanted = IPv4Network(subnet.prefix), IPv4Address(address)
    if wanted not in prefix:
        return False
    return RESERVED_FIRST <= int(wanted) - int(prefix[0]) < prefix.num_addresses - 1


def next_free(subnet: Subnet, taken: Collection[str]) -> str | None:
    """Return the lowest address of a subnet that a machine may have and none has."""
    prefix = IPv4Network(subnet.prefix)
    for offset in range(RESERVED_FIRST, prefix.num_addresses - 1):
        address = str(prefix[offset])
        if address not in taken:
            return address
    return None


def subnet_of(network: Network, name: str) -> Subnet | None:
    """Return a subnet by name, or the first one where no name is given."""
    for subnet in network.subnets:
        if not name or subnet.name.lower() == name.lower():
            return subnet
    return None


def choose(network: Network, subnet: str, wanted: str, taken: Collection[str]) -> tuple[str, str]:
    """Return the address a machine gets, or why it gets none: (address, trouble), one of them empty."""
    place = subnet_of(network, subnet)
    if place is None:
        return "", f"The subnet '{subnet}' of the network '{network.name}' does not exist."
    if not wanted:
        free = next_free(place, taken)
        return (free, "") if free else ("", f"The subnet '{place.name}' has no free address.")
    if not usable(place, wanted):
        return "", f"The address {wanted} is not one that the subnet '{place.name}' can give."
    if wanted in taken:
        return "", f"The address {wanted} of the subnet '{place.name}' is in use."
    return wanted, ""
