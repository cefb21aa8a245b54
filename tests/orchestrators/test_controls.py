"""A run waits while it is paused, stops where it stands once cancelled, and goes on without the source when forced."""

from __future__ import annotations

from datetime import timedelta

from activities.recovery import Wave, WaveNews
from domain.plan import Plan
from domain.request import Mode
from domain.run import Outcome
from tests.orchestrators.nights import DB_APP_WEB, night
from tests.orchestrators.stage import RUN, Stage

SORRY = {"name": "sorry"}


def moved(stage: Stage) -> list[str]:
    return [call.request.members[0].name for call in stage.called("start_wave")]


def test_a_paused_run_begins_no_tier_until_it_is_resumed(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB))
    stage.at(10, lambda: stage.say("pause"))
    stage.at(3600, lambda: stage.say("resume", ring=2))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    starts = [call.seconds for call in stage.called("start_wave")]
    assert starts[0] == 0
    assert starts[1] == 3600, "a ring wakes it at once"
    assert moved(stage) == ["db-1", "app-1", "web-1"]


def test_a_resume_whose_ring_was_lost_is_found_within_five_minutes(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB))
    stage.at(10, lambda: stage.say("pause"))
    stage.at(3600, lambda: stage.say("resume"))
    stage.run_to_end()
    again = stage.called("start_wave")[1].seconds
    assert 3600 <= again <= 3900


def test_a_run_that_stays_paused_ends_before_its_deadline(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB, deadline="PT2H"))
    stage.at(10, lambda: stage.say("pause"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert timedelta(seconds=stage.seconds) <= timedelta(hours=2)


def test_a_cancelled_run_stays_where_it_stands_and_moves_nobody(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB))
    stage.at(70, lambda: stage.say("cancel"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.CANCELLED
    assert end.because == "carol cancelled it at step tier app; db, app had moved and stay there"
    assert stage.changes() == []
    assert stage.lock()["holder"] is None


def test_a_run_that_waits_for_an_approval_can_be_cancelled(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB, approval={"required": True, "within": "PT30M"}))
    stage.at(60, lambda: stage.say("cancel"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.CANCELLED
    assert stage.seconds <= 75
    assert moved(stage) == []


def test_a_cancel_ends_the_soak_and_nothing_is_committed(stage: Stage) -> None:
    stage.begin(night(commit={"mode": "auto_after", "after": "PT8H"}, deadline="P1D"))
    stage.at(3600, lambda: stage.say("cancel", ring=1))
    end = stage.run_to_end()
    assert (end.outcome, stage.seconds) == (Outcome.CANCELLED, 3600)
    assert stage.changes() == [("west", True), ("east", False)]
    assert not any(c.request.verb == "commit" for c in stage.called("start_wave"))


def drained_night() -> Plan:
    data = night(*DB_APP_WEB).wire()
    data["traffic"]["maintenance"] = SORRY
    return Plan.model_validate(data)


def with_sorry(stage: Stage) -> None:
    sorry = stage.cast.profile.endpoints[1].model_copy(update={"name": "sorry"})
    endpoints = (*stage.cast.profile.endpoints, sorry)
    stage.cast.profile = stage.cast.profile.model_copy(update={"endpoints": endpoints})


def test_a_graceful_run_drains_first_and_shuts_the_source_down(stage: Stage) -> None:
    with_sorry(stage)
    stage.begin(drained_night(), mode=Mode.GRACEFUL)
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.changes() == [
        ("sorry", True),
        ("east", False),
        ("west", True),
        ("sorry", False),
        ("east", False),
    ]
    waves = [c.request for c in stage.called("start_wave")]
    assert all(wave.graceful for wave in waves)
    assert stage.called("start_wave")[0].seconds == 60, "the source has its minute to finish"
    assert stage.draft.evidence.run.mode is Mode.GRACEFUL


def test_a_forced_run_asks_nothing_of_the_source(stage: Stage) -> None:
    with_sorry(stage)
    stage.begin(drained_night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.changes() == [("west", True), ("east", False)]
    assert not any(c.request.graceful for c in stage.called("start_wave"))


def test_a_drain_is_taken_back_where_nothing_was_moved(stage: Stage) -> None:
    with_sorry(stage)
    stage.begin(drained_night(), mode=Mode.GRACEFUL)
    stage.at(30, lambda: stage.say("cancel", ring=1))
    assert stage.run_to_end().outcome is Outcome.CANCELLED
    assert stage.changes() == [("sorry", True), ("east", False), ("east", True), ("sorry", False)]
    assert moved(stage) == []


def test_a_graceful_run_that_is_forced_cancels_what_waits_and_goes_on(stage: Stage) -> None:
    def wait_for_the_source(wave: Wave) -> WaveNews:
        now = stage.clock.now()
        return WaveNews() if wave.graceful else stage.cast.check_wave(wave, now)

    stage.answers(check_wave=wait_for_the_source)
    stage.begin(night(*DB_APP_WEB), mode=Mode.GRACEFUL)
    stage.at(1800, lambda: stage.say("force"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.cast.cancelled == ["failover db-1"]
    waves = [(c.request.members[0].name, c.request.graceful) for c in stage.called("start_wave")]
    assert waves == [("db-1", True), ("db-1", False), ("app-1", False), ("web-1", False)]
    evidence = stage.draft.evidence
    assert evidence.run.mode is Mode.FORCED
    assert "carol forced the run, which had begun gracefully" in evidence.deviations
    assert evidence.tiers[0].members[0].attempts == 1, "a forced start is no failed attempt"


def test_a_question_left_at_its_gate_shows_what_it_means(stage: Stage) -> None:
    stage.begin(night(commit={"mode": "manual", "within": "PT1H"}))
    stage.at(600, lambda: stage.say("change_point", point="latest_processed"))
    stage.run_for(500)
    waits = stage.shown(RUN)["waitsFor"]
    assert waits["gate"] == "commit"
    assert "deletes the recovery points of 1 machines" in waits["says"]
