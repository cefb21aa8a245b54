"""A tier that does not arrive waits for a person, where the plan says so: retry, skip or stop."""

from __future__ import annotations

from typing import Any

import pytest

from activities.health import Heard
from activities.recovery import Ended, Wave, WaveNews
from domain.plan import Plan
from domain.run import Outcome
from tests.orchestrators.cast import deaf
from tests.orchestrators.nights import DB_APP_WEB, night
from tests.orchestrators.stage import RUN, Stage

ONCE = {"attempts": 1, "pause": "PT1M"}


def asking(*tiers: tuple[str, ...], gates: bool = False, **policy: Any) -> Plan:
    return night(*(tiers or DB_APP_WEB), gates=gates, on_failure="ask", retry=ONCE, **policy)


def losing(stage: Stage, name: str, times: int = 100) -> None:
    """Let that many jobs of one member fail."""
    left = [times]

    def check(wave: Wave) -> WaveNews:
        told = []
        for each in stage.cast.check_wave(wave, stage.clock.now()).ended:
            if each.name == name and left[0]:
                left[0] -= 1
                each = Ended(name=name, arrived=False, code="28031", message="no capacity")
                for job in [j for j in stage.cast.jobs if f"-{name}-" in j]:
                    del stage.cast.jobs[job]
            told.append(each)
        return WaveNews(ended=tuple(told))

    stage.answers(check_wave=check)


def test_a_tier_is_tried_again_and_only_what_had_not_arrived_is_started(stage: Stage) -> None:
    losing(stage, "db-2", times=1)
    stage.begin(asking(("db", "db-1", "db-2"), ("web", "web-1")))
    stage.at(600, lambda: stage.say("retry", step="db"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED
    assert stage.cast.starts == [
        "failover db-1",
        "failover db-2",
        "failover db-2",
        "failover web-1",
    ]
    db = stage.draft.evidence.tiers[0]
    assert (db.attempts, db.arrived, [m.attempts for m in db.members]) == (2, True, [1, 2])
    told = "carol had tier db tried again: db-2 failed: no capacity (28031)"
    assert told in stage.draft.evidence.deviations
    assert "db-2: arrived after 2 attempts" in stage.draft.evidence.deviations


def test_a_lost_ring_costs_fifteen_seconds_at_most(stage: Stage) -> None:
    losing(stage, "db-1", times=1)
    stage.begin(asking())
    stage.at(601, lambda: stage.say("retry", step="db"))
    stage.run_to_end()
    assert 601 <= stage.called("start_wave")[1].seconds <= 616


def test_users_never_move_to_a_skipped_tier_that_lost_a_required_member(stage: Stage) -> None:
    losing(stage, "app-1")
    stage.begin(asking())
    stage.at(600, lambda: stage.say("skip", step="app"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "carol skipped tier app, which did not arrive: app-1 failed" in end.because
    assert "traffic stays where it was" in end.because
    assert stage.changes() == []
    assert stage.cast.starts[-1] == "failover web-1", "the rest of the application is brought up"
    assert stage.draft.evidence.tiers[1].skipped_by == "carol"
    assert any("carol skipped tier app" in d for d in stage.draft.evidence.deviations)


def test_a_tier_whose_machines_arrived_may_be_skipped_without_its_proof(stage: Stage) -> None:
    def mute(round_: Any) -> Heard:
        shut = "app.example.com" in str(round_.probes[0])
        good = stage.cast.probe_round(round_, stage.clock.now())
        return Heard(answers=tuple(deaf(p) for p in round_.probes)) if shut else good

    stage.answers(probe_round=mute)
    stage.begin(asking(gates=True))
    stage.at(1200, lambda: stage.say("skip", step="app"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED_WITH_SKIPS
    assert stage.changes() == [("west", True), ("east", False)]
    app = stage.draft.evidence.tiers[1]
    assert (app.arrived, app.recovered, app.skipped_by) == (False, True, "carol")


def test_a_shut_gate_is_asked_again_and_nothing_is_started_twice(stage: Stage) -> None:
    shut = iter([False] * 61)

    def ask(round_: Any) -> Heard:
        good = next(shut, True)
        told = stage.cast.probe_round(round_, stage.clock.now()).answers
        return Heard(answers=told if good else tuple(deaf(p) for p in round_.probes))

    stage.answers(probe_round=ask)
    stage.begin(asking(("db", "db-1"), gates=True))
    stage.at(900, lambda: stage.say("retry", step="db"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert len(stage.called("start_wave")) == 1


@pytest.mark.parametrize("word", ["stop", None])
def test_a_tier_that_is_let_be_ends_the_run_in_time(stage: Stage, word: str | None) -> None:
    losing(stage, "app-1")
    stage.begin(asking(answer_within="PT30M"))
    if word:
        stage.at(600, lambda: stage.say(word, step="app"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert stage.seconds <= (620 if word else 2000)
    assert stage.cast.starts == ["failover db-1", "failover app-1"]


def test_a_run_that_waits_for_a_word_can_be_cancelled(stage: Stage) -> None:
    losing(stage, "app-1")
    stage.begin(asking())
    stage.at(600, lambda: stage.say("cancel"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.CANCELLED
    assert stage.seconds <= 615
    assert stage.changes() == []


def test_nobody_is_asked_unless_the_plan_says_so(stage: Stage) -> None:
    losing(stage, "app-1")
    stage.begin(night(*DB_APP_WEB, retry=ONCE))
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    assert stage.seconds < 300


def test_a_word_for_a_step_that_does_not_wait_changes_nothing(stage: Stage) -> None:
    losing(stage, "app-1")
    stage.begin(asking(answer_within="PT20M"))
    for step in ("web", "db", None):
        stage.at(600, lambda step=step: stage.say("retry", step=step))  # type: ignore[misc]
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    assert stage.cast.starts == ["failover db-1", "failover app-1"]


def test_a_step_takes_the_first_word_alone_and_asks_anew_after_each_turn(stage: Stage) -> None:
    losing(stage, "app-1", times=2)
    stage.begin(asking())
    stage.at(600, lambda: stage.say("retry", step="app"))
    stage.at(600, lambda: stage.say("skip", by="dave", step="app"))
    stage.at(1200, lambda: stage.say("retry", by="erin", step="app"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    told = [d for d in stage.draft.evidence.deviations if "tried again" in d]
    assert [d.split()[0] for d in told] == ["carol", "erin"]


def test_words_come_to_an_end(stage: Stage) -> None:
    losing(stage, "db-1")
    stage.begin(asking(("db", "db-1")))
    for turn in range(20):
        stage.at(600 * (turn + 1), lambda: stage.say("retry", step="db"))
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    assert len(stage.cast.starts) == 10


def test_side_by_side_a_skipped_tier_lets_those_after_it_move(stage: Stage) -> None:
    losing(stage, "app-1")
    data = asking().wire()
    data["tiers"][1]["after"] = []
    data["tiers"][2]["after"] = ["db", "app"]
    stage.begin(Plan.model_validate(data))
    stage.at(600, lambda: stage.say("skip", step="app"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "failover web-1" in stage.cast.starts
    assert stage.changes() == []


def test_a_stuck_tier_shows_what_may_be_said(stage: Stage) -> None:
    losing(stage, "db-1")
    stage.begin(asking())
    stage.run_for(300)
    waits = stage.shown(f"{RUN}.tier1")["waitsFor"]
    assert (waits["gate"], waits["verbs"]) == ("db", ["retry", "skip", "stop"])
    assert "no capacity" in waits["says"]
