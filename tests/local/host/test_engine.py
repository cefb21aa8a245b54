"""The engine's promises, with an app of plain functions in the place of the SDK."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.clock import ScaledClock, VirtualClock
from local.host.contract import (
    FunctionFailed,
    FunctionNotFound,
    InstanceBusy,
    InstanceNotFound,
)
from local.host.engine import DurableEngine
from local.host.history import EventType, event, event_raised
from local.host.replay import ActionType
from tests.local.host.driving import START, driving, driving_app
from tests.local.host.scripted import WAIT, ScriptedApp, act, heard, one_activity, until


def test_the_context_is_what_the_extension_sends(tmp_path: Path) -> None:
    app = ScriptedApp(one_activity)
    with driving_app(app, tmp_path, default_version="3.1") as driver:
        driver.run("scripted", {"a": 1}, "the-id")
    first, second = app.contexts
    assert {key: value for key, value in first.items() if key != "history"} == {
        "input": '{"a": 1}',
        "instanceId": "the-id",
        "isReplaying": False,
        "parentInstanceId": None,
        "upperSchemaVersion": 2,
        "maximumShortTimerDuration": "6.00:00:00",
        "longRunningTimerIntervalDuration": "3.00:00:00",
    }
    assert [(e["EventType"], e["EventId"], e["IsPlayed"]) for e in first["history"]] == [
        (12, -1, False),
        (0, -1, False),
    ]
    assert first["history"][1]["Version"] == "3.1"
    assert second["isReplaying"] is True
    assert [(e["EventType"], e["EventId"], e["IsPlayed"]) for e in second["history"]] == [
        (12, -1, True),
        (0, -1, True),
        (4, 0, True),
        (13, -1, True),
        (12, -1, False),
        (5, -1, False),
    ]
    assert second["history"][5]["TaskScheduledId"] == 0
    assert {each["Timestamp"] for each in second["history"]} == {"2026-03-01T12:00:00.000000Z"}


def test_a_second_start_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    with driving_app(ScriptedApp(lambda context: {}), tmp_path) as driver:
        driver.start("scripted", None, "one")
        driver.settle()
        with pytest.raises(InstanceBusy, match="with the status Running already exists"):
            driver.start("scripted", None, "one")


def test_an_ended_instance_is_replaced(tmp_path: Path) -> None:
    with driving_app(ScriptedApp(one_activity), tmp_path) as driver:
        driver.run("scripted", 1, "one")
        driver.clock.advance(START + timedelta(hours=1))
        again = driver.run("scripted", 2, "one")
        assert (again.input, again.created_at) == ("2", START + timedelta(hours=1))
        assert len(driver.engine.query()[0]) == 1


def test_a_delayed_signal_arrives_when_it_is_due(tmp_path: Path) -> None:
    delayed = {
        "actionType": ActionType.SCHEDULED_SIGNAL_ENTITY,
        "instanceId": "@tally@t",
        "operation": "count",
        "input": "1",
        "fireAt": "2026-03-01T13:00:00.000000Z",
    }
    app = ScriptedApp(lambda context: {"actions": [[delayed]], "isDone": True})
    with driving_app(app, tmp_path) as driver:
        instance_id = driver.start("scripted")
        assert driver.state(instance_id) == "Completed"
        assert driver.engine.entity_state("tally", "t") is None
        assert driver.jump() == timedelta(hours=1)
        assert driver.engine.entity_state("tally", "t") == "1"


def test_an_entity_that_cannot_run_fails_its_callers_and_keeps_its_state(tmp_path: Path) -> None:
    call = {
        "actionType": ActionType.CALL_ENTITY,
        "instanceId": "@tally@t",
        "operation": "count",
        "input": "1",
    }

    def script(context: dict[str, Any]) -> dict[str, Any]:
        answers = heard(context, 15)
        return {
            "actions": [[call]],
            "isDone": bool(answers),
            "output": answers and json.loads(answers[0]["Input"]),
        }

    def broken(context: dict[str, Any]) -> dict[str, Any]:
        raise FunctionFailed("MemoryError: no room", "a stack")

    app = ScriptedApp(script)
    with driving_app(app, tmp_path) as driver:
        assert driver.run("scripted").output == {"result": "1"}
        app.entity = broken
        failed = driver.run("scripted").output
        assert failed == {"result": '"MemoryError: no room"', "exceptionType": "Exception"}
        assert driver.engine.entity_state("tally", "t") == "1"


def test_an_orchestrator_that_cannot_run_fails(tmp_path: Path) -> None:
    def broken(context: dict[str, Any]) -> dict[str, Any]:
        raise FunctionFailed("ImportError: half deployed", "a stack")

    with driving_app(ScriptedApp(broken), tmp_path) as driver:
        ended = driver.run("scripted")
        reason = "Orchestrator function 'scripted' failed: ImportError: half deployed"
        assert (ended.runtime_status, ended.output) == ("Failed", reason)


def test_a_function_that_is_gone_fails_what_was_begun(tmp_path: Path) -> None:
    app = ScriptedApp(one_activity)
    engine = DurableEngine(app, tmp_path / "engine.db", VirtualClock(START))
    engine.start_new("scripted", None, "one")
    engine.stop()
    with driving("chaining", tmp_path) as (driver, _):
        assert "'scripted' doesn't exist, is disabled" in driver.finish("one").output


def test_continue_as_new_keeps_this_turns_later_events_and_earlier_ones_too(
    tmp_path: Path,
) -> None:
    hour = {"actionType": ActionType.CREATE_TIMER, "fireAt": "2026-03-01T13:00:00.000000Z"}
    go = {"actionType": ActionType.WAIT_FOR_EXTERNAL_EVENT, "externalEventName": "go"}
    again = {"actionType": ActionType.CONTINUE_AS_NEW, "input": '"second"'}
    either = {"actionType": ActionType.WHEN_ANY, "compoundActions": [go, hour]}

    def script(context: dict[str, Any]) -> dict[str, Any]:
        if context["input"] != '"first"':
            return {"isDone": True, "output": [each["Name"] for each in heard(context, 15)]}
        return {"actions": [[either, again]], "isDone": True}

    with driving_app(ScriptedApp(script), tmp_path) as driver:
        instance_id = driver.start("scripted", "first")
        driver.settle()
        driver.tell(instance_id, "unasked", 0)
        driver.settle()
        driver.tell(instance_id, "go", 1)
        driver.settle()
        # The forgotten timer holds continue_as_new up; what comes meanwhile is for the next run.
        driver.tell(instance_id, "meanwhile", 2)
        assert driver.finish(instance_id).output == ["meanwhile"]


def test_an_event_in_the_turn_of_continue_as_new_is_for_the_next_run(tmp_path: Path) -> None:
    go = {"actionType": ActionType.WAIT_FOR_EXTERNAL_EVENT, "externalEventName": "go"}
    again = {"actionType": ActionType.CONTINUE_AS_NEW, "input": '"second"'}

    def script(context: dict[str, Any]) -> dict[str, Any]:
        if context["input"] != '"first"':
            come = [each["Name"] for each in heard(context, 15)]
            return {"actions": [[go]], "isDone": "go" in come, "output": come}
        return {"actions": [[go, again]], "isDone": bool(heard(context, 15))}

    with driving_app(ScriptedApp(script), tmp_path) as driver:
        instance_id = driver.start("scripted", "first")
        driver.settle()
        with driver.engine._transaction() as writes:
            for name in ("go", "late", "later"):
                writes.send(instance_id, event_raised(name, "1"))
        driver.settle()
        driver.tell(instance_id, "go", 1)
        assert driver.finish(instance_id).output == ["late", "later", "go"]


def test_what_comes_with_a_suspension_is_seen_before_it_and_held_after_it(tmp_path: Path) -> None:
    def script(context: dict[str, Any]) -> dict[str, Any]:
        wait = {"actionType": ActionType.WAIT_FOR_EXTERNAL_EVENT, "externalEventName": "n"}
        come = [each["Input"] for each in heard(context, 15)]
        return {"actions": [[wait] * 9], "customStatus": come}

    with driving_app(ScriptedApp(script), tmp_path) as driver:
        instance_id = driver.start("scripted")
        driver.settle()
        with driver.engine._transaction() as writes:
            writes.send(instance_id, event_raised("n", "1"))
            writes.send(instance_id, event(EventType.EXECUTION_SUSPENDED, Reason=""))
            writes.send(instance_id, event_raised("n", "2"))
        driver.settle()
        held = driver.status(instance_id)
        assert (held.runtime_status, held.custom_status) == ("Suspended", ["1"])
        with driver.engine._transaction() as writes:
            writes.send(instance_id, event(EventType.EXECUTION_RESUMED, Reason=""))
            writes.send(instance_id, event_raised("n", "3"))
            writes.send(instance_id, event(EventType.EXECUTION_SUSPENDED, Reason=""))
            writes.send(instance_id, event_raised("n", "4"))
        driver.settle()
        held = driver.status(instance_id)
        assert (held.runtime_status, held.custom_status) == ("Suspended", ["1", "2", "3"])


def test_what_there_is_not_is_told(tmp_path: Path) -> None:
    with driving_app(ScriptedApp(one_activity), tmp_path) as driver:
        engine = driver.engine
        for ask in (engine.terminate, engine.suspend, engine.resume, engine.rewind):
            with pytest.raises(InstanceNotFound, match="there is no instance 'x'"):
                ask("x", "")
        with pytest.raises(InstanceNotFound):
            engine.status("x")
        with pytest.raises(InstanceNotFound):
            engine.restart("x", with_new_id=True)
        with pytest.raises(FunctionNotFound, match=r"'x' doesn't exist.* not an orchestrator"):
            engine.start_new("x", None)
        with pytest.raises(FunctionNotFound, match="not an entity function"):
            engine.signal_entity("x", "k", "op", None)
        with pytest.raises(ValueError, match="must not begin with @, as '@x@y' does"):
            engine.start_new("scripted", None, "@x@y")
        assert engine.purge("x") == 0


def test_the_engine_is_busy_while_an_activity_runs_and_idle_while_time_stands(
    tmp_path: Path,
) -> None:
    may_end = threading.Event()

    def script(context: dict[str, Any]) -> dict[str, Any]:
        timer = {"actionType": ActionType.CREATE_TIMER, "fireAt": "2026-03-01T13:00:00.000000Z"}
        return {"actions": [[act(), timer]], "isDone": bool(heard(context, 11))}

    app = ScriptedApp(script)
    app.activity = lambda payload: "1" if may_end.wait(WAIT) else None
    with driving_app(app, tmp_path) as driver:
        driver.start("scripted", None, "one")
        assert not driver.engine.wait_idle(0.05)
        assert driver.engine.busy()
        may_end.set()
        driver.settle()
        assert not driver.engine.busy()
        due = driver.engine.next_due()
        assert due == START + timedelta(hours=1)
        driver.clock.advance(due - timedelta(microseconds=1))
        driver.engine.wake()
        assert not driver.engine.busy()
        driver.clock.advance(due)
        assert driver.engine.busy()
        driver.engine.wake()
        assert driver.finish("one").runtime_status == "Completed"
        assert driver.engine.next_due() is None


def test_a_scaled_clock_brings_timers_by_itself(tmp_path: Path) -> None:
    def script(context: dict[str, Any]) -> dict[str, Any]:
        begun = heard(context, 12)[0]["Timestamp"]
        due = f"{begun[:17]}{int(begun[17:19]) + 0:02d}{begun[19:]}"
        later = {"actionType": ActionType.CREATE_TIMER, "fireAt": due}
        return {"actions": [[later]], "isDone": bool(heard(context, 11))}

    engine = DurableEngine(ScriptedApp(script), tmp_path / "engine.db", ScaledClock(3600))
    engine.start()
    try:
        instance_id = engine.start_new("scripted", None)
        until(lambda: engine.status(instance_id).runtime_status == "Completed")
    finally:
        engine.stop()


class LeapingClock:
    """Stands still until it leaps, and tells nobody, as when the machine has slept."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def wall_seconds_until(self, when: datetime) -> float:
        return max(0.0, (when - self.time).total_seconds())


