"""The recovery points of protected items, how they age, and how far a first replication has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from local.azure.items import YOUNG, Phase, RecoveryPoint, ReplicatedItem
from local.azure.refusals import not_found
from local.azure.setup import Setup
from local.azure.world import World

POINT_LAG = timedelta(seconds=90)
"""How long a recovery point takes until it is listed (simulated)."""
FIRST_POINT = timedelta(minutes=5)
"""How much of that is spent on waiting for the first recovery point (simulated)."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class PointShelf:
    """What every item of one vault could be recovered to."""

    def __init__(self, setup: Setup, world: World, identify: Callable[[str], UUID]) -> None:
        self.setup = setup
        self.world = world
        self._identify = identify

    def points(self, item: ReplicatedItem, now: datetime) -> Iterator[RecoveryPoint]:
        """Yield the recovery points of an item, newest first; none once committed."""
        if item.phase is Phase.COMMITTED or item.phase in YOUNG:
            return
        policy = self.setup.policy(item.policy)
        step = timedelta(minutes=policy.crash_consistent_minutes)
        # the machines of a consistency group have their points at the same instants
        seed = self._identify(f"group {item.group}") if item.group else item.guid
        offset = timedelta(seconds=seed.int % int(step.total_seconds()))
        latest = self._replicated_until(item, now) - POINT_LAG
        oldest = max(item.since, now - timedelta(minutes=policy.history_minutes))
        number = (latest - _EPOCH - offset) // step
        app_every = max(1, policy.app_consistent_minutes // policy.crash_consistent_minutes)
        while (time := _EPOCH + offset + number * step) >= oldest:
            kind = "ApplicationConsistent" if number % app_every == 0 else "CrashConsistent"
            yield RecoveryPoint(str(uuid5(item.guid, f"point {number}")), time, kind)
            number -= 1

    def rpo_seconds(self, item: ReplicatedItem, now: datetime) -> int | None:
        """Return the age of the newest recovery point; it stands still from a failover on."""
        if item.phase in YOUNG:
            return None
        at = item.frozen_at or now
        if item.failover_point is not None:
            return int((at - item.failover_point.time).total_seconds())
        newest = next(self.points(item, now), None)
        return int((at - newest.time).total_seconds()) if newest else None

    def point(self, item: ReplicatedItem, point_id: str, now: datetime) -> RecoveryPoint:
        """Return the point that is named, or the newest."""
        wanted = point_id.rstrip("/").rpartition("/")[2].lower()
        for point in self.points(item, now):
            if not wanted or point.name == wanted:
                return point
        raise not_found(wanted or "Latest")

    def _replicated_until(self, item: ReplicatedItem, now: datetime) -> datetime:
        cut = self.world.down_at(item.source.region, now)
        return min(at for at in (now, cut, item.frozen_at) if at is not None)

    def initial_replication(self, item: ReplicatedItem) -> timedelta:
        """Return how long a machine replicates at first: 20 to 50 minutes, as recorded."""
        return timedelta(minutes=20 + item.guid.int % 31)

    def percent(self, item: ReplicatedItem, now: datetime) -> int | None:
        """Return how far the initial replication has come: unknown at first, stale later, as recorded."""
        if item.phase is Phase.ENABLING or item.protected_from is None:
            return None if item.phase in YOUNG else 0
        whole = item.protected_from - FIRST_POINT - item.since
        share = (now - item.since) / whole if whole else 1.0
        return None if share < 0.05 else min(100, int(share * 100))
