"""Protected items: where they stand, where they come up, and what each phase allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from local.azure.estate import Container, Machine, ProtectedItem
from local.azure.jobs import Job
from local.azure.world import RunningMachine


class Phase(StrEnum):
    """Where a protected item stands while no job runs on it."""

    ENABLING = "enabling"
    REPLICATING = "replicating"
    FIRST_POINT = "first point pending"
    PROTECTED = "protected"
    DRILL_PENDING = "drill pending"
    FAILED_OVER = "failed over"
    COMMITTED = "committed"


ALLOWED: Mapping[Phase, tuple[str, ...]] = {
    Phase.ENABLING: (),
    Phase.REPLICATING: ("DisableProtection",),
    Phase.FIRST_POINT: ("DisableProtection",),
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


YOUNG = frozenset({Phase.ENABLING, Phase.REPLICATING, Phase.FIRST_POINT})


@dataclass(slots=True)
class Settings:
    """Where and as what an item comes up, in earnest and in a drill; ids are ARM's, empty where nothing is said."""

    group: str
    network: str
    subnet: str
    name: str
    size: str
    test_name: str
    address: str = ""
    public_ip: str = ""
    pools: tuple[str, ...] = ()
    nsg: str = ""
    test_network: str = ""
    test_subnet: str = ""
    test_address: str = ""
    test_public_ip: str = ""
    test_pools: tuple[str, ...] = ()
    test_nsg: str = ""


@dataclass(slots=True, eq=False)
class ReplicatedItem:
    """A protected item and where it stands."""

    facts: ProtectedItem
    guid: UUID
    primary: Container
    recovery: Container
    policy: str
    source: Machine
    settings: Settings
    since: datetime
    cache: str = ""
    group: str = ""
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
