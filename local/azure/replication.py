"""What the vault knows: protected items, their states, their recovery points and their jobs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5

from local.azure import jobs
from local.azure.arrivals import Arrivals
from local.azure.estate import Container, ProtectedItem
from local.azure.items import YOUNG, Phase, ReplicatedItem
from local.azure.jobs import Failure, Job, Scenario
from local.azure.point_shelf import FIRST_POINT, PointShelf
from local.azure.refusals import group_member, job_in_progress, not_allowed, not_found
from local.azure.setup import Setup
from local.azure.world import World

if TYPE_CHECKING:
    from local.azure.recovery_plans import RecoveryPlan

INITIAL_REPLICATION = timedelta(minutes=50)
"""How long a re-protected item replicates before it is protected, as recorded."""


class Replication:
    """Every protected item and job of one vault, brought up to an instant by `settle`."""

    def __init__(
        self,
        setup: Setup,
        world: World,
        began: datetime,
        durations: Mapping[str, tuple[float, float]],
    ) -> None:
        self.estate = setup
        self.arrivals = Arrivals(setup, world)
        self.shelf = PointShelf(setup, world, self.identify)
        self.world = world
        self.jobs: dict[str, Job] = {}
        self.items: dict[tuple[str, str], ReplicatedItem] = {}
        self.plans: dict[str, RecoveryPlan] = {}
        self.plans_flatter = True
        self._durations = {**setup.estate.durations, **durations}
        self._due: list[tuple[datetime, int, int, Job | Callable[[datetime], None]]] = []
        self._expected = 0
        self._root = uuid5(NAMESPACE_URL, f"{setup.subscription}/{setup.vault.name}")
        for facts in setup.estate.items:
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
        allowed: bool = False,
    ) -> Job:
        """Start a job on an item that allows it."""
        if not allowed:
            self.demand(item, scenario)
        attempt = item.attempts[scenario.name] = item.attempts.get(scenario.name, 0) + 1
        seconds = jobs.duration(scenario, item.name, attempt, self._durations)
        job = self._new_job(scenario, item, item.name, seconds, now, activity_id)
        job.skipped = skipped
        item.running = job
        return job

    def start_setup(
        self,
        scenario: Scenario,
        subject: str,
        now: datetime,
        activity_id: str,
        finish: Callable[[datetime], None],
    ) -> Job:
        """Start a job that makes a piece of the vault's set-up; it is there once the job has ended, as recorded."""
        seconds = jobs.duration(scenario, subject, 1, self._durations)
        job = self._new_job(scenario, None, subject, seconds, now, activity_id)
        job.finish = finish
        return job

    def start_plan(self, scenario: Scenario, plan: str, now: datetime, activity_id: str) -> Job:
        """Start the job of a recovery plan; its end is known once its last group has come to rest."""
        job = self._new_job(scenario, None, plan, 0, now, activity_id)
        job.ends = None
        return job

    def end(self, job: Job, at: datetime, failure: Failure | None = None) -> None:
        """Let a job end whose end was open."""
        job.failure, job.ends, job.suspended, job.stalls_at = failure, at, False, None
        self._expect(job)

    def call_at(self, at: datetime, do: Callable[[datetime], None]) -> None:
        """Let something happen at an instant, in its order among the ends of jobs."""
        self._push(at, 0, do)

    def _new_job(
        self,
        scenario: Scenario,
        item: ReplicatedItem | None,
        subject: str,
        seconds: float,
        now: datetime,
        activity_id: str,
    ) -> Job:
        ordinal = len(self.jobs) + 1
        job = Job(
            name=str(self.identify(f"job {ordinal} {scenario.name} {subject}")),
            ordinal=ordinal,
            scenario=scenario,
            item=item,
            started=now,
            seconds=seconds,
            activity_id=activity_id,
            ends=jobs.whole_second_after(now, seconds),
            subject=subject,
        )
        self.jobs[job.name] = job
        self._expect(job)
        return job

    def fail_over(
        self,
        item: ReplicatedItem,
        point_id: str,
        shut_down: bool,
        now: datetime,
        activity_id: str,
        *,
        together: bool = False,
    ) -> Job:
        """Start a failover to a recovery point, or to the newest where none is named.

        A member of a consistency group moves ``together`` with the others or not at all (documented).
        """
        self.demand(item, jobs.UNPLANNED_FAILOVER)
        if item.group and not together:
            raise group_member(item.name, item.group)
        point = self.shelf.point(item, point_id, now)
        region_down = self.world.is_down(item.source.region, now)
        skipped = frozenset() if shut_down and not region_down else frozenset({"ShutdownVmTask"})
        job = self.start(item, jobs.UNPLANNED_FAILOVER, now, activity_id, skipped=skipped)
        item.frozen_at, item.failover_point = now, point
        job.details["point"] = point
        if self.world.is_down(self.region_of(item.recovery), now):
            self.fail(job, jobs.NO_TARGET, 0.5)
        trouble = self.arrivals.reserve(item, now)
        if trouble:
            self.fail(job, jobs.no_interface(trouble), 0.75)
        if not skipped:
            source = self.world.find(item.source.resource_group, item.source.name, now)
            if source is not None:
                self.world.power_off(source, now + timedelta(seconds=job.seconds * 0.15))
        return job

    def rehearse(
        self, item: ReplicatedItem, network: str, point_id: str, now: datetime, activity_id: str
    ) -> Job:
        """Start a test failover into a network."""
        self.demand(item, jobs.TEST_FAILOVER)
        point = self.shelf.point(item, point_id, now)
        job = self.start(item, jobs.TEST_FAILOVER, now, activity_id)
        job.details |= {"network": network, "point": point}
        if self.world.is_down(self.region_of(item.recovery), now):
            self.fail(job, jobs.NO_TARGET, 0.5)
        trouble = self.arrivals.reserve_test(item, network, now)
        if trouble:
            self.fail(job, jobs.no_interface(trouble), 0.6)
        return job

    def change_point(
        self, item: ReplicatedItem, point_id: str, now: datetime, activity_id: str
    ) -> Job:
        """Start putting a machine that has failed over on another recovery point."""
        self.demand(item, jobs.CHANGE_POINT)
        if item.group:
            raise group_member(item.name, item.group)
        point = self.shelf.point(item, point_id, now)
        job = self.start(item, jobs.CHANGE_POINT, now, activity_id)
        job.details["point"] = point
        return job

    def region_of(self, container: Container) -> str:
        """Return the region of a container."""
        return self.estate.fabric(container.fabric).region

    def fail(self, job: Job, failure: Failure, at: float) -> None:
        """Make a job fail at a share of its time."""
        job.failure = failure
        job.ends = jobs.whole_second_after(job.started, job.seconds * at)
        self._expect(job)

    def hasten(self, job: Job, seconds: float) -> None:
        """Let a job end sooner."""
        job.ends = jobs.whole_second_after(job.started, seconds)
        self._expect(job)

    def stall(self, job: Job, at: float) -> None:
        """Make a job stand still for ever at a share of its time."""
        job.stalls_at = job.started + timedelta(seconds=job.seconds * at)
        job.ends = None

    def switch(
        self, item: ReplicatedItem, group: str, cache: str, now: datetime, activity_id: str
    ) -> Job:
        """Start re-protecting an item the other way round; who asks has been found to be in order."""
        self.demand(item, jobs.SWITCH_PROTECTION)
        skipped = frozenset({"CommitFailoverTask"})
        job = self.start(item, jobs.SWITCH_PROTECTION, now, activity_id, skipped=skipped)
        job.child = str(uuid5(self._root, f"enable {job.name}"))
        job.details |= {"group": group, "cache": cache}
        home = self.world.find(item.source.resource_group, item.source.name, now)
        if self.world.is_down(item.source.region, now):
            self.fail(job, jobs.NO_TARGET, 0.5)
        elif home is None:
            self.fail(job, jobs.SOURCE_GONE, 0.03)
        elif item.source.resource_group.lower() in self.estate.locked_groups:
            self.fail(job, jobs.LOCKED, 0.1)
        return job

    def enable(self, item: ReplicatedItem, now: datetime, activity_id: str) -> Job:
        """Start replicating a machine that no item protects yet."""
        job = self.start(item, jobs.ENABLE, now, activity_id, allowed=True)
        self.items[item.primary.name.lower(), item.name.lower()] = item
        return job

    def disable(self, item: ReplicatedItem, now: datetime, activity_id: str) -> Job:
        """Start taking an item out of replication."""
        self.demand(item, jobs.DISABLE)
        return self.start(item, jobs.DISABLE, now, activity_id)

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
            at, _, _, job = heapq.heappop(self._due)
            if not isinstance(job, Job):
                job(at)
                continue
            item, well = job.item, job.state(at)[0] == "Succeeded"
            if job.ends != at or (item is not None and item.running is not job):
                continue
            if item is not None:
                self._come_to_rest(job, item, at, well)
            elif well and job.finish is not None:
                job.finish(at)
            if job.on_end is not None:
                job.on_end(at)
        for item in self.items.values():
            if item.phase in YOUNG and item.protected_from is not None:
                if item.protected_from <= now:
                    item.phase = Phase.PROTECTED
                elif item.protected_from - FIRST_POINT <= now:
                    item.phase = Phase.FIRST_POINT

    def _come_to_rest(self, job: Job, item: ReplicatedItem, at: datetime, well: bool) -> None:
        item.running = None
        if well:
            self._finish(job, item, at)
            return
        if job.scenario is jobs.TEST_FAILOVER and job.has_done("CreateTestVmTask", at):
            self._rehearsed(job, item, at)
            return
        self.arrivals.release(item)
        if job.scenario is jobs.UNPLANNED_FAILOVER:
            item.frozen_at = item.failover_point = None
        elif job.scenario is jobs.ENABLE:
            self.items.pop((item.primary.name.lower(), item.name.lower()), None)

    def _expect(self, job: Job) -> None:
        if job.ends is not None:
            self._push(job.ends, job.ordinal, job)

    def _push(self, at: datetime, rank: int, what: Job | Callable[[datetime], None]) -> None:
        self._expected += 1
        heapq.heappush(self._due, (at, rank, self._expected, what))

    def _protect(self, facts: ProtectedItem, began: datetime) -> None:
        mapping = self.estate.mapping_from(facts.container)
        source = self.estate.machine(facts.machine)
        item = ReplicatedItem(
            facts=facts,
            guid=self.identify(f"item {facts.container} {facts.name}"),
            primary=self.estate.container(facts.container),
            recovery=self.estate.container(mapping.target),
            policy=mapping.policy,
            source=source,
            settings=self.arrivals.settled(facts.recovery, source),
            since=began - timedelta(days=30),
            group=facts.multi_vm_group,
        )
        if facts.pending_drill:
            item.phase = Phase.DRILL_PENDING
            item.test_state = "WaitingForCompletion"
            at = began - timedelta(hours=2)
            network = item.settings.test_network
            made = self.arrivals.make_test(item, network, str(uuid5(item.guid, "test")), at)
            item.test_machine = made
        self.items[facts.container.lower(), facts.name.lower()] = item

    def _finish(self, job: Job, item: ReplicatedItem, at: datetime) -> None:
        if job.finish is not None:
            job.finish(at)
        match job.scenario.name:
            case "UnplannedFailover":
                item.phase = Phase.FAILED_OVER
                item.last_failover = at
                item.recovered = self.arrivals.recover(item, str(uuid5(item.guid, "recovered")), at)
            case "ChangeRecoveryPoint":
                item.failover_point = job.details["point"]
            case "CommitFailover":
                item.phase = Phase.COMMITTED
            case "TestFailover":
                self._rehearsed(job, item, at)
            case "TestFailoverCleanup":
                item.phase = Phase.PROTECTED
                item.test_state = "MarkedForDeletion"
                item.last_test = at
                if item.test_machine is not None:
                    leaves = job.details.get("leaves", frozenset())
                    self.arrivals.take_away(item.test_machine, at, leaves)
                item.test_machine = None
            case "EnableDr":
                item.phase = Phase.REPLICATING
                item.since = at
                item.protected_from = at + self.shelf.initial_replication(item)
            case "DisableDr":
                del self.items[item.primary.name.lower(), item.name.lower()]
            case "SwitchReplicationGroupProtection":
                self._switch(job, item, at)

    def _rehearsed(self, job: Job, item: ReplicatedItem, at: datetime) -> None:
        """Let a drill's machine stand; a job that ends badly once it is made leaves it to be cleaned up (simulated)."""
        item.phase = Phase.DRILL_PENDING
        item.test_state = "WaitingForCompletion"
        network = job.details.get("network") or item.settings.test_network
        vm_id = str(uuid5(item.guid, f"test {at}"))
        item.test_machine = self.arrivals.make_test(item, network, vm_id, at)

    def _switch(self, job: Job, item: ReplicatedItem, at: datetime) -> None:
        """Give the item its new home under the recovery container; the old one is gone."""
        if item.recovered is None:
            return
        mapping = self.estate.mapping_between(item.recovery.name, item.primary.name)
        moved = ReplicatedItem(
            facts=item.facts,
            guid=self.identify(f"item {item.recovery.name} {item.name}"),
            primary=item.recovery,
            recovery=item.primary,
            policy=mapping.policy if mapping else item.policy,
            source=item.recovered.facts,
            settings=self.arrivals.turned(item, job.details.get("group", "")),
            since=at,
            phase=Phase.REPLICATING,
            protected_from=at + INITIAL_REPLICATION,
            cache=job.details.get("cache", ""),
            group=item.group,
        )
        old = self.world.find(item.source.resource_group, item.source.name, at)
        if old is not None:
            self.world.delete(old, at)
        del self.items[item.primary.name.lower(), item.name.lower()]
        self.items[item.recovery.name.lower(), item.name.lower()] = moved
