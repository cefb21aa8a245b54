"""Estates of any size, for benchmarks and rehearsals of scale."""

from __future__ import annotations

from local.azure.estate import (
    Container,
    ContainerMapping,
    Endpoint,
    Estate,
    EstateError,
    Fabric,
    Landing,
    Machine,
    Monitor,
    Policy,
    Port,
    Profile,
    ProtectedItem,
    PublicName,
    Region,
    Vault,
)

SUBSCRIPTION = "c0ffee00-5f1e-4e70-8000-0123456789ab"


def make_estate(members: int, tiers: int) -> Estate:
    """Make an estate of ``members`` machines spread over ``tiers``: t01-m001, t01-m002, ..."""
    if not 1 <= tiers <= members <= 20_000:
        raise EstateError(
            f"{members} members in {tiers} tiers: give 1 <= tiers <= members <= 20000"
        )
    names = _names(members, tiers)
    machines = tuple(
        Machine(
            name=name,
            resource_group="fleet-east",
            region="eastus",
            private_ip=_address(10, index),
            ports=(Port(80, "http", "/healthz"),),
            boot_seconds=15,
        )
        for index, name in enumerate(names)
    )
    items = tuple(
        ProtectedItem(name, name, "fleet-eastus", Landing("fleet-west", _address(11, index)))
        for index, name in enumerate(names)
    )
    front = names[-1]
    return Estate(
        subscription=SUBSCRIPTION,
        regions=(Region("eastus", "East US"), Region("westus", "West US")),
        machines=machines,
        vault=Vault("fleet-vault", "fleet-dr", "westus"),
        fabrics=(Fabric("asr-eastus", "eastus"), Fabric("asr-westus", "westus")),
        containers=(
            Container("fleet-eastus", "asr-eastus"),
            Container("fleet-westus", "asr-westus"),
        ),
        policies=(Policy("fleet-24h"),),
        mappings=(
            ContainerMapping("east-to-west", "fleet-eastus", "fleet-westus", "fleet-24h"),
            ContainerMapping("west-to-east", "fleet-westus", "fleet-eastus", "fleet-24h"),
        ),
        items=items,
        public_names=(
            PublicName("fleet-eastus.example.com", "203.0.113.20", "eastus", front),
            PublicName("fleet-westus.example.com", "198.51.100.20", "westus", front),
        ),
        profiles=(
            Profile(
                name="fleet",
                resource_group="fleet-edge",
                fqdn="fleet.trafficmanager.net",
                monitor=Monitor("HTTP", 80, "/healthz", 10, 5, 1),
                endpoints=(
                    Endpoint("east", "fleet-eastus.example.com", 1, "Enabled", "East US"),
                    Endpoint("west", "fleet-westus.example.com", 2, "Disabled", "West US"),
                ),
                ttl=30,
            ),
        ),
    )


def _names(members: int, tiers: int) -> list[str]:
    share, rest = divmod(members, tiers)
    return [
        f"t{tier + 1:02d}-m{member + 1:03d}"
        for tier in range(tiers)
        for member in range(share + (tier < rest))
    ]


def _address(first: int, index: int) -> str:
    return f"{first}.{index // 62_500}.{index // 250 % 250}.{index % 250 + 4}"