def test_a_timer_comes_when_the_clock_has_leapt_past_it(tmp_path: Path) -> None:
    due = {
        "actionType": ActionType.CREATE_TIMER,
        "fireAt": (START + timedelta(hours=1)).isoformat(),
    }
    app = ScriptedApp(lambda told: {"actions": [[due]], "isDone": bool(heard(told, 11))})
    clock = LeapingClock()
    engine = DurableEngine(app, tmp_path / "engine.db", clock)
    engine.start()
    try:
        instance_id = engine.start_new("scripted", None)
        until(lambda: engine.next_due() is not None and not engine.busy())
        clock.time += timedelta(hours=2)
        until(lambda: engine.status(instance_id).runtime_status == "Completed")
    finally:
        engine.stop()


def test_activities_run_side_by_side_up_to_their_number(tmp_path: Path) -> None:
    lock, together, most = threading.Lock(), list[int](), list[int]()
    barrier = threading.Barrier(3)

    def answer(payload: str | None) -> str:
        with lock:
            together.append(1)
            most.append(len(together))
        barrier.wait(WAIT)
        with lock:
            together.pop()
        return "1"

    def script(context: dict[str, Any]) -> dict[str, Any]:
        all_of_them = {"actionType": ActionType.WHEN_ALL, "compoundActions": [act()] * 9}
        return {"actions": [[all_of_them]], "isDone": len(heard(context, 5)) == 9}

    app = ScriptedApp(script)
    app.activity = answer
    with driving_app(app, tmp_path, activity_threads=3) as driver:
        assert driver.run("scripted").runtime_status == "Completed"
    assert max(most) == 3


