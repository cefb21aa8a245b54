"""Site Recovery bodies as recorded: which keys, which casing, which nulls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from local.azure.estate import Container, ContainerMapping, Fabric, Policy
from local.azure.items import Phase, RecoveryPoint, ReplicatedItem
from local.azure.replication import Replication

KIND = "Microsoft.RecoveryServices/vaults"
STATES = {
    Phase.ENABLING: ("EnablingProtection", "Enabling protection"),
    Phase.REPLICATING: ("InitialReplicationInProgress", "Initial replication is in progress"),
    Phase.FIRST_POINT: (
        "InitialReplicationRecoveryCompletionPending",
        "Waiting for first recovery point",
    ),
    Phase.PROTECTED: ("Protected", "Protected"),
    Phase.DRILL_PENDING: ("Protected", "Cleanup test failover pending"),
    Phase.FAILED_OVER: ("UnplannedFailoverCommitPendingStatesBegin", "Failover completed"),
    Phase.COMMITTED: ("UnplannedFailoverCommitted", "Failover committed"),
}
TEST_STATES = {
    "None": "None",
    "Initiating": "Test failover in progress",
    "WaitingForCompletion": "Waiting for user input",
    "MarkedForDeletion": "Cleaning up test environment",
}
BEYOND_PRIMARY = frozenset({Phase.FAILED_OVER, Phase.COMMITTED})


def ticks(instant: datetime) -> str:
    """Return a time as Azure writes it: seven digits, trailing zeros left out."""
    fraction = f"{instant.microsecond:06d}".rstrip("0")
    return instant.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}Z" if fraction else "Z")


def long_ticks(instant: datetime) -> str:
    """Return a time with all seven digits."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


