"""One instance of everything, small enough to be killed in the middle of any of it."""

import os
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df

app = df.DFApp()
KINDS = ["chain", "fan", "tree", "timers", "tally", "hear", "eternal", "stumble"]


def chain(context, n):
    for _ in range(4):
        n = yield context.call_activity("add_one", n)
    return n


def fan(context, n):
    parts = yield context.task_all([context.call_activity("add_one", n) for _ in range(6)])
    return sum(parts)


def tree(context, n):
    ask = {"kind": "chain", "n": n}
    given = context.call_sub_orchestrator("mixed", ask, f"{context.instance_id}.child")
    generated = context.call_sub_orchestrator("mixed", ask)
    return sum((yield context.task_all([given, generated])))


def timers(context, n):
    for _ in range(3):
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=30))
        n = yield context.call_activity("add_one", n)
    return n


def tally(context, n):
    entity = df.EntityId("Tally", str(n))
    context.signal_entity(entity, "add", 1)
    for amount in (2, 3):
        total = yield context.call_entity(entity, "add", amount)
    return total


def hear(context, n):
    first = yield context.wait_for_external_event("first")
    second = yield context.wait_for_external_event("second")
    return n + first + second


def eternal(context, n):
    n = yield context.call_activity("add_one", n)
    if n % 4:
        context.continue_as_new({"kind": "eternal", "n": n})
    return n


def stumble(context, n):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=20, max_number_of_attempts=3)
    return (yield context.call_activity_with_retry("stumble_once", options, n))


@app.orchestration_trigger(context_name="context")
def mixed(context):
    ask = context.get_input()
    result = yield from globals()[ask["kind"]](context, ask["n"])
    return result


@app.activity_trigger(input_name="n")
def add_one(n: int) -> int:
    return n + 1


@app.activity_trigger(input_name="n")
def stumble_once(n: int) -> int:
    marker = Path(os.environ["STRESS_FOLDER"]) / f"stumbled-{n}"
    if not marker.exists():
        marker.touch()
        raise ConnectionError("stumbled")
    return n


@app.entity_trigger(context_name="context", entity_name="Tally")
def Tally(context):
    total = context.get_state(lambda: 0) + context.get_input()
    context.set_state(total)
    context.set_result(total)
