"""Counters that many may move, and an orchestration that asks one."""

import azure.durable_functions as df

app = df.DFApp()


@app.entity_trigger(context_name="context")
def Counter(context):
    count = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            count += context.get_input()
            context.set_state(count)
            context.set_result(count)
        case "get":
            context.set_result(count)
        case "break":
            raise RuntimeError(f"{context.entity_name} {context.entity_key} broke at {count}")
        case "remove":
            context.destruct_on_exit()


@app.orchestration_trigger(context_name="context")
def move(context):
    counter = df.EntityId("Counter", context.get_input())
    context.signal_entity(counter, "add", 5)
    first = yield context.call_entity(counter, "add", 10)
    calls = [context.call_entity(counter, "add", 1) for _ in range(3)]
    rest = yield context.task_all(calls)
    last = yield context.call_entity(counter, "get")
    return [first, *rest, last]


@app.orchestration_trigger(context_name="context")
def provoke(context):
    counter = df.EntityId("Counter", "fragile")
    try:
        yield context.call_entity(counter, "break")
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def call_nobody(context):
    yield context.call_entity(df.EntityId("Nobody", "x"), "get")
