"""ARM's token buckets: one for reads, one for writes, per subscription and principal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

GLOBAL_FACTOR = 15
"""Recorded: the subscription-global budget is fifteen times that of one principal."""


@dataclass(slots=True)
class Bucket:
    """A token bucket on story time."""

    capacity: int
    per_second: float
    level: float
    filled: datetime

    def take(self, now: datetime) -> int:
        """Take a token; returns 0, or the whole seconds after which there is one again."""
        self._fill(now)
        if self.level >= 1:
            self.level -= 1
            return 0
        return max(1, math.ceil((1 - self.level) / self.per_second))

    def remaining(self) -> int:
        """Return the whole tokens left."""
        return int(self.level)

    def _fill(self, now: datetime) -> None:
        elapsed = max(0.0, (now - self.filled).total_seconds())
        self.level = min(float(self.capacity), self.level + elapsed * self.per_second)
        self.filled = now


class Buckets:
    """The buckets of every principal in every subscription; switched off, they stay full."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def take(self, subscription: str, principal: str, kind: str, now: datetime) -> tuple[int, int]:
        """Take a token for a read or a write; returns (seconds to wait or 0, tokens left)."""
        whose = (subscription.lower(), principal, kind)
        bucket = self._buckets.get(whose)
        if bucket is None:
            capacity, per_second = (250, 25.0) if kind == "reads" else (200, 10.0)
            bucket = Bucket(capacity, per_second, float(capacity), now)
            self._buckets[whose] = bucket
        if not self.on:
            return 0, bucket.capacity - 1
        return bucket.take(now), bucket.remaining()
