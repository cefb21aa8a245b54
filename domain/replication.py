"""What a protected item's state means, and which verb may follow.

The states are plain strings on the wire; the table below lists those that matter to Leeward. Azure names the job
that runs on an item in its ``currentScenario``: that is how a step that was started before is recognised and adopted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from domain.model import ArmId, Recorded, last_segment, same_id


class Phase(StrEnum):
    """Where an item stands in its life."""

    REPLICATING = "replicating"
    PROTECTED = "protected"
    ARRIVED = "arrived"
    COMMITTED = "committed"
    OTHER = "other"


PHASES: Mapping[str, Phase] = {
    "enablingprotection": Phase.REPLICATING,
    "unprotectedstatesbegin": Phase.REPLICATING,
    "initialreplicationinprogress": Phase.REPLICATING,
    "initialreplicationrecoverycompletionpending": Phase.REPLICATING,
    "protected": Phase.PROTECTED,
    "unplannedfailovercommitpendingstatesbegin": Phase.ARRIVED,
    "unplannedfailovercommitrequired": Phase.ARRIVED,
    "unplannedfailovercommitted": Phase.COMMITTED,
}


class Interface(Recorded):
    """A network interface of a protected item: where it comes up, in earnest and in a drill."""

    nic: str
    source_nic: str | None = None
    source_address: str | None = None
    config: str | None = None
    network: str | None = None
    subnet: str | None = None
    address: str | None = None
    public_ip: str | None = None
    pools: tuple[str, ...] = ()
    nsg: str | None = None
    drill_subnet: str | None = None
    drill_address: str | None = None
    drill_public_ip: str | None = None
    drill_pools: tuple[str, ...] = ()
    drill_nsg: str | None = None


class ProtectedItem(Recorded):
    """One machine under replication, as the vault tells it.

    ``vm`` is the machine that is replicated, ``recovered_vm`` the one a failover made, ``test_vm`` a drill's.
    """

    id: ArmId
    name: str
    friendly_name: str = ""
    source_region: str = ""
    target_region: str = ""
    recovery_container: str | None = None
    policy: str | None = None
    failover_point: str | None = None
    state: str
    state_description: str = ""
    allowed: tuple[str, ...] = ()
    health: str = ""
    scenario: str | None = None
    scenario_job: str | None = None
    vm: str | None = None
    recovered_vm: str | None = None
    test_vm: str | None = None
    test_name: str | None = None
    recovery_name: str | None = None
    recovery_size: str | None = None
    recovery_group: str | None = None
    network: str | None = None
    drill_network: str | None = None
    nics: tuple[Interface, ...] = ()
    disks: tuple[str, ...] = ()
    group: str | None = None
    percent: int | None = None
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

    DRILL = "drill"
    DRILL_CLEANUP = "drill_cleanup"
    FAILOVER = "failover"
    COMMIT = "commit"
    PROTECT = "protect"
    CHANGE_POINT = "change_point"
    REPROTECT = "reprotect"


class Enabling(Recorded):
    """What a machine is put under replication with, or back under it: its disks, and where it goes through and to."""

    vm: ArmId
    disks: tuple[ArmId, ...]
    cache: ArmId
    policy: ArmId
    container: ArmId
    resource_group: ArmId
    network: ArmId | None = None
    subnet: str | None = None
    group: str | None = None


class Terms(Recorded):
    """What a verb is started with, besides the item: ``point`` is a recovery point's ARM id, Azure's latest if None."""

    graceful: bool = False
    network: ArmId | None = None
    point: str | None = None
    enabling: Enabling | None = None


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
    Verb.PROTECT: Rule(
        operation="EnableProtection", scenario="EnableDr", done=frozenset({Phase.PROTECTED})
    ),
    Verb.CHANGE_POINT: Rule(
        operation="ChangePit", scenario="ChangeRecoveryPoint", done=frozenset()
    ),
    Verb.REPROTECT: Rule(
        operation="SwitchProtection",
        scenario="SwitchReplicationGroupProtection",
        done=frozenset({Phase.PROTECTED}),
    ),
    Verb.DRILL: Rule(operation="TestFailover", scenario="TestFailover", done=frozenset()),
    Verb.DRILL_CLEANUP: Rule(
        operation="TestFailoverCleanup", scenario="TestFailoverCleanup", done=frozenset()
    ),
}


# These are done when the machine is protected, long after the job that began them.
REPLICATES = (Verb.PROTECT, Verb.REPROTECT)


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
    if verb in REPLICATES and item.phase is Phase.REPLICATING:
        return Move.RUNNING  # the job that began it has ended long before the first recovery point
    if verb in REPLICATES and item.phase is Phase.PROTECTED:
        return Move.HAPPENED  # whatever else runs on it now
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
    if verb is Verb.DRILL and item.drill_pending:
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
    new_item: str | None = None
    error_code: str | None = None
    error: str | None = None

    @property
    def verdict(self) -> JobState:
        """Return what the job came to; a state never heard of counts as still running."""
        return JOB_STATES.get(self.state.casefold(), JobState.RUNNING)


def locate(items: Iterable[ProtectedItem], item_id: str, vm_id: str) -> ProtectedItem | None:
    """Return a member's item wherever in the vault it lives now: a re-protection gives it a new home.

    Its id comes first, then its machine, replicated or recovered, then its name under another container.
    """
    name = last_segment(item_id)
    best: tuple[int, ProtectedItem] | None = None
    for item in items:
        machines = [vm for vm in (item.vm, item.recovered_vm) if vm]
        if same_id(item.id, item_id):
            return item
        if any(same_id(vm, vm_id) for vm in machines):
            best = (1, item)
        elif same_id(item.name, name) and (best is None or best[0] > 2):
            best = (2, item)
    return best[1] if best else None
