"""Where a machine's network interfaces come up: subnet, address, and what hangs on them; in earnest and in a drill."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from domain.model import ArmId, Model

SubnetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]


class AddressKind(StrEnum):
    """The addresses that are not written out."""

    KEEP = "keep"
    DYNAMIC = "dynamic"


def _address(value: str) -> str:
    """Let ``keep``, ``dynamic`` and IPv4 addresses through."""
    if value in tuple(AddressKind):
        return value
    try:
        return str(IPv4Address(value))
    except ValueError:
        raise ValueError(
            f"{value!r} is no address; write keep, dynamic, or one like 10.2.1.4"
        ) from None


Address = Annotated[str, AfterValidator(_address)]


class Landing(Model):
    """Where one interface comes up.

    ``keep`` holds the source's private address, ``dynamic`` takes the next free one, an IPv4 address is given.
    """

    subnet: SubnetName | None = None
    address: Address = AddressKind.DYNAMIC.value
    public_ip: ArmId | None = None
    pools: tuple[ArmId, ...] = ()
    nsg: ArmId | None = None


class Nic(Landing):
    """A network interface: the source's by name, or the machine's only one; drills may have settings of their own."""

    name: SubnetName | None = None
    drill: Landing | None = None
