"""The body of a protected item, key for key as recorded from an A2A vault."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from local.azure.estate import Fabric
from local.azure.item_parts import ItemParts
from local.azure.items import YOUNG, Phase, ReplicatedItem
from local.azure.shapes import BEYOND_PRIMARY, KIND, STATES, TEST_STATES, Shapes, ticks
from local.azure.world import RunningMachine

AGENT_VERSION = "9.62.7172.1"


class ItemShape:
    """Writes protected items of one vault."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.replication = shapes.replication
        self.estate = shapes.estate
        self.parts = ItemParts(shapes)

    def body(self, item: ReplicatedItem, now: datetime) -> dict[str, Any]:
        """Write a protected item as it is at an instant."""
        primary = self.estate.fabric(item.primary.fabric)
        recovery = self.estate.fabric(item.recovery.fabric)
        state, description = STATES[item.phase]
        testing = item.running is not None and item.running.scenario.name == "TestFailover"
        test_state = "Initiating" if testing else item.test_state
        healthy = item.last_test is not None or item.phase is not Phase.PROTECTED
        return {
            "id": self.shapes.item_id(item),
            "name": item.name,
            "type": f"{KIND}/replicationFabrics/replicationProtectionContainers"
            "/replicationProtectedItems",
            "properties": {
                "friendlyName": item.source.name,
                "protectedItemType": "",
                "protectableItemId": None,
                "recoveryServicesProviderId": f"{self.shapes.fabric_id(primary.name)}"
                "/replicationRecoveryServicesProviders/"
                f"{self.replication.identify(f'provider {primary.name}')}",
                "primaryFabricFriendlyName": self._friendly(primary),
                "primaryFabricProvider": "AzureFabric",
                "recoveryFabricFriendlyName": self._friendly(recovery),
                "recoveryFabricId": self.shapes.fabric_id(recovery.name),
                "primaryProtectionContainerFriendlyName": item.primary.name,
                "recoveryProtectionContainerFriendlyName": item.recovery.name,
                "protectionState": state,
                "protectionStateDescription": description,
                "activeLocation": "Recovery" if item.phase in BEYOND_PRIMARY else "Primary",
                "testFailoverState": test_state,
                "testFailoverStateDescription": TEST_STATES[test_state],
                "switchProviderState": "None",
                "switchProviderStateDescription": None,
                "allowedOperations": item.allowed(),
                "replicationHealth": "Normal",
                "failoverHealth": "Normal" if healthy else "Warning",
                "healthErrors": [] if healthy else [self._never_tested(item)],
                "policyId": self.shapes.policy_id(item.policy),
                "policyFriendlyName": item.policy,
                **self._last_times(item),
                "currentScenario": self._scenario(item),
                "failoverRecoveryPointId": self._failover_point(item),
                "providerSpecificDetails": self._details(item, primary, recovery, now),
                "recoveryContainerId": self.shapes.container_id(item.recovery),
                "eventCorrelationId": str(self.replication.identify(f"event {item.name}")),
            },
        }

    def _friendly(self, fabric: Fabric) -> str:
        return self.estate.region(fabric.region).display_name

    def _last_times(self, item: ReplicatedItem) -> dict[str, str]:
        """Return the times that appear once there are any."""
        times = {
            "lastSuccessfulFailoverTime": item.last_failover,
            "lastSuccessfulTestFailoverTime": item.last_test,
        }
        return {name: ticks(at) for name, at in times.items() if at is not None}

    def _scenario(self, item: ReplicatedItem) -> dict[str, str]:
        job = item.running
        return {
            "scenarioName": job.scenario.name if job else "None",
            "jobId": self.shapes.job_id(job.name if job else "None"),
            "startTime": ticks(job.started) if job else "1753-01-01T01:01:01Z",
        }

    def _failover_point(self, item: ReplicatedItem) -> str | None:
        if item.failover_point is None or item.phase not in BEYOND_PRIMARY:
            return None
        return self.shapes.point_id(item, item.failover_point)

    def _never_tested(self, item: ReplicatedItem) -> dict[str, Any]:
        never = "No successful test failover has been done on the virtual machine"
        return {
            "innerHealthErrors": [],
            "errorSource": "ReplicationUnitFailoverValidatorError",
            "errorType": "8010",
            "errorLevel": "Warning",
            "errorCategory": "TestFailover",
            "errorCode": "161011",
            "summaryMessage": "",
            "errorMessage": f"{never} '{item.source.name}'.",
            "possibleCauses": f"{never} after it was replicated.",
            "recommendedAction": "Do a test failover on the virtual machine.",
            "creationTimeUtc": ticks(item.since),
            "recoveryProviderErrorMessage": None,
            "entityId": str(item.guid),
            "errorId": "6:8010",
            "customerResolvability": "NotAllowed",
        }

    def _details(
        self, item: ReplicatedItem, primary: Fabric, recovery: Fabric, now: datetime
    ) -> dict[str, Any]:
        source, settings = item.source, item.settings
        first = self.estate.container(item.facts.container)
        state, description = STATES[item.phase]
        protected = "Protected" if item.phase is Phase.DRILL_PENDING else description
        rpo = self.replication.shelf.rpo_seconds(item, now)
        young = item.phase in YOUNG
        recovered = item.recovered if item.phase in BEYOND_PRIMARY else None
        initial = self.estate.fabric(first.fabric).region
        mapping = self.estate.mapping_from(first.name)
        initial_recovery = self.estate.fabric(self.estate.container(mapping.target).fabric).region
        heartbeat = item.frozen_at or self._last_contact(item, now)
        percent = self.replication.shelf.percent(item, now)
        if item.phase is Phase.REPLICATING and percent is None:
            state, protected = "UnprotectedStatesBegin", "Enabling protection"
        certificate = {"agentCertificateExpiryDate": ticks(item.since + timedelta(days=1095))}
        group = item.group or item.name
        return {
            "instanceType": "A2A",
            "fabricObjectId": self._vm(source.resource_group, source.name).lower(),
            "initialPrimaryZone": "",
            "initialPrimaryFabricLocation": initial,
            "initialRecoveryZone": "",
            "initialPrimaryExtendedLocation": None,
            "initialRecoveryExtendedLocation": None,
            "initialRecoveryFabricLocation": initial_recovery,
            "multiVmGroupId": str(self.replication.identify(f"group {group}")),
            "multiVmGroupName": item.group,
            "multiVmGroupCreateOption": "UserSpecified" if item.group else "AutoCreated",
            "managementId": str(self.replication.identify(f"management {item.guid}")),
            "protectedDisks": None,
            "unprotectedDisks": None,
            "protectedManagedDisks": self.parts.disks(item),
            "recoveryBootDiagStorageAccountId": None,
            "primaryFabricLocation": primary.region,
            "recoveryFabricLocation": recovery.region,
            "osType": source.os,
            "recoveryAzureVMSize": settings.size,
            "recoveryAzureVMName": settings.name,
            "recoveryAzureResourceGroupId": self.estate.group_id(settings.group),
            "recoveryCloudService": None,
            "recoveryAvailabilitySet": None,
            "selectedRecoveryAzureNetworkId": settings.network,
            "selectedTfoAzureNetworkId": settings.test_network or None,
            "vmNics": [self.parts.nic(item)],
            "vmSyncedConfigDetails": {"tags": {}, "inputEndpoints": []},
            "monitoringPercentageCompletion": percent,
            "monitoringJobType": None if percent is None else "InitialReplication",
            "lastHeartbeat": ticks(heartbeat),
            "agentVersion": AGENT_VERSION,
            "agentExpiryDate": "9999-12-31T23:59:59.9999999",
            "isReplicationAgentUpdateRequired": False,
            **({} if young else certificate),
            "isReplicationAgentCertificateUpdateRequired": False,
            "recoveryFabricObjectId": self._machine(recovered),
            "vmProtectionState": state,
            "vmProtectionStateDescription": protected,
            "lifecycleId": str(self.replication.identify(f"lifecycle {item.name}")),
            "testFailoverRecoveryFabricObjectId": self._machine(item.test_machine),
            "rpoInSeconds": rpo,
            "lastRpoCalculatedTime": None if young else ticks(item.frozen_at or now),
            "primaryAvailabilityZone": None,
            "recoveryAvailabilityZone": None,
            "primaryExtendedLocation": None,
            "recoveryExtendedLocation": None,
            "vmEncryptionType": "NotEncrypted",
            "tfoAzureVMName": settings.test_name,
            "recoveryAzureGeneration": "V2",
            "recoveryProximityPlacementGroupId": None,
            "autoProtectionOfDataDisk": "Disabled",
            "recoveryVirtualMachineScaleSetId": None,
            "recoveryCapacityReservationGroupId": None,
        }

    def _vm(self, group: str, name: str) -> str:
        return self.estate.resource_id(group, "Microsoft.Compute/virtualMachines", name)

    def _machine(self, machine: RunningMachine | None) -> str | None:
        return self._vm(machine.facts.resource_group, machine.facts.name) if machine else None

    def _last_contact(self, item: ReplicatedItem, now: datetime) -> datetime:
        return self.replication.world.down_at(item.source.region, now) or now