class Shapes:
    """Writes the bodies of one vault."""

    def __init__(self, replication: Replication) -> None:
        self.replication = replication
        self.estate = replication.estate
        vault = self.estate.vault
        self.vault_id = (
            f"/Subscriptions/{self.estate.subscription}/resourceGroups/{vault.resource_group}"
            f"/providers/{KIND}/{vault.name}"
        )

    def vault(self) -> dict[str, Any]:
        """Write the vault itself."""
        vault = self.estate.vault
        return {
            "location": vault.region,
            "name": vault.name,
            "etag": f'W/"{self.replication.identify("etag")}"',
            "properties": {"provisioningState": "Succeeded", "redundancySettings": {}},
            "id": self.vault_id.replace("/Subscriptions/", "/subscriptions/"),
            "type": KIND,
            "sku": {"name": "Standard"},
        }

    def fabric_id(self, fabric: str) -> str:
        """Return the id of a fabric."""
        return f"{self.vault_id}/replicationFabrics/{fabric}"

    def container_id(self, container: Container) -> str:
        """Return the id of a container."""
        fabric = self.fabric_id(container.fabric)
        return f"{fabric}/replicationProtectionContainers/{container.name}"

    def item_id(self, item: ReplicatedItem) -> str:
        """Return the id of a protected item."""
        return f"{self.container_id(item.primary)}/replicationProtectedItems/{item.name}"

    def job_id(self, job: str) -> str:
        """Return the id of a job."""
        return f"{self.vault_id}/replicationJobs/{job}"

    def fabric(self, fabric: Fabric) -> dict[str, Any]:
        """Write a fabric."""
        region = self.estate.region(fabric.region)
        no_key = {"kekState": "None", "kekCertThumbprint": None}
        return {
            "id": self.fabric_id(fabric.name),
            "name": fabric.name,
            "type": f"{KIND}/replicationFabrics",
            "properties": {
                "friendlyName": region.display_name,
                "encryptionDetails": no_key,
                "rolloverEncryptionDetails": no_key,
                "internalIdentifier": str(self.replication.identify(f"fabric {fabric.name}")),
                "bcdrState": "Valid",
                "customDetails": {
                    "instanceType": "Azure",
                    "location": region.name,
                    "containerIds": [],
                    "zones": [],
                },
                "healthErrorDetails": [],
                "health": "Normal",
            },
        }

    def container(self, container: Container) -> dict[str, Any]:
        """Write a protection container."""
        here = [item for item in self.replication.items.values() if item.primary == container]
        paired = any(container.name in (m.source, m.target) for m in self.estate.mappings)
        fabric = self.estate.fabric(container.fabric)
        return {
            "id": self.container_id(container),
            "name": container.name,
            "type": f"{KIND}/replicationFabrics/replicationProtectionContainers",
            "properties": {
                "fabricFriendlyName": self.estate.region(fabric.region).display_name,
                "friendlyName": container.name,
                "fabricType": "Azure",
                "protectedItemCount": len(here),
                "pairingStatus": "Paired" if paired else "NotPaired",
                "role": "",
                "fabricSpecificDetails": None,
            },
        }

    def mapping(self, mapping: ContainerMapping) -> dict[str, Any]:
        """Write a container mapping."""
        source = self.estate.container(mapping.source)
        target = self.estate.container(mapping.target)
        names = {
            side: self.estate.region(self.estate.fabric(container.fabric).region).display_name
            for side, container in (("source", source), ("target", target))
        }
        return {
            "id": f"{self.container_id(source)}/replicationProtectionContainerMappings/{mapping.name}",
            "name": mapping.name,
            "type": f"{KIND}/replicationFabrics/replicationProtectionContainers"
            "/replicationProtectionContainerMappings",
            "properties": {
                "targetProtectionContainerId": self.container_id(target),
                "targetProtectionContainerFriendlyName": target.name,
                "providerSpecificDetails": {
                    "instanceType": "A2A",
                    "agentAutoUpdateStatus": "Disabled",
                },
                "health": "Normal",
                "healthErrorDetails": [],
                "policyId": self.policy_id(mapping.policy),
                "state": "Paired",
                "sourceProtectionContainerFriendlyName": source.name,
                "sourceFabricFriendlyName": names["source"],
                "targetFabricFriendlyName": names["target"],
                "policyFriendlyName": mapping.policy,
            },
        }

    def policy_id(self, policy: str) -> str:
        """Return the id of a policy."""
        return f"{self.vault_id}/replicationPolicies/{policy}"

    def policy(self, policy: Policy) -> dict[str, Any]:
        """Write a replication policy."""
        return {
            "id": self.policy_id(policy.name),
            "name": policy.name,
            "type": f"{KIND}/replicationPolicies",
            "properties": {
                "friendlyName": policy.name,
                "providerSpecificDetails": {
                    "instanceType": "A2A",
                    "recoveryPointThresholdInMinutes": 0,
                    "recoveryPointHistory": policy.history_minutes,
                    "appConsistentFrequencyInMinutes": policy.app_consistent_minutes,
                    "multiVmSyncStatus": "Enabled",
                    "crashConsistentFrequencyInMinutes": policy.crash_consistent_minutes,
                },
            },
        }

    def point_id(self, item: ReplicatedItem, point: RecoveryPoint) -> str:
        """Return the id of a recovery point."""
        return f"{self.item_id(item)}/recoveryPoints/{point.name}"

    def point(self, item: ReplicatedItem, point: RecoveryPoint) -> dict[str, Any]:
        """Write a recovery point."""
        return {
            "id": self.point_id(item, point),
            "name": point.name,
            "type": f"{KIND}/replicationFabrics/replicationProtectionContainers"
            "/replicationProtectedItems/recoveryPoints",
            "properties": {
                "recoveryPointTime": ticks(point.time),
                "recoveryPointType": point.kind,
                "providerSpecificDetails": {
                    "instanceType": "A2A",
                    "recoveryPointSyncType": "PerVmRecoveryPoint",
                    "disks": [],
                },
            },
        }
