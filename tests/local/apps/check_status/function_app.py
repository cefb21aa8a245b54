"""Start by HTTP and answer with the result, or with the addresses to ask for it."""

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="sum/{patience}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def begin(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance_id = await client.start_new("add_up", client_input=req.get_json())
    milliseconds = int(req.route_params["patience"])
    return await client.wait_for_completion_or_create_check_status_response(
        req, instance_id, milliseconds, 100
    )


@app.orchestration_trigger(context_name="context")
def add_up(context):
    numbers = context.get_input()
    if not numbers:
        numbers = yield context.wait_for_external_event("numbers")
    return (yield context.call_activity("add", numbers))


@app.activity_trigger(input_name="numbers")
def add(numbers: list) -> int:
    return sum(numbers)
