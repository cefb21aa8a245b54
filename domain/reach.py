"""What a plan may talk to: hosts by their names, names below a suffix, networks; and what no plan opens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Where a cloud's own machinery answers whoever asks from inside, and addresses that say one thing and mean another.
CLOSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), why)
    for network, why in (
        ("168.63.129.16/32", "Azure's own channel to its machines"),
        ("100.100.100.200/32", "an instance metadata service"),
        ("fd00:ec2::254/128", "an instance metadata service"),
        ("127.0.0.0/8", "the app itself"),
        ("::1/128", "the app itself"),
        ("0.0.0.0/8", "the app itself"),
        ("169.254.0.0/16", "link-local, where instance metadata and identities are served"),
        ("fe80::/10", "link-local, where instance metadata and identities are served"),
        ("fec0::/10", "a retired kind of address"),
        ("224.0.0.0/4", "many machines at once"),
        ("ff00::/8", "many machines at once"),
        ("240.0.0.0/4", "no machine's address"),
        ("::ffff:0:0/96", "an IPv4 address written as IPv6"),
        ("::/96", "an IPv4 address written as IPv6"),
        ("::ffff:0:0:0/96", "an IPv4 address written as IPv6"),
        ("64:ff9b::/96", "an IPv4 address written as IPv6"),
        ("64:ff9b:1::/48", "an IPv4 address written as IPv6"),
        ("2002::/16", "an IPv4 address written as IPv6"),
        ("2001::/32", "an IPv4 address written as IPv6"),
    )
)
# Below these anybody may have a name: a suffix of them would open the plan to everybody.
SHARED = (
    "azure-api.net", "azurecontainerapps.io", "azureedge.net", "azurefd.net", "azurestaticapps.net",
    "azurewebsites.net", "azurewebsites.us", "cloudapp.azure.com", "cloudapp.net", "cloudfront.net",
    "core.windows.net", "amazonaws.com", "github.io", "logic.azure.com", "nip.io", "servicebus.windows.net",
    "sslip.io", "trafficmanager.net", "usgovtrafficmanager.net",
)  # fmt: skip
WIDEST = {4: 8, 6: 32}
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
AUTHORITY = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


# A plan is read again in every turn of a run, and its hosts are the same ones.
@lru_cache(maxsize=4096)
def closed(address: Address) -> str | None:
    """Return what an address is that no plan may reach, None for all others."""
    return next((why for network, why in CLOSED if address in network), None)


@lru_cache(maxsize=4096)
def host_of(url: str) -> str | None:
    """Return the host of an http URL, in small letters; None where two readers could read two of it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return _plain(host) if host and AUTHORITY.fullmatch(parts.netloc) else None


@lru_cache(maxsize=4096)
def literal(host: str) -> Address | None:
    """Return the address that a host is written as, None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _place(value: str) -> str:
    """Let a host, ``*.suffix``, an address or a network through, each in one way of writing."""
    text = value.lower()
    if "/" in text or literal(text):
        return _network(text)
    suffix = text.startswith("*.")
    name = _plain(text.removeprefix("*."))
    labels = name.split(".")
    known = all(LABEL.fullmatch(label) for label in labels) and len(name) < 254
    if not known or labels[-1].isdecimal() or labels[-1].startswith("0x"):
        raise ValueError(
            f"{value!r} is no place; write a host, *.suffix, an address or a network like 10.2.0.0/16"
        )
    if labels[-1] == "localhost":
        raise ValueError(f"{value!r} is the app itself, which no plan may reach; remove it")
    above = any(shared.endswith(f".{name}") for shared in SHARED)
    if suffix and (len(labels) < 2 or _below(name, SHARED) or name in SHARED or above):
        raise ValueError(f"anybody may have a name below {name}; write the whole host")
    return f"*.{name}" if suffix else name


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(f"{text!r} is no network; write one like 10.2.0.0/16") from None
    for shut, why in CLOSED:
        if network.version == shut.version and network.subnet_of(shut):  # type: ignore[arg-type]  # same version
            raise ValueError(f"{text} is {why}, which no plan may reach; remove it")
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(
            f"{text} is too much of the world; name /{WIDEST[network.version]} or less"
        )
    alone = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if alone else str(network)


def _below(host: str, suffixes: tuple[str, ...]) -> bool:
    return any(host.endswith(f".{suffix}") for suffix in suffixes)


Place = Annotated[str, AfterValidator(_place)]
Places = Annotated[tuple[Place, ...], Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class Reach:
    """A plan's list, ready to be asked; without one, of a run from before there were lists, only what is closed is."""

    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    listed: bool = True
    whose: str = "the plan's reach"

    @staticmethod
    @lru_cache(maxsize=256)
    def of(places: tuple[str, ...] | None, whose: str = "the plan's reach") -> Reach:
        """Return the reach of a list."""
        if places is None:
            return Reach(listed=False, whose=whose)
        networks = [place for place in places if "/" in place or literal(place)]
        return Reach(
            names=frozenset(p for p in places if p not in networks and not p.startswith("*.")),
            suffixes=tuple(p.removeprefix("*.") for p in places if p.startswith("*.")),
            networks=tuple(ip_network(network) for network in networks),
            whose=whose,
        )

    def holds(self, place: str) -> bool:
        """Say whether all of a place lies within."""
        if not self.listed:
            return True
        if "/" in place or literal(place):
            network = ip_network(place)
            return any(
                network.version == own.version and network.subnet_of(own)  # type: ignore[arg-type]  # same version
                for own in self.networks
            )
        host = place.removeprefix("*.")
        whole = host in self.suffixes if place.startswith("*.") else host in self.names
        return whole or _below(host, self.suffixes)

    def refuses(self, host: str, *, sent: bool = False) -> str | None:
        """Return why a host may not be talked to, None where it may; one that is ``sent`` data must be named itself."""
        address = literal(host)
        if address is not None:
            return self.refuses_address(host, address, sent=sent)
        if not self.listed or host in self.names:
            return None
        if not _below(host, self.suffixes):
            return f"{host} is outside {self.whose}"
        if sent:
            return f"{host} is sent data, and {self.whose} names it by a suffix alone"
        return None

    def refuses_address(self, host: str, address: Address, *, sent: bool = False) -> str | None:
        """Return why a host may not be talked to at that address, None where it may."""
        shut = closed(address)
        if shut:
            return f"{_led(host, address)} is {shut}, which no plan may reach"
        if not self.listed or host in self.names:
            return None
        if literal(host) is None and address.is_global:
            return None  # its name was let through
        holding = [network for network in self.networks if address in network]
        if not holding:
            return f"{_led(host, address)} is outside {self.whose}"
        if sent and all(network.prefixlen < network.max_prefixlen for network in holding):
            return f"{host} is sent data, and {self.whose} names it by a network alone"
        return None


def _led(host: str, address: Address) -> str:
    return host if literal(host) else f"{host} leads to {address}, which"


EVERYWHERE = Reach.of(None)
