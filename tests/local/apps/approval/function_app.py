"""Ask a person, wait three days for the answer, and go on without it."""

from datetime import timedelta

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def publish(context):
    context.set_custom_status("asking")
    yield context.call_activity("ask", context.get_input())
    context.set_custom_status({"waiting": "approval"})
    deadline = context.create_timer(context.current_utc_datetime + timedelta(hours=72))
    answer = context.wait_for_external_event("approval")
    winner = yield context.task_any([answer, deadline])
    if winner is deadline:
        return "nobody answered"
    deadline.cancel()
    return f"answered {answer.result}"


@app.activity_trigger(input_name="draft")
def ask(draft: str) -> str:
    return f"asked about {draft}"
