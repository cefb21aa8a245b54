"""What a vault must hold before a plan's machines can be protected: its pieces, and what each of them says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from domain.model import ArmId, Recorded, last_segment, same_id
from domain.plan import Plan
from domain.protection import Protection

# Azure gathers the virtual networks of a region under this one name (recorded).
NETWORKS = "azureNetwork"
NAME_CHARACTERS = 63


class PieceKind(StrEnum):
    """The pieces of a vault's set-up."""

    FABRIC = "fabric"
    POLICY = "replication policy"
    CONTAINER = "container"
    CONTAINER_MAPPING = "container mapping"
    NETWORK_MAPPING = "network mapping"


class Piece(Recorded):
    """One piece: where it is made when there is none, and what it must say; ids and numbers are text."""

    kind: PieceKind
    id: ArmId
    wants: dict[str, str] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name that people know it by."""
        return last_segment(self.id)

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}"


class Seen(Recorded):
    """A piece as the vault has it; a mapping is known by its ends, whatever its name."""

    id: ArmId
    says: dict[str, str] = Field(default_factory=dict)


def rounds_of(plan: Plan, protection: Protection) -> tuple[tuple[Piece, ...], ...]:
    """Return the pieces of a plan in rounds: those of a round need nothing but the rounds before.

    Containers are mapped both ways, because re-protection needs the mapping home.
    """
    vault = plan.vault
    here = f"{vault.id}/replicationFabrics/{vault.fabric}"
    there = f"{vault.id}/replicationFabrics/{vault.recovery_fabric}"
    from_here = f"{here}/replicationProtectionContainers/{vault.container}"
    from_there = f"{there}/replicationProtectionContainers/{vault.recovery_container}"
    policy = policy_id(plan, protection)
    networks = protection.networks
    return (
        (
            Piece(kind=PieceKind.FABRIC, id=here, wants={"region": plan.source.region}),
            Piece(kind=PieceKind.FABRIC, id=there, wants={"region": plan.target.region}),
            Piece(kind=PieceKind.POLICY, id=policy, wants=_policy(protection)),
        ),
        (
            Piece(kind=PieceKind.CONTAINER, id=from_here),
            Piece(kind=PieceKind.CONTAINER, id=from_there),
            _network_mapping(here, there, networks.source, networks.target),
            _network_mapping(there, here, networks.target, networks.source),
        ),
        (
            _container_mapping(from_here, from_there, policy),
            _container_mapping(from_there, from_here, policy),
        ),
    )


def policy_id(plan: Plan, protection: Protection) -> str:
    """Return the ARM id of the plan's replication policy."""
    return f"{plan.vault.id}/replicationPolicies/{protection.policy.name}"


def recovery_container_id(plan: Plan) -> str:
    """Return the ARM id of the container that machines are replicated into."""
    vault = plan.vault
    return (
        f"{vault.id}/replicationFabrics/{vault.recovery_fabric}"
        f"/replicationProtectionContainers/{vault.recovery_container}"
    )


def differences(piece: Piece, seen: Seen) -> list[str]:
    """Return what a piece says otherwise than the plan wants it, each in a few words."""
    return [
        f"its {key} is {seen.says.get(key) or 'not told'}, the plan wants {wanted}"
        for key, wanted in piece.wants.items()
        if not same_id(seen.says.get(key, ""), wanted)
    ]


def mend(piece: Piece) -> str:
    """Return what a person does about a piece that is there otherwise: Leeward never bends what others may use."""
    words: Mapping[PieceKind, str] = {
        PieceKind.FABRIC: "name another fabric in the plan's vault section",
        PieceKind.POLICY: "name another policy in the plan's protection section, or change this one in the vault",
        PieceKind.CONTAINER: "name another container in the plan's vault section",
        PieceKind.CONTAINER_MAPPING: "name the policy of the mapping in the plan, or remove the mapping",
        PieceKind.NETWORK_MAPPING: "name the network that is mapped in the plan, or change the mapping in the vault",
    }
    return words[piece.kind]


def _policy(protection: Protection) -> dict[str, str]:
    policy = protection.policy
    return {
        "crash-consistent frequency in minutes": _minutes(policy.crash_consistent),
        "app-consistent frequency in minutes": _minutes(policy.app_consistent),
        "retention in minutes": _minutes(policy.retention),
    }


def _minutes(duration: timedelta) -> str:
    return str(int(duration.total_seconds() // 60))


def _container_mapping(source: str, target: str, policy: str) -> Piece:
    name = f"{last_segment(source)}-to-{last_segment(target)}"[:NAME_CHARACTERS]
    return Piece(
        kind=PieceKind.CONTAINER_MAPPING,
        id=f"{source}/replicationProtectionContainerMappings/{name}",
        wants={"target container": target, "policy": policy},
    )


def _network_mapping(here: str, there: str, source: str, target: str) -> Piece:
    name = f"{last_segment(source)}-to-{last_segment(target)}"[:NAME_CHARACTERS]
    return Piece(
        kind=PieceKind.NETWORK_MAPPING,
        id=f"{here}/replicationNetworks/{NETWORKS}/replicationNetworkMappings/{name}",
        wants={"source network": source, "target network": target, "target fabric": there},
    )
