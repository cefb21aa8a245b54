from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from local.host.host import Host
from tests.local.host.front import NOON, running

HOOK = "/runtime/webhooks/durabletask"
Pair = tuple[Host, httpx.Client]


@pytest.fixture(scope="module")
def running_starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running("http_starter", tmp_path_factory.mktemp("starter")) as pair:
        yield pair


@pytest.fixture
def starter(running_starter: Pair) -> Iterator[Pair]:
    """A host without instances: those that a test leaves are ended and forgotten."""
    yield running_starter
    host, client = running_starter
    for instance in client.get(f"{HOOK}/instances").json():
        client.post(f"{HOOK}/instances/{instance['instanceId']}/terminate")
    host.settle()
    client.delete(f"{HOOK}/instances?createdTimeFrom=2000-01-01T00:00:00Z")


def ask(client: httpx.Client, call: str, target: str = "", **given: Any) -> httpx.Response:
    """Let the app make a call on the SDK's client."""
    return client.post(f"/api/client/{call}", json={"target": target, **given})


def start(pair: Pair, name: str, instance: str, given: Any = None) -> httpx.Response:
    host, client = pair
    answer = client.post(f"/api/start/{name}?id={instance}", json=given)
    host.settle()
    return answer


def state(client: httpx.Client, instance: str) -> str:
    return str(client.get(f"{HOOK}/instances/{instance}").json()["runtimeStatus"])


# -- the SDK's client, from within the app ---------------------------------------------------


def test_a_started_orchestration_is_watched_through_the_addresses_it_was_answered_with(
    starter: Pair,
) -> None:
    host, client = starter

    answer = start(starter, "greet", "g1", "Ada")

    links = answer.json()
    assert answer.status_code == 202
    assert answer.headers["retry-after"] == "10"
    assert answer.headers["location"] == links["statusQueryGetUri"]
    assert links["id"] == "g1"
    assert set(links) == {
        "id", "statusQueryGetUri", "sendEventPostUri", "terminatePostUri", "rewindPostUri",
        "purgeHistoryDeleteUri", "restartPostUri", "suspendPostUri", "resumePostUri",
    }  # fmt: skip
    query = "?taskHub=StarterHub&connection=Storage"
    assert links["statusQueryGetUri"] == f"{host.url}{HOOK}/instances/g1{query}"
    status = client.get(links["statusQueryGetUri"])
    assert status.status_code == 200
    assert status.json() == {
        "name": "greet",
        "instanceId": "g1",
        "runtimeStatus": "Completed",
        "input": '"Ada"',
        "customStatus": None,
        "output": "Hello, Ada!",
        "createdTime": "2026-11-22T12:00:00Z",
        "lastUpdatedTime": "2026-11-22T12:00:00Z",
    }


def test_waiting_for_the_end_answers_with_the_output(starter: Pair) -> None:
    _, client = starter

    answer = client.post("/api/wait/greet", json="Grace")

    assert (answer.status_code, answer.text) == (200, "Hello, Grace!")


def test_waiting_in_vain_answers_with_the_addresses(starter: Pair) -> None:
    _, client = starter

    answer = client.post("/api/wait/approve?ms=60", json={})

    assert answer.status_code == 202
    assert "statusQueryGetUri" in answer.json()


def test_waiting_for_a_failure_answers_500_with_the_status(starter: Pair) -> None:
    _, client = starter

    answer = client.post("/api/wait/break_down", json={})

    assert answer.status_code == 500
    assert answer.json()["runtimeStatus"] == "Failed"
    assert "it is broken" in answer.json()["output"]


def test_the_client_reads_a_status(starter: Pair) -> None:
    _, client = starter
    start(starter, "approve", "a1", {"plan": "shop"})

    status = ask(client, "status", "a1").json()
    assert status["found"] is True
    assert status["state"] == "OrchestrationRuntimeStatus.Running"
    assert status["custom_status"] == "waiting"
    assert json.loads(status["input_"]) == {"plan": "shop"}
    assert status["historyEvents"] is None

    history = ask(client, "status", "a1", show_history=True).json()["historyEvents"]
    assert [event["EventType"] for event in history] == ["ExecutionStarted", "TimerCreated"]


