"""What Azure would send: the two schemas of Event Grid, and an alert of Azure Monitor's common schema."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

STATUS_CHANGED = "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged"
Event = dict[str, Any]


def validation(topic: str, at: datetime, code: str) -> Event:
    """Return the handshake that Event Grid begins a subscription with."""
    return {
        "id": str(uuid.uuid4()),
        "topic": topic,
        "subject": "",
        "data": {"validationCode": code},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": stamp(at),
        "metadataVersion": "1",
        "dataVersion": "2",
    }


def grid_event(vm: str, state: str, at: datetime) -> Event:
    """Return a machine's new state in the Event Grid schema."""
    return {
        "id": str(uuid.uuid4()),
        "topic": _subscription(vm),
        "subject": vm,
        "data": _health(vm, state, at),
        "eventType": STATUS_CHANGED,
        "dataVersion": "1",
        "metadataVersion": "1",
        "eventTime": stamp(at),
    }


def cloud_event(vm: str, state: str, at: datetime) -> Event:
    """Return a machine's new state as a CloudEvent."""
    return {
        "id": str(uuid.uuid4()),
        "source": _subscription(vm),
        "subject": vm,
        "data": _health(vm, state, at),
        "type": STATUS_CHANGED,
        "specversion": "1.0",
        "time": stamp(at),
    }


def service_health_alert(subscription: str, region: str, at: datetime) -> Event:
    """Return an active Service Health incident; its impacted services arrive as JSON text, as real ones do."""
    tracking = "3LVX-9D8"
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": f"/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/alerts/{uuid.uuid4()}",
                "alertRule": "service-health-incidents",
                "severity": "Sev1",
                "signalType": "Activity Log",
                "monitorCondition": "Fired",
                "monitoringService": "ServiceHealth",
                "alertTargetIDs": [f"/subscriptions/{subscription}"],
                "originAlertId": str(uuid.uuid4()),
                "firedDateTime": stamp(at),
                "description": "",
                "essentialsVersion": "1.0",
                "alertContextVersion": "1.0",
            },
            "alertContext": {
                "channels": 1,
                "eventSource": 2,
                "eventTimestamp": stamp(at),
                "level": 2,
                "operationName": "Microsoft.ServiceHealth/incident/action",
                "properties": {
                    "title": f"Virtual Machines and Storage - {region} - Investigating",
                    "service": "Virtual Machines",
                    "region": region,
                    "incidentType": "Incident",
                    "trackingId": tracking,
                    "impactStartTime": stamp(at),
                    "impactedServices": (
                        '[{"ImpactedRegions":[{"RegionName":"'
                        + region
                        + '"}],"ServiceName":"Virtual Machines"}]'
                    ),
                    "stage": "Active",
                    "isHIR": "false",
                    "IsSynthetic": "False",
                },
                "status": "Active",
            },
        },
    }


def stamp(at: datetime) -> str:
    """Return a time as Azure writes it, with seven decimals."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _subscription(resource: str) -> str:
    return "/".join(resource.split("/")[:3])


def _health(vm: str, state: str, at: datetime) -> Event:
    status = str(uuid.uuid4())
    return {
        "resourceInfo": {
            "id": f"{vm}/providers/Microsoft.ResourceHealth/availabilityStatuses/{status}",
            "name": status,
            "type": "Microsoft.ResourceHealth/availabilityStatuses",
            "properties": {
                "targetResourceId": vm,
                "targetResourceType": "Microsoft.Compute/virtualMachines",
                "occurredTime": stamp(at),
                "previousAvailabilityState": "Available",
                "availabilityState": state,
            },
        },
        "operationalInfo": {"resourceEventTime": stamp(at)},
        "apiVersion": "2023-12-01",
    }
