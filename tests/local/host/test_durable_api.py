"""The durable management API as the SDK's client finds it, from within the app."""

from __future__ import annotations

import json

from tests.local.host.starter import HOOK, Pair, ask, start, state


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