def test_history_tells_an_answer_with_its_call(starter: Pair) -> None:
    _, client = starter
    start(starter, "greet", "g1", "Ada")
    path = f"{HOOK}/instances/g1?showHistory=true"
    now = "2026-11-22T12:00:00.000000Z"

    started, answered, ended = client.get(f"{path}&showHistoryOutput=true").json()["historyEvents"]

    assert started == {
        "EventType": "ExecutionStarted",
        "FunctionName": "greet",
        "Input": '"\\"Ada\\""',
        "Timestamp": now,
    }
    assert answered == {
        "EventType": "TaskCompleted",
        "FunctionName": "compose",
        "Input": '"Ada"',
        "Result": "Hello, Ada!",
        "ScheduledTime": now,
        "Timestamp": now,
    }
    assert ended == {
        "EventType": "ExecutionCompleted",
        "OrchestrationStatus": "Completed",
        "Result": "Hello, Ada!",
        "Timestamp": now,
    }
    bare = client.get(f"{path}&showInput=false").json()["historyEvents"]
    assert not any("Input" in event or "Result" in event for event in bare)


def test_the_client_finds_nothing_of_an_unknown_instance(starter: Pair) -> None:
    _, client = starter

    assert ask(client, "status", "nobody").json()["found"] is False
    for call, given in {
        "raise_event": {"event_name": "decision"},
        "terminate": {"reason": "r"},
        "suspend": {"reason": "r"},
        "resume": {"reason": "r"},
        "rewind": {"reason": "r"},
    }.items():
        answer = ask(client, call, "nobody", **given)
        assert (answer.status_code, "No instance with ID" in answer.text) == (418, True), call
    assert ask(client, "purge", "nobody").json() == 0


def test_an_event_raised_by_the_client_arrives_as_text_and_by_the_webhook_as_an_object(
    starter: Pair,
) -> None:
    host, client = starter
    start(starter, "approve", "a1")
    start(starter, "approve", "a2")

    ask(client, "raise_event", "a1", event_name="decision", event_data={"verdict": "yes"})
    webhook = client.post(f"{HOOK}/instances/a2/raiseEvent/decision", json={"verdict": "no"})
    host.settle()

    assert webhook.status_code == 202
    assert ask(client, "status", "a1").json()["output"] == {"decided": '{"verdict": "yes"}'}
    assert ask(client, "status", "a2").json()["output"] == {"decided": {"verdict": "no"}}


def test_an_ended_instance_takes_no_more_messages(starter: Pair) -> None:
    _, client = starter
    start(starter, "greet", "g1", "Ada")

    raised = ask(client, "raise_event", "g1", event_name="decision")

    assert "is gone: either completed or failed" in raised.text
    for operation in ("terminate", "suspend", "resume"):
        assert client.post(f"{HOOK}/instances/g1/{operation}?reason=r").status_code == 410
        assert ask(client, operation, "g1", reason="r").status_code == 200


def test_a_running_id_is_refused_and_a_finished_one_replaced(starter: Pair) -> None:
    _, client = starter
    start(starter, "approve", "busy")
    start(starter, "greet", "done", "Ada")

    again = client.post(f"{HOOK}/orchestrators/approve/busy", json=None)
    assert again.status_code == 409
    assert "already exists" in again.json()["Message"]
    assert start(starter, "approve", "busy").status_code == 500  # the SDK raises in the function
    assert start(starter, "greet", "done", "Grace").status_code == 202
    assert ask(client, "status", "done").json()["output"] == "Hello, Grace!"


