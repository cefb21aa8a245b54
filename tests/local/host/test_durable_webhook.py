"""The durable management API as whoever holds its key finds it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.local.host.front import NOON
from tests.local.host.starter import HOOK, Pair, ask, start, state


def test_a_running_instance_answers_202_with_where_to_look_again(starter: Pair) -> None:
    host, client = starter
    start(starter, "approve", "a1")

    answer = client.get(f"{HOOK}/instances/a1?showInput=false")

    assert answer.status_code == 202
    assert answer.headers["location"] == f"{host.url}{HOOK}/instances/a1?showInput=false"
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["input"] is None


def test_a_failure_is_an_error_status_only_on_request(starter: Pair) -> None:
    _, client = starter
    start(starter, "break_down", "b1")
    path = f"{HOOK}/instances/b1"

    assert client.get(path).status_code == 200
    assert client.get(f"{path}?returnInternalServerErrorOnFailure=true").status_code == 500


def test_a_start_by_webhook_passes_the_body_as_it_is(starter: Pair) -> None:
    host, client = starter

    started = client.post(f"{HOOK}/orchestrators/greet/w1", json="Edsger")
    host.settle()

    assert started.status_code == 202
    assert "rewindPostUri" not in started.json()
    assert client.get(started.headers["location"]).json()["input"] == "Edsger"


def test_a_start_by_webhook_may_wait_for_the_end(starter: Pair) -> None:
    _, client = starter

    answer = client.post(
        f"{HOOK}/orchestrators/greet?timeout=5&pollingInterval=0.01", json=json.dumps("Edsger")
    )

    assert (answer.status_code, answer.json()) == (200, "Hello, Edsger!")


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "orchestrators/greet", b"{", 400),
        ("GET", "orchestrators/greet", b"", 404),
        ("POST", "orchestrators", b"", 404),
        ("POST", "orchestrators/no_such", b"", 400),
        ("POST", "instances", b"", 404),
        ("POST", "instances/a1", b"", 404),
        ("GET", "instances/a1/terminate", b"", 404),
        ("POST", "instances/a1/dance", b"", 404),
        ("POST", "instances/a1/raiseEvent/decision", b"{", 400),
        ("GET", "instances/a1/raiseEvent/decision", b"", 404),
        ("POST", "entities/no_such/key", b"", 400),
        ("POST", "entities/tally/key?op=add", b"{", 400),
        ("PUT", "entities/tally/key", b"", 404),
        ("GET", "entities/a/b/c", b"", 404),
        ("GET", "elsewhere", b"", 404),
        ("GET", "", b"", 404),
    ],
)
def test_what_the_api_does_not_take_is_refused(
    starter: Pair, method: str, path: str, content: bytes, status: int
) -> None:
    _, client = starter
    start(starter, "approve", "a1")

    answer = client.request(
        method, f"{HOOK}/{path}", content=content, headers={"content-type": "application/json"}
    )

    assert answer.status_code == status


def test_an_event_must_be_json(starter: Pair) -> None:
    _, client = starter
    start(starter, "approve", "a1")

    answer = client.post(f"{HOOK}/instances/a1/raiseEvent/decision", content=b"yes")

    assert answer.status_code == 400
    assert answer.json()["Message"] == "Only application/json request content is supported"


def test_instances_are_listed_page_by_page(starter: Pair) -> None:
    _, client = starter
    names = [f"p{number}" for number in range(5)]
    for name in names:
        start(starter, "greet", name, "Ada")

    seen, token = [], None
    while token != "":
        answer = client.get(
            f"{HOOK}/instances?top=2", headers={"x-ms-continuation-token": token} if token else {}
        )
        assert len(answer.json()) <= 2
        seen += [instance["instanceId"] for instance in answer.json()]
        token = answer.headers["x-ms-continuation-token"]

    assert sorted(seen) == names
    assert sorted(ask(client, "status_all").json()) == names


def test_instances_are_found_by_state_prefix_and_time(starter: Pair) -> None:
    host, client = starter
    start(starter, "greet", "run-1", "Ada")
    start(starter, "approve", "run-2")
    start(starter, "approve", "other")

    def listed(query: str) -> set[str]:
        found = client.get(f"{HOOK}/instances?{query}").json()
        return {instance["instanceId"] for instance in found}

    assert listed("runtimeStatus=Completed") == {"run-1"}
    assert listed("runtimeStatus=Running,Completed") == {"run-1", "run-2", "other"}
    assert listed("instanceIdPrefix=run-") == {"run-1", "run-2"}
    later = (host.clock.now() + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert listed(f"createdTimeFrom={later}") == set()
    assert listed(f"createdTimeTo={later}") == {"run-1", "run-2", "other"}
    assert set(ask(client, "status_by", instance_id_prefix="run-").json()) == {"run-1", "run-2"}


def test_entities_are_listed_read_and_deleted(starter: Pair) -> None:
    host, client = starter
    added = client.post(f"{HOOK}/entities/Tally/door?op=add", json="2")
    host.settle()

    assert added.status_code == 202
    assert client.get(f"{HOOK}/entities/tally/door").json() == 2
    listed = client.get(f"{HOOK}/entities/tally?fetchState=true").json()
    door = next(entity for entity in listed if entity["entityId"]["key"] == "door")
    assert door["entityId"] == {"name": "tally", "key": "door"}
    assert door["state"] == 2
    assert door["lastOperationTime"] == NOON.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert client.get(f"{HOOK}/entities/nothing").json() == []


def test_an_id_is_decoded_as_in_a_query(starter: Pair) -> None:
    host, client = starter

    started = client.post(f"{HOOK}/orchestrators/greet/two%20words", json='"Ada"')
    host.settle()

    assert started.json()["id"] == "two words"
    for spelt in ("two%20words", "two+words"):
        assert client.get(f"{HOOK}/instances/{spelt}").json()["instanceId"] == "two words"


def test_an_id_that_is_a_path_goes_where_the_unescaped_sdk_sends_it(starter: Pair) -> None:
    host, client = starter
    start(starter, "approve", "victim")

    ask(client, "raise_event", "victim/terminate?reason=x&z=", event_name="decision")
    host.settle()

    assert state(client, "victim") == "Terminated"