def test_events_reach_an_instance_in_the_order_they_were_raised(tmp_path: Path) -> None:
    def script(context: dict[str, Any]) -> dict[str, Any]:
        come = [each["Input"] for each in heard(context, 15)]
        wait = {"actionType": ActionType.WAIT_FOR_EXTERNAL_EVENT, "externalEventName": "n"}
        return {"actions": [[wait] * 50], "isDone": len(come) == 50, "output": come}

    with driving_app(ScriptedApp(script), tmp_path) as driver:
        instance_id = driver.start("scripted")
        for number in range(50):
            driver.tell(instance_id, "n", number)
        assert driver.finish(instance_id).output == [str(number) for number in range(50)]


def test_a_mistake_of_the_hosts_own_is_logged_and_ends_no_thread(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def script(context: dict[str, Any]) -> dict[str, Any]:
        return (
            {"actions": "not a list of lists"}
            if context["instanceId"] == "bad"
            else {"isDone": True}
        )

    with driving_app(ScriptedApp(script), tmp_path, turn_threads=1) as driver:
        driver.start("scripted", None, "bad")
        driver.settle()
        assert "the local host failed at bad" in caplog.text
        assert driver.run("scripted").runtime_status == "Completed"


def test_a_payload_that_is_not_json_is_shown_and_passed_on_as_it_came(tmp_path: Path) -> None:
    with driving("fan_out", tmp_path) as (driver, _):
        instance_id = driver.engine.start_new("weigh_all", "{half")
        driver.settle()
        ended = driver.status(instance_id)
        assert (ended.runtime_status, ended.input) == ("Failed", "{half")
