"""The set-up of a vault through the SDK: find its pieces, and ask for those that are missing.

Bodies are as recorded (fabric, container, mappings) and as the SDK's models say (policy). A PUT is sent once and its
poller is never used; a piece that is there already is answered with 200, and no job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.azure_errors import translated
from adapters.identity import Clients, Identities
from adapters.site_recovery import AzureSiteRecovery, job_name
from adapters.vault_reading import arm_id
from domain.errors import Permanent
from domain.model import last_segment, same_id, segment_after
from domain.regions import region_key
from domain.replication import Job
from domain.setup import Piece, PieceKind, Seen

Find = Callable[[Any, tuple[str, str], Piece], Seen | None]


class AzureVaultSetup:
    """The pieces of a vault."""

    def __init__(self, identities: Identities) -> None:
        self._as = identities
        self._vault = AzureSiteRecovery(identities)

    def find(self, piece: Piece) -> Seen | None:
        """Return a piece as it is there; a mapping under any name, as long as its ends are the piece's."""
        client, where = _where(self._as.observe, piece)
        try:
            with translated(f"reading {piece}"):
                return FINDERS[piece.kind](client, where, piece)
        except Permanent as error:
            if error.code == "not_found":
                return None
            raise

    def create(self, piece: Piece) -> str | None:
        """Ask for a piece to be made and return the job's name, None where there was nothing to do."""
        client, where = _where(self._as.failover, piece)
        accepted: list[Any] = []
        once = {"polling": False, "raw_response_hook": accepted.append}
        fabric = _part(piece, "replicationFabrics")
        name = piece.name
        make: dict[PieceKind, Callable[[], object]] = {
            PieceKind.FABRIC: lambda: client.replication_fabrics.begin_create(
                *where, name, _fabric(piece), **once
            ),
            PieceKind.POLICY: lambda: client.replication_policies.begin_create(
                *where, name, _policy(piece), **once
            ),
            PieceKind.CONTAINER: lambda: client.replication_protection_containers.begin_create(
                *where, fabric, name, CONTAINER, **once
            ),
            PieceKind.CONTAINER_MAPPING: lambda: (
                client.replication_protection_container_mappings.begin_create(
                    *where,
                    fabric,
                    _part(piece, "replicationProtectionContainers"),
                    name,
                    _container_mapping(piece),
                    **once,
                )
            ),
            PieceKind.NETWORK_MAPPING: lambda: client.replication_network_mappings.begin_create(
                *where,
                fabric,
                _part(piece, "replicationNetworks"),
                name,
                _network_mapping(piece),
                **once,
            ),
        }
        with translated(f"making {piece}"):
            make[piece.kind]()
        answer = accepted[0].http_response
        return job_name(answer.headers) if answer.status_code == 202 else None

    def policy_between(self, source: str, target: str) -> str | None:
        """Return the policy of the mapping from one container to another, None where there is no mapping."""
        client = self._as.observe.site_recovery(segment_after(source, "subscriptions"))
        where = (segment_after(source, "resourceGroups"), segment_after(source, "vaults"))
        fabric, container = segment_after(source, "replicationFabrics"), last_segment(source)
        mappings = client.replication_protection_container_mappings
        with translated(f"reading the mappings of {container}"):
            for found in mappings.list_by_replication_protection_containers(
                *where, fabric, container
            ):
                says = found.properties
                ends_at = arm_id(says.target_protection_container_id) if says else None
                if says and ends_at and same_id(ends_at, target):
                    policy: str | None = arm_id(says.policy_id)
                    return policy
        return None

    def job(self, vault: str, job: str) -> Job:
        """Return one job."""
        return self._vault.job(vault, job)


def _where(identity: Clients, piece: Piece) -> tuple[Any, tuple[str, str]]:
    client = identity.site_recovery(segment_after(piece.id, "subscriptions"))
    group, vault = segment_after(piece.id, "resourceGroups"), segment_after(piece.id, "vaults")
    return client, (group, vault)


def _part(piece: Piece, kind: str) -> str:
    """Return the name of what a piece hangs under; a policy and a fabric hang under the vault alone."""
    try:
        return segment_after(piece.id, kind)
    except ValueError:
        return ""


