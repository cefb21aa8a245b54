"""An event opens one run at most, waits for a person, and is never lost without a trace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.triggers.conftest import Doors
from tests.triggers.wire import recorded
from triggers.payloads import COMMON_SCHEMA, STATUS_CHANGED

HOOK = "/runtime/webhooks/EventGrid?functionName=on_health_event"
AT = "2026-03-14T02:41:07.1234567Z"


def grid_event(doors: Doors, number: int = 1, state: str = "Unavailable", **changes: Any) -> Any:
    return {
        "id": f"{doors.plan}-{number}",
        "topic": "/subscriptions/s",
        "subject": doors.vm(),
        "eventType": STATUS_CHANGED,
        "eventTime": AT,
        "dataVersion": "1",
        "metadataVersion": "1",
        "data": {
            "resourceInfo": {
                "properties": {
                    "targetResourceId": doors.vm("db-prod-01"),
                    "occurredTime": AT,
                    "availabilityState": state,
                }
            }
        },
        **changes,
    }


def alert(doors: Doors, number: int = 1, **essentials: Any) -> Any:
    return {
        "schemaId": COMMON_SCHEMA,
        "data": {
            "essentials": {
                "alertId": f"/alerts/{doors.plan}-{number}",
                "alertRule": "latency",
                "severity": "Sev1",
                "signalType": "Metric",
                "monitorCondition": "Fired",
                "monitoringService": "Platform",
                "alertTargetIDs": [doors.vm("web-prod-01")],
                "firedDateTime": AT,
                **essentials,
            }
        },
    }


def send(doors: Doors, *events: Any) -> int:
    kind = {"aeg-event-type": "Notification"}
    return doors.http.post(HOOK, json=list(events), headers=kind).status_code


def test_an_event_opens_a_run_that_waits_for_a_person(doors: Doors) -> None:
    assert send(doors, grid_event(doors)) == 202
    (run,) = doors.runs()
    waits = doors.world.until_asked(run)
    assert waits["gate"] == "approval"
    assert "asked for by signal via event grid" in doors.world.show(run)["facts"][0]["what"]


def test_a_duplicate_event_opens_one_run(doors: Doors) -> None:
    event = grid_event(doors)
    assert send(doors, event, event) == 202
    assert send(doors, event) == 202
    assert len(doors.runs()) == 1


def test_an_event_that_comes_again_after_its_run_has_ended_opens_none(doors: Doors) -> None:
    event = grid_event(doors)
    send(doors, event)
    (run,) = doors.runs()
    assert doors.world.decide(run, "reject").status_code == 202
    doors.world.until_ended(run)
    assert send(doors, event) == 202
    doors.world.host.settle()
    assert doors.runs() == [run]
    assert doors.entity("lock", doors.plan)["token"] == 1, "its history is not written over"


def test_a_second_signal_opens_none_while_a_run_waits(doors: Doors) -> None:
    send(doors, grid_event(doors))
    (run,) = doors.runs()
    doors.world.until_asked(run)
    send(doors, grid_event(doors, 2))
    answer = doors.http.post("/api/alerts", json=alert(doors))
    assert answer.status_code == 202
    assert answer.json() == {"ignored": None, "runs": [run]}
    assert doors.runs() == [run]


@pytest.mark.parametrize("state", ["Available", "Degraded", "Unknown"])
def test_what_is_not_down_opens_nothing_and_is_kept(doors: Doors, state: str) -> None:
    send(doors, grid_event(doors, state=state))
    assert doors.runs() == []
    kept = doors.entity("region", "eastus")["signals"]
    assert f"resource_health {doors.vm('db-prod-01')}".casefold() in {k.casefold() for k in kept}


def test_an_alert_opens_a_run_and_is_answered_with_it(doors: Doors) -> None:
    answer = doors.http.post("/api/alerts", json=alert(doors))
    assert answer.status_code == 202
    assert answer.json()["runs"] == doors.runs()
    assert len(doors.runs()) == 1


def test_an_alert_that_resolved_is_the_newer_word(doors: Doors) -> None:
    doors.http.post("/api/alerts", json=alert(doors, severity="Sev2"))
    resolved = alert(
        doors,
        severity="Sev2",
        monitorCondition="Resolved",
        resolvedDateTime="2026-03-14T03:00:00Z",
    )
    doors.http.post("/api/alerts", json=resolved)
    kept = doors.entity("region", "eastus")["signals"]
    (word,) = [s for s in kept.values() if s["resource"] == doors.vm("web-prod-01")]
    assert word["verdict"] == "healthy"


def test_an_event_about_somebody_elses_machine_is_set_aside(doors: Doors) -> None:
    foreign = grid_event(doors)
    foreign["data"]["resourceInfo"]["properties"]["targetResourceId"] = "/subscriptions/x/vm"
    assert send(doors, foreign) == 202
    assert doors.runs() == []
    assert doors.set_aside()[-1] == {
        "id": foreign["id"],
        "because": "no plan protects what it is about",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"data": None},
        {"data": []},
        {"data": "text"},
        {"data": {}},
        {"data": {"resourceInfo": {"properties": {"availabilityState": 5}}}},
        {"data": {"resourceInfo": {"properties": {"occurredTime": "0001-01-01T00:00:00+14:00"}}}},
        {"eventType": "Contoso.Items.ItemReceived"},
        {"data": {"resourceInfo": {"properties": {"targetResourceId": "\ud800"}}}},
    ],
    ids=str,
)
def test_a_malformed_event_is_set_aside_with_the_reason(doors: Doors, changes: Any) -> None:
    body = json.dumps([grid_event(doors, 77, **changes)])
    answer = doors.http.post(HOOK, content=body, headers={"aeg-event-type": "Notification"})
    assert answer.status_code == 202, answer.text
    newest = doors.set_aside()[-1]
    assert newest["id"] == f"{doors.plan}-77"
    assert newest["because"]
    assert doors.runs() == []


@pytest.mark.parametrize(
    "name",
    [
        "eg_HealthResources_AvailabilityStatusChanged.json",
        "ce_HealthResources_AvailabilityStatusChanged.json",
        "eg_HealthResources_ResourceAnnotated.json",
        "eg_Resources_CreatedOrUpdated.json",
        "ce_Resources_Deleted.json",
    ],
)
def test_recorded_events_are_taken_in_and_set_aside(doors: Doors, name: str) -> None:
    event = recorded(name)
    before = len(doors.set_aside())
    headers = {"aeg-event-type": "Notification"}
    if "specversion" in event:
        headers = {"content-type": "application/cloudevents+json"}
    answer = doors.http.post(HOOK, content=json.dumps(event), headers=headers)
    assert answer.status_code == 202, answer.text
    assert len(doors.set_aside()) == before + 1
    assert doors.set_aside()[-1]["id"] == event["id"]


@pytest.mark.parametrize(
    "name",
    [
        "alert_common_activitylog_administrative_testaction.json",
        "alert_common_metric_resolved_full.json",
        "alert_common_metric_static_testaction.json",
        "alert_common_servicehealth_testaction.json",
        "alertcontext_resourcehealth_real.json",
    ],
)
def test_recorded_alerts_are_taken_in_and_set_aside(doors: Doors, name: str) -> None:
    before = len(doors.set_aside())
    answer = doors.http.post("/api/alerts", json=recorded(name))
    assert answer.status_code == 202
    said = answer.json()
    assert said["runs"] == []
    assert said["ignored"] == doors.set_aside()[-1]["because"]
    assert len(doors.set_aside()) == before + 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a": NaN}', b"\xff", b'{"a": "\\ud800"}'])
def test_an_alert_that_is_no_object_is_400(doors: Doors, body: bytes) -> None:
    answer = doors.http.post("/api/alerts", content=body)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


def test_an_incident_of_a_region_opens_a_run_for_each_plan_of_that_region(doors: Doors) -> None:
    incident = alert(doors, signalType="Activity Log", monitoringService="ServiceHealth")
    incident["data"]["alertContext"] = {
        "properties": {
            "incidentType": "Incident",
            "trackingId": doors.plan,
            "stage": "Active",
            "region": "East US",
        }
    }
    answer = doors.http.post("/api/alerts", json=incident)
    assert answer.status_code == 202
    assert answer.json()["runs"] == doors.runs()
    assert len(doors.runs()) == 1
