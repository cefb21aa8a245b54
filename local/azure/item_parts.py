"""The disks and interfaces of a protected item, key for key as recorded from an A2A vault."""

from __future__ import annotations

from typing import Any

from local.azure.items import YOUNG, ReplicatedItem
from local.azure.shapes import Shapes

DISK_BYTES = 136367308800


class ItemParts:
    """Writes what a protected item consists of."""

    def __init__(self, shapes: Shapes) -> None:
        self.replication = shapes.replication
        self.estate = shapes.estate

    def disks(self, item: ReplicatedItem) -> list[dict[str, Any]]:
        """Write the managed disks."""
        return [self._disk(item, name, first=n == 0) for n, name in enumerate(item.source.disks)]

    def _disk(self, item: ReplicatedItem, disk: str, *, first: bool) -> dict[str, Any]:
        source, settings = item.source, item.settings
        kind = "Microsoft.Compute/disks"
        cache = item.cache or self.estate.resource_id(
            source.resource_group, "Microsoft.Storage/storageAccounts", "asrcache"
        )
        young = item.phase in YOUNG
        return {
            "diskId": self.estate.resource_id(source.resource_group, kind, disk).lower(),
            "recoveryResourceGroupId": self.estate.group_id(settings.group),
            "recoveryTargetDiskId": None,
            "recoveryReplicaDiskId": self.estate.resource_id(
                settings.group, kind, f"{disk}-ASRReplica"
            ),
            "recoveryOrignalTargetDiskId": None,
            "recoveryReplicaDiskAccountType": "Premium_LRS",
            "recoveryTargetDiskAccountType": "Premium_LRS",
            "recoveryDiskEncryptionSetId": None,
            "primaryDiskEncryptionSetId": None,
            "diskName": disk,
            "diskCapacityInBytes": DISK_BYTES,
            "primaryStagingAzureStorageAccountId": cache,
            "diskType": "OperatingSystem" if first else "Data",
            "resyncRequired": False,
            "monitoringPercentageCompletion": None,
            "monitoringJobType": None,
            "dataPendingInStagingStorageAccountInMB": 0.0,
            "dataPendingAtSourceAgentInMB": 0.0,
            "diskState": "InitialReplicationPending" if young else "Protected",
            "allowedDiskLevelOperation": [],
            "isDiskEncrypted": False,
            "secretIdentifier": None,
            "dekKeyVaultArmId": None,
            "isDiskKeyEncrypted": False,
            "keyIdentifier": None,
            "kekKeyVaultArmId": None,
            "failoverDiskName": disk,
            "tfoDiskName": f"{disk}-ASRtest",
        }

    def nic(self, item: ReplicatedItem) -> dict[str, Any]:
        """Write the one interface."""
        source, settings = item.source, item.settings
        nic = self.estate.resource_id(
            source.resource_group, "Microsoft.Network/networkInterfaces", f"{source.name}-nic"
        )
        own = source.network or f"{source.resource_group}-vnet"
        return {
            "nicId": str(self.replication.identify(f"nic {item.name}")),
            "replicaNicId": None,
            # recorded: the id is lower-cased until the machine is protected
            "sourceNicArmId": nic.lower() if item.phase in YOUNG else nic,
            "vMNetworkName": self.estate.resource_id(
                source.resource_group, "Microsoft.Network/virtualNetworks", own
            ),
            "recoveryVMNetworkId": settings.network,
            "ipConfigs": [
                {
                    "name": "ipconfig1",
                    "isPrimary": True,
                    "subnetName": source.subnet or "default",
                    "staticIPAddress": source.private_ip,
                    "ipAddressType": "Static",
                    "isSeletedForFailover": True,
                    "recoverySubnetName": settings.subnet,
                    "recoveryStaticIPAddress": settings.address,
                    "recoveryIPAddressType": "Static" if settings.address else "Dynamic",
                    "recoveryPublicIPAddressId": settings.public_ip or None,
                    "recoveryLBBackendAddressPoolIds": list(settings.pools) or None,
                    "tfoSubnetName": settings.test_subnet or None,
                    "tfoStaticIPAddress": settings.test_address or None,
                    "tfoPublicIPAddressId": settings.test_public_ip or None,
                    "tfoLBBackendAddressPoolIds": list(settings.test_pools) or None,
                }
            ],
            "selectionType": "SelectedByUserOverride",
            "recoveryNetworkSecurityGroupId": settings.nsg or None,
            "enableAcceleratedNetworkingOnRecovery": False,
            "tfoVMNetworkId": settings.test_network or None,
            "tfoNetworkSecurityGroupId": settings.test_nsg or None,
            "enableAcceleratedNetworkingOnTfo": None,
            "recoveryNicName": None,
            "recoveryNicResourceGroupName": None,
            "reuseExistingNic": False,
            "tfoRecoveryNicName": None,
            "tfoRecoveryNicResourceGroupName": None,
            "tfoReuseExistingNic": False,
            "targetNicName": None,
        }