def _find_fabric(client: Any, where: tuple[str, str], piece: Piece) -> Seen:
    found = client.replication_fabrics.get(*where, piece.name)
    location = (found.properties.custom_details or {}).get("location") or ""
    return Seen(id=arm_id(found.id), says={"region": region_key(location)})


def _find_policy(client: Any, where: tuple[str, str], piece: Piece) -> Seen:
    found = client.replication_policies.get(*where, piece.name)
    details = found.properties.provider_specific_details or {}
    return Seen(
        id=arm_id(found.id),
        says={what: str(details.get(key, "")) for what, key in POLICY_KEYS.items()},
    )


def _find_container(client: Any, where: tuple[str, str], piece: Piece) -> Seen:
    fabric = _part(piece, "replicationFabrics")
    found = client.replication_protection_containers.get(*where, fabric, piece.name)
    return Seen(id=arm_id(found.id))


def _find_container_mapping(client: Any, where: tuple[str, str], piece: Piece) -> Seen | None:
    mappings = client.replication_protection_container_mappings
    for found in mappings.list_by_replication_protection_containers(
        *where,
        _part(piece, "replicationFabrics"),
        _part(piece, "replicationProtectionContainers"),
    ):
        says = {
            "target container": arm_id(found.properties.target_protection_container_id) or "",
            "policy": arm_id(found.properties.policy_id) or "",
        }
        if same_id(says["target container"], piece.wants["target container"]):
            return Seen(id=arm_id(found.id), says=says)
    return None


def _find_network_mapping(client: Any, where: tuple[str, str], piece: Piece) -> Seen | None:
    for found in client.replication_network_mappings.list_by_replication_networks(
        *where, _part(piece, "replicationFabrics"), _part(piece, "replicationNetworks")
    ):
        says = {
            "source network": found.properties.primary_network_id or "",
            "target network": found.properties.recovery_network_id or "",
            "target fabric": arm_id(found.properties.recovery_fabric_arm_id) or "",
        }
        if same_id(says["source network"], piece.wants["source network"]):
            return Seen(id=arm_id(found.id), says=says)
    return None


FINDERS: dict[PieceKind, Find] = {
    PieceKind.FABRIC: _find_fabric,
    PieceKind.POLICY: _find_policy,
    PieceKind.CONTAINER: _find_container,
    PieceKind.CONTAINER_MAPPING: _find_container_mapping,
    PieceKind.NETWORK_MAPPING: _find_network_mapping,
}
POLICY_KEYS = {
    "crash-consistent frequency in minutes": "crashConsistentFrequencyInMinutes",
    "app-consistent frequency in minutes": "appConsistentFrequencyInMinutes",
    "retention in minutes": "recoveryPointHistory",
}
CONTAINER = {"properties": {"providerSpecificInput": [{"instanceType": "A2A"}]}}


def _fabric(piece: Piece) -> dict[str, Any]:
    details = {"instanceType": "Azure", "location": piece.wants["region"]}
    return {"properties": {"customDetails": details}}


def _policy(piece: Piece) -> dict[str, Any]:
    """Return the body of a policy; machines of a consistency group need its points to be in step."""
    numbers = {key: int(piece.wants[what]) for what, key in POLICY_KEYS.items()}
    specific = {"instanceType": "A2A", "multiVmSyncStatus": "Enable", **numbers}
    return {"properties": {"providerSpecificInput": specific}}


def _container_mapping(piece: Piece) -> dict[str, Any]:
    """Return the body of a mapping; the agents' update stays with whoever does it, as in the recording."""
    return {
        "properties": {
            "targetProtectionContainerId": piece.wants["target container"],
            "policyId": piece.wants["policy"],
            "providerSpecificInput": {"instanceType": "A2A", "agentAutoUpdateStatus": "Disabled"},
        }
    }


def _network_mapping(piece: Piece) -> dict[str, Any]:
    return {
        "properties": {
            "recoveryFabricName": last_segment(piece.wants["target fabric"]),
            "recoveryNetworkId": piece.wants["target network"],
            "fabricSpecificDetails": {
                "instanceType": "AzureToAzure",
                "primaryNetworkId": piece.wants["source network"],
            },
        }
    }
