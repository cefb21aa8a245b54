"""Today's runbooks replay yesterday's histories, turn by turn: the same kinds, the same names, the same order.

The SDK itself would not notice: it matches completions by number alone, and goes on with another activity's answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from activities.recovery import Recovery
from local.host.history import EventType
from local.host.sdk import hush_notices, remember_timestamps
from orchestrators.durable import Context, Steps, call
from orchestrators.watch import Watch
from tests.orchestrators.playbill import RUNBOOKS
from tests.orchestrators.stage import raised
from tests.replay.record import GOLDEN
from tests.replay.stories import STORIES

Event = dict[str, Any]
Step = tuple[str, str]
RECORDED = {
    EventType.TASK_SCHEDULED: "activity",
    EventType.SUB_ORCHESTRATION_CREATED: "child",
    EventType.TIMER_CREATED: "timer",
    EventType.EVENT_SENT: "entity",
}
CALL_ACTIVITY, CALL_CHILD, CONTINUE_AS_NEW, TIMER, WAIT, ENTITY = 0, 2, 4, 5, 6, 7
ANY, ALL = 11, 12
DECIDED_IN_A_TURN = {*RECORDED, EventType.EXECUTION_COMPLETED, EventType.ORCHESTRATOR_COMPLETED}


class Diverged(Exception):
    """A runbook does not do what it did when its history was written."""


def stories() -> list[Any]:
    """Return every instance of every golden story."""
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        for instance in json.loads(path.read_text(encoding="utf-8"))["instances"]:
            found.append(pytest.param(instance, id=f"{path.stem}-{instance['instance']}"))
    return found


def replayed(instance: dict[str, Any], runbooks: Any = RUNBOOKS) -> int:
    """Replay every prefix that was ever replayed; raises Diverged at the first difference."""
    turns = list(turns_of(instance["history"]))
    past: list[Event] = []
    expected: list[Step] = []
    for number, turn in enumerate(turns, start=1):
        came = [event for event in turn if event["EventType"] not in DECIDED_IN_A_TURN]
        state = ask(instance, runbooks, past, came)
        expected += [recorded(event) for event in turn if event["EventType"] in RECORDED]
        asked = [step for action in state["actions"] for step in flat(action)]
        if asked != expected:
            where = next(
                (
                    i
                    for i, pair in enumerate(zip(asked, expected, strict=False))
                    if pair[0] != pair[1]
                ),
                min(len(asked), len(expected)),
            )
            raise Diverged(
                f"{instance['instance']} ({instance['runbook']}), turn {number}, step {where + 1}: history has "
                f"{expected[where : where + 1] or 'nothing'}, now it asks for {asked[where : where + 1] or 'nothing'}"
            )
        ended = any(event["EventType"] == EventType.EXECUTION_COMPLETED for event in turn)
        if ended is not bool(state["isDone"]):
            raise Diverged(f"{instance['instance']} no longer ends where it did")
        past += turn
    return len(turns)


def turns_of(history: list[Event]) -> Iterator[list[Event]]:
    """Yield the events of each turn: what came, and what was decided upon it."""
    turn: list[Event] = []
    for event in history:
        turn.append(event)
        if event["EventType"] == EventType.ORCHESTRATOR_COMPLETED:
            yield turn
            turn = []
    assert not turn, "a history ends with a turn"


def ask(instance: dict[str, Any], runbooks: Any, past: list[Event], came: list[Event]) -> Any:
    """Ask the SDK for a turn, as the Durable extension does."""
    begun = next(e for e in [*past, *came] if e["EventType"] == EventType.EXECUTION_STARTED)
    context = {
        "history": [{**e, "IsPlayed": True} for e in past]
        + [{**e, "IsPlayed": False} for e in came],
        "input": json.loads(begun["Input"]),
        "instanceId": instance["instance"],
        "isReplaying": bool(past),
        "parentInstanceId": None,
        "upperSchemaVersion": 2,
        "maximumShortTimerDuration": "6.00:00:00",
        "longRunningTimerIntervalDuration": "3.00:00:00",
    }
    function = functions(runbooks)[instance["runbook"]]
    state = json.loads(function(func.OrchestrationContext(json.dumps(context))))
    return {**state, "actions": [action for group in state["actions"] for action in group]}


@cache
def functions(runbooks: Any) -> dict[str | None, Any]:
    """Return the runbooks as the SDK runs them."""
    hush_notices()
    remember_timestamps()
    app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for runbook in runbooks:
        app.orchestration_trigger(context_name="context")(runbook)
    return {f.get_function_name(): f.get_user_function() for f in app.get_functions()}


def recorded(event: Event) -> Step:
    kind = RECORDED[event["EventType"]]
    return kind, "" if kind == "timer" else f"{event['Name']} {event.get('InstanceId', '')}".strip()


def flat(action: Any) -> Iterator[Step]:
    """Yield what an action schedules, in order; a wait for an event schedules nothing."""
    match action["actionType"]:
        case kind if kind in (ANY, ALL):
            for inner in action["compoundActions"]:
                yield from flat(inner)
        case kind if kind == CALL_ACTIVITY:
            yield "activity", action["functionName"]
        case kind if kind == CALL_CHILD:
            yield "child", f"{action['functionName']} {action['instanceId']}"
        case kind if kind == TIMER:
            yield "timer", ""
        case kind if kind == ENTITY:
            yield "entity", f"{action['operation']} {action['instanceId']}"
        case kind:
            assert kind in (WAIT, CONTINUE_AS_NEW), f"an action of kind {kind} is new here"


def test_there_is_a_golden_history_of_every_story() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == {s.__name__ for s in STORIES}
    size = sum(path.stat().st_size for path in GOLDEN.glob("*.json"))
    assert size < 600_000, f"{size} bytes of golden histories"


@pytest.mark.parametrize("instance", stories())
def test_todays_runbooks_replay_every_prefix_of_a_golden_history(instance: dict[str, Any]) -> None:
    assert replayed(instance) > 0


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_stories_still_end_as_they_did(story: Any, tmp_path: Any) -> None:
    with raised(tmp_path) as stage:
        assert story(stage) is STORIES[story]


def test_a_runbook_that_was_changed_is_found_out() -> None:
    def watch_wave(context: Context) -> Steps[None]:
        """Start once more, instead of sleeping and checking."""
        wave = Watch.model_validate(context.get_input()).wave
        yield from call(context, Recovery.start_wave, wave)

    changed = (*(r for r in RUNBOOKS if r.__name__ != "watch_wave"), watch_wave)
    instance = next(p.values[0] for p in stories() if p.values[0]["runbook"] == "watch_wave")
    with pytest.raises(
        Diverged, match=r"step 1: history has .*timer.*now it asks for .*start_wave"
    ):
        replayed(instance, changed)


def test_a_step_of_another_name_is_found_out() -> None:
    instance = next(p.values[0] for p in stories() if p.values[0]["runbook"] == "fail_over")
    spoilt = json.loads(json.dumps(instance).replace('"assess_readiness"', '"assess_something"'))
    with pytest.raises(Diverged, match="assess_something"):
        replayed(spoilt)
