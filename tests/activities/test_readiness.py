"""What stands in the way is said before anything is touched, each with the mend."""

from __future__ import annotations

from typing import Any

import pytest

from activities.readiness import Preflight, Question
from domain.grants import Grants
from domain.plan import Plan
from domain.request import Kind
from domain.run import Readiness
from tests.activities.ports import (
    CONTAINER,
    PermissionsInMemory,
    ProfileInMemory,
    VaultInMemory,
    item,
)
from tests.plan_samples import plan, tier

PLAN = plan(tiers=[tier("db", "a", "b")])
NORMAL = {"east": True, "west": False}


def look(
    *items: Any, endpoints: dict[str, bool] | None = None, of: Plan = PLAN
) -> tuple[Readiness, VaultInMemory]:
    vault = VaultInMemory().hold(*items)
    preflight = Preflight(vault, ProfileInMemory(dict(endpoints or NORMAL)), PermissionsInMemory())
    return preflight.assess_readiness(Question(plan=of)), vault


def test_a_protected_application_is_ready_and_one_read_says_so() -> None:
    readiness, vault = look(item("a"), item("b"))
    items = {name: CONTAINER.item_id(name) for name in ("a", "b")}
    assert readiness == Readiness(
        ready=True, items=items, profile=readiness.profile, grants=Grants()
    )
    assert readiness.profile is not None
    assert vault.lists == 1
    assert not vault.starts


def test_what_leeward_needs_in_the_protected_region_is_warned_of() -> None:
    places = {
        "LEDGER": "https://stleewardeastus.blob.core.windows.net/shared",
        "REGION_NAME": "East US",
        "EVIDENCE_STORE": "https://stleewardeastus2.blob.core.windows.net/evidence",
    }
    vault = VaultInMemory().hold(item("a"), item("b"))
    preflight = Preflight(vault, ProfileInMemory(dict(NORMAL)), PermissionsInMemory(), places)
    found = preflight.assess_readiness(Question(plan=PLAN))
    assert PLAN.source.region == "eastus" and found.ready
    assert found.warnings == tuple(
        f"Leeward's own {key} lies in East US, the region that the plan protects: move it out of there"
        for key in ("LEDGER", "REGION_NAME")
    )


def test_a_member_without_an_item_blocks_the_run() -> None:
    readiness, _ = look(item("a"))
    assert not readiness.ready
    assert readiness.blockers == ("b has no protected item b in c; protect it, or mend the plan",)


@pytest.mark.parametrize("kind", [Kind.FAILOVER, Kind.ROUND_TRIP])
def test_a_member_of_a_consistency_group_is_not_moved_by_itself(kind: Kind) -> None:
    profiles = ProfileInMemory(dict(NORMAL))
    vault = VaultInMemory().hold(item("a", group="g"), item("b"))
    preflight = Preflight(vault, profiles, PermissionsInMemory())
    found = preflight.assess_readiness(Question(plan=PLAN, kind=kind))
    (blocker,) = found.blockers
    assert blocker.startswith("a belongs to the consistency group g, whose machines Azure moves")
    drill = preflight.assess_readiness(Question(plan=PLAN, kind=Kind.DRILL))
    assert drill.ready


@pytest.mark.parametrize(
    ("changes", "ready", "says"),
    [
        ({"state": "UnplannedFailoverCommitted", "allowed": ()}, True, "has failed over before"),
        ({"scenario": "UnplannedFailover"}, True, "runs already; it is adopted"),
        ({"scenario": "SwitchProtection"}, True, "runs on a; the run waits for it"),
        ({"state": "EnablingProtection", "allowed": ()}, False, "wait until it is protected"),
        ({"health": "Critical"}, True, "its recovery point may be old"),
        ({"health": "critical"}, True, "its recovery point may be old"),
    ],
)
def test_the_state_of_an_item_is_judged(changes: Any, ready: bool, says: str) -> None:
    readiness, _ = look(item("a", **changes), item("b"))
    assert readiness.ready is ready
    (said,) = readiness.warnings if ready else readiness.blockers
    assert says in said
    assert said.startswith(("a ", "a failover of a ", "SwitchProtection", "the replication of a "))


