"""Weigh many parcels at once and add up the answers."""

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def weigh_all(context):
    count = context.get_input()
    parcels = [context.call_activity("weigh", parcel) for parcel in range(count)]
    weights = yield context.task_all(parcels)
    return sum(weights)


@app.orchestration_trigger(context_name="context")
def weigh_in_spite(context):
    """Caught in the SDK at the first failure; the host waits for all the others."""
    try:
        yield context.task_all([context.call_activity("weigh", n) for n in (1, -1, 2)])
    except Exception as error:
        return str(error).split("\n")[0].strip()


@app.activity_trigger(input_name="parcel")
def weigh(parcel: int) -> int:
    if parcel < 0:
        raise ValueError(f"no parcel weighs {parcel}")
    return parcel
