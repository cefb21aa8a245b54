"""What goes wrong in Azure goes wrong here, and in the same way."""

import os
from datetime import timedelta

import azure.durable_functions as df

app = df.DFApp()
notes: list[str] = []
attempts: list[str] = []


def after(context, **span):
    return context.create_timer(context.current_utc_datetime + timedelta(**span))


@app.orchestration_trigger(context_name="context")
def old_and_new(context):
    old = after(context, hours=1)
    yield context.task_any([old, after(context, minutes=1)])
    new = after(context, hours=5)
    winner = yield context.task_any([old, new])
    yield context.call_activity("note", "old won" if winner is old else "new won")


@app.orchestration_trigger(context_name="context")
def retried_race(context):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=3)
    work = context.call_activity_with_retry("stumble", options, context.instance_id)
    limit = after(context, hours=1)
    winner = yield context.task_any([work, limit])
    if winner is work:
        limit.cancel()
    yield context.call_activity("note", "after the race")


@app.orchestration_trigger(context_name="context")
def forgotten_timer(context):
    work = context.call_activity("note", "quick")
    yield context.task_any([work, after(context, hours=3)])
    return "finished long ago"


@app.orchestration_trigger(context_name="context")
def early_event(context):
    yield after(context, minutes=1)
    first = yield context.wait_for_external_event("decision")
    second = yield context.wait_for_external_event("decision")
    return [first, second]


@app.orchestration_trigger(context_name="context")
def fickle(context):
    """Reads the environment: no orchestrator may."""
    match os.environ.get("FICKLE"):
        case "timer":
            yield after(context, hours=1)
        case "nothing":
            pass
        case other:
            yield context.call_activity(other or "note", "fickle")
    yield after(context, hours=1)
    return "never the same"


@app.orchestration_trigger(context_name="context")
def call_a_stranger(context):
    yield context.call_activity("stranger", None)


@app.orchestration_trigger(context_name="context")
def call_the_web(context):
    yield context.call_http("GET", "https://example.com")


@app.activity_trigger(input_name="text")
def note(text: str) -> str:
    notes.append(text)
    return text


@app.activity_trigger(input_name="text")
def scribble(text: str) -> str:
    return text


@app.activity_trigger(input_name="who")
def stumble(who: str) -> str:
    attempts.append(who)
    if attempts.count(who) == 1:
        raise ConnectionError("stumbled")
    return "got up"
