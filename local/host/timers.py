"""Timer triggers: each fires on the shared clock, never twice at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.clock import Clock
from local.host import invoke
from local.host.app import Function
from local.host.ncrontab import BadSchedule, Schedule

TRIGGER = "timerTrigger"

Begin = Callable[[Function, Any], "Future[Any]"]


@dataclass(slots=True)
class _Timer:
    function: Function
    schedule: Schedule
    due: datetime
    last: datetime | None = None
    running: Future[Any] | None = None

    @property
    def free(self) -> bool:
        return self.running is None or self.running.done()


class Timers:
    """The timer triggers of one app."""

    def __init__(self, functions: Iterable[Function], clock: Clock, begin: Begin) -> None:
        self._clock = clock
        self._begin = begin
        self._lock = threading.Lock()
        now = clock.now()
        self._timers = []
        for function in functions:
            if function.trigger_type == TRIGGER:
                schedule = _schedule(function)
                on_startup = bool(function.trigger.get("runOnStartup"))
                due = now if on_startup else schedule.after(now)
                self._timers.append(_Timer(function, schedule, due))

    def next_due(self) -> datetime | None:
        """Return the story time of the next trigger, if there is any."""
        with self._lock:
            return min((timer.due for timer in self._timers), default=None)

    def fire_due(self) -> bool:
        """Begin every trigger whose time has come; say whether there was one."""
        now = self._clock.now()
        fired = False
        with self._lock:
            for timer in self._timers:
                if timer.due <= now and timer.free:
                    self._fire(timer, now)
                    fired = True
        return fired

    def _fire(self, timer: _Timer, now: datetime) -> None:
        past_due = timer.schedule.after(timer.due) <= now
        following = timer.schedule.after(now)
        last, timer.last, timer.due = timer.last, timer.due, following
        timer.running = self._begin(timer.function, invoke.timer(past_due, last, following))


def _schedule(function: Function) -> Schedule:
    try:
        return Schedule.parse(str(function.trigger["schedule"]))
    except BadSchedule as error:
        raise BadSchedule(f"function {function.name}: {error}") from error
