"""An event goes to the record and to its region, or is set aside with the reason; it is never lost without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.test_probes import Site, served
from tests.triggers.conftest import Doors
from tests.triggers.wire import recorded
from triggers.payloads import ANNOTATED, COMMON_SCHEMA, STATUS_CHANGED

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


def test_a_validation_url_is_never_fetched(doors: Doors) -> None:
    """As the handshake, among events, in a door that is not for it, and as a cloud event."""
    Site.asked.clear()
    with served() as server:
        data = {
            "validationCode": "c",
            "validationUrl": f"http://127.0.0.1:{server.server_port}/200",
        }
        kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
        event = {**grid_event(doors), "eventType": kind, "data": data}
        shake = {"aeg-event-type": "SubscriptionValidation"}
        assert doors.http.post(HOOK, json=[event], headers=shake).status_code < 500
        assert send(doors, event, grid_event(doors, 2)) == 202
        assert doors.http.post("/api/alerts", json=event).status_code < 500
        assert doors.http.post("/api/alerts", json={**alert(doors), **data}).status_code < 500
        cloud = {"specversion": "1.0", "id": "v", "source": "s", "type": kind, "data": data}
        kinds = {"Content-Type": "application/cloudevents+json"}
        assert doors.http.post(HOOK, content=json.dumps(cloud), headers=kinds).status_code < 500
        doors.world.host.settle()
        assert Site.asked == []


def test_an_alert_is_answered_with_the_regions_that_it_concerns(doors: Doors) -> None:
    answer = doors.http.post("/api/alerts", json=alert(doors))
    assert answer.status_code == 202
    assert answer.json() == {"ignored": None, "regions": ["eastus"]}


def test_one_signal_opens_nothing_however_often_it_comes(doors: Doors) -> None:
    event = grid_event(doors)
    assert send(doors, event, event) == 202
    assert send(doors, event) == 202
    assert doors.runs() == []


def test_an_incident_of_a_region_is_kept_once_by_its_region(doors: Doors) -> None:
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
    assert answer.json() == {"ignored": None, "regions": ["eastus"]}
    kept = doors.entity("region", "eastus")["signals"]
    assert kept[f"service_health servicehealth/{doors.plan}"]["verdict"] == "unhealthy"


def test_what_somebody_did_on_purpose_stands_beside_how_the_machine_is(doors: Doors) -> None:
    event = grid_event(doors, 2, eventType=ANNOTATED)
    event["data"]["resourceInfo"]["properties"]["context"] = "Customer Initiated"
    assert send(doors, grid_event(doors), event) == 202
    kept = doors.entity("region", "eastus")["signals"]
    about = f"resource_health {doors.vm('db-prod-01')}".casefold()
    assert kept[about]["verdict"] == "unhealthy"
    assert kept[f"{about} on purpose"]["verdict"] == "unknown"


def record_of(doors: Doors) -> list[Any]:
    files = sorted((doors.evidence / "signals").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_what_was_acknowledged_is_in_the_record_whole_and_as_it_was_read(doors: Doors) -> None:
    event = grid_event(doors)
    foreign = {**grid_event(doors, 2), "eventType": "Contoso.Items.ItemReceived"}
    send(doors, event, foreign)
    doors.http.post("/api/alerts", json=alert(doors))
    *both, alerted = record_of(doors)[-3:]
    signal, ignored = sorted(both, key=lambda kept: kept["ignored"] is not None)
    assert signal["event"]["data"] == event["data"]
    assert [s["id"] for s in signal["signals"]["eastus"]] == [event["id"]]
    assert ignored["ignored"] == "events of type Contoso.Items.ItemReceived are not acted on"
    assert alerted["event"] == alert(doors)


@pytest.fixture
def full(doors: Doors) -> Iterator[Doors]:
    """Let the record be where nothing can be written."""
    folder = doors.evidence / "signals"
    aside = folder.with_name("moved")
    folder.mkdir(parents=True, exist_ok=True)
    folder.rename(aside)
    folder.write_text("no folder")
    yield doors
    folder.unlink()
    aside.rename(folder)


def test_what_cannot_be_kept_is_not_acknowledged_so_that_the_sender_tries_again(
    full: Doors,
) -> None:
    before = full.entity("region", "eastus")
    answer = full.http.post("/api/alerts", json=alert(full))
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the alert could not be kept; send it again"
    assert send(full, grid_event(full)) >= 500, "Event Grid delivers it again"
    assert full.entity("region", "eastus") == before


@pytest.mark.parametrize("state", ["Unavailable", "Available", "Degraded", "Unknown"])
def test_every_state_is_kept_by_the_region(doors: Doors, state: str) -> None:
    send(doors, grid_event(doors, state=state))
    kept = doors.entity("region", "eastus")["signals"]
    assert f"resource_health {doors.vm('db-prod-01')}".casefold() in kept


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


@pytest.mark.parametrize("subscription", ["x", "5b9d1c1e-0000-0000-0000-000000000000"])
def test_an_event_about_somebody_elses_machine_is_set_aside(
    doors: Doors, subscription: str
) -> None:
    """Of the same group and name even, where the subscription is another."""
    foreign = grid_event(doors)
    theirs = f"/subscriptions/{subscription}/" + doors.vm("db-prod-01").split("/", 3)[3]
    foreign["data"]["resourceInfo"]["properties"]["targetResourceId"] = theirs
    assert send(doors, foreign) == 202
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
    assert said["regions"] == []
    assert said["ignored"] == doors.set_aside()[-1]["because"]
    assert len(doors.set_aside()) == before + 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a": NaN}', b"\xff", b'{"a": "\\ud800"}'])
def test_an_alert_that_is_no_object_is_400(doors: Doors, body: bytes) -> None:
    answer = doors.http.post("/api/alerts", content=body)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400
