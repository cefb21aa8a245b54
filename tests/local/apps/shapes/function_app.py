"""Functions of every kind, for the index, and modules beside the script."""

import logging

import azure.durable_functions as df
import azure.functions as func
import shared
from inner.pieces import DESCRIPTION

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
more = df.Blueprint()


@app.route(route="shapes/{kind:alpha}", methods=["GET", "POST"])
def get_shape(req: func.HttpRequest) -> str:
    return f"{DESCRIPTION}, {shared.OWNER}"


@app.function_name("Start")
@app.route(auth_level=func.AuthLevel.ADMIN)
@app.durable_client_input(client_name="client")
async def start_by_http(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    return type(client).__name__


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=True)
def tick(timer: func.TimerRequest) -> None:
    logging.info("tick")


@app.event_grid_trigger(arg_name="event")
def on_event(event: func.EventGridEvent) -> None:
    raise RuntimeError("no events please")


@more.orchestration_trigger(context_name="context", orchestration="Versioned")
def versioned(context):
    return context.version


@more.activity_trigger(input_name="values", activity="Total")
async def total(values: list) -> int:
    return sum(values)


@more.activity_trigger(input_name="nothing")
def give_the_unspeakable(nothing: None) -> object:
    return object()


app.register_functions(more)
