"""A tour visits cities, each an orchestration of its own, under a given or a generated id."""

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def tour(context):
    visits = [
        context.call_sub_orchestrator("visit", city, f"{context.instance_id}:{city}")
        for city in context.get_input()
    ]
    seen = yield context.task_all(visits)
    last = yield context.call_sub_orchestrator("visit", "Home")
    return [*seen, last]


@app.orchestration_trigger(context_name="context")
def tour_with_accident(context):
    try:
        yield context.call_sub_orchestrator("visit", "Atlantis", "atlantis")
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def tour_of_one_again(context):
    """Uses a child's id again, once the first child has ended."""
    first = yield context.call_sub_orchestrator("visit", "Rome", "the-child")
    second = yield context.call_sub_orchestrator("visit", "Oslo", "the-child")
    return [first, second]


@app.orchestration_trigger(context_name="context")
def tour_of_itself(context):
    yield context.call_sub_orchestrator("visit", "Rome", context.instance_id)


@app.orchestration_trigger(context_name="context")
def visit(context):
    city = context.get_input()
    photo = yield context.call_activity("photograph", city)
    return {"photo": photo, "parent": context.parent_instance_id}


@app.activity_trigger(input_name="city")
def photograph(city: str) -> str:
    if city == "Atlantis":
        raise LookupError("it has sunk")
    return f"photo of {city}"
