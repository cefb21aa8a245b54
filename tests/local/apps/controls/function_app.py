"""A long job that people hold, let go, and end."""

from datetime import timedelta

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def long_job(context):
    first = yield context.wait_for_external_event("first")
    context.set_custom_status({"heard": first})
    second = yield context.wait_for_external_event("second")
    yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    return [first, second]


@app.orchestration_trigger(context_name="context")
def parent_of_a_job(context):
    try:
        return (yield context.call_sub_orchestrator("long_job", None, "the-job"))
    except Exception as error:
        return f"child: {error}"


@app.orchestration_trigger(context_name="context")
def fragile(context):
    """Fails until somebody has repaired what it needs."""
    yield context.call_activity("prepare", None)
    return (yield context.call_sub_orchestrator("fragile_child", None, "the-fragile-child"))


@app.orchestration_trigger(context_name="context")
def fragile_child(context):
    return (yield context.call_activity("use", None))


repaired: list[str] = []
prepared: list[str] = []


@app.activity_trigger(input_name="nothing")
def prepare(nothing: None) -> None:
    prepared.append("once")


@app.activity_trigger(input_name="nothing")
def use(nothing: None) -> str:
    if not repaired:
        raise OSError("it is broken")
    return "it works"
