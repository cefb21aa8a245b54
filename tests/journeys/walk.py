"""What the vault says of an item, held against the table of an item's life."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.journeys.world import World
from tests.local.azure.shop import EAST, Arm

TIERS = ("db", "app", "web")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: what an item shows in a phase of its life."""

    state: str
    active: str
    test_states: frozenset[str]
    allowed: frozenset[str]
    description: str | None = None


def row(
    state: str,
    *allowed: str,
    active: str = "Primary",
    test: tuple[str, ...] = ("None",),
    description: str | None = None,
) -> Row:
    return Row(state, active, frozenset(test), frozenset(allowed), description)


CLEAN = ("None", "MarkedForDeletion")
HEALTHY = ("UnplannedFailover", "DisableProtection", "TestFailover")
ENABLING = row("EnablingProtection", description="Enabling protection")
REPLICATING = row("InitialReplicationInProgress", "DisableProtection")
FIRST_POINT = row("InitialReplicationRecoveryCompletionPending", "DisableProtection")
PROTECTED = row("Protected", *HEALTHY, test=CLEAN, description="Protected")
DRILL_PENDING = row(
    "Protected",
    "TestFailoverCleanup",
    test=("WaitingForCompletion",),
    description="Cleanup test failover pending",
)
FAILED_OVER = row(
    "UnplannedFailoverCommitPendingStatesBegin",
    "CompleteMigration",
    "Commit",
    "DisableProtection",
    "ChangePit",
    active="Recovery",
    test=CLEAN,
    description="Failover completed",
)
COMMITTED = row(
    "UnplannedFailoverCommitted",
    "CompleteMigration",
    "DisableProtection",
    "SwitchProtection",
    active="Recovery",
    test=CLEAN,
    description="Failover committed",
)
TURNING = row("UnplannedFailoverCommitted", active="Recovery", test=CLEAN)
"""Committed, while the job that turns its replication round runs."""


@dataclass
class Vault:
    """The vault as its REST API tells of it, through a client of the test's own."""

    w: World
    arm: Arm = field(init=False)

    def __enter__(self) -> Vault:
        self.arm = Arm(self.w.azure)
        return self

    def __exit__(self, *_: object) -> None:
        self.arm.http.close()

    def item(self, tier: str, container: str) -> dict[str, Any]:
        """Return the properties of a tier's one item; empty where it does not live here."""
        answer = self.arm.vault_get(f"{container}/replicationProtectedItems/{tier}-prod-01")
        if answer.status_code == 404:
            return {}
        properties: dict[str, Any] = answer.raise_for_status().json()["properties"]
        return properties

    def until(self, wanted: Row, container: str = EAST, tier: str = "web") -> dict[str, Any]:
        """Let time go on until a tier's item shows a row of the table, and return all it says."""
        self.w.host.run_until(lambda: is_row(self.item(tier, container), wanted))
        return self.item(tier, container)

    def all_show(self, wanted: Row, container: str = EAST) -> bool:
        """Say whether every item shows a row."""
        return all(is_row(self.item(tier, container), wanted) for tier in TIERS)

    def nothing_at(self, container: str) -> bool:
        """Say whether no item lives in a container."""
        return not any(self.item(tier, container) for tier in TIERS)


def is_row(item: dict[str, Any], wanted: Row) -> bool:
    """Say whether an item shows a row of the table, while no job runs on it."""
    if not item:
        return False
    return (
        item["protectionState"] == wanted.state
        and item["activeLocation"] == wanted.active
        and item["testFailoverState"] in wanted.test_states
        and frozenset(item["allowedOperations"]) == wanted.allowed
        and wanted.description in (None, item["protectionStateDescription"])
    )
