"""The look before a machine is protected the other way round: its terms, or the reason why it cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from activities.reprotection import Reprotection, ReprotectQuestion, Turning
from domain.errors import StepError, Transient
from domain.replication import ProtectedItem
from domain.resources import MachineSeen
from tests.activities.ports import VaultInMemory, item
from tests.plan_samples import SUBSCRIPTION, protected_plan

PLAN = protected_plan()
OLD = f"{SUBSCRIPTION}/resourceGroups/east/providers/Microsoft.Compute/virtualMachines/db-01"
NEW = OLD.replace("/east/", "/west/")
HOME = PLAN.vault.item_id("db-01").rsplit("/replicationProtectedItems/", 1)[0]
AWAY = f"{PLAN.vault.id}/replicationFabrics/rf/replicationProtectionContainers/rc"
POLICY = f"{PLAN.vault.id}/replicationPolicies/day"


def machine(vm: str, region: str, *disks: str) -> MachineSeen:
    return MachineSeen(id=vm, region=region, disks=tuple(f"{vm}-{disk}" for disk in disks))


@dataclass
class Azure:
    """Mappings, machines and locks in memory."""

    mapping: str | None = POLICY
    machines: dict[str, MachineSeen | StepError | None] = field(
        default_factory=lambda: {
            OLD: machine(OLD, "eastus", "old"),
            NEW: machine(NEW, "westus", "os", "data"),
        }
    )
    locked: Sequence[str] = ()
    between: list[tuple[str, str]] = field(default_factory=list)

    def policy_between(self, source: str, target: str) -> str | None:
        self.between.append((source, target))
        return self.mapping

    def machine(self, vm: str) -> MachineSeen | None:
        found = self.machines.get(vm)
        if isinstance(found, StepError):
            raise found
        return found

    def locks(self, group: str) -> Sequence[str]:
        assert group == OLD.split("/providers/")[0]
        return self.locked


def committed(**changes: Any) -> ProtectedItem:
    return item(
        "db-01",
        **{
            "state": "UnplannedFailoverCommitted",
            "allowed": ("SwitchProtection",),
            "vm": OLD,
            "recovered_vm": NEW,
            "recovery_container": AWAY,
            **changes,
        },
    )


def turning(azure: Azure | None = None, *items: ProtectedItem) -> Turning:
    """Look at the plan's one member."""
    there = azure or Azure()
    look = Reprotection(VaultInMemory().hold(*(items or (committed(),))), there, there)
    question = ReprotectQuestion(plan=PLAN, members=("db-01",))
    return look.prepare_reprotection(question).members["db-01"]


def test_a_committed_machine_is_turned_with_its_own_disks_and_the_cache_of_where_it_is() -> None:
    azure = Azure()
    found = turning(azure)
    assert found.refused is None and found.enabling is not None
    assert (found.item, found.enabling.vm) == (committed().id, NEW)
    assert found.enabling.disks == (f"{NEW}-os", f"{NEW}-data")
    assert PLAN.protection is not None
    assert found.enabling.cache == PLAN.protection.cache.target
    assert (found.enabling.policy, found.enabling.container) == (POLICY, HOME)
    assert found.enabling.resource_group == f"{SUBSCRIPTION}/resourceGroups/east"
    assert azure.between == [(AWAY, HOME)]


@pytest.mark.parametrize(
    ("azure", "said"),
    [
        (
            Azure(mapping=None),
            "container rc has no mapping to c, so db-01 cannot be protected that way",
        ),
        (Azure(locked=("keep",)), "the lock keep on east stands in the way"),
        (Azure(machines={NEW: machine(NEW, "westus", "os")}), "that db-01 came from was deleted"),
        (Azure(machines={OLD: machine(OLD, "eastus", "old")}), "or its disks, are not there"),
        (Azure(machines={NEW: machine(NEW, "westus"), OLD: None}), "or its disks, are not there"),
        (
            Azure(machines={OLD: machine(OLD, "eastus"), NEW: machine(NEW, "northeurope", "os")}),
            "the plan names no cache storage in North Europe",
        ),
    ],
)
def test_what_stands_in_the_way_is_the_reason_with_its_mend(azure: Azure, said: str) -> None:
    found = turning(azure)
    assert found.enabling is None
    assert said in str(found.refused)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ((item("other"),), "has no protected item; protect it anew"),
        (
            (committed(state="UnplannedFailoverCommitRequired"),),
            "is not committed; commit it first",
        ),
        ((committed(recovered_vm=None),), "does not say which machine the failover made"),
    ],
)
def test_an_item_that_cannot_be_turned_is_refused(
    items: tuple[ProtectedItem, ...], said: str
) -> None:
    assert said in str(turning(None, *items).refused)


@pytest.mark.parametrize("state", ["InitialReplicationInProgress", "Protected"])
def test_a_re_protection_that_was_begun_is_taken_up_where_it_stands(state: str) -> None:
    moved = item(
        "db-01", state=state, allowed=(), vm=NEW, id=f"{AWAY}/replicationProtectedItems/db-01"
    )
    found = turning(None, moved)
    assert found.refused is None and found.enabling is not None
    assert (found.item, found.enabling.vm) == (moved.id, NEW)


def test_a_region_that_does_not_answer_refuses_nothing_by_itself() -> None:
    azure = Azure()
    azure.machines[OLD] = Transient("service_unavailable", "down")
    assert turning(azure).refused is None
