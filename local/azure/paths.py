"""The ARM paths of Site Recovery."""

from __future__ import annotations

VAULT = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.RecoveryServices/vaults/{vault}"
)
FABRIC = VAULT + "/replicationFabrics/{fabric}"
CONTAINER = FABRIC + "/replicationProtectionContainers/{container}"
ITEM = CONTAINER + "/replicationProtectedItems/{item}"
MAPPING = CONTAINER + "/replicationProtectionContainerMappings"
NETWORK = FABRIC + "/replicationNetworks/{network}"
NETWORK_MAPPING = NETWORK + "/replicationNetworkMappings"
PLAN = VAULT + "/replicationRecoveryPlans/{plan}"
