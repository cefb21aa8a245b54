"""Graceful and forced, held and let go, side by side: the same failover in other moods, through the app's own doors."""

from __future__ import annotations

import itertools
from pathlib import Path

from local.azure.world import RunningMachine
from tests.journeys.world import Json, World, world

FAILOVER = "protectedItems/unplannedFailover"


def source_machines(w: World) -> list[RunningMachine]:
    return [m for m in w.azure.world.machines if m.facts.region == "eastus"]


def say(w: World, run: str, verb: str) -> int:
    answer = w.http.post(f"/api/runs/{run}/controls", json={"verb": verb})
    return answer.status_code


def with_maintenance(plan: Json) -> None:
    plan["traffic"]["maintenance"] = {"name": "sorry"}


def with_sorry_page(estate: Json) -> None:
    profile = estate["traffic_profiles"][0]
    estate["public_names"].append(
        {
            "host": "sorry.example.com",
            "address": "198.51.100.77",
            "region": "westus",
            "machine": "web-prod-01",
            "port": 80,
        }
    )
    profile["endpoints"].append(
        {
            "name": "sorry",
            "target": "sorry.example.com",
            "priority": 3,
            "status": "Disabled",
            "location": "West US",
        }
    )


def test_a_graceful_failover_drains_shuts_the_source_down_and_proves_it(tmp_path: Path) -> None:
    with world(tmp_path, with_maintenance, with_sorry_page, region_down=False) as w:
        run = w.fail_over(mode="graceful")
        shown = w.approved_to_the_end(run)
        record = w.evidence(run)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        assert record["run"]["mode"] == "graceful"
        assert record["fence"]["verdict"] == "down"
        assert record["fence"]["proved"]
        assert not any(m.is_powered(w.clock.now()) for m in source_machines(w))
        enabled = [state for state, _ in itertools.groupby(w.endpoints_enabled())]
        assert enabled == [
            {"east"},
            {"east", "sorry"},
            {"sorry"},
            {"sorry", "west"},
            {"west"},
        ]
        assert all(m["rpoSeconds"] is not None for t in record["tiers"] for m in t["members"])


def test_a_forced_failover_does_nothing_to_the_source(tmp_path: Path) -> None:
    def unfenced(plan: Json) -> None:
        plan["policy"]["fence"] |= {"answering": "proceed"}

    with world(tmp_path, unfenced, region_down=False) as w:
        shown = w.approved_to_the_end(w.fail_over(mode="forced"))
        assert shown["outcome"] == "COMPLETED"
        assert all(m.is_powered(w.clock.now()) for m in source_machines(w))
        reads = [r for r in w.azure.requests if "/shop-east/" in r.path.lower()]
        assert reads == [], "no machine of the source was asked or told anything"


def test_a_graceful_run_can_be_forced_while_a_job_is_stuck(tmp_path: Path) -> None:
    def patient(plan: Json) -> None:
        plan["policy"]["fence"] |= {"answering": "proceed"}

    with world(tmp_path, patient, region_down=False) as w:
        w.azure.faults.add("job_stuck", operation=FAILOVER, item="db-prod-01", at=0.1)
        run = w.fail_over(mode="graceful")
        assert w.decide(run).status_code == 202
        w.host.run_until(lambda: (FAILOVER, "db-prod-01") in w.accepted())
        assert say(w, run, "force") == 202
        assert say(w, run, "force") == 409
        shown = w.until_ended(run)
        record = w.evidence(run)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        assert record["run"]["mode"] == "forced"
        assert [what for what, item in w.accepted() if item == "db-prod-01"][:2] == [
            FAILOVER,
            FAILOVER,
        ]
        assert any(r.operation == "jobs/cancel" and r.accepted for r in w.azure.requests)
        assert any("forced the run" in d for d in record["deviations"])


def test_a_run_is_held_and_let_go_and_then_cancelled_where_it_stands(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        run = w.fail_over()
        assert w.decide(run).status_code == 202
        w.host.run_until(lambda: (FAILOVER, "db-prod-01") in w.accepted())
        assert say(w, run, "resume") == 409, "it is not paused"
        assert say(w, run, "pause") == 202
        held = w.clock.now()
        w.host.run_until(lambda: (w.clock.now() - held).total_seconds() > 3600)
        assert (FAILOVER, "app-prod-01") not in w.accepted()
        assert say(w, run, "resume") == 202
        w.host.run_until(lambda: (FAILOVER, "app-prod-01") in w.accepted())
        assert say(w, run, "cancel") == 202
        shown = w.until_ended(run)
        assert shown["outcome"] == "CANCELLED"
        assert (FAILOVER, "web-prod-01") not in w.accepted()
        assert w.endpoints_enabled()[-1] == {"east"}
        assert say(w, run, "pause") == 409, "it has ended"


def test_tiers_move_side_by_side_through_the_real_app(tmp_path: Path) -> None:
    def graph(plan: Json) -> None:
        plan["tiers"][1]["after"] = []
        plan["tiers"][1]["gate"] = None
        plan["tiers"][2]["after"] = ["db", "app"]

    with world(tmp_path, graph) as w:
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        record = w.evidence(run)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        tiers = {tier["name"]: tier for tier in record["tiers"]}
        assert tiers["app"]["startedAt"] < tiers["db"]["endedAt"]
        assert tiers["db"]["startedAt"] < tiers["app"]["endedAt"]
        assert tiers["web"]["startedAt"] >= max(tiers["db"]["endedAt"], tiers["app"]["endedAt"])


def test_what_a_plan_cannot_be_asked_for_is_refused_with_the_mend(tmp_path: Path) -> None:
    def bare(plan: Json) -> None:
        plan.pop("drill", None)
        plan.pop("protection", None)
        plan["policy"]["fence"].pop("probes")

    with world(tmp_path, bare) as w:
        for verb, mend in (
            ("drill", "drill section"),
            ("protect", "protection section"),
            ("round-trip", "protection section"),
            ("failback", "fence has no probes"),
        ):
            answer = w.http.post(f"/api/plans/shop/{verb}")
            assert answer.status_code == 422, verb
            assert mend in answer.text
        assert w.http.post("/api/plans/shop/explode").status_code == 404
        wrong = w.http.post("/api/plans/shop/failover", json={"points": {"nobody": "p"}})
        assert "nobody" in wrong.text
        assert w.accepted() == []