def test_an_unknown_orchestrator_is_refused_by_name(starter: Pair) -> None:
    _, client = starter

    answer = ask(client, "start_new", "no_such")

    assert answer.status_code == 418
    assert answer.text.startswith(
        "The function 'no_such' doesn't exist, is disabled, or is not an orchestrator function."
    )


def test_suspend_and_resume(starter: Pair) -> None:
    host, client = starter
    start(starter, "approve", "a1")

    ask(client, "suspend", "a1", reason="freeze")
    host.settle()
    assert state(client, "a1") == "Suspended"
    ask(client, "raise_event", "a1", event_name="decision", event_data="late")
    host.settle()
    assert state(client, "a1") == "Suspended"

    ask(client, "resume", "a1", reason="thaw")
    host.settle()
    assert state(client, "a1") == "Completed"


def test_terminate_ends_with_the_reason_as_output(starter: Pair) -> None:
    host, client = starter
    start(starter, "approve", "a1")

    assert ask(client, "terminate", "a1", reason="no longer & needed").status_code == 200
    host.settle()

    status = client.get(f"{HOOK}/instances/a1").json()
    assert (status["runtimeStatus"], status["output"]) == ("Terminated", "no longer & needed")


def test_restart_begins_anew_with_the_same_input(starter: Pair) -> None:
    host, client = starter
    start(starter, "greet", "g1", "Ada")
    start(starter, "approve", "a1")

    links = ask(client, "restart", "g1").json()
    host.settle()

    assert links["id"] != "g1"
    assert client.get(links["statusQueryGetUri"]).json()["output"] == "Hello, Ada!"
    same = client.post(f"{HOOK}/instances/g1/restart?restartWithNewInstanceId=false")
    assert (same.status_code, same.json()["id"]) == (202, "g1")
    busy = client.post(f"{HOOK}/instances/a1/restart?restartWithNewInstanceId=false")
    assert busy.status_code == 409
    assert client.post(f"{HOOK}/instances/nobody/restart").status_code == 400


def test_only_a_failed_instance_is_rewound(starter: Pair) -> None:
    host, client = starter
    start(starter, "greet", "g1", "Ada")
    start(starter, "break_down", "b1")

    refused = client.post(f"{HOOK}/instances/g1/rewind?reason=r")
    assert refused.status_code == 412
    assert "has status Completed" in refused.json()
    assert client.post(f"{HOOK}/instances/b1/rewind?reason=r").status_code == 202
    host.settle()
    assert state(client, "b1") == "Failed"  # it ran again and failed again


def test_purge_forgets_what_has_ended(starter: Pair) -> None:
    _, client = starter
    start(starter, "greet", "g1", "Ada")
    start(starter, "greet", "g2", "Ada")
    start(starter, "break_down", "b1")
    start(starter, "approve", "a1")

    assert client.delete(f"{HOOK}/instances/a1").status_code == 412
    assert ask(client, "purge", "g1").json() == 1
    assert client.get(f"{HOOK}/instances/g1").status_code == 404
    since = f"{HOOK}/instances?createdTimeFrom=2026-01-01T00:00:00Z"
    failed = client.delete(f"{since}&runtimeStatus=Failed")
    assert (failed.status_code, failed.json()) == (200, {"instancesDeleted": 1})
    assert client.delete(since).json() == {"instancesDeleted": 1}
    assert client.delete(since).status_code == 404
    assert client.delete(f"{HOOK}/instances").status_code == 400
    assert state(client, "a1") == "Running"


def test_the_client_reads_and_signals_an_entity(starter: Pair) -> None:
    host, client = starter

    assert ask(client, "read_entity", "none-yet").json() == {"exists": False, "state": None}
    ask(client, "signal_entity", "visits", operation="add", input=5)
    ask(client, "signal_entity", "visits", operation="visit")
    host.settle()

    assert ask(client, "read_entity", "visits").json() == {"exists": True, "state": 6}


# -- the webhook, from outside ---------------------------------------------------------------


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
