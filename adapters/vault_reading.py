"""Reading what Site Recovery tells of an item or a job into Leeward's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from domain.model import last_segment
from domain.points import Point
from domain.replication import Interface, Job, ProtectedItem

# What Azure writes where there is no time: .NET's zero, and SQL's.
NO_TIME_BEFORE = datetime(1900, 1, 1, tzinfo=UTC)


def item_of(found: Any) -> ProtectedItem:
    """Return a protected item; what Azure leaves out is None."""
    properties = found.properties
    details = properties.provider_specific_details or {}
    scenario = properties.current_scenario
    running = scenario is not None and scenario.scenario_name not in (None, "", "None")
    return ProtectedItem(
        id=arm_id(found.id),
        name=found.name,
        state=properties.protection_state or "",
        state_description=properties.protection_state_description or "",
        allowed=tuple(properties.allowed_operations or ()),
        health=properties.replication_health or "",
        scenario=scenario.scenario_name if running else None,
        scenario_job=last_segment(scenario.job_id) if running and scenario.job_id else None,
        friendly_name=properties.friendly_name or "",
        source_region=details.get("primaryFabricLocation") or "",
        target_region=details.get("recoveryFabricLocation") or "",
        recovery_container=arm_id(properties.recovery_container_id),
        policy=arm_id(properties.policy_id),
        failover_point=properties.failover_recovery_point_id,
        vm=details.get("fabricObjectId"),
        recovered_vm=details.get("recoveryFabricObjectId"),
        test_vm=details.get("testFailoverRecoveryFabricObjectId"),
        test_name=details.get("tfoAzureVMName"),
        recovery_name=details.get("recoveryAzureVMName"),
        recovery_size=details.get("recoveryAzureVMSize"),
        recovery_group=details.get("recoveryAzureResourceGroupId"),
        network=details.get("selectedRecoveryAzureNetworkId"),
        drill_network=details.get("selectedTfoAzureNetworkId"),
        nics=tuple(_interface(nic) for nic in details.get("vmNics") or ()),
        disks=tuple(disk["diskId"] for disk in details.get("protectedManagedDisks") or ()),
        group=details.get("multiVmGroupName") or None,
        percent=details.get("monitoringPercentageCompletion"),
        rpo_seconds=details.get("rpoInSeconds"),
        rpo_calculated_at=_time(getattr(details, "last_rpo_calculated_time", None)),
        failed_over_at=_time(properties.last_successful_failover_time),
    )


def arm_id(written: str | None) -> Any:
    """Return an ARM id as everybody else writes it: Site Recovery writes /Subscriptions."""
    return "/subscriptions" + written[len("/subscriptions") :] if written else None


def _interface(nic: Any) -> Interface:
    """Return an interface with its primary address; the settings of the others are not Leeward's to change."""
    configs = nic.get("ipConfigs") or [{}]
    first = next((config for config in configs if config.get("isPrimary")), configs[0])
    return Interface(
        nic=nic["nicId"],
        source_nic=nic.get("sourceNicArmId"),
        source_address=first.get("staticIPAddress") or None,
        config=first.get("name"),
        network=nic.get("recoveryVMNetworkId"),
        subnet=first.get("recoverySubnetName"),
        address=first.get("recoveryStaticIPAddress") or None,
        public_ip=first.get("recoveryPublicIPAddressId"),
        pools=tuple(first.get("recoveryLBBackendAddressPoolIds") or ()),
        nsg=nic.get("recoveryNetworkSecurityGroupId"),
        drill_subnet=first.get("tfoSubnetName"),
        drill_address=first.get("tfoStaticIPAddress") or None,
        drill_public_ip=first.get("tfoPublicIPAddressId"),
        drill_pools=tuple(first.get("tfoLBBackendAddressPoolIds") or ()),
        drill_nsg=nic.get("tfoNetworkSecurityGroupId"),
    )


def point_of(found: Any) -> Point:
    """Return a recovery point."""
    properties = found.properties
    return Point(
        id=arm_id(found.id),
        name=found.name,
        at=_time(properties.recovery_point_time) or NO_TIME_BEFORE,
        kind=properties.recovery_point_type or "",
    )


def job_of(found: Any) -> Job:
    """Return a job with its first error and the recovery point it used."""
    properties = found.properties
    error = next(iter(properties.errors or ()), None)
    said = error.service_error_details if error else None
    custom = properties.custom_details or {}
    moved = next(iter(custom.get("protectedItemDetails") or ()), None)
    return Job(
        name=found.name,
        state=properties.state or "",
        started_at=_time(properties.start_time),
        ended_at=_time(properties.end_time),
        recovery_point_at=_time(getattr(moved, "recovery_point_time", None)),
        new_item=custom.get("newReplicationProtectedItemId"),
        error_code=said.code if said else None,
        error=_sentence(said) if said else None,
    )


def _sentence(said: Any) -> str:
    parts = (said.message, said.possible_causes, said.recommended_action)
    return " ".join(part.strip() for part in parts if part)


def _time(value: datetime | None) -> datetime | None:
    """Return an aware time; Azure's zero times mean that there is none, and may lack their zone."""
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return None if aware < NO_TIME_BEFORE else aware.astimezone(UTC)
