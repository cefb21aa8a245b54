"""Steps one after another, each fed with the answer of the one before."""

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def bake(context):
    dough = yield context.call_activity("knead", "rye")
    loaf = yield context.call_activity("heat", dough)
    return (yield context.call_activity("cool", loaf))


@app.activity_trigger(input_name="flour")
def knead(flour: str) -> str:
    return f"{flour} dough"


@app.activity_trigger(input_name="dough")
async def heat(dough: str) -> str:
    return f"hot {dough}"


@app.activity_trigger(input_name="loaf")
def cool(loaf: str) -> dict:
    return {"bread": loaf.removeprefix("hot ")}
