from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.host.host import Host
from tests.local.host.front import running

WIRE = Path(__file__).parents[3] / ".." / "shared" / "wire" / "events"
HOOK = "/runtime/webhooks/EventGrid?functionName=hear"
NOTIFICATION = {"aeg-event-type": "Notification"}


def wire(name: str) -> Any:
    """Read a recorded event; without the recordings the test is skipped, but never in CI."""
    path = WIRE / name
    if not path.exists():
        reason = f"{path} is missing: put the recorded events there to run this test"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return json.loads(path.read_text())


def grid_event(number: int, kind: str = "note") -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "topic": "/topics/health",
        "subject": f"vm/{number}",
        "eventType": kind,
        "eventTime": "2026-11-22T11:59:00.1234567Z",
        "data": {"number": number},
        "dataVersion": "1",
    }


def cloud_event(number: int, kind: str = "note") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"c{number}",
        "source": "/sources/health",
        "type": kind,
        "time": "2026-11-22T11:59:00Z",
        "data": {"number": number},
    }


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, httpx.Client]]:
    folder = tmp_path_factory.mktemp("listener")
    with running("signals", folder, settings={"DRILL_SCHEDULE": "0 0 3 * * Sun"}) as pair:
        yield pair


@pytest.fixture
def listening(listener: tuple[Host, httpx.Client]) -> tuple[Host, httpx.Client]:
    host, client = listener
    host.settle()
    client.post("/api/forget")
    return listener


def heard(client: httpx.Client) -> list[dict[str, Any]]:
    return [fact for fact in client.get("/api/seen").json() if "timer" not in fact]


def test_the_validation_code_is_echoed(listening: tuple[Host, httpx.Client]) -> None:
    _, client = listening

    answer = client.post(
        HOOK,
        json=wire("eg_SubscriptionValidationEvent.json"),
        headers={"aeg-event-type": "SubscriptionValidation"},
    )

    assert answer.status_code == 200
    assert answer.json() == wire("eg_SubscriptionValidation_response.json")
    assert heard(client) == []


def test_a_cloud_event_validation_carries_its_data_encoded_twice(
    listening: tuple[Host, httpx.Client],
) -> None:
    _, client = listening
    event = cloud_event(1) | {"data": json.dumps({"validationCode": "abc"})}

    answer = client.post(HOOK, json=event, headers={"aeg-event-type": "SubscriptionValidation"})

    assert answer.json() == {"validationResponse": "abc"}


def test_the_cloud_events_handshake_is_answered(listening: tuple[Host, httpx.Client]) -> None:
    _, client = listening
    recorded = wire("ce_abuse_protection_options.json")

    answer = client.options(HOOK, headers=recorded["request"]["headers"])

    assert answer.status_code == recorded["response"]["status"]
    for name, value in recorded["response"]["headers"].items():
        assert answer.headers[name] == value


def test_each_event_of_a_batch_is_one_invocation(listening: tuple[Host, httpx.Client]) -> None:
    host, client = listening
    batch = [grid_event(1), grid_event(2), grid_event(3)]

    answer = client.post(HOOK, json=batch, headers=NOTIFICATION)

    host.settle()
    assert answer.status_code == 202
    facts = sorted(heard(client), key=lambda fact: fact["event"])
    assert [fact["data"]["number"] for fact in facts] == [1, 2, 3]
    assert facts[0]["subject"] == "vm/1"
    assert facts[0]["at"] == "2026-11-22T11:59:00.123456+00:00"


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (cloud_event(1), NOTIFICATION),
        ([cloud_event(1)], NOTIFICATION),
        (cloud_event(1), {"content-type": "application/cloudevents+json"}),
        ([cloud_event(1)], {"content-type": "application/cloudevents-batch+json; charset=utf-8"}),
    ],
)
def test_cloud_events_come_alone_or_in_a_batch(
    listening: tuple[Host, httpx.Client], content: Any, headers: dict[str, str]
) -> None:
    _, client = listening

    answer = client.post(HOOK, content=json.dumps(content), headers=headers)

    assert answer.status_code == 202
    assert [fact["cloud"] for fact in heard(client)] == ["c1"]


@pytest.mark.parametrize(
    "name",
    [
        "eg_HealthResources_AvailabilityStatusChanged.json",
        "eg_HealthResources_ResourceAnnotated.json",
        "eg_Resources_CreatedOrUpdated.json",
        "ce_HealthResources_AvailabilityStatusChanged.json",
        "ce_Resources_Deleted.json",
    ],
)
def test_recorded_events_reach_the_function(
    listening: tuple[Host, httpx.Client], name: str
) -> None:
    _, client = listening
    content = wire(name)
    events = content if isinstance(content, list) else [content]

    answer = client.post(HOOK, json=content, headers=NOTIFICATION)

    assert answer.status_code == 202
    assert [fact["data"] for fact in heard(client)] == [event["data"] for event in events]


def test_one_failed_event_asks_for_the_whole_batch_again(
    listening: tuple[Host, httpx.Client],
) -> None:
    _, client = listening

    answer = client.post(HOOK, json=[grid_event(1), grid_event(2, "poison")], headers=NOTIFICATION)

    assert answer.status_code == 500
    assert [fact["event"] for fact in heard(client)] == ["e1"]


@pytest.mark.parametrize(
    ("hook", "content", "headers", "status"),
    [
        (HOOK, [], {"aeg-event-type": "Unsubscribe"}, 202),
        (HOOK, [], {"aeg-event-type": "Whatever"}, 400),
        (HOOK, [], {}, 400),
        (HOOK, "no event", NOTIFICATION, 400),
        (HOOK, [1], NOTIFICATION, 400),
        (HOOK, [], {"aeg-event-type": "SubscriptionValidation"}, 400),
        (HOOK.replace("hear", "nobody"), [], NOTIFICATION, 404),
        (HOOK.replace("hear", "every_hour"), [], NOTIFICATION, 404),
        (HOOK.partition("?")[0], [], NOTIFICATION, 404),
    ],
)
def test_other_requests_are_answered_by_their_kind(
    listening: tuple[Host, httpx.Client],
    hook: str,
    content: Any,
    headers: dict[str, str],
    status: int,
) -> None:
    _, client = listening

    assert client.post(hook, json=content, headers=headers).status_code == status
    assert heard(client) == []


def test_an_event_may_signal_an_entity(listening: tuple[Host, httpx.Client]) -> None:
    host, client = listening

    client.post(HOOK, json=[grid_event(1, "first")], headers=NOTIFICATION)
    client.post(HOOK, json=[grid_event(2, "second")], headers=NOTIFICATION)
    host.settle()

    state = client.get("/runtime/webhooks/durabletask/entities/region/eastus")
    assert state.json()[-2:] == ["first", "second"]
