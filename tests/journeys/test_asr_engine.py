"""A run that lets Azure's own recovery plan move the machines: pushed and driven through the app's doors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.world import World, world

Json = dict[str, Any]
DB, APP, WEB = "db-prod-01", "app-prod-01", "web-prod-01"
STEP = {"name": "ledger", "manual": "Look at the ledger."}


def by_asr(plan: Json) -> None:
    plan["engine"] = "asr"
    plan["recovery_plans"] = ["shop"]
    plan["policy"]["retry"] = {"attempts": 1}


def with_step(plan: Json) -> None:
    by_asr(plan)
    plan["tiers"][1]["pre_actions"] = [STEP]


@contextmanager
def pushed(folder: Path, plan: Any = by_asr, region_down: bool = True) -> Iterator[World]:
    with world(folder, plan=plan, region_down=region_down) as w:
        answer = w.http.post("/api/plans/shop/push")
        assert answer.status_code == 200, answer.text
        w.clock.advance(w.clock.now() + timedelta(seconds=2))
        w.azure.settle()
        yield w


def asked(w: World) -> list[str]:
    return [what for what, _ in w.accepted() if not what.startswith(("endpoints", "profiles"))]


def test_azures_plan_moves_the_shop_and_each_machine_is_believed_by_its_item(
    tmp_path: Path,
) -> None:
    with pushed(tmp_path) as w:
        ended = w.approved_to_the_end(run := w.fail_over())
        assert ended["outcome"] == "COMPLETED", ended["because"]
        assert asked(w) == [
            "recoveryPlans/create",
            "recoveryPlans/unplannedFailover",
            "recoveryPlans/failoverCommit",
        ]
        record = w.evidence(run)
        assert [t["name"] for t in record["tiers"]] == ["db", "app", "web"]
        members = [m for t in record["tiers"] for m in t["members"]]
        assert [m["name"] for m in members] == [DB, APP, WEB]
        jobs = {m["jobId"] for m in members}
        assert len(jobs) == 3
        assert all(w.azure.replication.job(job).item for job in jobs)
        assert all(m["rpoSeconds"] is not None for m in members)
        ends = [t["endedAt"] for t in record["tiers"]]
        assert ends == sorted(ends)
        assert record["traffic"]["verified"] and record["commit"]["committed"]


@pytest.mark.parametrize("flatters", [True, False])
def test_what_azures_plan_says_of_itself_changes_nothing(tmp_path: Path, flatters: bool) -> None:
    with pushed(tmp_path) as w:
        w.azure.replication.plans_flatter = flatters
        w.azure.faults.add("job_failed", item=APP, operation="recoveryPlans/*")
        ended = w.approved_to_the_end(run := w.fail_over())
        assert ended["outcome"] == "PARTIAL", ended
        assert "traffic stays where it was" in ended["because"]
        assert "tier app did not arrive" in ended["because"]
        assert all("east" in enabled for enabled in w.endpoints_enabled())
        lost = {m["name"]: m["outcome"] for t in w.evidence(run)["tiers"] for m in t["members"]}
        assert lost[DB] == "arrived" and lost[APP] == "failed"
        assert lost[WEB] == ("arrived" if flatters else "failed")


def test_a_machine_that_failed_is_taken_along_when_the_plan_is_run_again(tmp_path: Path) -> None:
    def again(plan: Json) -> None:
        by_asr(plan)
        plan["policy"]["retry"] = {"attempts": 2}

    with pushed(tmp_path, again) as w:
        w.azure.faults.add("job_failed", item=APP, operation="recoveryPlans/*")
        ended = w.approved_to_the_end(run := w.fail_over())
        assert ended["outcome"] == "COMPLETED", ended["because"]
        assert asked(w).count("recoveryPlans/unplannedFailover") == 2
        tries = {m["name"]: m["attempts"] for t in w.evidence(run)["tiers"] for m in t["members"]}
        assert tries == {DB: 1, APP: 2, WEB: 1}


@pytest.mark.parametrize(("verdict", "outcome"), [("approve", "COMPLETED"), ("reject", "PARTIAL")])
def test_a_manual_action_is_a_question_at_a_gate(
    tmp_path: Path, verdict: str, outcome: str
) -> None:
    with pushed(tmp_path, with_step) as w:
        run = w.fail_over()
        assert w.decide(run).status_code == 202
        w.host.run_until(lambda: (w.show(run)["waitsFor"] or {}).get("gate") == "failover-step-1")
        assert "Look at the ledger." in w.show(run)["waitsFor"]["says"]
        assert w.decide(run, verdict).status_code == 202
        ended = w.until_ended(run)
        assert ended["outcome"] == outcome, ended
        assert ("jobs/resume" in asked(w)) == (verdict == "approve")


def test_a_run_that_is_cancelled_stops_azures_plan(tmp_path: Path) -> None:
    with pushed(tmp_path, with_step) as w:
        run = w.fail_over()
        assert w.decide(run).status_code == 202
        w.host.run_until(lambda: (w.show(run)["waitsFor"] or {}).get("gate") == "failover-step-1")
        assert w.http.post(f"/api/runs/{run}/controls", json={"verb": "cancel"}).status_code == 202
        ended = w.until_ended(run)
        assert ended["outcome"] in ("CANCELLED", "PARTIAL"), ended
        assert "jobs/cancel" in asked(w)
        assert w.azure.replication.item("asr-eastus", "shop-eastus", WEB).phase == "protected"


def test_a_plan_that_drifted_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    with pushed(tmp_path) as w:
        w.azure.replication.plans["shop"].groups.reverse()
        ended = w.until_ended(w.fail_over())
        assert ended["outcome"] == "FAILED"
        assert "leeward plan push" in ended["because"]
        assert asked(w) == ["recoveryPlans/create"]


def test_a_drill_by_azures_plan_leaves_nothing(tmp_path: Path) -> None:
    with pushed(tmp_path, region_down=False) as w:
        run = w.ask("shop", "drill")
        w.host.run_until(lambda: w.show(run)["state"] in ("ended", "waiting"))
        ended = w.approved_to_the_end(run) if w.show(run)["waitsFor"] else w.until_ended(run)
        assert ended["outcome"] == "COMPLETED", ended["because"]
        assert asked(w) == [
            "recoveryPlans/create",
            "recoveryPlans/testFailover",
            "recoveryPlans/testFailoverCleanup",
        ]
        assert w.evidence(run)["drill"]["clean"]
