"""Event Grid and timer triggers; what reached them is kept in a list that a route shows."""

from __future__ import annotations

import json
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
seen: list[dict] = []


@app.event_grid_trigger(arg_name="event")
@app.durable_client_input(client_name="client")
async def hear(event: func.EventGridEvent, client: df.DurableOrchestrationClient) -> None:
    if isinstance(event, func.CloudEvent):
        fact = {"cloud": event.id, "type": event.type, "source": event.source}
    else:
        fact = {"event": event.id, "type": event.event_type, "subject": event.subject}
    fact["data"] = event.get_json()
    fact["at"] = (event.time if "cloud" in fact else event.event_time).isoformat()
    if fact["type"] == "poison":
        raise ValueError("a poisonous event")
    seen.append(fact)
    await client.signal_entity(df.EntityId("region", "eastus"), "note", fact["type"])


@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def every_hour(timer: func.TimerRequest) -> None:
    seen.append({"timer": "every_hour", "past_due": timer.past_due})


@app.timer_trigger(arg_name="timer", schedule="%DRILL_SCHEDULE%", run_on_startup=True)
@app.durable_client_input(client_name="client")
async def drill(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    seen.append({"timer": "drill", "last": timer.schedule_status.get("Last")})
    if not await client.get_status("soak"):
        await client.start_new("soak", instance_id="soak")


@app.route(route="seen")
def show(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route(route="forget", methods=["POST"])
def forget(req: func.HttpRequest) -> func.HttpResponse:
    seen.clear()
    return func.HttpResponse(status_code=204)


@app.orchestration_trigger(context_name="context")
def soak(context: df.DurableOrchestrationContext):
    yield context.create_timer(context.current_utc_datetime + timedelta(hours=2, minutes=30))
    return "soaked"


@app.entity_trigger(context_name="context")
def region(context: df.DurableEntityContext):
    notes = context.get_state(list)
    notes.append(context.get_input())
    context.set_state(notes)
