"""What the vault says of an item, held against the table of an item's life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.journeys.world import World
from tests.local.azure.shop import EAST, WEST, Arm

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
DRILLING = row("Protected", test=("Initiating",))
CLEANING = row("Protected", test=("WaitingForCompletion",))
WORKING = row("Protected", test=CLEAN)
COMMITTING = row("UnplannedFailoverCommitPendingStatesBegin", active="Recovery", test=CLEAN)
TURNING = row("UnplannedFailoverCommitted", active="Recovery", test=CLEAN)
"""While a job runs, nothing else is allowed: a failover, a commit, one that turns the replication round."""

TABLE = {
    name: value for name, value in list(globals().items()) if isinstance(value, Row)
}  # in the order of an item's life


@dataclass
class Vault:
    """The vault as its REST API tells of it, through a client of the test's own."""

    w: World
    arm: Arm = field(init=False)
    lives: dict[str, list[str]] = field(default_factory=dict)
    """What each item has shown so far: the rows of the table, each change of row once."""

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
        self.run_until(lambda: is_row(self.item(tier, container), wanted))
        return self.item(tier, container)

    def run_until(self, condition: Callable[[], bool]) -> None:
        """Let time go on until a condition holds, and hold all that any item shows meanwhile against the table."""

        def looked_and_holds() -> bool:
            self.look()
            return condition()

        self.w.host.run_until(looked_and_holds)

    def look(self) -> None:
        """Write down which row of the table each item shows; one that shows none ends the walk."""
        for container in (EAST, WEST):
            answer = self.arm.vault_get(f"{container}/replicationProtectedItems")
            listed = answer.json()["value"] if answer.is_success else ()
            for item in listed:
                life = self.lives.setdefault(item["name"], [])
                shown = row_of(item["properties"])
                if not life or life[-1] != shown:
                    life.append(shown)

    def all_show(self, wanted: Row, container: str = EAST) -> bool:
        """Say whether every item shows a row."""
        return all(is_row(self.item(tier, container), wanted) for tier in TIERS)

    def nothing_at(self, container: str) -> bool:
        """Say whether no item lives in a container."""
        return not any(self.item(tier, container) for tier in TIERS)


def row_of(item: dict[str, Any]) -> str:
    """Return the row of the table that an item shows."""
    shown = next((name for name, row in TABLE.items() if is_row(item, row)), None)
    parts = ("protectionState", "activeLocation", "testFailoverState", "allowedOperations")
    assert shown, f"the table has no row for {[item[part] for part in parts]}"
    return shown


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
