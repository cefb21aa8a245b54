"""From signals to a run, with the app's own timer and lookout, on the local host, against the simulated Azure."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from local.demo import events
from tests.journeys.world import Json, World, world

VM = (
    "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups/shop-east"
    "/providers/Microsoft.Compute/virtualMachines"
)


def _runs(w: World) -> list[str]:
    found = w.host.engine.query(id_prefix="failover-shop-")[0]
    return [status.instance_id for status in found if "." not in status.instance_id]


def _after(w: World, minutes: float) -> None:
    end = w.clock.now() + timedelta(minutes=minutes)
    w.host.run_until(lambda: w.clock.now() >= end)


def _announced(w: World, kind: str) -> list[Json]:
    return [p.event for p in w.azure.published_events if p.event["type"] == kind]


def test_an_outage_is_believed_when_it_lasts_and_opens_one_run_whatever_comes_then(
    tmp_path: Path,
) -> None:
    with world(tmp_path, region_down=False, watched=True) as w:
        _after(w, 1)
        shown = w.signals()
        assert {s["verdict"] for s in shown["signals"]} == {"healthy"}
        assert shown["plans"]["shop"]["verdict"].endswith("There is no incident.")

        w.azure.set_region("eastus", down=True)
        went_dark = w.clock.now()
        w.host.run_until(lambda: bool(_runs(w)))
        assert timedelta(minutes=2) <= w.clock.now() - went_dark <= timedelta(minutes=3)
        (run,) = _runs(w)
        assert run.endswith("-incident")
        w.until_asked(run)
        stance = w.signals()["plans"]["shop"]
        assert stance["run"] == run
        assert "3 of 3 vantage points miss the application" in stance["incident"]["verdict"]
        (told,) = _announced(w, "Leeward.IncidentOpened")
        assert (told["subject"], told["data"]["run"]) == (
            f"incidents/{stance['incident']['id']}",
            run,
        )

        alert = events.service_health_alert(VM.split("/")[2], "East US", w.clock.now())
        assert w.http.post("/api/alerts", json=alert).json()["regions"] == ["eastus"]
        w.decide(run, "reject")
        assert w.until_ended(run)["outcome"] == "DECLINED"
        _after(w, 4)
        assert _runs(w) == [run], "what was decided about this incident stays decided"
        kept = {s["witness"] for s in w.evidence(run)["signals"]}
        assert kept >= {"synthetic", "traffic_manager", "service_health"}
        record = (tmp_path / "evidence/signals").glob("*.jsonl")
        lines = [line for file in record for line in file.read_text().splitlines()]
        assert sum('"what": "incident"' in line for line in lines) == 1
        assert sum('"what": "verdict"' in line for line in lines) >= 3


def test_a_blip_opens_nothing(tmp_path: Path) -> None:
    with world(tmp_path, region_down=False, watched=True) as w:
        _after(w, 0.5)
        w.azure.set_region("eastus", down=True)
        _after(w, 1.8)
        w.azure.set_region("eastus", down=False)
        _after(w, 4)
        assert _runs(w) == []
        said = [said["text"] for said in w.signals()["plans"]["shop"]["said"]]
        assert any("The quorum has lasted" in text for text in said)
        assert said[0].endswith("There is no incident.")


def test_a_plan_that_observes_is_told_and_fails_nothing_over(tmp_path: Path) -> None:
    def observe(data: Json) -> None:
        data["policy"]["automation"] = {"mode": "observe"}

    with world(tmp_path, plan=observe, watched=True) as w:
        w.host.run_until(lambda: bool(_announced(w, "Leeward.IncidentOpened")))
        _after(w, 1)
        assert _runs(w) == []
        assert len(_announced(w, "Leeward.IncidentOpened")) == 1
        incident = w.signals()["plans"]["shop"]["incident"]
        assert incident["automation"] == "observe"
        assert "it is recorded and announced, no more" in incident["verdict"]


def test_an_incident_waits_for_a_run_that_is_under_way(tmp_path: Path) -> None:
    with world(tmp_path, watched=True) as w:
        busy = w.fail_over()
        w.until_asked(busy)
        _after(w, 3)
        assert w.signals()["plans"]["shop"]["incident"] is not None
        assert _runs(w) == [busy]
        w.decide(busy, "reject")
        w.until_ended(busy)
        _after(w, 0.5)
        assert len(_runs(w)) == 2


def test_a_region_that_nobody_protects_is_unknown(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        assert w.http.get("/api/signals/westeurope").status_code == 404
        assert w.http.get("/api/signals/East%20US").json()["signals"] == []
