"""What the vault knows: protected items, their states, their recovery points and their jobs."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from local.azure import jobs
from local.azure.estate import Container, Estate, Landing, Machine, ProtectedItem
from local.azure.jobs import Failure, Job, Scenario
from local.azure.refusals import invalid, job_in_progress, not_allowed, not_found
from local.azure.world import RunningMachine, World, landed

POINT_LAG = timedelta(seconds=90)
"""How long a recovery point takes until it is listed (simulated)."""
INITIAL_REPLICATION = timedelta(minutes=50)
"""How long a re-protected item replicates before it is protected, as recorded."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Phase(StrEnum):
    """Where a protected item stands while no job runs on it."""

    REPLICATING = "replicating"
    PROTECTED = "protected"
    DRILL_PENDING = "drill pending"
    FAILED_OVER = "failed over"
    COMMITTED = "committed"


ALLOWED: Mapping[Phase, tuple[str, ...]] = {
    Phase.REPLICATING: ("DisableProtection",),
    Phase.PROTECTED: ("UnplannedFailover", "DisableProtection", "TestFailover"),
    Phase.DRILL_PENDING: ("TestFailoverCleanup",),
    Phase.FAILED_OVER: ("CompleteMigration", "Commit", "DisableProtection", "ChangePit"),
    Phase.COMMITTED: ("CompleteMigration", "DisableProtection", "SwitchProtection"),
}


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """A state of a machine that can be recovered."""

    name: str
    time: datetime
    kind: str


@dataclass(slots=True, eq=False)
class ReplicatedItem:
    """A protected item and where it stands."""

    facts: ProtectedItem
    guid: UUID
    primary: Container
    recovery: Container
    policy: str
    source: Machine
    landing: Landing
    since: datetime
    phase: Phase = Phase.PROTECTED
    protected_from: datetime | None = None
    test_state: str = "None"
    running: Job | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    frozen_at: datetime | None = None
    failover_point: RecoveryPoint | None = None
    last_failover: datetime | None = None
    last_test: datetime | None = None
    recovered: RunningMachine | None = None
    test_machine: RunningMachine | None = None

    @property
    def name(self) -> str:
        """Return the name of the item in its container."""
        return self.facts.name

    def allowed(self) -> list[str]:
        """Return what may be done with the item now."""
        return [] if self.running else list(ALLOWED[self.phase])


