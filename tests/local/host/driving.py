"""Run a sample on the engine and move its time by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.clock import VirtualClock
from local.host.app import LoadedApp, load_app
from local.host.contract import App, Status
from local.host.engine import DurableEngine

APPS = Path(__file__).parents[1] / "apps"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDED = ("Completed", "Failed", "Terminated")


def body(value: Any) -> str:
    """Return a value as the SDK's client sends it: JSON within JSON."""
    return json.dumps(json.dumps(value))


class Driver:
    """An engine on virtual time."""

    def __init__(self, app: App, file: Path, clock: VirtualClock, **options: Any) -> None:
        self.engine = DurableEngine(app, file, clock, **options)
        self.clock = clock

    def start(self, name: str, value: Any = None, instance_id: str | None = None) -> str:
        return self.engine.start_new(name, body(value), instance_id)

    def tell(self, instance_id: str, event: str, value: Any) -> None:
        self.engine.raise_event(instance_id, event, json.dumps(value))

    def settle(self) -> None:
        """Wait until nothing can happen at the present time."""
        assert self.engine.wait_idle(20), "the engine is still busy after 20 s"
        assert not self.engine.busy()

    def jump(self) -> timedelta:
        """Move time to the next timer, let happen what then happens, and say how far it was."""
        self.settle()
        due = self.engine.next_due()
        assert due is not None, "nothing is due"
        before = self.clock.now()
        self.clock.advance(due)
        self.engine.wake()
        self.settle()
        return self.clock.now() - before

    def status(self, instance_id: str, with_history: bool = False) -> Status:
        return self.engine.status(instance_id, with_history)

    def state(self, instance_id: str) -> str:
        self.settle()
        return self.status(instance_id).runtime_status

    def finish(self, instance_id: str) -> Status:
        """Jump from timer to timer until the instance has ended."""
        while self.state(instance_id) not in ENDED:
            self.jump()
        return self.status(instance_id)

    def run(self, name: str, value: Any = None, instance_id: str | None = None) -> Status:
        """Start an instance and finish it."""
        return self.finish(self.start(name, value, instance_id))


@contextmanager
def driving(sample: str, tmp_path: Path, **options: Any) -> Iterator[tuple[Driver, LoadedApp]]:
    """Load a sample and run it on an engine of its own."""
    app = load_app(APPS / sample)
    try:
        with driving_app(app, tmp_path, **options) as driver:
            yield driver, app
    finally:
        app.close()


@contextmanager
def driving_app(app: App, tmp_path: Path, **options: Any) -> Iterator[Driver]:
    """Run an app on an engine of its own."""
    driver = Driver(app, tmp_path / "engine.db", VirtualClock(START), **options)
    driver.engine.start()
    try:
        yield driver
    finally:
        driver.engine.stop()
