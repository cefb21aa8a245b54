"""What moves a host along: triggers fire when due, and idle virtual time jumps ahead."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from local.clock import Clock, VirtualClock
from local.host.contract import Engine
from local.host.invoke import Activity
from local.host.timers import Timers

_SHORT, _LONG = 0.001, 0.05

_log = logging.getLogger(__name__)


class StoryStuck(Exception):
    """Virtual time has nothing to jump to, or has gone further than allowed."""


class Pace:
    """Watches clock, triggers and engine of one host."""

    def __init__(
        self, clock: Clock, engine: Engine, timers: Timers, activity: Activity, auto_advance: bool
    ) -> None:
        if auto_advance and not isinstance(clock, VirtualClock):
            raise ValueError("only a virtual clock can advance by itself; use --clock virtual")
        self._clock = clock
        self._engine = engine
        self._timers = timers
        self._activity = activity
        self._auto_advance = auto_advance
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pace", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def idle(self) -> bool:
        """Say whether nothing is in hand, running or ready at the present story time."""
        _, begun = self._activity.read()
        if self._engine.busy():
            return False
        # What began meanwhile may have left work with the engine after it was asked.
        return self._activity.read() == (0, begun)

    def settle(self, limit_wall_seconds: float) -> None:
        """Wait until nothing is running or ready; raises TimeoutError."""
        self._engine.wake()  # somebody may have moved the clock
        deadline = time.monotonic() + limit_wall_seconds
        while self._timers.fire_due() or not self.idle():
            if time.monotonic() > deadline:
                in_hand, _ = self._activity.read()
                raise TimeoutError(
                    f"the host did not settle in {limit_wall_seconds} s: {in_hand} requests and"
                    f" triggers in hand, engine {'busy' if self._engine.busy() else 'quiet'}"
                )
            time.sleep(_SHORT)

    def run_until(
        self, condition: Callable[[], bool], limit: timedelta, limit_wall_seconds: float
    ) -> None:
        """Jump from one due thing to the next until the condition holds; raises StoryStuck."""
        clock = self._clock
        if not isinstance(clock, VirtualClock):
            raise ValueError("run_until moves time: it needs a virtual clock")
        begin = clock.now()
        while True:
            self.settle(limit_wall_seconds)
            if condition():
                return
            due = _earliest(self._engine.next_due(), self._timers.next_due())
            if due is None:
                raise StoryStuck(
                    f"at {clock.now().isoformat()} nothing is due and the condition does not hold:"
                    " whatever it waits for needs an event from outside"
                )
            if due - begin > limit:
                raise StoryStuck(
                    f"the condition did not hold within {limit} of story time; next due is"
                    f" {due.isoformat()}"
                )
            clock.advance(due)
            self._engine.wake()

    def _run(self) -> None:
        seen = self._clock.now()
        pause = _SHORT
        while not self._ended.wait(pause):
            try:
                seen, pause = self._look(seen, pause)
            except Exception:
                _log.exception("the pace of the host stumbled")
                pause = _LONG

    def _look(self, seen: datetime, pause: float) -> tuple[datetime, float]:
        """Do what is due now; return the time seen and how long to pause."""
        now = self._clock.now()
        virtual = isinstance(self._clock, VirtualClock)
        if virtual and now != seen:
            self._engine.wake()
        if self._timers.fire_due():
            return now, _SHORT
        if not virtual:
            return now, self._until_next_trigger()
        if self._auto_advance and self.idle() and self._advance():
            return self._clock.now(), 0.0
        return now, min(_LONG, pause * 1.5 or _SHORT) if self.idle() else _SHORT

    def _advance(self) -> bool:
        """Jump to the next durable timer, stopping at triggers on the way; say whether it did.

        Triggers alone do not move time: a schedule never ends, and neither would the story.
        """
        due = self._engine.next_due()
        if due is None or not isinstance(self._clock, VirtualClock):
            return False
        self._clock.advance(_earliest(due, self._timers.next_due()) or due)
        self._engine.wake()
        return True

    def _until_next_trigger(self) -> float:
        due = self._timers.next_due()
        wall = None if due is None else self._clock.wall_seconds_until(due)
        return _LONG if wall is None else min(_LONG, max(_SHORT, wall))


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