class Replication:
    """Every protected item and job of one vault, brought up to an instant by `settle`."""

    def __init__(
        self,
        estate: Estate,
        world: World,
        began: datetime,
        durations: Mapping[str, tuple[float, float]],
    ) -> None:
        self.estate = estate
        self.world = world
        self.jobs: dict[str, Job] = {}
        self.items: dict[tuple[str, str], ReplicatedItem] = {}
        self._durations = {**estate.durations, **durations}
        self._due: list[tuple[datetime, int, Job]] = []
        self._root = uuid5(NAMESPACE_URL, f"{estate.subscription}/{estate.vault.name}")
        for facts in estate.items:
            self._protect(facts, began)

    def item(self, fabric: str, container: str, name: str) -> ReplicatedItem:
        """Return an item by the path it lives under."""
        found = self.items.get((container.lower(), name.lower()))
        if found is None or found.primary.fabric.lower() != fabric.lower():
            raise not_found(name)
        return found

    def job(self, name: str) -> Job:
        """Return a job by name."""
        found = self.jobs.get(name.lower())
        if found is None:
            raise not_found(name)
        return found

    def identify(self, what: str) -> UUID:
        """Return the id of something of this vault, always the same."""
        return uuid5(self._root, what)

    def demand(self, item: ReplicatedItem, scenario: Scenario) -> None:
        """Refuse a scenario that the item does not allow now."""
        if item.running is not None:
            raise job_in_progress(item.name, item.running.scenario.name, item.running.name)
        if scenario.operation not in item.allowed():
            raise not_allowed(scenario.operation, item.name, item.allowed())

    def start(
        self,
        item: ReplicatedItem,
        scenario: Scenario,
        now: datetime,
        activity_id: str,
        *,
        skipped: frozenset[str] = frozenset(),
    ) -> Job:
        """Start a job on an item that allows it."""
        self.demand(item, scenario)
        attempt = item.attempts[scenario.name] = item.attempts.get(scenario.name, 0) + 1
        seconds = jobs.duration(scenario, item.name, attempt, self._durations)
        ordinal = len(self.jobs) + 1
        job = Job(
            name=str(self.identify(f"job {ordinal} {scenario.name} {item.name}")),
            ordinal=ordinal,
            scenario=scenario,
            item=item,
            started=now,
            seconds=seconds,
            activity_id=activity_id,
            ends=jobs.whole_second_after(now, seconds),
            skipped=skipped,
        )
        self.jobs[job.name] = job
        item.running = job
        self._expect(job)
        return job

    def fail_over(
        self, item: ReplicatedItem, point_id: str, shut_down: bool, now: datetime, activity_id: str
    ) -> Job:
        """Start a failover to a recovery point, or to the newest where none is named."""
        self.demand(item, jobs.UNPLANNED_FAILOVER)
        point = self._point(item, point_id, now)
        region_down = self.world.is_down(item.source.region, now)
        skipped = frozenset() if shut_down and not region_down else frozenset({"ShutdownVmTask"})
        job = self.start(item, jobs.UNPLANNED_FAILOVER, now, activity_id, skipped=skipped)
        item.frozen_at, item.failover_point = now, point
        if self.world.is_down(self.estate.fabric(item.recovery.fabric).region, now):
            self.fail(job, jobs.NO_TARGET, 0.5)
        if not skipped:
            source = self.world.find(item.source.resource_group, item.source.name, now)
            if source is not None:
                self.world.power_off(source, now + timedelta(seconds=job.seconds * 0.15))
        return job

    def fail(self, job: Job, failure: Failure, at: float) -> None:
        """Make a job fail at a share of its time."""
        job.failure = failure
        job.ends = jobs.whole_second_after(job.started, job.seconds * at)
        self._expect(job)

    def stall(self, job: Job, at: float) -> None:
        """Make a job stand still for ever at a share of its time."""
        job.stalls_at = job.started + timedelta(seconds=job.seconds * at)
        job.ends = None

    def switch(self, item: ReplicatedItem, now: datetime, activity_id: str) -> Job:
        """Start re-protecting an item the other way round, which needs a mapping back."""
        self.demand(item, jobs.SWITCH_PROTECTION)
        if not any(mapping.source == item.recovery.name for mapping in self.estate.mappings):
            raise invalid(
                f"The container '{item.recovery.name}' has no mapping to '{item.primary.name}'.",
                "Create the reverse container mapping first.",
            )
        skipped = frozenset({"CommitFailoverTask"})
        job = self.start(item, jobs.SWITCH_PROTECTION, now, activity_id, skipped=skipped)
        job.child = str(uuid5(self._root, f"enable {job.name}"))
        if self.world.is_down(item.source.region, now):
            self.fail(job, jobs.NO_TARGET, 0.5)
        return job

    def cancel(self, job: Job, now: datetime) -> None:
        """Cancel a job that runs."""
        if job.is_over(now):
            raise not_allowed("Cancel", job.name, [])
        job.cancelled = True
        job.ends = now
        self._expect(job)

    def settle(self, now: datetime) -> None:
        """Let everything happen that was due by ``now``, in its order."""
        while self._due and self._due[0][0] <= now:
            at, _, job = heapq.heappop(self._due)
            if job.ends == at and job.item.running is job:
                job.item.running = None
                if job.state(at)[0] == "Succeeded":
                    self._finish(job, at)
                elif job.scenario is jobs.UNPLANNED_FAILOVER:
                    job.item.frozen_at = job.item.failover_point = None
        for item in self.items.values():
            if item.phase is Phase.REPLICATING and _has_come(item.protected_from, now):
                item.phase = Phase.PROTECTED

    def points(self, item: ReplicatedItem, now: datetime) -> Iterator[RecoveryPoint]:
        """Yield the recovery points of an item, newest first; none once committed."""
        if item.phase is Phase.COMMITTED:
            return
        policy = self.estate.policy(item.policy)
        step = timedelta(minutes=policy.crash_consistent_minutes)
        offset = timedelta(seconds=item.guid.int % int(step.total_seconds()))
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
        if item.phase is Phase.REPLICATING:
            return None
        at = item.frozen_at or now
        if item.failover_point is not None:
            return int((at - item.failover_point.time).total_seconds())
        newest = next(self.points(item, now), None)
        return int((at - newest.time).total_seconds()) if newest else None

    def _point(self, item: ReplicatedItem, point_id: str, now: datetime) -> RecoveryPoint:
        wanted = point_id.rstrip("/").rpartition("/")[2].lower()
        for point in self.points(item, now):
            if not wanted or point.name == wanted:
                return point
        raise not_found(wanted or "Latest")

    def _replicated_until(self, item: ReplicatedItem, now: datetime) -> datetime:
        cut = self.world.down_at(item.source.region, now)
        return min(at for at in (now, cut, item.frozen_at) if at is not None)

    def _expect(self, job: Job) -> None:
        if job.ends is not None:
            heapq.heappush(self._due, (job.ends, job.ordinal, job))

    def _protect(self, facts: ProtectedItem, began: datetime) -> None:
        mapping = self.estate.mapping_from(facts.container)
        item = ReplicatedItem(
            facts=facts,
            guid=self.identify(f"item {facts.container} {facts.name}"),
            primary=self.estate.container(facts.container),
            recovery=self.estate.container(mapping.target),
            policy=mapping.policy,
            source=self.estate.machine(facts.machine),
            landing=facts.recovery,
            since=began - timedelta(days=30),
        )
        if facts.pending_drill:
            item.phase = Phase.DRILL_PENDING
            item.test_state = "WaitingForCompletion"
            item.test_machine = self._create_test_machine(item, began - timedelta(hours=2))
        self.items[facts.container.lower(), facts.name.lower()] = item

    def _finish(self, job: Job, at: datetime) -> None:
        item = job.item
        match job.scenario.name:
            case "UnplannedFailover":
                item.phase = Phase.FAILED_OVER
                item.last_failover = at
                item.recovered = self._recover(item, at)
            case "CommitFailover":
                item.phase = Phase.COMMITTED
            case "TestFailover":
                item.phase = Phase.DRILL_PENDING
                item.test_state = "WaitingForCompletion"
                item.test_machine = self._create_test_machine(item, at)
            case "TestFailoverCleanup":
                item.phase = Phase.PROTECTED
                item.test_state = "MarkedForDeletion"
                item.last_test = at
                if item.test_machine is not None:
                    self.world.delete(item.test_machine, at)
                item.test_machine = None
            case "SwitchReplicationGroupProtection":
                self._switch(item, at)

    def _recover(self, item: ReplicatedItem, at: datetime) -> RunningMachine:
        region = self.estate.fabric(item.recovery.fabric).region
        facts = landed(item.source, item.landing.resource_group, region, item.landing.private_ip)
        return self.world.power_on(facts, str(uuid5(item.guid, "recovered")), at)

    def _create_test_machine(self, item: ReplicatedItem, at: datetime) -> RunningMachine:
        region = self.estate.fabric(item.recovery.fabric).region
        landing = item.landing
        facts = landed(item.source, landing.resource_group, region, landing.test_ip)
        needs = tuple(f"{name}-test" for name in facts.needs)
        named = replace(facts, name=f"{facts.name}-test", needs=needs)
        return self.world.power_on(named, str(uuid5(item.guid, f"test {at}")), at)

    def _switch(self, item: ReplicatedItem, at: datetime) -> None:
        """Give the item its new home under the recovery container; the old one is gone."""
        if item.recovered is None:
            return
        home = Landing(
            resource_group=item.source.resource_group,
            private_ip=item.source.private_ip,
            network=item.landing.network,
            subnet=item.landing.subnet,
        )
        moved = ReplicatedItem(
            facts=item.facts,
            guid=self.identify(f"item {item.recovery.name} {item.name}"),
            primary=item.recovery,
            recovery=item.primary,
            policy=self.estate.mapping_from(item.recovery.name).policy,
            source=item.recovered.facts,
            landing=home,
            since=at,
            phase=Phase.REPLICATING,
            protected_from=at + INITIAL_REPLICATION,
        )
        old = self.world.find(item.source.resource_group, item.source.name, at)
        if old is not None:
            self.world.delete(old, at)
        del self.items[item.primary.name.lower(), item.name.lower()]
        self.items[item.recovery.name.lower(), item.name.lower()] = moved


def _has_come(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant <= now