@pytest.mark.parametrize(
    ("moved", "west", "east", "settled"),
    [
        (("a", "b"), True, False, True),
        (("a",), True, False, False),
        (("a", "b"), False, True, False),
        (("a", "b"), True, True, False),
    ],
)
def test_an_application_is_settled_once_all_of_it_and_its_users_have_moved(
    moved: tuple[str, ...], west: bool, east: bool, settled: bool
) -> None:
    gone: dict[str, Any] = {"state": "UnplannedFailoverCommitted", "allowed": ()}
    items = [item(name, **(gone if name in moved else {})) for name in ("a", "b")]
    readiness, _ = look(*items, endpoints={"east": east, "west": west})
    assert readiness.settled is settled


@pytest.mark.parametrize(("mode", "settled"), [("never", True), ("manual", False)])
def test_a_move_that_still_waits_for_its_commit_is_settled_only_where_the_plan_never_commits(
    mode: str, settled: bool
) -> None:
    arrived: dict[str, Any] = {"state": "UnplannedFailoverCommitRequired", "allowed": ("Commit",)}
    of = plan(tiers=[tier("db", "a", "b")], policy={"commit": {"mode": mode}})
    moved = {"east": False, "west": True}
    readiness, _ = look(item("a", **arrived), item("b", **arrived), endpoints=moved, of=of)
    assert readiness.settled is settled


def test_pending_drills_are_named_and_block_nothing() -> None:
    drill = item("b", allowed=("TestFailoverCleanup",))
    readiness, _ = look(item("a"), drill)
    assert (readiness.ready, readiness.pending_drills) == (True, ("b",))


def test_a_drill_that_still_runs_is_pending_for_it_will_block_the_failover() -> None:
    drill = item("b", scenario="TestFailover", allowed=())
    readiness, _ = look(item("a"), drill)
    assert (readiness.ready, readiness.pending_drills) == (True, ("b",))


@pytest.mark.parametrize("missing", ["east", "west"])
def test_a_profile_without_an_endpoint_of_the_plan_blocks_the_run(missing: str) -> None:
    endpoints = {name: True for name in NORMAL if name != missing}
    readiness, _ = look(item("a"), item("b"), endpoints=endpoints)
    assert not readiness.ready
    (said,) = readiness.blockers
    assert f"has no endpoint {missing}; it has {next(iter(endpoints))}" in said


def test_a_target_that_is_served_already_is_odd() -> None:
    readiness, _ = look(item("a"), item("b"), endpoints={"east": True, "west": True})
    assert readiness.ready
    assert "endpoint west is enabled already" in readiness.warnings[0]


def test_everything_that_stands_in_the_way_is_said_at_once() -> None:
    readiness, _ = look(endpoints={"other": True})
    assert len(readiness.blockers) == 4


def test_a_member_may_have_an_item_of_another_name() -> None:
    data = PLAN.wire()
    data["tiers"][0]["members"][0]["item"] = "a-item"
    readiness, _ = look(item("A-ITEM"), item("b"), of=Plan.model_validate(data))
    assert readiness.ready


def test_an_item_that_drifted_from_the_plan_is_a_warning_and_a_foreign_one_a_blocker() -> None:
    of = plan(tiers=[{"name": "db", "members": [{"name": "a", "size": "Standard_D4s_v5"}]}])
    drifted = item("a", recovery_size="Standard_D2s_v5", source_region="eastus")
    readiness, vault = look(drifted, of=of)
    assert readiness.ready
    assert readiness.warnings == (
        "a would not come up as planned: its size in the recovery region is Standard_D2s_v5, "
        "the plan wants Standard_D4s_v5; protect it again",
    )
    assert vault.lists == 1, "what the list tells is enough"
    foreign = drifted.model_copy(update={"vm": "/subscriptions/s/virtualMachines/other"})
    readiness, _ = look(foreign, of=of)
    assert not readiness.ready
    assert readiness.blockers[0].startswith("the item a of a protects another machine, other")
