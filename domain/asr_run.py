"""A run of Azure's own recovery plan: what it is started with, and what its job tells of each machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from domain.model import ArmId, Recorded
from domain.policy import RecoveryPoint
from domain.replication import Job, JobState, Verb


class SyncPoint(StrEnum):
    """Whether the machines of a consistency group recover to a point of their own, or to one that they share."""

    SHARED = "UseMultiVmSyncRecoveryPoint"
    OWN = "UsePerVmRecoveryPoint"


# How Azure's plans call the rules by which a recovery point is chosen.
POINT_TYPES: Mapping[RecoveryPoint, str] = {
    RecoveryPoint.LATEST: "Latest",
    RecoveryPoint.LATEST_PROCESSED: "LatestProcessed",
    RecoveryPoint.LATEST_APP_CONSISTENT: "LatestApplicationConsistent",
    RecoveryPoint.LATEST_CRASH_CONSISTENT: "LatestCrashConsistent",
}


class PlanTerms(Recorded):
    """What a verb is started with for a whole recovery plan."""

    graceful: bool = False
    network: ArmId | None = None
    point: RecoveryPoint = RecoveryPoint.LATEST
    sync: SyncPoint = SyncPoint.OWN


class PlanStanding(Recorded):
    """A recovery plan as it stands: what it allows, and the job that ran on it last.

    What it says of that job's success is left out on purpose: it is not to be trusted.
    """

    name: str
    allowed: tuple[str, ...] = ()
    scenario: str | None = None
    job: str | None = None

    def runs(self, verb: Verb) -> bool:
        """Say whether the last job on the plan was of this verb."""
        return self.job is not None and self.scenario == SCENARIOS[verb]


SCENARIOS: Mapping[Verb, str] = {
    Verb.FAILOVER: "UnplannedFailover",
    Verb.DRILL: "TestFailover",
    Verb.DRILL_CLEANUP: "TestFailoverCleanup",
    Verb.COMMIT: "CommitFailover",
}


class Task(Recorded):
    """One task of a job's tree: ``machine_job`` is the job of one machine, ``instructions`` a person's step."""

    name: str
    state: str
    machine: str | None = None
    machine_job: str | None = None
    instructions: str | None = None
    children: tuple[Task, ...] = ()

    def each(self) -> Iterator[Task]:
        """Yield the task and every one below it."""
        yield self
        for child in self.children:
            yield from child.each()


RESTING = {"succeeded", "failed", "cancelled", "canceled", "other", "notstarted"}


class JobTree(Recorded):
    """The job of a recovery plan with all its tasks."""

    job: Job
    tasks: tuple[Task, ...] = ()

    @property
    def over(self) -> bool:
        """Say whether Azure does nothing more of its own; this says nothing of any machine."""
        return self.job.verdict is not JobState.RUNNING

    @property
    def waits_for(self) -> Task | None:
        """Return the manual step at which the job waits for a person."""
        if self.over:
            return None
        steps = [
            task
            for root in self.tasks
            for task in root.each()
            if task.instructions is not None and task.state.casefold() not in RESTING
        ]
        return steps[-1] if steps and self.job.state.casefold() == "suspended" else None

    @property
    def machine_jobs(self) -> dict[str, str]:
        """Return the job of each machine by the machine's name in lower case."""
        return {
            task.machine.casefold(): task.machine_job
            for root in self.tasks
            for task in root.each()
            if task.machine and task.machine_job
        }
