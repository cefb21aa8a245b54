"""What Azure sends is read as what it is, or ignored with the right reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.signals import ON_PURPOSE, Signal, Verdict, Witness
from tests.triggers.wire import recorded
from triggers.payloads import (
    ANNOTATED,
    COMMON_SCHEMA,
    STATUS_CHANGED,
    Ignored,
    common_alert,
    health_event,
)

VM = "/subscriptions/s/resourceGroups/east/providers/Microsoft.Compute/virtualMachines/db-1"


def only(read: list[Signal] | Ignored) -> Signal:
    assert isinstance(read, list), read
    (signal,) = read
    return signal


def because(read: list[Signal] | Ignored) -> str:
    assert isinstance(read, Ignored), read
    return read.because


# -- the recorded ones ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("eg_HealthResources_AvailabilityStatusChanged.json", "eventType"),
        ("ce_HealthResources_AvailabilityStatusChanged.json", "type"),
    ],
)
def test_a_recorded_change_of_availability_is_a_signal_in_both_schemas(
    name: str, kind: str
) -> None:
    event = recorded(name)
    signal = only(health_event(event[kind], event["id"], event["data"]))
    assert signal.witness is Witness.RESOURCE_HEALTH
    assert signal.verdict is Verdict.HEALTHY
    assert signal.id == "1fb6fa94-d965-4306-abeq-4810f0774e97"
    assert signal.resource.endswith("/virtualMachines/{vm-name}")
    assert signal.at == datetime(2023, 7, 24, 19, 20, 37, 924507, UTC)


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("eg_Resources_CreatedOrUpdated.json", "eventType", "Resources.CreatedOrUpdated"),
        ("ce_Resources_Deleted.json", "type", "Resources.Deleted"),
    ],
)
def test_a_recorded_event_of_another_type_is_ignored_by_its_type(
    name: str, kind: str, reason: str
) -> None:
    event = recorded(name)
    said = because(health_event(event[kind], event["id"], event["data"]))
    assert said == f"events of type Microsoft.ResourceNotifications.{reason} are not acted on"


def test_a_recorded_annotation_says_that_somebody_stopped_the_machine_himself() -> None:
    event = recorded("eg_HealthResources_ResourceAnnotated.json")
    signal = only(health_event(event["eventType"], event["id"], event["data"]))
    assert (signal.witness, signal.verdict) == (Witness.RESOURCE_HEALTH, Verdict.UNKNOWN)
    assert signal.aspect == ON_PURPOSE
    assert signal.resource.endswith("/virtualMachines/{vm-name}")
    assert signal.at == datetime(2023, 7, 24, 19, 20, 37, 924507, UTC)
    assert "VirtualMachineDeallocationInitiated" in signal.summary


@pytest.mark.parametrize("context", ["Platform Initiated", None, 7])
def test_an_annotation_of_the_platform_says_why_and_not_whether(context: Any) -> None:
    event = recorded("eg_HealthResources_ResourceAnnotated.json")
    event["data"]["resourceInfo"]["properties"]["context"] = context
    said = because(health_event(event["eventType"], event["id"], event["data"]))
    assert said.endswith("says why a resource is ill, not that it is")


def test_an_annotation_without_a_resource_is_ignored() -> None:
    said = because(health_event(ANNOTATED, "a1", {"resourceInfo": {"properties": {}}}))
    assert said == "the annotation does not say of which resource since when"


def test_an_alert_on_logs_is_read_like_one_on_metrics() -> None:
    signal = only(common_alert(alert_of("Log Alerts V2", signalType="Log")))
    assert (signal.witness, signal.verdict) == (Witness.METRIC, Verdict.UNHEALTHY)
    assert signal.summary.startswith("log alert")


def test_a_handshake_that_came_through_is_no_signal() -> None:
    (event,) = recorded("eg_SubscriptionValidationEvent.json")
    assert isinstance(health_event(event["eventType"], event["id"], event["data"]), Ignored)


def test_a_recorded_metric_alert_of_low_severity_is_no_sign_of_an_outage() -> None:
    signal = only(common_alert(recorded("alert_common_metric_static_testaction.json")))
    assert (signal.witness, signal.verdict) == (Witness.METRIC, Verdict.UNKNOWN)
    assert signal.resource.endswith("/storageaccounts/test-storageAccount")


def test_a_recorded_resolved_metric_alert_is_healthy() -> None:
    signal = only(common_alert(recorded("alert_common_metric_resolved_full.json")))
    assert signal.verdict is Verdict.HEALTHY
    assert "<subscription ID>" in signal.resource


def test_a_recorded_test_of_service_health_is_synthetic() -> None:
    read = common_alert(recorded("alert_common_servicehealth_testaction.json"))
    assert because(read) == "it is a synthetic Service Health event"


def test_a_recorded_administrative_alert_is_ignored() -> None:
    read = common_alert(recorded("alert_common_activitylog_administrative_testaction.json"))
    assert because(read) == "alerts of Activity Log - Administrative are not acted on"


@pytest.mark.parametrize(
    "name",
    [
        "alertcontext_activitylog_administrative_real.json",
        "alertcontext_resourcehealth_real.json",
        "asr_replicationEvents_list.json",
        "ce_abuse_protection_options.json",
        "eg_SubscriptionValidation_response.json",
    ],
)
def test_a_recording_that_is_no_common_alert_is_ignored_with_the_mend(name: str) -> None:
    read = common_alert(recorded(name))
    assert because(read) == "it is not in the common alert schema; enable it on the action group"


def test_a_recorded_context_says_that_somebody_stopped_the_machine_himself() -> None:
    context = recorded("alertcontext_resourcehealth_real.json")["alertContext"]
    alert = resource_health()
    alert["data"]["alertContext"] = context
    assert because(common_alert(alert)) == "somebody stopped the resource on purpose"
    context["properties"]["cause"] = "PlatformInitiated"
    assert only(common_alert(alert)).verdict is Verdict.UNHEALTHY


# -- tolerance -----------------------------------------------------------------------------


def alert_of(service: str, context: dict[str, Any] | None = None, **essentials: Any) -> Any:
    return {
        "schemaId": COMMON_SCHEMA,
        "data": {
            "essentials": {
                "alertId": "/alerts/1",
                "alertRule": "rule",
                "severity": "Sev1",
                "signalType": "Metric" if service == "Platform" else "Activity Log",
                "monitorCondition": "Fired",
                "monitoringService": service,
                "alertTargetIDs": [VM],
                "firedDateTime": "2026-03-14T02:41:07.1234567Z",
                **essentials,
            },
            "alertContext": context or {},
        },
    }


def resource_health(**properties: Any) -> Any:
    said = {"currentHealthStatus": "Unavailable", "cause": "PlatformInitiated", **properties}
    return alert_of("Resource Health", {"properties": said})


def service_health(**properties: Any) -> Any:
    said = {
        "title": "Virtual machines - East US",
        "incidentType": "Incident",
        "trackingId": "ABC1-123",
        "stage": "Active",
        "impactedServices": [
            {"ServiceName": "Virtual Machines", "ImpactedRegions": [{"RegionName": "East US"}]}
        ],
        **properties,
    }
    return alert_of("ServiceHealth", {"properties": said})


def availability(state: Any = "Unavailable", **changes: Any) -> Any:
    said = {
        "targetResourceId": VM,
        "occurredTime": "2026-03-14T02:41:07.1234567Z",
        "availabilityState": state,
        **changes,
    }
    return {"resourceInfo": {"properties": said}}


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("Unavailable", Verdict.UNHEALTHY),
        ("UNAVAILABLE", Verdict.UNHEALTHY),
        ("Available", Verdict.HEALTHY),
        ("Degraded", Verdict.UNKNOWN),
        ("Unknown", Verdict.UNKNOWN),
        ("", Verdict.UNKNOWN),
    ],
)
def test_unknown_is_not_unhealthy_and_degraded_is_not_down(state: str, verdict: Verdict) -> None:
    assert only(health_event(STATUS_CHANGED, "e", availability(state))).verdict is verdict
    assert only(common_alert(resource_health(currentHealthStatus=state))).verdict is verdict


@pytest.mark.parametrize("gone", ["targetResourceId", "availabilityState"])
def test_an_event_without_its_subject_is_ignored(gone: str) -> None:
    said = because(health_event(STATUS_CHANGED, "e", availability(**{gone: None})))
    assert said == "the event does not say which resource is in which state since when"


def test_an_event_tells_its_time_in_either_place() -> None:
    data = availability(occurredTime=None)
    assert isinstance(health_event(STATUS_CHANGED, "e", data), Ignored)
    data["operationalInfo"] = {"resourceEventTime": "2026-03-14T03:41:07+01:00"}
    assert only(health_event(STATUS_CHANGED, "e", data)).at == datetime(
        2026, 3, 14, 2, 41, 7, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "soon", "", 5, None]
)
def test_a_time_that_cannot_be_is_no_time(time: Any) -> None:
    assert isinstance(health_event(STATUS_CHANGED, "e", availability(occurredTime=time)), Ignored)
    alert = resource_health()
    alert["data"]["essentials"]["firedDateTime"] = time
    assert because(common_alert(alert)) == "the alert does not say when it fired"


def test_an_alert_about_several_machines_is_a_signal_for_each_under_its_own_id() -> None:
    alert = resource_health()
    alert["data"]["essentials"]["alertTargetIDs"] = [VM, VM.replace("db-1", "db-2"), 7, None]
    read = common_alert(alert)
    assert isinstance(read, list)
    assert [s.resource[-4:] for s in read] == ["db-1", "db-2"]
    assert len({s.id for s in read}) == 2


def test_the_resolved_alert_is_another_signal_than_the_fired_one() -> None:
    fired = alert_of("Platform")
    resolved = alert_of(
        "Platform", monitorCondition="Resolved", resolvedDateTime="2026-03-14T02:51:07Z"
    )
    one, two = only(common_alert(fired)), only(common_alert(resolved))
    assert (one.verdict, two.verdict) == (Verdict.UNHEALTHY, Verdict.HEALTHY)
    assert one.id != two.id
    assert two.at > one.at, "else the region's entity would keep the older word"


@pytest.mark.parametrize("severity", ["Sev0", "Sev1", "sev1"])
def test_a_grave_metric_alert_is_unhealthy(severity: str) -> None:
    assert only(common_alert(alert_of("Platform", severity=severity))).verdict is Verdict.UNHEALTHY


@pytest.mark.parametrize("severity", ["Sev2", "Sev3", "Sev4", None])
def test_a_milder_metric_alert_is_no_sign_of_an_outage(severity: Any) -> None:
    assert only(common_alert(alert_of("Platform", severity=severity))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("service", ["Service Health", "ServiceHealth", "servicehealth"])
def test_service_health_is_known_in_every_spelling(service: str) -> None:
    alert = service_health()
    alert["data"]["essentials"]["monitoringService"] = service
    signal = only(common_alert(alert))
    assert (signal.witness, signal.region, signal.verdict) == (
        Witness.SERVICE_HEALTH,
        "eastus",
        Verdict.UNHEALTHY,
    )


def test_impacted_services_may_arrive_as_json_text() -> None:
    plain = only(common_alert(service_health()))
    services = [{"ImpactedRegions": [{"RegionName": "East US"}]}]
    text = only(common_alert(service_health(impactedServices=json.dumps(services))))
    assert text.region == plain.region == "eastus"
    nested = json.dumps([{"ImpactedRegions": json.dumps([{"RegionName": "East US"}])}])
    assert only(common_alert(service_health(impactedServices=nested))).region == "eastus"


def test_an_incident_is_a_signal_for_every_region_once() -> None:
    regions = [{"RegionName": name} for name in ("East US", "eastus", "West US", "Global", 5)]
    read = common_alert(
        service_health(impactedServices=[{"ImpactedRegions": regions}], region="West US")
    )
    assert isinstance(read, list)
    assert [s.region for s in read] == ["eastus", "westus"]


@pytest.mark.parametrize(
    ("stage", "verdict"),
    [
        ("Active", Verdict.UNHEALTHY),
        ("Resolved", Verdict.HEALTHY),
        ("RCA", Verdict.HEALTHY),
        ("Planned", Verdict.UNKNOWN),
    ],
)
def test_the_stage_of_an_incident_is_its_verdict(stage: str, verdict: Verdict) -> None:
    assert only(common_alert(service_health(stage=stage))).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"IsSynthetic": "True"}, "it is a synthetic Service Health event"),
        ({"IsSynthetic": True}, "it is a synthetic Service Health event"),
        ({"incidentType": "Maintenance"}, "Service Health Maintenance is no incident"),
        ({"impactedServices": []}, "the incident names no region"),
        ({"impactedServices": "[broken"}, "the incident names no region"),
        ({"impactedServices": [{"ImpactedRegions": [{"RegionName": "Global"}]}]},
         "the incident names no region"),
    ],
)  # fmt: skip
def test_what_is_no_incident_of_a_region_is_ignored(changes: Any, reason: str) -> None:
    assert because(common_alert(service_health(**changes))) == reason


def test_an_alert_without_a_target_is_ignored() -> None:
    alert = resource_health()
    alert["data"]["essentials"]["alertTargetIDs"] = "no list"
    assert because(common_alert(alert)) == "the alert names no target"
    alert["data"]["essentials"]["alertTargetIDs"] = json.dumps([VM])
    assert only(common_alert(alert)).resource == VM


def test_a_very_long_word_is_cut_before_it_is_kept() -> None:
    alert = alert_of("x" * 100_000, alertId="y" * 100_000)
    read = common_alert(alert)
    assert isinstance(read, Ignored)
    assert len(read.because) < 3000
    assert len(read.id) < 3000
