"""An activity and a sub-orchestration that need several attempts, or never succeed."""

import azure.durable_functions as df

app = df.DFApp()
attempts: dict[str, int] = {}


def try_again(name: str, failures: int) -> str:
    attempts[name] = attempts.get(name, 0) + 1
    if attempts[name] <= failures:
        raise ConnectionError(f"attempt {attempts[name]} of {name}")
    return f"{name} took {attempts[name]}"


@app.orchestration_trigger(context_name="context")
def insist(context):
    asked = context.get_input()
    options = df.RetryOptions(first_retry_interval_in_milliseconds=60_000, max_number_of_attempts=3)
    try:
        answer = yield context.call_activity_with_retry("dial", options, asked)
    except Exception as error:
        answer = str(error).split("\n")[0].strip()
    after = yield context.call_activity("dial", {"name": f"after {asked['name']}", "failures": 0})
    return [answer, after]


@app.orchestration_trigger(context_name="context")
def insist_on_a_child(context):
    asked = context.get_input()
    options = df.RetryOptions(first_retry_interval_in_milliseconds=60_000, max_number_of_attempts=3)
    return (yield context.call_sub_orchestrator_with_retry("dial_once", options, asked))


@app.orchestration_trigger(context_name="context")
def dial_once(context):
    return (yield context.call_activity("dial", context.get_input()))


@app.activity_trigger(input_name="asked")
def dial(asked: dict) -> str:
    return try_again(asked["name"], asked["failures"])
