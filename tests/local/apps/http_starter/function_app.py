"""Starts orchestrations over HTTP, and steers them through the SDK's client."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    body = req.get_body()
    instance_id = await client.start_new(
        req.route_params["name"],
        instance_id=req.params.get("id"),
        client_input=json.loads(body) if body else None,
    )
    return client.create_check_status_response(req, instance_id)


@app.route(route="wait/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def wait(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance_id = await client.start_new(req.route_params["name"], client_input=req.get_json())
    return await client.wait_for_completion_or_create_check_status_response(
        req, instance_id, int(req.params.get("ms", "5000")), 20
    )


@app.route(route="client/{call}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def steer(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Make the call named on the client, and tell what it answered or raised."""
    given = req.get_json()
    target = given.pop("target", "")
    entity = df.EntityId("tally", target or "none")
    try:
        match req.route_params["call"]:
            case "status":
                status = await client.get_status(target, **given)
                answer = {"found": bool(status), "state": str(status.runtime_status)}
                for name in ("input_", "output", "custom_status", "history"):
                    answer[name] = getattr(status, name)
                answer["historyEvents"] = getattr(status, "historyEvents", None)
            case "status_all":
                answer = [each.instance_id for each in await client.get_status_all()]
            case "status_by":
                answer = [each.instance_id for each in await client.get_status_by(**given)]
            case "read_entity":
                read = await client.read_entity_state(entity)
                answer = {"exists": read.entity_exists, "state": read.entity_state}
            case "signal_entity":
                answer = await client.signal_entity(entity, given["operation"], given.get("input"))
            case "purge":
                answer = (await client.purge_instance_history(target)).instances_deleted
            case call:
                answer = await getattr(client, call)(target, **given)
    except Exception as error:
        return func.HttpResponse(str(error), status_code=418)
    return func.HttpResponse(json.dumps(answer), mimetype="application/json")


@app.orchestration_trigger(context_name="context")
def greet(context: df.DurableOrchestrationContext):
    greeting = yield context.call_activity("compose", context.get_input())
    return greeting


@app.orchestration_trigger(context_name="context")
def approve(context: df.DurableOrchestrationContext):
    """Wait up to three days for a decision."""
    deadline = context.current_utc_datetime + timedelta(hours=72)
    decision = context.wait_for_external_event("decision")
    expiry = context.create_timer(deadline)
    context.set_custom_status("waiting")
    first = yield context.task_any([decision, expiry])
    if first is expiry:
        return "expired"
    expiry.cancel()
    return {"decided": decision.result}


@app.orchestration_trigger(context_name="context")
def break_down(context: df.DurableOrchestrationContext):
    yield context.call_activity("fail", None)


@app.orchestration_trigger(context_name="context")
def append_lines(context: df.DurableOrchestrationContext):
    """Write numbered lines to a file, one activity each, with a pause between."""
    order = context.get_input()
    for number in range(order["lines"]):
        yield context.call_activity("append_line", {"file": order["file"], "line": number})
        pause = timedelta(milliseconds=order["pause_ms"])
        yield context.create_timer(context.current_utc_datetime + pause)
    return "written"


@app.activity_trigger(input_name="whom")
def compose(whom: str) -> str:
    return f"Hello, {whom}!"


@app.activity_trigger(input_name="nothing")
def fail(nothing: str) -> str:
    raise ValueError("it is broken")


@app.activity_trigger(input_name="order")
def append_line(order: dict) -> str:
    with Path(order["file"]).open("a") as file:
        file.write(f"{order['line']}\n")
    return "done"


@app.entity_trigger(context_name="context")
def tally(context: df.DurableEntityContext):
    count = context.get_state(lambda: 0)
    if context.operation_name == "add":
        count += context.get_input()
    elif context.operation_name == "visit":
        count += 1
    context.set_state(count)
