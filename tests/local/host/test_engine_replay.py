"""The replay of actions, on histories written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from local.host.history import Event, EventType, event, happened
from local.host.replay import Action, ActionType, Kind, NonDeterministic, Refused, Replay

T0 = "2026-03-01T12:00:00.000000Z"
T1 = "2026-03-01T12:01:00.000000Z"


def activity(name: str) -> Action:
    return {"actionType": ActionType.CALL_ACTIVITY, "functionName": name, "input": "1"}


def child(name: str, instance_id: str | None = None) -> Action:
    kind = ActionType.CALL_SUB_ORCHESTRATOR
    return {"actionType": kind, "functionName": name, "instanceId": instance_id}


def timer(cancelled: bool = False) -> Action:
    return {"actionType": ActionType.CREATE_TIMER, "fireAt": T1, "isCanceled": cancelled}


def wait(name: str) -> Action:
    return {"actionType": ActionType.WAIT_FOR_EXTERNAL_EVENT, "externalEventName": name}


def signal(operation: str) -> Action:
    kind = ActionType.SIGNAL_ENTITY
    return {"actionType": kind, "instanceId": "@e@k", "operation": operation, "input": "1"}


def retried(name: str, attempts: int) -> Action:
    options = {"maxNumberOfAttempts": attempts, "firstRetryIntervalInMilliseconds": 5000}
    kind = ActionType.CALL_ACTIVITY_WITH_RETRY
    return {"actionType": kind, "functionName": name, "input": "1", "retryOptions": options}


def both(*children: Action) -> Action:
    return {"actionType": ActionType.WHEN_ALL, "compoundActions": list(children)}


def either(*children: Action) -> Action:
    return {"actionType": ActionType.WHEN_ANY, "compoundActions": list(children)}


CONTINUE: Action = {"actionType": ActionType.CONTINUE_AS_NEW, "input": "2"}


def scheduled(step: int, name: str) -> Event:
    return event(EventType.TASK_SCHEDULED, step, Name=name)


def completed(step: int) -> Event:
    return event(EventType.TASK_COMPLETED, TaskScheduledId=step, Result="1")


def failed(step: int) -> Event:
    return event(EventType.TASK_FAILED, TaskScheduledId=step, Reason="", Details="")


def set_for(step: int) -> Event:
    return event(EventType.TIMER_CREATED, step, FireAt=T1)


def fired(step: int) -> Event:
    return event(EventType.TIMER_FIRED, TimerId=step, FireAt=T1)


def raised(name: str) -> Event:
    return event(EventType.EVENT_RAISED, Name=name, Input="1")


def allow(kind: str, name: str) -> None:
    if name == "unknown":
        raise Refused(f"no {kind} {name}")


def replay(actions: list[Action], *come: Event) -> Replay:
    done = Replay(actions, "run", ("own-id", None), allow)
    begin = [event(EventType.ORCHESTRATOR_STARTED), event(EventType.EXECUTION_STARTED)]
    done.run([happened(each, T0) for each in (*begin, *come)])
    return done


def new(done: Replay) -> list[tuple[int, str]]:
    return [(decision.id, decision.name or str(decision.kind)) for decision in done.decisions]


def test_an_action_is_taken_once_the_one_before_is_done() -> None:
    actions = [activity("a"), activity("b")]
    assert new(replay(actions)) == [(0, "a")]
    assert new(replay(actions, scheduled(0, "a"))) == []
    done = replay(actions, scheduled(0, "a"), completed(0))
    assert new(done) == [(1, "b")]
    assert not done.finished
    done = replay(actions, scheduled(0, "A"), failed(0), scheduled(1, "b"), completed(1))
    assert done.finished
    assert done.open == []


def test_external_events_take_no_step() -> None:
    done = replay([wait("x"), signal("op"), timer()], raised("X"))
    assert new(done) == [(0, "op"), (1, "timer")]


def test_all_are_waited_for_in_spite_of_a_failure() -> None:
    actions = [both(activity("a"), activity("b")), activity("c")]
    past = [scheduled(0, "a"), scheduled(1, "b"), failed(0)]
    assert new(replay(actions, *past)) == []
    assert new(replay(actions, *past, completed(1))) == [(2, "c")]


def test_one_of_several_is_enough_but_the_other_stays_open() -> None:
    actions = [either(activity("a"), timer()), activity("b")]
    past = [scheduled(0, "a"), set_for(1), completed(0), scheduled(2, "b"), completed(2)]
    done = replay(actions, *past)
    assert done.finished
    assert [decision.kind for decision in done.open] == [Kind.TIMER]
    assert replay(actions, *past, fired(1)).open == []


def test_a_cancelled_timer_is_neither_open_nor_waited_for() -> None:
    actions = [either(activity("a"), timer(cancelled=True)), activity("b")]
    done = replay(actions, scheduled(0, "a"), set_for(1), completed(0))
    assert new(done) == [(2, "b")]
    assert [decision.name for decision in done.open] == ["b"]


def test_a_retry_takes_a_timer_after_each_failure_and_one_after_the_last() -> None:
    actions = [retried("a", 2), activity("b")]
    past = [scheduled(0, "a"), failed(0)]
    pause = replay(actions, *past).decisions
    assert [(each.id, each.kind, each.fire_at) for each in pause] == [
        (1, Kind.TIMER, "2026-03-01T12:00:05+00:00")
    ]
    past += [set_for(1), fired(1), scheduled(2, "a"), failed(2)]
    dummy = replay(actions, *past).decisions
    assert [(each.id, each.kind, each.fire_at) for each in dummy] == [
        (3, Kind.TIMER, "2026-03-01T12:00:00+00:00")
    ]
    past += [set_for(3), fired(3)]
    assert new(replay(actions, *past)) == [(4, "b")]


def test_the_newest_waiter_hears_an_event_first() -> None:
    actions = [either(wait("x"), timer()), either(wait("x"), timer()), activity("a")]
    past = [set_for(0), fired(0), set_for(1), raised("x")]
    done = replay(actions, *past)
    assert new(done) == [(2, "a")]


def test_events_nobody_waits_for_are_kept_in_order_of_need() -> None:
    actions = [activity("a"), wait("x"), wait("x"), activity("b")]
    past = [raised("x"), scheduled(0, "a"), completed(0)]
    assert new(replay(actions, *past)) == []
    assert new(replay(actions, *past, raised("x"))) == [(1, "b")]


def test_events_after_continue_as_new_are_for_the_next_run() -> None:
    past = [raised("early"), scheduled(0, "a"), completed(0), raised("late")]
    done = replay([activity("a"), CONTINUE], *past)
    assert done.finished
    assert done.continued == CONTINUE
    assert [each["Name"] for each in done.carried] == ["late"]


def test_a_child_without_an_id_is_named_after_the_run_and_the_step() -> None:
    (first,) = replay([child("c")]).decisions
    assert first.instance_id == "run:0"
    (named,) = replay([child("c", "given")]).decisions
    assert named.instance_id == "given"


def test_an_entity_call_waits_for_its_own_answer() -> None:
    call = {**signal("op"), "actionType": ActionType.CALL_ENTITY}
    (asked,) = replay([call]).decisions
    sent = event(EventType.EVENT_SENT, 0, Name="op", InstanceId="@e@k")
    assert not replay([call], sent, raised("another")).finished
    assert replay([call], sent, raised(asked.request_id)).finished


def test_a_delayed_signal_keeps_its_time() -> None:
    delayed = {**signal("op"), "actionType": 10, "fireAt": T1}
    done = replay([delayed])
    assert done.finished
    assert [each.fire_at for each in done.decisions] == [T1]


@pytest.mark.parametrize(
    ("actions", "recorded", "told"),
    [
        ([activity("a")], scheduled(0, "b"), "the activity 'b' .* the activity 'a'"),
        ([timer()], scheduled(0, "b"), "the activity 'b' .* a timer"),
        ([activity("a")], set_for(0), "a timer .* the activity 'a'"),
        ([child("a")], scheduled(0, "a"), "the activity 'a' .* the sub-orchestration 'a'"),
        ([activity("a")], scheduled(1, "a"), "at step 1 .* the activity 'a' .* nothing"),
        (
            [child("c", "x")],
            event(EventType.SUB_ORCHESTRATION_CREATED, 0, Name="d", InstanceId="x"),
            "the sub-orchestration 'd' .* the sub-orchestration 'c'",
        ),
        (
            [signal("op")],
            event(EventType.EVENT_SENT, 0, Name="other"),
            "the entity message 'other' .* the entity message 'op'",
        ),
    ],
)
def test_what_differs_from_history_is_told(
    actions: list[Action], recorded: Event, told: str
) -> None:
    with pytest.raises(NonDeterministic, match=f"^Non-Deterministic workflow detected: .*{told}"):
        replay(actions, recorded)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (activity("unknown"), "no activity unknown"),
        (child("unknown"), "no orchestrator unknown"),
        ({**signal("op"), "instanceId": "@unknown@k"}, "no entity unknown"),
        (child("c", "OWN-id"), "the instance id of its parent, 'OWN-id'"),
        (child("c", "@e@k"), "must not start with @: '@e@k'"),
        ({"actionType": ActionType.CALL_HTTP}, "call_http is not supported"),
        ({"actionType": 99}, "unknown type 99"),
    ],
)
def test_what_the_host_cannot_do_is_refused(action: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused, match=told):
        replay([action])
