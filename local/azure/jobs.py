"""Site Recovery jobs: which tasks they have, how long they take, and what they are at an instant."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.azure.items import ReplicatedItem


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a job, and the share of the job's time after which it is done."""

    task_id: str
    friendly_name: str
    until: float
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of job."""

    name: str
    friendly_name: str
    target_type: str
    operation: str
    seconds: tuple[float, float]
    tasks: tuple[Task, ...]


# Durations of failover and commit are the recorded ones. The friendly names are those of the portal;
# the task ids of failover, test failover and clean-up were never recorded: simulated.
UNPLANNED_FAILOVER = Scenario(
    "UnplannedFailover",
    "Failover",
    "Vm",
    "UnplannedFailover",
    (136, 173),
    (
        Task("UnplannedFailoverPreflightChecksTask", "Prerequisites check for failover", 0.05),
        Task("ShutdownVmTask", "Shut down the virtual machine", 0.15),
        Task("SynchronizeLatestChangesTask", "Synchronizing the latest changes", 0.3),
        Task("FailoverTask", "Start failover", 0.75),
        Task("StartReplicaVmTask", "Start the replica virtual machine", 1),
    ),
)
COMMIT_FAILOVER = Scenario(
    "CommitFailover",
    "Commit",
    "Vm",
    "Commit",
    (8, 42),
    (
        Task("CommitFailoverPreflightTask", "Prerequisite check", 0.2),
        Task("CommitFailoverTask", "Commit", 1, name="VmCommitFailover"),
    ),
)
TEST_FAILOVER = Scenario(
    "TestFailover",
    "Test failover",
    "Vm",
    "TestFailover",
    (195, 225),
    (
        Task("TestFailoverPreflightChecksTask", "Prerequisites check for test failover", 0.05),
        Task("CreateTestVmTask", "Create test virtual machine", 0.6),
        Task("PrepareTestVmTask", "Preparing the virtual machine", 0.75),
        Task("StartTestVmTask", "Start the virtual machine", 1),
    ),
)
TEST_FAILOVER_CLEANUP = Scenario(
    "TestFailoverCleanup",
    "Test failover cleanup",
    "Vm",
    "TestFailoverCleanup",
    (60, 90),
    (Task("CleanupTestVmTask", "Clean up the test environment", 1),),
)
SWITCH_PROTECTION = Scenario(
    "SwitchReplicationGroupProtection",
    "Reprotect",
    "ProtectionEntity",
    "SwitchProtection",
    (414, 542),
    (
        Task("SwitchReplicationGroupProtectionPreflightTask", "Prerequisite check", 0.01),
        Task("CommitFailoverTask", "Committing failover", 0.01, name="VmCommitFailover"),
        Task("DiscoverReplicaTask", "Discovering replica virtual machine", 0.02),
        Task("GetSwitchProtectionRequirementsTask", "Getting reprotection requirements", 0.03),
        Task("ProtectReplicaTask", "Reprotecting virtual machine (1)", 1),
    ),
)


def setup(name: str, friendly_name: str, seconds: tuple[float, float]) -> Scenario:
    """Return the job of a piece of set-up; its seconds are recorded, its names simulated."""
    return Scenario(
        name, friendly_name, "Vault", "", seconds, (Task(f"{name}Task", friendly_name, 1),)
    )


FABRIC = setup("SaveFabric", "Create a site", (65, 85))
CONTAINER = setup("SaveProtectionContainer", "Create a protection container", (1, 10))
POLICY = setup("SavePolicy", "Create a replication policy", (0, 1))
MAPPING = setup("PairProtectionContainers", "Associate a replication policy", (64, 166))
NETWORK_MAPPING = setup("MapNetworks", "Map networks", (3, 4))
SAVE_PLAN = setup("SaveRecoveryPlan", "Save a recovery plan", (0, 1))
DELETE_PLAN = setup("DeleteRecoveryPlan", "Delete a recovery plan", (0, 6))
# Names and durations of these were never recorded, but for the minutes of enable and disable: simulated.
ENABLE = Scenario(
    "EnableDr",
    "Enable replication",
    "Vm",
    "EnableProtection",
    (310, 425),
    (
        Task("EnableProtectionPrerequisitesCheckTask", "Prerequisites check", 0.1),
        Task("InstallMobilityServiceTask", "Installing Mobility Service", 0.6),
        Task("EnableReplicationTask", "Enable replication", 1),
    ),
)
DISABLE = Scenario(
    "DisableDr",
    "Disable replication",
    "Vm",
    "DisableProtection",
    (112, 205),
    (Task("DisableProtectionTask", "Disable replication", 1),),
)
CHANGE_POINT = Scenario(
    "ChangeRecoveryPoint",
    "Change recovery point",
    "Vm",
    "ChangePit",
    (120, 160),
    (
        Task("ChangePitPrerequisitesCheckTask", "Prerequisite check", 0.1),
        Task("ChangeRecoveryPointTask", "Change recovery point", 1),
    ),
)
UPDATE = Scenario(
    "UpdateVmProperties",
    "Update the virtual machine",
    "Vm",
    "UpdateVmProperties",
    (10, 20),
    (Task("UpdateVmPropertiesTask", "Update the virtual machine", 1),),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job fails, in the words of Site Recovery."""

    code: str
    message: str
    causes: str = "See the error message."
    action: str = "Correct the cause and retry the operation."


