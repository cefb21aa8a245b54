"""Recovery points through the app's own doors: which one each machine comes up with, and a change before the commit."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local.azure.items import RecoveryPoint, ReplicatedItem
from orchestrators.names import leg_id
from tests.journeys.world import Json, World, world

ITEMS = ("db-prod-01", "app-prod-01", "web-prod-01")
CHANGE = "protectedItems/applyRecoveryPoint"


def unasked(plan: Json) -> None:
    plan["policy"]["approval"]["required"] = False
    plan["policy"]["commit"] = {"mode": "manual", "within": "PT2H"}


def item_of(w: World, name: str) -> ReplicatedItem:
    return next(i for i in w.azure.replication.items.values() if i.name == name)


def points_of(w: World, name: str) -> list[RecoveryPoint]:
    return list(w.azure.replication.shelf.points(item_of(w, name), w.clock.now()))


def stands_on(w: World, name: str) -> RecoveryPoint:
    point = item_of(w, name).failover_point
    assert point is not None
    return point


def control(w: World, run: str, verb: str, **more: Any) -> None:
    said = w.http.post(f"/api/runs/{run}/controls", json={"verb": verb, **more})
    assert said.status_code == 202, said.text


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("latest", None),
        ("latest_processed", None),
        ("latest_app_consistent", "ApplicationConsistent"),
        ("latest_crash_consistent", "CrashConsistent"),
    ],
)
def test_every_machine_comes_up_with_the_point_that_the_plan_wants(
    tmp_path: Path, rule: str, kind: str | None
) -> None:
    def wants(plan: Json) -> None:
        unasked(plan)
        plan["policy"]["recovery_point"] = rule

    with world(tmp_path, plan=wants) as w:
        there = points_of(w, "db-prod-01")
        run = w.fail_over()
        w.until_asked(run)
        record_point = stands_on(w, "db-prod-01")
        wanted = next(p for p in there if kind in (None, p.kind))
        assert record_point == wanted
        sent = [r for r in w.azure.requests if r.operation == "recoveryPoints/list"]
        assert bool(sent) is (rule != "latest")
        assert w.decide(run).status_code == 202
        w.until_ended(run)
        member = w.evidence(run)["tiers"][0]["members"][0]
        assert abs(datetime.fromisoformat(member["recoveryPointTime"]) - wanted.time).seconds < 2


def test_a_point_that_is_named_is_taken_by_its_machine_alone(tmp_path: Path) -> None:
    with world(tmp_path, plan=unasked) as w:
        old, newest = points_of(w, "app-prod-01")[7], points_of(w, "web-prod-01")[0]
        run = w.fail_over(points={"app-prod-01": old.name})
        w.until_asked(run)
        assert stands_on(w, "app-prod-01") == old
        assert stands_on(w, "web-prod-01") == newest


def test_a_point_that_is_gone_moves_no_machine_of_its_tier(tmp_path: Path) -> None:
    with world(tmp_path, plan=unasked) as w:
        gone = "00000000-0000-0000-0000-000000000000"
        shown = w.until_ended(w.fail_over(points={"app-prod-01": gone}))
        assert shown["outcome"] == "PARTIAL"
        assert f"there is no recovery point {gone}" in shown["because"]
        assert [item for _, item in w.accepted()] == ["db-prod-01"]


def test_the_point_is_changed_in_the_open_window_and_told_of(tmp_path: Path) -> None:
    with world(tmp_path, plan=unasked) as w:
        run = w.fail_over()
        asked = w.until_asked(run)
        assert "deletes the recovery points of 3 machines" in asked["says"]
        before = stands_on(w, "web-prod-01")
        old = points_of(w, "db-prod-01")[3]
        control(w, run, "change_point", points={"db-prod-01": old.name})
        w.host.run_until(lambda: stands_on(w, "db-prod-01") == old)
        assert [call for call in w.accepted() if call[0] == CHANGE] == [(CHANGE, "db-prod-01")]
        assert stands_on(w, "web-prod-01") == before
        assert w.decide(run).status_code == 202
        shown = w.until_ended(run)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        record = w.evidence(run)
        assert any("changed the recovery point" in said for said in record["deviations"])
        told = datetime.fromisoformat(record["tiers"][0]["members"][0]["recoveryPointTime"])
        assert abs(told - old.time).total_seconds() < 2


def test_a_change_to_a_point_that_is_gone_changes_nothing_and_the_window_stays_open(
    tmp_path: Path,
) -> None:
    with world(tmp_path, plan=unasked) as w:
        run = w.fail_over()
        w.until_asked(run)
        control(w, run, "change_point", points={"db-prod-01": "gone"})
        w.host.run_until(lambda: "the point was not changed" in w.http.get(f"/api/runs/{run}").text)
        assert w.until_asked(run)["gate"] == "commit"
        assert w.decide(run).status_code == 202
        assert w.until_ended(run)["outcome"] == "COMPLETED"
        assert not [call for call in w.accepted() if call[0] == CHANGE]


def test_a_rolled_back_failover_is_home_again_and_says_so(tmp_path: Path) -> None:
    def long(plan: Json) -> None:
        unasked(plan)
        plan["policy"]["deadline"] = "PT12H"

    with world(tmp_path, plan=long, region_down=False) as w:
        run = w.fail_over(mode="graceful")
        w.until_asked(run)
        control(w, run, "roll_back")
        home = leg_id(run, 9)
        w.host.run_until(lambda: w.http.get(f"/api/runs/{home}").is_success)
        assert w.decide(home).status_code == 202
        shown = w.until_ended(run)
        assert shown["outcome"] == "ROLLED_BACK", shown["because"]
        assert w.endpoints_enabled()[-1] == {"east"}
        record = w.evidence(run)
        assert any("rolled the failover back" in said for said in record["deviations"])
        assert [leg["run"] for leg in record["children"]] == [home]


def test_a_machine_of_a_consistency_group_is_not_moved_alone(tmp_path: Path) -> None:
    def grouped(estate: Json) -> None:
        for item in estate["protected_items"][:2]:
            item["multi_vm_group"] = "shop-group"

    with world(tmp_path, plan=unasked, estate=grouped) as w:
        shown = w.until_ended(w.fail_over())
        assert shown["outcome"] == "FAILED"
        for name in ITEMS[:2]:
            assert f"{name} belongs to the consistency group shop-group" in shown["because"]
        assert ITEMS[2] not in shown["because"]
        assert w.accepted() == []
