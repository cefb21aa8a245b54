"""Many at once, and requests that never end: one run comes of it, and everybody else is answered meanwhile."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.journeys.callers import ALICE
from tests.triggers.conftest import Doors
from tests.triggers.test_alerts import HOOK, grid_event
from tests.triggers.test_bad_input import allowed, nothing_happens


def test_a_hundred_who_ask_for_the_same_at_once_get_one_run(doors: Doors) -> None:
    headers = {**doors.world.by(ALICE), "Content-Type": "application/json"}
    path = f"/api/plans/{doors.plan}/failover"

    def ask(_: int) -> httpx.Response:
        return doors.http.post(path, content=b"{}", headers=headers)

    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(ask, range(100)))
    came_to = Counter(answer.status_code for answer in answers)
    assert set(came_to) <= {202, 409}, came_to
    assert came_to[202] >= 1
    doors.world.host.settle()
    shown = [
        doors.world.show(answer.json()["run"]) for answer in answers if answer.status_code == 202
    ]
    going = [run["run"] for run in shown if run["state"] != "ended"]
    assert len(going) == 1
    assert all(going[0] in run["because"] for run in shown if run["state"] == "ended")
    assert doors.entity("lock", doors.plan)["holder"] == going[0]
    assert doors.ask().json()["holder"] == going[0]


def test_one_who_leaves_in_the_middle_of_a_request_has_asked_for_nothing(doors: Doors) -> None:
    with nothing_happens(doors):
        for sent in range(0, 60, 7):
            with _line(doors) as line:
                line.sendall(_head(doors) + b'{"reason": "' + b"x" * sent)
    assert doors.http.get("/api/plans").status_code == 200
    assert doors.ask().status_code == 202


def test_those_who_never_finish_hold_nobody_else_up(doors: Doors) -> None:
    with nothing_happens(doors), ExitStack() as slow:
        for number in range(60):
            line = slow.enter_context(_line(doors))
            line.sendall(_head(doors)[: 20 + number] if number % 2 else _head(doors) + b"{")
        for _ in range(5):
            answer = doors.http.get("/api/plans")
            assert answer.status_code == 200
            assert answer.elapsed.total_seconds() < 10


# -- batches of events -----------------------------------------------------------------------


def deliver(doors: Doors, events: list[Any]) -> int:
    headers = {"aeg-event-type": "Notification"}
    return doors.http.post(HOOK, content=json.dumps(events), headers=headers).status_code


def test_a_batch_of_many_events_of_all_kinds_is_taken_whole(doors: Doors) -> None:
    batch = [grid_event(doors, 1000 + number) for number in range(300)]
    for number, event in enumerate(batch):
        if number % 3 == 1:
            event["eventType"] = "Contoso.Items.ItemReceived"
        if number % 3 == 2:
            event["data"] = {"what": number}
    assert deliver(doors, batch) == 202
    doors.world.host.settle()
    ids = {event["id"] for event in batch}
    aside = {one["id"] for one in doors.set_aside()} & ids
    kept = {word["id"] for word in doors.entity("region", "eastus")["signals"].values()} & ids
    assert len(kept) == 1, "the newest word on one machine"
    assert kept.isdisjoint(aside)
    assert aside


def test_an_id_that_comes_again_with_another_word_is_another_word(doors: Doors) -> None:
    first, second = grid_event(doors, 5), grid_event(doors, 5)
    second["data"]["resourceInfo"]["properties"]["availabilityState"] = "Available"
    assert deliver(doors, [first, second, first]) == 202
    kept = doors.entity("region", "eastus")["signals"]
    assert len([word for word in kept.values() if word["id"] == first["id"]]) == 1


def test_a_handshake_is_answered_and_its_address_is_never_asked(doors: Doors) -> None:
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen(1)
        trap.settimeout(0.2)
        event = {
            "id": "1",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "subject": "",
            "eventTime": "2026-11-28T02:00:00Z",
            "dataVersion": "1",
            "topic": "/subscriptions/x",
            "data": {
                "validationCode": "512d38b6",
                "validationUrl": f"http://127.0.0.1:{trap.getsockname()[1]}/validate",
            },
        }
        headers = {"aeg-event-type": "SubscriptionValidation"}
        answer = doors.http.post(HOOK, content=json.dumps([event]), headers=headers)
        assert answer.json() == {"validationResponse": "512d38b6"}
        assert deliver(doors, [event]) in (200, 202, 400)
        with pytest.raises(TimeoutError):
            trap.accept()


@contextmanager
def _line(doors: Doors) -> Iterator[socket.socket]:
    parts = urlsplit(str(doors.http.base_url))
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as line:
        yield line


def _head(doors: Doors) -> bytes:
    token = allowed(doors)["Authorization"]
    lines = (
        f"POST /api/plans/{doors.plan}/failover HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {token}",
        "Content-Type: application/json",
        "Content-Length: 1000",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
