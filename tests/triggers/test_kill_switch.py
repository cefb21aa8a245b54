"""The kill switch through the app's own door."""

from __future__ import annotations

import os
from typing import Any

import pytest

from adapters.kill_setting import KEY
from tests.journeys.world import ALICE
from tests.triggers.conftest import Doors


def say(doors: Doors, **body: Any) -> Any:
    return doors.http.post("/api/kill-switch", json=body, headers=doors.world.by(ALICE))


def show(doors: Doors) -> Any:
    doors.world.host.settle()
    answer = doors.http.get("/api/kill-switch", headers=doors.world.by(ALICE))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_it_is_pulled_and_released_with_a_reason_and_says_by_whom(doors: Doors) -> None:
    assert show(doors)["on"] is False
    assert say(doors, on=True, reason="a game day").status_code == 202
    shown = show(doors)
    assert shown["on"] is True
    assert shown["switch"]["reason"] == "a game day"
    assert shown["switch"]["byId"]
    assert "a game day" in shown["says"]
    assert say(doors, on=False, reason="it is over").status_code == 202
    assert show(doors)["on"] is False


def test_the_setting_holds_whatever_people_say(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "storage is slow")
    answer = say(doors, on=False, reason="it is over")
    assert "still keeps every run" in answer.json()["says"]
    shown = show(doors)
    assert (shown["on"], shown["setting"]) == (True, "storage is slow")
    assert os.environ[KEY] == "storage is slow"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"on": True},
        {"on": True, "reason": ""},
        {"on": True, "reason": "  "},
        {"on": "maybe", "reason": "x"},
        {"on": "true", "reason": "x"},
        {"on": 1, "reason": "x"},
    ],
)
def test_a_word_without_a_reason_is_400_and_changes_nothing(doors: Doors, body: Any) -> None:
    before = show(doors)
    assert say(doors, **body).status_code == 400
    assert show(doors) == before


def test_a_persons_run_is_still_possible_and_says_that_the_switch_is_on(doors: Doors) -> None:
    say(doors, on=True, reason="a game day")
    run = doors.started()
    doors.world.until_asked(run)
    facts = [fact["what"] for fact in doors.world.show(run)["facts"]]
    assert any("goes on all the same" in fact for fact in facts)
    doors.world.decide(run, "reject")
    doors.world.until_ended(run)
    say(doors, on=False, reason="it is over")
