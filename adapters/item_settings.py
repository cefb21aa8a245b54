"""The body that makes a protected item say what the plan says: name, size, networks and every interface whole."""

from __future__ import annotations

from typing import Any

from domain.landing import Landed
from domain.replication import Interface, ProtectedItem


def body_of(item: ProtectedItem, landed: Landed) -> dict[str, Any]:
    """Return an update's body; what the plan leaves open is sent as it is, for nobody says what leaving out does."""
    given = {
        "recoveryAzureVMName": landed.name or item.recovery_name,
        "recoveryAzureVMSize": landed.size or item.recovery_size,
        "selectedRecoveryAzureNetworkId": landed.network or item.network,
        "selectedTfoAzureNetworkId": landed.drill_network or item.drill_network,
    }
    return {
        "properties": {
            **{key: value for key, value in given.items() if value},
            "vmNics": [_nic(nic) for nic in landed.nics],
            "providerSpecificDetails": {"instanceType": "A2A"},
        }
    }


def _nic(nic: Interface) -> dict[str, Any]:
    config: dict[str, Any] = {
        "ipConfigName": nic.config,
        "isPrimary": True,
        "isSeletedForFailover": True,  # spelled so by Azure
        "recoverySubnetName": nic.subnet,
        "recoveryStaticIPAddress": nic.address or "",
        "recoveryPublicIPAddressId": nic.public_ip,
        "recoveryLBBackendAddressPoolIds": list(nic.pools),
        "tfoSubnetName": nic.drill_subnet,
        "tfoStaticIPAddress": nic.drill_address or "",
        "tfoPublicIPAddressId": nic.drill_public_ip,
        "tfoLBBackendAddressPoolIds": list(nic.drill_pools),
    }
    given: dict[str, Any] = {
        "nicId": nic.nic,
        "ipConfigs": [{key: value for key, value in config.items() if value is not None}],
        "selectionType": "SelectedByUser",
        "recoveryNetworkSecurityGroupId": nic.nsg,
        "tfoNetworkSecurityGroupId": nic.drill_nsg,
    }
    return {key: value for key, value in given.items() if value is not None}
