"""A Functions host on one machine: the app, the durable engine, and the front, put together."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from local.clock import Clock
from local.host import front
from local.host.admin import Admin
from local.host.app import LoadedApp, load_app
from local.host.auth import Keys
from local.host.contract import Engine
from local.host.durable_api import DurableApi
from local.host.durable_client import (
    DurableUrls,
    default_version_of,
    end_client_session,
    task_hub_of,
)
from local.host.engine import DurableEngine
from local.host.invoke import Activity, Invoker
from local.host.pace import Pace
from local.host.server import HttpServer
from local.host.settings import LentEnvironment, is_disabled, settings_of
from local.host.timers import Timers

_SERVED = {
    "httpTrigger", "http", "eventGridTrigger", "timerTrigger", "durableClient",
    "orchestrationTrigger", "activityTrigger", "entityTrigger",
}  # fmt: skip

_log = logging.getLogger(__name__)


class Host:
    """Runs the app in one folder; what its orchestrations remember is in one file.

    A process runs one host at a time: app modules, settings and the SDK's connections belong to
    the process, as they belong to the worker in Azure.

    ``settings`` outrank the environment, which outranks ``local.settings.json``; all of them leave
    the environment again when the host stops. With ``auto_advance`` a virtual clock jumps to the
    next durable timer whenever nothing is running; else `run_until` moves it. A request in hand
    holds virtual time: a function that waits for an orchestration's timer waits in vain.
    """

    def __init__(
        self,
        app_dir: Path,
        db: Path,
        clock: Clock,
        port: int = 0,
        auth: bool = False,
        settings: Mapping[str, str] | None = None,
        auto_advance: bool = False,
        body_limit: int = front.BODY_LIMIT,
    ) -> None:
        self.app_dir = app_dir
        self.db = db
        self.clock = clock
        self._wanted_port = port
        self._auth = auth
        self._settings = dict(settings or {})
        self._auto_advance = auto_advance
        self._body_limit = body_limit
        self._environment = LentEnvironment()
        self._undo: list[Callable[[], None]] = []
        self._parts: _Parts | None = None

    def __enter__(self) -> Host:
        """Start the host."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the host."""
        self.stop()

    def start(self) -> None:
        """Load the app and serve it; where that fails, raise the reason and leave nothing behind."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop serving; unfinished orchestrations go on at the next start on the same file."""
        while self._undo:
            self._undo.pop()()
        self._parts = None

    @property
    def url(self) -> str:
        """Return where the host answers, as in ``http://127.0.0.1:7071``."""
        return self._running.server.url

    @property
    def app(self) -> LoadedApp:
        """Return the loaded app."""
        return self._running.app

    @property
    def engine(self) -> Engine:
        """Return the durable engine."""
        return self._running.engine

    @property
    def keys_file(self) -> Path:
        """Return where the access keys are kept when they are asked for."""
        return self.db.with_name(self.db.name + ".keys.json")

    def idle(self) -> bool:
        """Say whether nothing is in hand, running or ready at the present story time."""
        return self._running.pace.idle()

    def settle(self, limit_wall_seconds: float = 30.0) -> None:
        """Wait until nothing runs and nothing is ready at the present story time."""
        self._running.pace.settle(limit_wall_seconds)

    def run_until(
        self,
        condition: Callable[[], bool],
        limit: timedelta = timedelta(days=30),
        limit_wall_seconds: float = 30.0,
    ) -> None:
        """Let virtual time jump from one due thing to the next until the condition holds.

        Raises StoryStuck when nothing is due any more or ``limit`` of story time has gone by.
        """
        self._running.pace.run_until(condition, limit, limit_wall_seconds)

    def describe(self) -> list[str]:
        """Return a line for each function of the app."""
        app = self._running.app
        return front.describe(app.functions, front.route_prefix(app.host_json))

    @property
    def _running(self) -> _Parts:
        if self._parts is None:
            raise RuntimeError("the host is not running: call start() first")
        return self._parts

    def _start(self) -> None:
        server = HttpServer(self._wanted_port)
        self._undo.append(server.stop)
        self._lend_settings(server.port)
        app = load_app(self.app_dir)
        self._undo.append(lambda: _close_app(app))
        _warn_of_what_is_not_served(app)
        keys = Keys.keep(self.keys_file, app.functions) if self._auth else None
        urls = DurableUrls(
            server.url,
            task_hub_of(app.host_json),
            key=keys.system["durabletask_extension"] if keys else None,
        )
        activity = Activity()
        invoker = Invoker(app, urls, activity)
        self.db.parent.mkdir(parents=True, exist_ok=True)
        engine = DurableEngine(
            app, self.db, self.clock, default_version=default_version_of(app.host_json)
        )
        self._undo.append(engine.stop)
        enabled = [f for f in app.functions.values() if not is_disabled(f.name, os.environ)]
        timers = Timers(enabled, self.clock, invoker.begin)
        pace = Pace(self.clock, engine, timers, activity, self._auto_advance)
        answers = front.Front(
            app.functions,
            front.route_prefix(app.host_json),
            invoker,
            DurableApi(engine, urls, self.clock),
            Admin(app, engine, invoker.begin),
            activity,
            keys,
            self._body_limit,
        )
        self._undo.append(answers.close)
        engine.start()
        server.start(answers)
        self._undo.append(server.stop)
        pace.start()
        self._undo.append(pace.stop)
        self._parts = _Parts(server, app, engine, pace)

    def _lend_settings(self, port: int) -> None:
        self._undo.append(self._environment.take_back)
        self._environment.lend(
            {
                "FUNCTIONS_WORKER_RUNTIME": "python",
                "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
                "WEBSITE_HOSTNAME": f"127.0.0.1:{port}",
                "AzureWebJobsScriptRoot": str(self.app_dir.resolve()),
            }
        )
        self._environment.lend(settings_of(self.app_dir))
        self._environment.lend(self._settings)


class _Parts:
    def __init__(self, server: HttpServer, app: LoadedApp, engine: Engine, pace: Pace) -> None:
        self.server = server
        self.app = app
        self.engine = engine
        self.pace = pace


def _close_app(app: LoadedApp) -> None:
    end_client_session(app)
    app.close()


def _warn_of_what_is_not_served(app: LoadedApp) -> None:
    for function in app.functions.values():
        for binding in (function.trigger, *function.bindings):
            unserved_output = binding.get("direction") == "OUT" and binding["name"] != "$return"
            if binding["type"] not in _SERVED or unserved_output:
                _log.warning(
                    "function %s: this host does not serve %s", function.name, binding["type"]
                )
