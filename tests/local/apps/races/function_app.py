"""Races between work and time, with the loser called off as it should be."""

from datetime import timedelta

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def race(context):
    work = context.call_activity("work", None)
    limit = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    winner = yield context.task_any([work, limit])
    if winner is work:
        limit.cancel()
    note = yield context.call_activity("work", None)
    return ["work" if winner is work else "limit", note]


@app.orchestration_trigger(context_name="context")
def long_wait(context):
    """A month is longer than a timer may last: it goes in steps."""
    yield context.create_timer(context.current_utc_datetime + timedelta(days=30))
    return context.current_utc_datetime.isoformat()


@app.activity_trigger(input_name="nothing")
def work(nothing: None) -> str:
    return "done"
