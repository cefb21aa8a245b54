"""Threads that run what is ready: turns one at a time per target, activities, timers when due."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from local.clock import Clock
from local.host.store import Task, Transaction, from_micros, micros

# A thread's wait stands still while the machine sleeps, and knows nothing of a clock set anew.
_LOOK_AGAIN = 1.0

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Dispatcher:
    """What is ready, what runs, and what is due, exactly."""

    def __init__(
        self,
        clock: Clock,
        turn: Callable[[str], None],
        activity: Callable[[Task], None],
        fire: Callable[[Sequence[int]], None],
        turn_threads: int,
        activity_threads: int,
    ) -> None:
        self._clock = clock
        self._turn = turn
        self._activity = activity
        self._fire = fire
        self._lock = threading.Lock()
        self._turn_ready = threading.Condition(self._lock)
        self._task_ready = threading.Condition(self._lock)
        self._timer_news = threading.Condition(self._lock)
        self._idle = threading.Condition(self._lock)
        self._targets: deque[str] = deque()
        self._queued: set[str] = set()
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._tasks: deque[Task] = deque()
        self._timers: list[tuple[int, int]] = []
        self._live_timers: set[int] = set()
        self._working = 0
        self._stopping = False
        self._threads = [
            *(self._thread(self._run_turns, f"turn-{n}") for n in range(turn_threads)),
            *(self._thread(self._run_activities, f"activity-{n}") for n in range(activity_threads)),
            self._thread(self._run_timers, "timers"),
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float) -> None:
        """Begin nothing new and wait for what runs, at most ``patience`` seconds."""
        with self._lock:
            self._stopping = True
            for news in (self._turn_ready, self._task_ready, self._timer_news, self._idle):
                news.notify_all()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def take(self, done: Transaction) -> None:
        """Do what a transaction left to do."""
        if done.ready or done.tasks or done.timers or done.dropped_timers:
            with self._lock:
                self._add(done.ready, done.tasks, done.timers)
                self._live_timers.difference_update(done.dropped_timers)

    def add(
        self, targets: Sequence[str], tasks: Sequence[Task], timers: Sequence[tuple[int, int]]
    ) -> None:
        """Add what is ready or will be due."""
        with self._lock:
            self._add(targets, tasks, timers)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the block as work, so that nobody finds the engine idle halfway through."""
        with self._lock:
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._done()

    def busy(self) -> bool:
        """Say whether anything runs or could run at the clock's present time."""
        with self._lock:
            return self._is_busy()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing runs or could run now; say whether that came to pass."""
        with self._lock:
            return self._idle.wait_for(lambda: self._stopping or not self._is_busy(), timeout)

    def next_due(self) -> datetime | None:
        """Return the time of the earliest timer."""
        with self._lock:
            due = self._earliest()
        return None if due is None else from_micros(due)

    def wake(self) -> None:
        """Look at the clock again."""
        with self._lock:
            self._timer_news.notify_all()

    # -- below, the lock is held -------------------------------------------------------

    def _add(
        self, targets: Sequence[str], tasks: Sequence[Task], timers: Sequence[tuple[int, int]]
    ) -> None:
        for target in targets:
            if target in self._running:
                self._again.add(target)
            elif target not in self._queued:
                self._queued.add(target)
                self._targets.append(target)
                self._turn_ready.notify()
        self._tasks.extend(tasks)
        self._task_ready.notify(len(tasks))
        if timers:
            before = self._earliest()
            for timer in timers:
                heapq.heappush(self._timers, timer)
                self._live_timers.add(timer[1])
            if before is None or self._timers[0][0] < before:
                self._timer_news.notify_all()

    def _earliest(self) -> int | None:
        while self._timers and self._timers[0][1] not in self._live_timers:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _is_busy(self) -> bool:
        if self._working or self._targets or self._tasks:
            return True
        due = self._earliest()
        return due is not None and due <= micros(self._clock.now())

    def _done(self) -> None:
        self._working -= 1
        if not self._working and not self._targets and not self._tasks:
            self._idle.notify_all()

    # -- the threads -------------------------------------------------------------------

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        return threading.Thread(target=work, name=f"durable-{name}", daemon=True)

    def _run_turns(self) -> None:
        while True:
            with self._lock:
                while not self._targets and not self._stopping:
                    self._turn_ready.wait()
                if self._stopping:
                    return
                target = self._targets.popleft()
                self._queued.discard(target)
                self._running.add(target)
                self._working += 1
            _logged(self._turn, target)
            with self._lock:
                self._running.discard(target)
                if target in self._again:
                    self._again.discard(target)
                    self._add([target], [], [])
                self._done()

    def _run_activities(self) -> None:
        while True:
            with self._lock:
                while not self._tasks and not self._stopping:
                    self._task_ready.wait()
                if self._stopping:
                    return
                task = self._tasks.popleft()
                self._working += 1
            _logged(self._activity, task)
            with self._lock:
                self._done()

    def _run_timers(self) -> None:
        while True:
            with self._lock:
                if self._stopping:
                    return
                due = self._take_due()
                if not due:
                    self._timer_news.wait(self._seconds_to_wait())
                    continue
                self._working += 1
            _logged(self._fire, due)
            with self._lock:
                self._done()

    def _take_due(self) -> list[int]:
        now = micros(self._clock.now())
        due: list[int] = []
        while (earliest := self._earliest()) is not None and earliest <= now:
            timer = heapq.heappop(self._timers)[1]
            self._live_timers.discard(timer)
            due.append(timer)
        return due

    def _seconds_to_wait(self) -> float | None:
        due = self._earliest()
        if due is None:
            return None
        seconds = self._clock.wall_seconds_until(from_micros(due))
        return None if seconds is None else min(seconds, _LOOK_AGAIN)


def _logged(work: Callable[[_T], None], what: _T) -> None:
    """Run the work; a mistake of the host's own is told, and ends no thread."""
    try:
        work(what)
    except Exception:
        _log.exception("the local host failed at %s", what)
