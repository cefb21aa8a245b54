"""Traps of production: they are reproduced here, so that nobody meets them first in Azure."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.local.host.driving import START, driving


def globals_of(app: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = app.functions[name].python.__globals__
    return found


def test_an_old_task_in_a_new_race_is_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "local.host")
    with driving("traps", tmp_path) as (driver, app):
        instance_id = driver.start("old_and_new")
        driver.jump()
        assert driver.jump() == timedelta(minutes=59)
        notes = globals_of(app, "note")["notes"]
        assert notes == []
        assert "the SDK moved on but the host still waits for a timer" in caplog.text
        driver.finish(instance_id)
        assert notes == ["old won"]
        assert driver.clock.now() == START + timedelta(hours=5, minutes=1)
        assert caplog.text.count("moved on") == 1


def test_a_retried_activity_raced_against_a_cancelled_timer_is_not_deterministic(
    tmp_path: Path,
) -> None:
    with driving("traps", tmp_path) as (driver, _):
        ended = driver.run("retried_race")
        assert ended.runtime_status == "Failed"
        assert ended.output.startswith("Non-Deterministic workflow detected: at step 2")
        assert "a timer when it first ran, and now it asks for the activity 'note'" in ended.output


def test_a_forgotten_timer_delays_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "local.host")
    with driving("traps", tmp_path) as (driver, _):
        instance_id = driver.start("forgotten_timer")
        assert driver.state(instance_id) == "Running"
        for _ in range(3):
            driver.tell(instance_id, "a nudge", None)
            driver.settle()
        assert caplog.text.count("still waits for a timer") == 1
        assert driver.jump() == timedelta(hours=3)
        assert driver.status(instance_id).output == "finished long ago"


def test_an_early_event_answers_every_later_wait_of_its_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "local.host")
    with driving("traps", tmp_path) as (driver, _):
        instance_id = driver.start("early_event")
        driver.settle()
        driver.tell(instance_id, "decision", "approve tier 1")
        driver.jump()
        assert driver.state(instance_id) == "Running"
        assert "still waits for an external event" in caplog.text
        driver.tell(instance_id, "decision", "REJECT tier 2")
        assert driver.finish(instance_id).output == ["approve tier 1", "approve tier 1"]


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (
            "note",
            "scribble",
            "asked for the activity 'note' when it first ran, "
            "and now it asks for the activity 'scribble'",
        ),
        ("note", "timer", "the activity 'note' when it first ran, and now it asks for a timer"),
        ("timer", "note", "a timer when it first ran, and now it asks for the activity 'note'"),
    ],
)
def test_an_orchestrator_that_changed_its_mind_is_stopped_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, now: str, told: str
) -> None:
    with driving("traps", tmp_path) as (driver, _):
        monkeypatch.setenv("FICKLE", then)
        instance_id = driver.start("fickle")
        driver.settle()
        monkeypatch.setenv("FICKLE", now)
        ended = driver.finish(instance_id)
        assert ended.runtime_status == "Failed"
        assert ended.output.startswith("Non-Deterministic workflow detected: at step 0")
        assert told in ended.output


def test_an_orchestrator_that_asks_for_less_than_before_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with driving("traps", tmp_path) as (driver, _):
        monkeypatch.setenv("FICKLE", "note")
        instance_id = driver.start("fickle")
        driver.settle()
        monkeypatch.setenv("FICKLE", "nothing")
        ended = driver.finish(instance_id)
        assert "at step 0 the orchestrator asked for the activity 'note'" in ended.output


def test_a_call_of_an_unknown_function_fails_with_the_known_ones(tmp_path: Path) -> None:
    with driving("traps", tmp_path) as (driver, _):
        assert driver.run("call_a_stranger").output == (
            "Orchestrator function 'call_a_stranger' failed: The function 'stranger' doesn't exist, "
            "is disabled, or is not an activity function. Additional info: The following are the "
            "known activity functions: 'note', 'scribble', 'stumble'"
        )


def test_a_call_of_an_unknown_entity_fails(tmp_path: Path) -> None:
    with driving("counter", tmp_path) as (driver, _):
        assert "is not an entity function" in driver.run("call_nobody").output


def test_a_durable_http_call_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with driving("traps", tmp_path) as (driver, _):
        ended = driver.run("call_the_web")
        assert ended.runtime_status == "Failed"
        assert "send the request from an activity instead" in ended.output


def test_an_empty_fan_out_answers_none(tmp_path: Path) -> None:
    with driving("fan_out", tmp_path) as (driver, _):
        ended = driver.run("weigh_all", 0)
        assert ended.output == (
            "Orchestrator function 'weigh_all' failed: 'NoneType' object is not iterable"
        )
