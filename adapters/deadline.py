"""How long something may take as a whole, and a connection that keeps to it."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]
MOMENT_SECONDS = 0.001


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

    def within(self, seconds: float) -> Deadline:
        """Return the moment so many seconds from now, this one if it comes first; raises TimeoutError where it was."""
        return Deadline(min(seconds, self.left()), self._now)


class Timed:
    """A socket that nothing more is heard from once time is up: of one that drips, no single read ever times out."""

    def __init__(self, taken: socket.socket, ends: Deadline) -> None:
        """Take a socket over; raises TimeoutError, with the socket closed, where no time is left."""
        self._taken = taken
        self.keep_to(ends)

    def keep_to(self, ends: Deadline) -> None:
        """Go by another deadline from now on; raises TimeoutError, with the socket closed, where no time is left."""
        self._ends = ends
        try:
            self._taken.settimeout(ends.left())
        except TimeoutError:
            self._taken.close()
            raise

    def gettimeout(self) -> float:
        """Return how many seconds the next step may take, a moment where none are left.

        TLS asks while the connection has two owners: what is raised then would leave one of them open.
        """
        try:
            return _step(self._taken, self._ends)
        except TimeoutError:
            return MOMENT_SECONDS

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
        self._taken.settimeout(_step(self._taken, self._ends))
        return self._file.readinto(into)

    def close(self) -> None:
        self._file.close()
        super().close()


def _step(taken: socket.socket, ends: Deadline) -> float:
    wait, left = taken.gettimeout(), ends.left()
    return left if wait is None else min(wait, left)
