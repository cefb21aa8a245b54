"""Recovery plans: which machines boot after which, and a run of one, group after group.

Documented: the data of all groups fails over first and side by side, then the groups start in order; a plan skips what
is deployed already. Never recorded, so simulated: how a run is told as a tree of tasks, that each machine's own job
waits at its start task until its group's turn, how long an action takes, and what a plan does when one machine fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.azure.items import ReplicatedItem
from local.azure.jobs import Failure, Job, Scenario, whole_second_after
from local.azure.refusals import Refusal
from local.azure.replication import Replication

BOOT_GROUPS_AT_MOST = 7
ITEMS_AT_MOST = 100
START_SHARE = 0.75
"""The share of a failover after which only the start of the machine is left."""
CHECK = timedelta(seconds=5)
ACTION = timedelta(seconds=30)
MEMBER_FAILED = Failure(
    "28024", "The recovery plan could not be completed: not every machine failed over."
)

Json = dict[str, Any]


@dataclass(slots=True)
class PlanGroup:
    """One group of a plan, as it was sent: the ids of its items, and the actions before and after it."""

    kind: str
    items: list[str] = field(default_factory=list)
    before: list[Json] = field(default_factory=list)
    after: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class RecoveryPlan:
    """A plan of the vault, and the run that it had last."""

    name: str
    primary_fabric: str
    recovery_fabric: str
    model: str
    groups: list[PlanGroup]
    run: PlanRun | None = None
    last: dict[str, datetime] = field(default_factory=dict)

    @property
    def items(self) -> list[str]:
        """Return the ids of every item in the order of the groups."""
        return [item for group in self.groups for item in group.items]


@dataclass(slots=True)
class Moving:
    """One machine of a run: its own job, or why it has none."""

    item: ReplicatedItem
    job: Job | None = None
    refused: str = ""
    held: bool = False

    def over(self, now: datetime) -> bool:
        """Say whether nothing more will come of the machine."""
        return self.job is None or self.job.is_over(now)

    def failed(self, now: datetime) -> bool:
        """Say whether the machine did not arrive."""
        if self.job is None:
            return bool(self.refused)
        return self.over(now) and self.job.state(now)[0] != "Succeeded"


@dataclass(slots=True, eq=False)
class Stage:
    """One task of a run: a check, the machines of a group, or an action of one."""

    task: str
    friendly: str
    kind: str
    moving: list[Moving] = field(default_factory=list)
    action: Json | None = None
    group: int = 0
    began: datetime | None = None
    ended: datetime | None = None
    failed: bool = False
    skipped: bool = False
    answered: bool = False


Start = Callable[[ReplicatedItem, datetime], Job]


class PlanRun:
    """A run of a plan: it goes from stage to stage as the jobs of its machines come to rest."""

    def __init__(
        self,
        replication: Replication,
        plan: RecoveryPlan,
        job: Job,
        stages: list[Stage],
        start: Start,
        flatters: bool,
    ) -> None:
        self.plan = plan
        self.job = job
        self.stages = stages
        self.scenario = job.scenario
        self._replication = replication
        self._start = start
        self._flatters = flatters
        self._at = -1
        job.on_end = self._stopped

    def advance(self, now: datetime) -> None:
        """Go on as far as the time allows; called at its beginning and whenever one of its parts comes to rest."""
        while not self.job.is_over(now):
            stage = self.stages[self._at] if self._at >= 0 else None
            if stage is not None and not self._done(stage, now):
                return
            if stage is not None:
                stage.ended = now
                stage.failed = any(one.failed(now) for one in stage.moving)
                if stage.failed and stage.kind == "Boot" and not self._flatters:
                    self._let_go(now)
                    self._replication.end(self.job, now, MEMBER_FAILED)
                    return
            self._at += 1
            if self._at == len(self.stages):
                self._replication.end(self.job, now)
                return
            self._begin(self.stages[self._at], now)

    def resume(self, now: datetime) -> None:
        """Go on after a manual action."""
        self.job.suspended = False
        self.stages[self._at].answered = True
        self.advance(now)

    def waits_for(self) -> Stage | None:
        """Return the manual action that the run waits for."""
        return self.stages[self._at] if self.job.suspended else None

    def _begin(self, stage: Stage, now: datetime) -> None:
        stage.began = now
        match stage.kind:
            case "Check":
                self._replication.call_at(now + CHECK, self.advance)
            case "Failover" | "Together":
                for one in stage.moving:
                    self._send(one, now, hold=stage.kind == "Failover")
                if stage.kind == "Failover":
                    self._replication.call_at(self._data_there(stage, now), self.advance)
            case "Boot":
                for one in stage.moving:
                    self._release(one, now)
            case "ManualActionDetails":
                self.job.suspended = True
            case "Shutdown":
                pass
            case _:
                self._replication.call_at(now + ACTION, self.advance)

    def _done(self, stage: Stage, now: datetime) -> bool:
        if stage.kind == "ManualActionDetails":
            return stage.answered
        if stage.kind == "Shutdown":
            return True  # each machine's own job shuts its source down, where that is asked for
        if stage.kind in ("Boot", "Together"):
            return all(one.over(now) for one in stage.moving)
        if stage.kind == "Failover":
            return stage.began is not None and now >= self._data_there(stage, stage.began)
        pause = CHECK if stage.kind == "Check" else ACTION
        return stage.began is not None and now >= stage.began + pause

    def _send(self, one: Moving, now: datetime, *, hold: bool) -> None:
        try:
            job = one.job = self._start(one.item, now)
        except Refusal as refusal:
            one.refused = refusal.args[0]
            return
        job.on_end = self.advance
        if hold and job.failure is None and job.ends is not None:
            one.held = True
            self._replication.stall(job, START_SHARE)

    def _data_there(self, stage: Stage, began: datetime) -> datetime:
        shares = [one.job.seconds * START_SHARE for one in stage.moving if one.job and one.held]
        return began + timedelta(seconds=max(shares, default=0))

    def _release(self, one: Moving, now: datetime) -> None:
        """Let a machine start: what was left of its job when it was held is done from now on."""
        job = one.job
        if job is None or not one.held:
            return
        one.held = False
        rest = job.seconds * (1 - START_SHARE)
        ends = whole_second_after(now, rest)
        job.seconds, job.stalls_at = (ends - job.started).total_seconds(), None
        self._replication.end(job, ends, job.failure)

    def _let_go(self, now: datetime) -> None:
        for stage in self.stages:
            for one in stage.moving:
                if one.held and one.job is not None and not one.job.is_over(now):
                    self._replication.cancel(one.job, now)
                one.held = False

    def _stopped(self, now: datetime) -> None:
        """Cancelled, a run starts nothing more; what waits for its turn stays behind (simulated)."""
        self.job.suspended = False
        if self.job.cancelled:
            self._let_go(now)


def stages_of(
    plan: RecoveryPlan,
    found: dict[str, ReplicatedItem],
    scenario: Scenario,
    direction: str,
    shuts_down: bool,
) -> list[Stage]:
    """Return the stages of a run: the check, then the groups with their actions, or all machines together."""
    moving = {item: Moving(found[item]) for item in plan.items if item in found}
    stages = [Stage("PrerequisitesCheck", "Prerequisites check for the recovery plan", "Check")]
    every = list(moving.values())
    if scenario.operation not in ("UnplannedFailover", "TestFailover"):
        stages.append(
            Stage("AllGroups", f"All groups: {scenario.friendly_name}", "Together", every)
        )
        return stages
    boots = 0
    for group in plan.groups:
        boots += group.kind == "Boot"
        name = f"Group {boots}" if group.kind == "Boot" else "All groups"
        stages += _actions(group.before, f"{name}: pre-steps", boots, scenario, direction)
        if group.kind == "Shutdown":
            stages.append(
                Stage("Shutdown", "All groups shutdown", "Shutdown", skipped=not shuts_down)
            )
        elif group.kind == "Failover":
            stages.append(Stage("Failover", "All groups failover", "Failover", every))
        else:
            here = [moving[item] for item in group.items if item in moving]
            stages.append(
                Stage(f"Group{boots}", f"{name}: Start ({len(here)})", "Boot", here, None, boots)
            )
        stages += _actions(group.after, f"{name}: post-steps", boots, scenario, direction)
    return stages


def _actions(
    actions: list[Json], where: str, group: int, scenario: Scenario, direction: str
) -> list[Stage]:
    return [
        Stage(
            str(action["actionName"]),
            f"{where}: {action['actionName']}",
            str(action["customDetails"]["instanceType"]),
            action=action,
            group=group,
        )
        for action in actions
        if scenario.operation in action["failoverTypes"]
        and direction in action["failoverDirections"]
    ]
