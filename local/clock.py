"""The one clock that the local host and the simulator share: wall, scaled, or virtual time.

A *story* time is what the clock says; durable timers, job durations and probes are due in story
time. Three clocks answer the same two questions, "what time is it" and "how long must a thread
wait for that":

- ``wall``: story time is real time.
- ``scaled:60``: one wall second is sixty story seconds.
- ``virtual``: story time stands still until somebody moves it to the next thing that is due.

With a state file, two processes read the same story time and a restarted process continues it.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The machine's own order of bytes: only that is read and written in one piece, and another process
# never sees half of a step in time.
_WORD = struct.Struct("@q")


class Clock(Protocol):
    """Tells story time."""

    def now(self) -> datetime:
        """Return the story time, UTC and aware."""
        ...

    def wall_seconds_until(self, when: datetime) -> float | None:
        """Return the wall seconds to wait for ``when``; 0.0 if past, None if waiting is no help."""
        ...


class WallClock:
    """Story time is real time."""

    def now(self) -> datetime:
        """Return the real time."""
        return datetime.now(UTC)

    def wall_seconds_until(self, when: datetime) -> float | None:
        """Return the real seconds left until ``when``."""
        return max(0.0, (when - self.now()).total_seconds())


class ScaledClock:
    """One wall second is ``factor`` story seconds, counted from a shared wall instant."""

    def __init__(self, factor: float, state: Path | None = None) -> None:
        if not 0 < factor < math.inf:
            raise ValueError(f"a clock cannot be scaled by {factor}; give a factor above 0")
        self.factor = factor
        self._origin = _Word(state, time.time_ns() // 1000)

    def now(self) -> datetime:
        """Return the story time."""
        origin = self._origin.read()
        elapsed = time.time_ns() // 1000 - origin
        return EPOCH + timedelta(microseconds=origin + elapsed * self.factor)

    def wall_seconds_until(self, when: datetime) -> float | None:
        """Return the wall seconds left until ``when``."""
        return max(0.0, (when - self.now()).total_seconds() / self.factor)


class VirtualClock:
    """Story time stands still until `advance` moves it; waiting in wall time never helps."""

    def __init__(self, start: datetime | None = None, state: Path | None = None) -> None:
        self._now = _Word(state, ((start or datetime.now(UTC)) - EPOCH) // _MICROSECOND)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the story time."""
        return EPOCH + timedelta(microseconds=self._now.read())

    def wall_seconds_until(self, when: datetime) -> float | None:
        """Return 0.0 once ``when`` has come, None before."""
        return 0.0 if when <= self.now() else None

    def advance(self, to: datetime) -> None:
        """Move story time forward to ``to``; a time already past changes nothing."""
        with self._lock:
            self._now.write(max(self._now.read(), (to - EPOCH) // _MICROSECOND))


def parse_clock(spec: str, state: Path | None = None) -> Clock:
    """Make the clock that ``spec`` names: ``wall``, ``scaled:FACTOR`` or ``virtual``.

    Raises ValueError for any other spec.
    """
    kind, _, factor = spec.partition(":")
    if kind == "wall" and not factor:
        return WallClock()
    if kind == "virtual" and not factor:
        return VirtualClock(state=state)
    if kind == "scaled":
        try:
            scale = float(factor)
        except ValueError:
            scale = 0.0
        if not 0 < scale < math.inf:
            raise ValueError(f"clock {spec!r}: give a number above 0, as in scaled:60")
        return ScaledClock(scale, state)
    raise ValueError(f"unknown clock {spec!r}: use wall, scaled:FACTOR or virtual")


class _Word:
    """A whole number in memory, or in a file that processes map; the first to come sets it."""

    def __init__(self, path: Path | None, initial: int) -> None:
        if path is None:
            self._cell: bytearray | mmap.mmap = bytearray(_WORD.size)
            self.write(initial)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_once(path, _WORD.pack(initial))
        if (size := path.stat().st_size) != _WORD.size:
            raise ValueError(
                f"{path} is no clock: it has {size} bytes instead of {_WORD.size}; delete it, or name"
                " another file"
            )
        with path.open("r+b") as file:
            self._cell = mmap.mmap(file.fileno(), _WORD.size)

    def read(self) -> int:
        value: int = _WORD.unpack_from(self._cell)[0]
        return value

    def write(self, value: int) -> None:
        _WORD.pack_into(self._cell, 0, value)


def _create_once(path: Path, content: bytes) -> None:
    """Create ``path`` whole, unless it exists: a reader never sees half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
