"""A failover through the app's own doors, on the local host, against the simulated Azure."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path

from cli.main import main as leeward
from local.demo import events
from tests.journeys.world import BOB, Json, World, world

VM = (
    "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups/shop-east"
    "/providers/Microsoft.Compute/virtualMachines"
)
FAILOVERS = [
    ("protectedItems/unplannedFailover", f"{tier}-prod-01") for tier in ("db", "app", "web")
]
COMMITS = [("protectedItems/failoverCommit", f"{tier}-prod-01") for tier in ("db", "app", "web")]
SWITCH = ["endpoints/update", "endpoints/update"]


def test_an_incident_opens_a_run_and_the_approved_run_moves_the_shop(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        unavailable(w)
        run = w.incident_run()
        assert w.decide(run, by=BOB).status_code == 202
        shown = w.until_ended(run)
        record = w.evidence(run)

        assert (shown["outcome"], record["run"]["outcome"]) == ("COMPLETED", "COMPLETED")
        _assert_tiers_in_order(record)
        assert (
            record["traffic"]["verified"] and record["traffic"]["dns"] and record["traffic"]["http"]
        )
        assert [d["by"] for d in record["decisions"]] == [BOB]
        assert {s["witness"] for s in record["signals"]} == {
            "resource_health",
            "synthetic",
            "traffic_manager",
        }
        assert record["timing"]["detection"] >= 120, "what it took to believe it"
        accepted = w.accepted()
        assert accepted[:3] == FAILOVERS
        assert [operation for operation, _ in accepted[3:5]] == SWITCH
        assert sorted(accepted[5:]) == sorted(COMMITS)
        assert all(w.endpoints_enabled()), "at every instant an endpoint is enabled"
        assert w.endpoints_enabled()[-1] == {"west"}
        (tmp_path / "evidence.json").write_text(w.http.get(f"/api/runs/{run}/evidence").text)
        assert leeward(["verify", str(tmp_path / "evidence.json")]) == 0


def test_traffic_moves_only_after_every_tier_arrived_and_the_target_answered(
    tmp_path: Path,
) -> None:
    with world(tmp_path) as w:
        run = w.fail_over()
        w.approved_to_the_end(run)
        record = w.evidence(run)
        proved = datetime.fromisoformat(record["traffic"]["gate"]["endedAt"])
        last = max(datetime.fromisoformat(tier["endedAt"]) for tier in record["tiers"])
        first_change = next(r.at for r in w.azure.requests if r.operation == "endpoints/update")
        assert last <= proved <= first_change


def test_a_failed_tier_leaves_traffic_where_it_was_and_ends_partial(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.azure.faults.add(
            "job_failed", operation="protectedItems/unplannedFailover", item="app-prod-01", times=9
        )
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        record = w.evidence(run)

        assert shown["outcome"] == "PARTIAL"
        assert [tier["arrived"] for tier in record["tiers"]] == [True, False]
        assert record["traffic"] is None
        assert "endpoints/update" not in [operation for operation, _ in w.accepted()]
        assert ("protectedItems/unplannedFailover", "web-prod-01") not in w.accepted()
        assert w.endpoints_enabled()[-1] == {"east"}
        assert record["tiers"][1]["members"][0]["attempts"] == 2, "the plan allows two attempts"
        assert any("app-prod-01" in deviation for deviation in record["deviations"])


def test_after_a_partial_run_the_next_one_adopts_what_arrived(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.azure.faults.add(
            "job_failed", operation="protectedItems/unplannedFailover", item="app-prod-01", times=2
        )
        assert w.approved_to_the_end(w.fail_over())["outcome"] == "PARTIAL"
        run = w.fail_over()
        assert w.approved_to_the_end(run)["outcome"] == "COMPLETED"
        moved = [
            item for operation, item in w.accepted() if operation.endswith("unplannedFailover")
        ]
        assert moved == ["db-prod-01", "app-prod-01", "app-prod-01", "app-prod-01", "web-prod-01"]
        assert w.evidence(run)["tiers"][0]["members"][0]["adopted"]


def test_a_target_that_never_answers_the_probe_leaves_traffic_where_it_was(tmp_path: Path) -> None:
    def mute(plan: Json) -> None:
        plan["reach"].append("nobody.example.com")
        plan["traffic"]["gate"]["probes"] = [{"http": "http://nobody.example.com/healthz"}]

    with world(tmp_path, plan=mute) as w:
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        assert shown["outcome"] == "NEEDS_HUMAN"
        assert w.accepted() == FAILOVERS
        assert w.endpoints_enabled()[-1] == {"east"}
        assert w.evidence(run)["traffic"]["trouble"].startswith("the target did not answer")


def test_a_target_that_traffic_manager_finds_ill_is_put_back(tmp_path: Path) -> None:
    def ask_the_machine(plan: Json) -> None:
        plan["traffic"]["gate"]["probes"] = [{"http": "http://10.2.3.4/healthz"}]

    def wrong_path(estate: Json) -> None:
        estate["traffic_profiles"][0]["monitor"]["path"] = "/no-such-page"

    with world(tmp_path, plan=ask_the_machine, estate=wrong_path) as w:
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        assert shown["outcome"] == "NEEDS_HUMAN"
        assert w.endpoints_enabled()[-1] == {"east"}
        assert all(w.endpoints_enabled())
        assert w.evidence(run)["traffic"]["restored"]


def test_a_rejected_approval_touches_nothing(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        run = w.fail_over()
        assert w.decide(run, "reject").status_code == 202
        shown = w.until_ended(run)
        assert shown["outcome"] == "DECLINED"
        assert w.accepted() == []
        assert w.evidence(run)["decisions"][0]["verdict"] == "reject"


def test_an_approval_that_nobody_gives_expires_and_touches_nothing(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        run = w.fail_over()
        asked = w.until_asked(run)
        shown = w.until_ended(run)
        assert shown["outcome"] == "DECLINED"
        assert w.accepted() == []
        assert w.clock.now() >= datetime.fromisoformat(asked["until"])
        late = w.http.post(
            f"/api/runs/{run}/decisions",
            json={"gate": "approval", "verdict": "approve", "digest": asked["digest"]},
            headers=w.by(BOB),
        )
        assert late.status_code == 409


def test_a_run_that_a_signal_opened_asks_even_where_the_plan_asks_for_no_approval(
    tmp_path: Path,
) -> None:
    def no_approval(plan: Json) -> None:
        plan["policy"]["approval"]["required"] = False

    with world(tmp_path, plan=no_approval) as w:
        unavailable(w)
        run = w.incident_run()
        assert w.until_asked(run)["gate"] == "approval"
        assert w.accepted() == []


def test_a_pending_drill_is_cleaned_up_before_the_failover(tmp_path: Path) -> None:
    def drill_pending(estate: Json) -> None:
        item = next(i for i in estate["protected_items"] if i["name"] == "app-prod-01")
        item["pending_drill"] = True

    with world(tmp_path, estate=drill_pending) as w:
        run = w.fail_over()
        assert w.approved_to_the_end(run)["outcome"] == "COMPLETED"
        assert w.accepted()[0] == ("protectedItems/testFailoverCleanup", "app-prod-01")
        assert w.evidence(run)["cleanup"]["cleaned"] == ["app-prod-01"]


def test_a_source_that_still_answers_stops_the_switch(tmp_path: Path) -> None:
    with world(tmp_path, region_down=False) as w:
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        assert shown["outcome"] == "NEEDS_HUMAN"
        assert w.evidence(run)["fence"]["verdict"] == "answering"
        assert w.endpoints_enabled()[-1] == {"east"}


def test_an_incident_after_the_failover_finds_nothing_to_do(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        assert w.approved_to_the_end(w.fail_over())["outcome"] == "COMPLETED"
        before = w.accepted()
        unavailable(w)
        late = w.until_ended(w.incident_run())
        assert late["outcome"] == "DECLINED"
        assert "already" in late["because"]
        assert w.accepted() == before


def test_a_source_whose_machines_are_stopped_is_proved_down(tmp_path: Path) -> None:
    with world(tmp_path, region_down=False) as w:
        for machine in list(w.azure.world.machines):
            w.azure.world.power_off(machine, w.clock.now())
        run = w.fail_over()
        assert w.approved_to_the_end(run)["outcome"] == "COMPLETED"
        record = w.evidence(run)
        assert (record["fence"]["verdict"], record["fence"]["proved"]) == ("down", True)
        assert record["deviations"] == []


def test_the_evidence_is_there_as_a_page_and_as_markdown(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        run = w.fail_over()
        w.approved_to_the_end(run)
        page = w.http.get(f"/api/runs/{run}/evidence", params={"format": "html"})
        text = w.http.get(f"/api/runs/{run}/evidence", params={"format": "md"})
        assert page.headers["content-type"].startswith("text/html")
        assert "<svg" in page.text and run in page.text
        assert run in text.text


def unavailable(w: World) -> None:
    """Send what Resource Health would say of two of the shop's three machines."""
    for machine in ("web-prod-01", "db-prod-01"):
        w.deliver(events.grid_event(f"{VM}/{machine}", "Unavailable", w.clock.now()))


def _assert_tiers_in_order(record: Json) -> None:
    assert [tier["name"] for tier in record["tiers"]] == ["db", "app", "web"]
    for before, after in itertools.pairwise(record["tiers"]):
        assert before["endedAt"] <= after["startedAt"], "tiers do not overlap"
    for tier in record["tiers"]:
        assert tier["arrived"] and tier["gate"]["passed"]
        assert tier["rtoSeconds"] > 0
        for member in tier["members"]:
            assert member["rpoSeconds"] is not None and member["recoveryPointTime"]
            assert member["jobId"] and member["outcome"] == "arrived"
