from __future__ import annotations

import asyncio
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.durable_functions.models.utils import http_utils

from local.clock import VirtualClock
from local.host.admin import Admin
from local.host.app import Function, load_app
from local.host.durable_api import DurableApi
from local.host.durable_client import DurableUrls
from local.host.engine import DurableEngine
from local.host.front import Front
from local.host.host import Host
from local.host.invoke import Activity, Invoker
from local.host.pace import Pace
from local.host.server import HttpServer, PortTaken
from local.host.timers import Timers
from tests.local.host.front import APPS, NOON, running


class Triggered:
    """Stands for the app: remembers what fires, and ends it when told."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.runs: list[Future[Any]] = []

    def begin(self, function: Function, value: Any) -> Future[Any]:
        self.requests.append(value)
        self.runs.append(Future())
        return self.runs[-1]


def every_minute() -> Function:
    trigger = {"type": "timerTrigger", "name": "timer", "schedule": "0 * * * * *"}
    return Function("tick", trigger, (), print, is_async=False)


def test_a_trigger_does_not_fire_while_its_function_still_runs() -> None:
    clock, app = VirtualClock(NOON), Triggered()
    timers = Timers([every_minute()], clock, app.begin)

    clock.advance(NOON + timedelta(minutes=1))
    assert timers.fire_due()
    clock.advance(NOON + timedelta(minutes=2))
    assert not timers.fire_due()
    app.runs[0].set_result(None)
    assert timers.fire_due()

    assert len(app.runs) == 2


def test_a_trigger_that_comes_late_fires_once_and_says_so() -> None:
    clock, app = VirtualClock(NOON), Triggered()
    timers = Timers([every_minute()], clock, app.begin)

    clock.advance(NOON + timedelta(minutes=1))
    timers.fire_due()
    app.runs[0].set_result(None)
    clock.advance(NOON + timedelta(minutes=5, seconds=30))
    timers.fire_due()

    assert [request.past_due for request in app.requests] == [False, True]
    assert app.requests[1].schedule_status["Last"] == "2026-11-22T12:01:00+00:00"
    assert app.requests[1].schedule_status["Next"] == "2026-11-22T12:06:00+00:00"
    assert timers.next_due() == NOON + timedelta(minutes=6)


class Crossing(DurableEngine):
    """An engine that a request comes and goes by at the very moment it is asked for its state."""

    crossed: Activity | None = None

    def busy(self) -> bool:
        busy = super().busy()
        if self.crossed is not None:
            self.crossed.begin()
            self.crossed.end()
        return busy


def test_a_host_is_not_idle_if_something_passed_by_while_it_looked(tmp_path: Path) -> None:
    app = load_app(APPS / "http_starter")
    clock, activity = VirtualClock(NOON), Activity()
    engine = Crossing(app, tmp_path / "db", clock)
    pace = Pace(clock, engine, Timers([], clock, Triggered().begin), activity, auto_advance=False)
    try:
        assert pace.idle()
        engine.crossed = activity
        assert not pace.idle()
    finally:
        engine.stop()
        app.close()


def test_the_sdks_own_endpoint_answers_this_machine_alone(tmp_path: Path) -> None:
    app = load_app(APPS / "http_starter")
    clock, activity = VirtualClock(NOON), Activity()
    urls = DurableUrls("http://here", "hub")
    invoker = Invoker(app, urls, activity)
    engine = DurableEngine(app, tmp_path / "db", clock)
    admin = Admin(app, engine, invoker.begin)
    front = Front(app.functions, "api", invoker, DurableApi(engine, urls, clock), admin, activity)

    async def asked_from(address: str) -> int:
        transport = httpx.ASGITransport(front, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.get("/durabletask/instances/")).status_code

    try:
        assert asyncio.run(asked_from("127.0.0.1")) == 200
        assert asyncio.run(asked_from("10.0.0.9")) == 404
    finally:
        front.close()
        engine.stop()
        app.close()


def test_one_host_after_another_uses_no_connection_of_the_first(tmp_path: Path) -> None:
    async def contend() -> None:
        """Two at once take the lock of the SDK's session, which ties it to the loop."""

        async def take() -> None:
            async with http_utils._session_lock:
                await asyncio.sleep(0)

        await asyncio.gather(take(), take())

    contending = Function("contend", {}, (), contend, is_async=True)
    for name in ("first", "second"):
        with running("http_starter", tmp_path / name) as (host, client):
            host.app.submit(contending, {}).result()
            assert client.post("/api/start/greet", json="Ada").status_code == 202


def test_a_port_is_taken_from_the_first_moment_on() -> None:
    first = HttpServer()
    try:
        with pytest.raises(PortTaken, match=f"port {first.port} on 127.0.0.1 cannot be had"):
            HttpServer(first.port)
    finally:
        first.stop()


_ALL_BINDINGS = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def both(context):
    first = yield context.call_activity("named", "hello ")
    second = yield context.call_activity("linked", "hello ")
    return [first, second]


@app.activity_trigger(input_name="payload")
def named(payload: str, context: func.Context) -> str:
    return payload + context.function_name


@app.activity_trigger(input_name="payload")
@app.durable_client_input(client_name="client")
async def linked(payload: str, client) -> str:
    return payload + type(client).__name__
"""


def test_an_activity_gets_its_context_and_its_other_bindings(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text(_ALL_BINDINGS)
    with Host(tmp_path, tmp_path / "host.db", VirtualClock(NOON)) as host:
        instance_id = host.engine.start_new("both", None)
        host.settle()
        output = host.engine.status(instance_id).output
    assert output == ["hello named", "hello DurableOrchestrationClient"]