CAPACITY = Failure(
    "150097",
    "The requested virtual machine size is not available in the target location.",
    "The subscription's quota is used up, or the size is not offered in the target region.",
    "Raise the quota, or choose another size for the recovery virtual machine, and retry.",
)


NO_TARGET = Failure(
    "28031",
    "Site Recovery was not able to create the virtual machine in the target region.",
    "The target region does not answer.",
    "Wait until the target region is available and retry.",
)


SOURCE_GONE = Failure(
    "150223",
    "The virtual machine that is to be protected again might have been deleted.",
    "The original virtual machine was deleted after the failover.",
    "Disable replication and enable it anew.",
)
LOCKED = Failure(
    "150226",
    "The stale resource links of the virtual machine could not be removed (ScopeLocked).",
    "A lock on the resource group forbids that resources are deleted.",
    "Remove the lock, and retry.",
)


def no_interface(trouble: str) -> Failure:
    """Return the failure of a machine that gets no network interface; that this code says so is simulated."""
    return Failure(
        "28092",
        f"The network interface of the virtual machine could not be created. {trouble}",
        "One or more replica IP addresses are invalid or in use.",
        "Give the machine another address in its compute and network settings, and retry.",
    )


@dataclass(slots=True)
class Job:
    """One job: its end is known from the start, unless it is stuck or somebody cancels it."""

    name: str
    ordinal: int
    scenario: Scenario
    item: ReplicatedItem | None
    started: datetime
    seconds: float
    activity_id: str
    ends: datetime | None
    failure: Failure | None = None
    skipped: frozenset[str] = frozenset()
    stalls_at: datetime | None = None
    cancelled: bool = False
    child: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    subject: str = ""
    finish: Callable[[datetime], None] | None = None
    on_end: Callable[[datetime], None] | None = None
    tree: Callable[[datetime], list[dict[str, Any]]] | None = None
    suspended: bool = False

    def is_over(self, now: datetime) -> bool:
        """Return whether the job has ended."""
        return self.ends is not None and self.ends <= now

    def state(self, now: datetime) -> tuple[str, str]:
        """Return state and stateDescription."""
        if not self.is_over(now):
            return ("Suspended", "Suspended") if self.suspended else ("InProgress", "InProgress")
        if self.cancelled:
            return "Cancelled", "Cancelled"
        if self.failure:
            return "Failed", "Failed"
        return "Succeeded", "Completed"

    def has_done(self, task_id: str, at: datetime) -> bool:
        """Return whether a task was done at an instant, however the job went on."""
        task = next(task for task in self.scenario.tasks if task.task_id == task_id)
        until = min(at, self.stalls_at or at)
        return until >= self.started + timedelta(seconds=self.seconds * task.until)

    def tasks(self, now: datetime) -> list[TaskView]:
        """Return the tasks as they are at an instant."""
        until = min(at for at in (now, self.ends, self.stalls_at) if at is not None)
        done_well = self.state(now)[0] == "Succeeded"
        views: list[TaskView] = []
        begins = self.started
        for task in self.scenario.tasks:
            ends = self.started + timedelta(seconds=self.seconds * task.until)
            if task.task_id in self.skipped:
                views.append(TaskView(task, "Other", "Skipped", None, None))
                continue
            if done_well or ends < until:
                views.append(TaskView(task, "Succeeded", "Completed", begins, ends))
            elif begins <= until:
                state, description = self.state(now)
                views.append(TaskView(task, state, description, begins, self._ended(now)))
            else:
                views.append(TaskView(task, "NotStarted", "NotStarted", None, None))
            begins = ends
        return views

    def _ended(self, now: datetime) -> datetime | None:
        return self.ends if self.is_over(now) else None


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task at an instant."""

    task: Task
    state: str
    description: str
    started: datetime | None
    ended: datetime | None


def duration(
    scenario: Scenario,
    item: str,
    attempt: int,
    overrides: Mapping[str, tuple[float, float]],
) -> float:
    """Return how long a job takes: always the same for the same item and attempt."""
    shortest, longest = overrides.get(scenario.name, scenario.seconds)
    digest = hashlib.sha256(f"{scenario.name}/{item}/{attempt}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 0xFFFFFFFF
    return shortest + share * (longest - shortest)


def whole_second_after(started: datetime, seconds: float) -> datetime:
    """Return the end of a job; recorded ends are whole seconds."""
    end = started + timedelta(seconds=seconds)
    return max(started, end.replace(microsecond=0))
