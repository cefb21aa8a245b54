"""Sweep every hour, each time as a new run that remembers only how often it swept."""

from datetime import timedelta

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def sweep(context):
    state = context.get_input()
    context.set_custom_status(f"sweep {state['swept'] + 1}")
    yield context.call_activity("clean", state)
    if state["swept"] + 1 == state["until"]:
        return "worn out"
    yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    context.continue_as_new({**state, "swept": state["swept"] + 1})


@app.orchestration_trigger(context_name="context")
def collect(context):
    """Takes one event a run: those that come meanwhile are kept for later runs."""
    got = context.get_input() or []
    got = [*got, (yield context.wait_for_external_event("coin"))]
    if len(got) == 3:
        return got
    yield context.call_activity("clean", None)
    context.continue_as_new(got)


@app.activity_trigger(input_name="state")
def clean(state: dict) -> str:
    return "clean"
