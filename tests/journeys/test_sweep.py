"""The readiness sweep and the watchdog, through the app's own doors, on virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.journeys.world import Json, World, world

LIST = "protectedItems/list"


def pass_time(w: World, minutes: float) -> None:
    until = w.clock.now() + timedelta(minutes=minutes)
    w.host.run_until(lambda: w.clock.now() >= until)
    w.host.settle()


def told(w: World, kind: str) -> list[Json]:
    events = [published.event for published in w.azure.published_events]
    return [event["data"] for event in events if event["type"] == kind]


def with_a_sibling(folder: Path) -> None:
    text = (folder / "plans/shop.yaml").read_text()
    (folder / "plans/bank.yaml").write_text(text.replace("name: shop\n", "name: bank\n", 1))


def test_every_plan_is_swept_and_a_change_is_told_once(tmp_path: Path) -> None:
    start = datetime(2026, 3, 14, 2, 58, tzinfo=UTC)
    with world(tmp_path, region_down=False, start=start, timers=["keep_sweep"]) as w:
        with_a_sibling(tmp_path)
        pass_time(w, 62)
        verdicts = w.http.get("/api/readiness").json()["verdicts"]
        assert [(v["plan"], v["colour"]) for v in verdicts] == [
            ("bank", "green"),
            ("shop", "green"),
        ]
        listed = [record.operation for record in w.azure.requests].count(LIST)
        assert 4 <= listed <= 5, (
            "one listing of the vault serves both plans, every quarter of an hour"
        )
        assert told(w, "Leeward.ReadinessChanged") == []
        (tmp_path / "plans/bank.yaml").write_text("schema: leeward/plan/1\n")
        pass_time(w, 30)
        (change,) = told(w, "Leeward.ReadinessChanged")
        assert (change["from"], change["to"]) == ("green", "red")
        assert "bank.yaml, line 1: " in change["reasons"][0]
        assert w.accepted() == []


def by_hand(plan: Json) -> None:
    plan["policy"]["approval"]["within"] = "PT5H"


def test_a_run_that_the_engine_broke_off_gives_its_lock_back_and_is_told_of_once(
    tmp_path: Path,
) -> None:
    with world(tmp_path, by_hand, region_down=False, timers=["watch_runs"]) as w:
        run = w.fail_over()
        w.until_asked(run)
        pass_time(w, 20)
        assert w.http.get("/api/findings").json() == {"findings": [], "next": None}
        w.host.engine.terminate(run, "somebody pulled the plug")
        pass_time(w, 20)
        (finding,) = w.http.get("/api/findings").json()["findings"]
        assert (finding["run"], finding["standstill"]) == (run, "orphaned")
        (event,) = told(w, "Leeward.RunStuck")
        assert event["because"].startswith("it ended as Terminated, but it held the lock of shop")
        again = w.fail_over()
        assert w.until_asked(again)["gate"] == "approval"
        assert w.accepted() == []


def test_a_suspended_run_is_told_of_once_and_keeps_its_lock(tmp_path: Path) -> None:
    with world(tmp_path, by_hand, region_down=False, timers=["watch_runs"]) as w:
        run = w.fail_over()
        w.until_asked(run)
        w.host.engine.suspend(run, "a test")
        pass_time(w, 30)
        (event,) = told(w, "Leeward.RunStuck")
        assert event["standstill"] == "suspended"
        refused = w.http.post("/api/plans/shop/failover", json={})
        assert refused.status_code == 409
        w.host.engine.resume(run, "the test goes on")
        assert w.decide(run, "reject").status_code == 202
        assert w.until_ended(run)["outcome"] == "DECLINED"


def test_a_run_that_waits_for_a_person_is_not_stuck(tmp_path: Path) -> None:
    with world(tmp_path, by_hand, region_down=False, timers=["watch_runs"]) as w:
        run = w.fail_over()
        w.until_asked(run)
        pass_time(w, 40)
        assert w.show(run)["state"] == "waiting"
        assert w.http.get("/api/findings").json() == {"findings": [], "next": None}
