"""Look at the weather every ten minutes until it clears, or until the afternoon is over."""

from datetime import timedelta

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def watch(context):
    over = context.current_utc_datetime + timedelta(hours=4)
    looks = 0
    while context.current_utc_datetime < over:
        looks += 1
        sky = yield context.call_activity("look", {"place": context.get_input(), "look": looks})
        if sky == "clear":
            return {"looks": looks, "at": context.current_utc_datetime.isoformat()}
        yield context.create_timer(context.current_utc_datetime + timedelta(minutes=10))
    return {"looks": looks, "at": None}


@app.activity_trigger(input_name="request")
def look(request: dict) -> str:
    if request["place"] == "Bergen":
        return "rain"
    return "clear" if request["look"] == 6 else "clouds"
