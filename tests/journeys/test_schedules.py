"""Drills that come by themselves, through the app's own doors, on virtual time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import yaml

from tests.journeys.world import Json, World, world

# In the night to 1 November, a first Sunday, New York's clock goes back: it shows 01:30 at 05:30 and at 06:30 UTC.
EVENING = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
DUE = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 1, 13, tzinfo=UTC)
CALENDARS = ("keep_calendars",)
DRILL = "drill-shop-20261101-053000-scheduled"


def at_half_past_one(plan: Json) -> None:
    plan["drill"]["schedule"]["when"] = "first Sunday 01:30"
    plan["policy"]["approval"]["within"] = "PT4H"


def with_a_freeze(plan: Json) -> None:
    at_half_past_one(plan)
    freeze = {"name": "freeze", "from": "2026-10-30", "until": "2026-11-02"}
    plan["policy"]["blackout"] = [freeze]


def patient(plan: Json) -> None:
    at_half_past_one(plan)
    plan["drill"]["schedule"]["skip_when"] = ["incident"]


def one_period(w: World) -> Json:
    (period,) = shown(w)["periods"]
    found: Json = period
    return found


def shown(w: World) -> Json:
    (schedule,) = w.http.get("/api/schedules").json()["schedules"]
    assert schedule["plan"] == "shop"
    found: Json = schedule
    return found


def pass_time(w: World, until: datetime) -> None:
    w.host.run_until(lambda: w.clock.now() >= until, limit=timedelta(days=60))
    w.host.settle()


def restart(w: World, at: datetime = EVENING) -> None:
    """Stop the host, and start it again at a later time."""
    w.host.stop()
    w.clock.advance(at)
    w.host.start()
    w.http.base_url = httpx.URL(w.host.url)


def drills(w: World) -> list[str]:
    return [run["run"] for run in w.http.get("/api/runs").json()["runs"] if run["kind"] == "drill"]


def told(w: World, kind: str) -> list[Json]:
    events = [published.event for published in w.azure.published_events]
    return [event for event in events if event["type"] == kind]


def test_a_month_passes_and_one_drill_starts_in_the_hour_that_comes_twice(tmp_path: Path) -> None:
    with world(tmp_path, at_half_past_one, region_down=False, start=EVENING, timers=CALENDARS) as w:
        pass_time(w, EVENING + timedelta(days=30))
        assert drills(w) == [DRILL]
        period = one_period(w)
        assert (period["state"], period["outcome"]) == ("ended", "COMPLETED"), period
        assert (period["due"], period["run"]) == ("2026-11-01T05:30:00Z", DRILL)
        assert shown(w)["next"][0] == "2026-12-06T06:30:00+00:00"
        record = w.evidence(DRILL)
        assert record["run"]["requestedBy"] == "the plan's schedule"
        assert record["run"]["startedAt"].startswith("2026-11-01T05:30:0")


def one_app(folder: Path, ledger: Path) -> AbstractContextManager[World]:
    return world(
        folder, at_half_past_one, region_down=False, start=EVENING, ledger=ledger, timers=CALENDARS
    )


def test_two_apps_on_one_ledger_hold_one_drill_between_them(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with one_app(tmp_path / "one", ledger) as one:
        pass_time(one, MORNING)
        assert drills(one) == [DRILL]
    with one_app(tmp_path / "two", ledger) as two:
        pass_time(two, MORNING)
        assert drills(two) == []
        assert two.accepted() == []
        assert one_period(two)["run"] == DRILL


def test_a_host_that_was_away_when_it_was_due_catches_up_once(tmp_path: Path) -> None:
    with world(tmp_path, at_half_past_one, region_down=False, start=EVENING, timers=CALENDARS) as w:
        pass_time(w, EVENING + timedelta(hours=1))
        restart(w, DUE + timedelta(hours=5))
        pass_time(w, MORNING + timedelta(hours=3))
        assert drills(w) == [DRILL]
        assert one_period(w)["outcome"] == "COMPLETED"
        assert w.evidence(DRILL)["run"]["startedAt"] > "2026-11-01T10:30"


def test_a_host_that_was_away_too_long_enters_the_period_as_missed_and_says_so(
    tmp_path: Path,
) -> None:
    with world(tmp_path, at_half_past_one, region_down=False, start=EVENING, timers=CALENDARS) as w:
        pass_time(w, EVENING + timedelta(hours=1))
        restart(w, DUE + timedelta(hours=7))
        pass_time(w, DUE + timedelta(hours=10))
        assert drills(w) == []
        assert one_period(w)["state"] == "missed"
        (event,) = told(w, "Leeward.DrillMissed")
        assert event["subject"] == "plans/shop"
        assert event["data"]["because"] == "nobody was there to start it in time"


def test_a_restart_while_the_drill_runs_starts_no_second_one(tmp_path: Path) -> None:
    with world(tmp_path, at_half_past_one, region_down=False, start=EVENING, timers=CALENDARS) as w:
        pass_time(w, DUE + timedelta(minutes=4))
        assert one_period(w)["state"] == "started"
        restart(w)
        pass_time(w, MORNING)
        assert drills(w) == [DRILL]
        assert one_period(w)["outcome"] == "COMPLETED"
        started = [item for what, item in w.accepted() if what == "protectedItems/testFailover"]
        assert len(started) == len(set(started)) == 3


def test_a_drill_is_left_out_in_a_blackout_and_said_to_be(tmp_path: Path) -> None:
    with world(tmp_path, with_a_freeze, region_down=False, start=EVENING, timers=CALENDARS) as w:
        pass_time(w, MORNING)
        assert drills(w) == []
        period = one_period(w)
        assert (period["state"], period["told"]) == ("skipped", True)
        assert period["because"] == "blackout freeze until 2026-11-02 00:00 UTC"
        (event,) = told(w, "Leeward.DrillSkipped")
        assert event["data"]["because"] == period["because"]
        assert shown(w)["blackout"] == period["because"]


def test_a_drill_is_left_out_while_another_run_is_open(tmp_path: Path) -> None:
    with world(tmp_path, at_half_past_one, region_down=False, start=EVENING, timers=CALENDARS) as w:
        pass_time(w, DUE - timedelta(minutes=30))
        run = w.fail_over()
        w.until_asked(run)
        pass_time(w, DUE + timedelta(minutes=5))
        period = one_period(w)
        assert (period["state"], period["because"]) == ("skipped", f"run {run} is open")
        assert drills(w) == []


def test_a_drill_is_left_out_while_an_incident_is_open(tmp_path: Path) -> None:
    soon = DUE - timedelta(minutes=45)
    with world(tmp_path, at_half_past_one, start=soon, timers=CALENDARS) as w:
        w.incident_run()
        pass_time(w, DUE + timedelta(minutes=5))
        period = one_period(w)
        assert period["state"] == "skipped"
        assert period["because"].startswith("incident shop-20261101-")
        assert period["because"].endswith(" is open")
        assert drills(w) == []


def test_a_patient_drill_waits_for_the_other_run(tmp_path: Path) -> None:
    with world(tmp_path, patient, region_down=False, start=EVENING, timers=CALENDARS) as w:
        pass_time(w, DUE - timedelta(minutes=30))
        run = w.fail_over()
        w.until_asked(run)
        pass_time(w, DUE + timedelta(minutes=5))
        assert shown(w)["periods"] == []
        assert w.decide(run, "reject").status_code == 202
        pass_time(w, DUE + timedelta(hours=4))
        assert drills(w) == [DRILL]
        assert one_period(w)["outcome"] == "COMPLETED"


def test_a_plan_that_loses_its_schedule_loses_its_calendar(tmp_path: Path) -> None:
    with world(tmp_path, at_half_past_one, region_down=False, start=EVENING, timers=CALENDARS) as w:
        pass_time(w, EVENING + timedelta(hours=1))
        plan = tmp_path / "plans/shop.yaml"
        plan.write_text(plan.read_text().replace("when: first Sunday", "when: last Sunday"))
        pass_time(w, DUE + timedelta(hours=2))
        assert drills(w) == []
        data = yaml.safe_load(plan.read_text())
        del data["drill"]["schedule"]
        plan.write_text(yaml.safe_dump(data))
        pass_time(w, DUE + timedelta(hours=5))
        assert w.http.get("/api/schedules").json() == {"schedules": []}
        (calendar,) = w.host.engine.query(id_prefix="calendar-")[0]
        assert calendar.runtime_status == "Completed"
