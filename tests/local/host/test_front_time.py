from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from local.clock import VirtualClock, WallClock
from local.host.app import AppBroken
from local.host.host import Host
from local.host.ncrontab import BadSchedule
from local.host.pace import StoryStuck
from tests.local.host.front import APPS, NOON, running, wait_for

HOOK = "/runtime/webhooks/durabletask"
DRILL = {"DRILL_SCHEDULE": "0 30 * * * *"}


def test_three_days_pass_in_a_moment(tmp_path: Path) -> None:
    with running("http_starter", tmp_path) as (host, client):
        watch = client.post("/api/start/approve?id=a1").headers["location"]

        def ended() -> bool:
            return client.get(watch).status_code == 200

        host.run_until(ended)

        assert client.get(watch).json()["output"] == "expired"
        assert host.clock.now() == NOON + timedelta(hours=72)


def test_time_stands_still_until_something_is_due(tmp_path: Path) -> None:
    with running("http_starter", tmp_path) as (host, client):
        client.post("/api/start/approve?id=a1")
        host.settle()

        assert host.clock.now() == NOON
        assert client.get(f"{HOOK}/instances/a1").json()["runtimeStatus"] == "Running"


def test_time_moved_by_another_process_is_noticed(tmp_path: Path) -> None:
    clock = VirtualClock(NOON, tmp_path / "clock")
    theirs = VirtualClock(state=tmp_path / "clock")
    host = Host(APPS / "http_starter", tmp_path / "db", clock)
    with host, httpx.Client(base_url=host.url) as client:
        watch = client.post("/api/start/approve?id=a1").headers["location"]
        host.settle()

        theirs.advance(NOON + timedelta(hours=71))
        host.settle()
        assert client.get(watch).status_code == 202
        theirs.advance(NOON + timedelta(hours=72))

        wait_for(lambda: client.get(watch).status_code == 200)


def test_a_condition_that_nothing_can_bring_about_is_told(tmp_path: Path) -> None:
    with (
        running("http_starter", tmp_path) as (host, _),
        pytest.raises(StoryStuck, match="nothing is due and the condition does not hold"),
    ):
        host.run_until(lambda: False)


def test_a_story_that_goes_on_too_long_is_told(tmp_path: Path) -> None:
    with running("signals", tmp_path, settings=DRILL) as (host, _):
        with pytest.raises(StoryStuck, match="did not hold within 1 day"):
            host.run_until(lambda: False, limit=timedelta(days=1))

        assert host.clock.now() == NOON + timedelta(days=1)


def test_schedules_fire_as_time_passes(tmp_path: Path) -> None:
    with running("signals", tmp_path, settings=DRILL) as (host, client):

        def times(name: str) -> int:
            return sum(fact.get("timer") == name for fact in client.get("/api/seen").json())

        host.run_until(lambda: times("every_hour") == 3)

        assert host.clock.now() == NOON + timedelta(hours=3)
        assert times("drill") == 4  # once on start-up, then at half past each hour
        soak = client.get(f"{HOOK}/instances/soak").json()
        assert soak["runtimeStatus"] == "Completed"


def test_time_that_advances_by_itself_stops_with_the_last_durable_timer(tmp_path: Path) -> None:
    with running("signals", tmp_path, settings=DRILL, auto_advance=True) as (host, client):
        engine = host.engine

        def soaked() -> bool:
            return bool(client.get(f"{HOOK}/instances/soak").status_code == 200)

        wait_for(soaked)
        host.settle()

        assert engine.next_due() is None
        assert host.clock.now() == NOON + timedelta(hours=2, minutes=30)
        facts = client.get("/api/seen").json()
        assert sum(fact.get("timer") == "every_hour" for fact in facts) == 2


def test_any_function_is_run_by_hand(tmp_path: Path) -> None:
    with running("signals", tmp_path, settings=DRILL) as (host, client):
        host.settle()
        client.post("/api/forget")
        event = '{"id": "e9", "eventType": "note", "eventTime": "2026-11-22T12:00:00Z"}'

        assert client.post("/admin/functions/every_hour", json={}).status_code == 202
        assert client.post("/admin/functions/HEAR", json={"input": event}).status_code == 202
        assert client.post("/admin/functions/soak", json={"input": "1"}).status_code == 202
        host.settle()

        assert {"timer": "every_hour", "past_due": False} in client.get("/api/seen").json()
        assert "e9" in {fact.get("event") for fact in client.get("/api/seen").json()}
        names = [each["name"] for each in client.get(f"{HOOK}/instances").json()]
        assert names.count("soak") == 2
        assert client.post("/admin/functions/nobody", json={}).status_code == 404
        assert client.post("/admin/functions/hear", json={"input": "1"}).status_code == 400
        assert client.post("/admin/functions/region", json={}).status_code == 400
        assert client.post("/admin/functions/hear", content=b"{").status_code == 400


def test_only_virtual_time_can_be_moved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only a virtual clock"):
        Host(
            APPS / "signals", tmp_path / "db", WallClock(), auto_advance=True, settings=DRILL
        ).start()
    with (
        Host(APPS / "shopfront", tmp_path / "db", WallClock()) as host,
        pytest.raises(ValueError, match="needs a virtual clock"),
    ):
        host.run_until(lambda: True)


def test_a_missing_setting_of_a_schedule_names_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRILL_SCHEDULE", raising=False)

    with pytest.raises(BadSchedule, match=r"function drill: .*'DRILL_SCHEDULE', which is not set"):
        Host(APPS / "signals", tmp_path / "db", WallClock()).start()


def test_a_broken_app_is_told_with_its_own_reason(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text("raise RuntimeError('no vault is configured')")

    with pytest.raises(AppBroken, match="no vault is configured"):
        Host(tmp_path, tmp_path / "db", WallClock()).start()


def test_the_environment_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "before")
    with running("shopfront", tmp_path, settings={"KEPT": "during", "NEW": "x"}) as (_, client):
        assert client.get("/api/setting/KEPT").json() == {"value": "during"}
        assert client.get("/api/setting/NEW").json() == {"value": "x"}
    assert os.environ["KEPT"] == "before"
    assert "NEW" not in os.environ
    assert "AzureWebJobsScriptRoot" not in os.environ
