"""How fast one caller may go on: a bucket of requests each, refilled as time passes."""

from __future__ import annotations

import threading

MOST_CALLERS = 10_000


class Pace:
    """A token bucket per caller, in this process alone; it is there against accidents, not as a fence."""

    def __init__(self, per_minute: int) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, caller: str, at: float) -> float:
        """Take one request out of the caller's bucket; return 0, or the seconds until there is one again."""
        with self._lock:
            left, since = self._buckets.pop(caller, (self._size, at))
            left = min(self._size, left + max(0.0, at - since) * self._per_second)
            granted = left >= 1
            # Newest last: the one that goes first has been silent the longest, and is the fullest.
            self._buckets[caller] = (left - 1 if granted else left, at)
            if len(self._buckets) > MOST_CALLERS:
                del self._buckets[next(iter(self._buckets))]
            return 0.0 if granted else (1 - left) / self._per_second
