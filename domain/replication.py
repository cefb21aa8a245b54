"""What a protected item's state means, and which verb may follow.

The states are plain strings on the wire; the table below lists those that matter to Leeward. Azure names the job
that runs on an item in its ``currentScenario``: that is how a step that was started before is recognised and adopted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from domain.model import ArmId, Recorded


class Phase(StrEnum):
    """Where an item stands in its life."""

    PROTECTED = "protected"
    ARRIVED = "arrived"
    COMMITTED = "committed"
    OTHER = "other"


PHASES: Mapping[str, Phase] = {
    "protected": Phase.PROTECTED,
    "unplannedfailovercommitpendingstatesbegin": Phase.ARRIVED,
    "unplannedfailovercommitrequired": Phase.ARRIVED,
    "unplannedfailovercommitted": Phase.COMMITTED,
}


class ProtectedItem(Recorded):
    """One machine under replication, as the vault tells it."""

    id: ArmId
    name: str
    state: str
    state_description: str = ""
    allowed: tuple[str, ...] = ()
    health: str = ""
    scenario: str | None = None
    scenario_job: str | None = None
    vm: str | None = None
    rpo_seconds: int | None = None
    rpo_calculated_at: AwareDatetime | None = None
    failed_over_at: AwareDatetime | None = None

    @property
    def phase(self) -> Phase:
        """Return what the protection state means."""
        return PHASES.get(self.state.casefold(), Phase.OTHER)

    @property
    def drill_pending(self) -> bool:
        """Say whether a test failover waits to be cleaned up, or runs and will wait then: it blocks the real one."""
        return "TestFailoverCleanup" in self.allowed or self.scenario == "TestFailover"

    @property
    def latest_point_at(self) -> datetime | None:
        """Return the time of the newest recovery point: the last RPO reading, less the RPO it read."""
        if self.rpo_seconds is None or self.rpo_calculated_at is None:
            return None
        return self.rpo_calculated_at - timedelta(seconds=self.rpo_seconds)


class Verb(StrEnum):
    """What Leeward asks Site Recovery to do with an item."""

    FAILOVER = "failover"
    COMMIT = "commit"
    DRILL_CLEANUP = "drill_cleanup"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one verb looks from outside: the operation that permits it, the scenario it runs as."""

    operation: str
    scenario: str
    done: frozenset[Phase]


RULES: Mapping[Verb, Rule] = {
    Verb.FAILOVER: Rule(
        operation="UnplannedFailover",
        scenario="UnplannedFailover",
        done=frozenset({Phase.ARRIVED, Phase.COMMITTED}),
    ),
    Verb.COMMIT: Rule(
        operation="Commit", scenario="CommitFailover", done=frozenset({Phase.COMMITTED})
    ),
    Verb.DRILL_CLEANUP: Rule(
        operation="TestFailoverCleanup", scenario="TestFailoverCleanup", done=frozenset()
    ),
}


class Move(StrEnum):
    """What is to be done about a verb on an item, seen from the item's present state."""

    HAPPENED = "happened"
    RUNNING = "running"
    POSSIBLE = "possible"
    BUSY = "busy"
    IMPOSSIBLE = "impossible"


def move_for(item: ProtectedItem, verb: Verb) -> Move:
    """Say whether the verb has happened, runs, may start, must wait for another job, or cannot be."""
    rule = RULES[verb]
    if item.scenario == rule.scenario:
        return Move.RUNNING
    if item.scenario is not None:
        return Move.BUSY
    if item.phase in rule.done:
        return Move.HAPPENED
    if rule.operation in item.allowed:
        return Move.POSSIBLE
    if verb is Verb.DRILL_CLEANUP and not item.drill_pending:
        return Move.HAPPENED
    return Move.IMPOSSIBLE


class JobState(StrEnum):
    """What a Site Recovery job came to; its own vocabulary is wider, and spells Cancelled with two l."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


JOB_STATES: Mapping[str, JobState] = {
    "succeeded": JobState.SUCCEEDED,
    "completedwithinformation": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.FAILED,
    "canceled": JobState.FAILED,
}


class Job(Recorded):
    """One Site Recovery job, as far as Leeward asks."""

    name: str
    state: str
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    recovery_point_at: AwareDatetime | None = None
    error_code: str | None = None
    error: str | None = None

    @property
    def verdict(self) -> JobState:
        """Return what the job came to; a state never heard of counts as still running."""
        return JOB_STATES.get(self.state.casefold(), JobState.RUNNING)
