"""How long something may take as a whole, and a connection that keeps to it."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]


class Deadline:
    """The moment at which something has to be over, however many steps it takes."""

    def __init__(self, seconds: float, now: Clock = time.monotonic) -> None:
        self._now = now
        self._at = now() + seconds

    def left(self) -> float:
        """Return how many seconds are left; raises TimeoutError where none are."""
        left = self._at - self._now()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


class Timed:
    """A socket that nothing more is heard from once time is up: of one that drips, no single read ever times out."""

    def __init__(self, taken: socket.socket, ends: Deadline) -> None:
        """Take a socket over; raises TimeoutError, with the socket closed, where no time is left."""
        self._taken = taken
        self._ends = ends
        try:
            taken.settimeout(ends.left())
        except TimeoutError:
            taken.close()
            raise

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return the file that answers are read from."""
        return io.BufferedReader(_Ear(self._taken, self._ends))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._taken, name)


class _Ear(io.RawIOBase):
    def __init__(self, taken: socket.socket, ends: Deadline) -> None:
        self._taken = taken
        self._ends = ends
        self._file = taken.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        wait, left = self._taken.gettimeout(), self._ends.left()
        self._taken.settimeout(left if wait is None else min(wait, left))
        return self._file.readinto(into)

    def close(self) -> None:
        self._file.close()
        super().close()
