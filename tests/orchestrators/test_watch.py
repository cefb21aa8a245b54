"""A wave is watched by one child: one request a tick, slower and slower, in a history that stays short."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import pytest

from activities.recovery import Wave, WaveMember, WaveNews
from domain.replication import Verb
from orchestrators.watch import PACES, TICKS_PER_HISTORY, Watch, Watched
from tests.orchestrators.nights import night
from tests.orchestrators.stage import START, Stage, forbidden, throttled, twice

HOURS = timedelta(hours=4)


def watch(
    stage: Stage,
    members: int = 1,
    within: timedelta = HOURS,
    verb: Verb = Verb.FAILOVER,
    at_once: bool = False,
) -> str:
    plan = night(("db", *(f"db-{n}" for n in range(members))))
    wave = Wave(
        vault=plan.vault.id,
        verb=verb,
        members=tuple(
            WaveMember(name=m.name, item=plan.vault.item_id(m.name), job=f"job-{m.name}")
            for m in plan.members
        ),
    )
    for each in wave.members:
        assert each.job is not None
        stage.cast.jobs[each.job] = START
    request = Watch(wave=wave, until=START + within, at_once=at_once)
    return stage.engine.start_new("watch_wave", twice(request.wire()), "watch")


def watched(stage: Stage) -> Watched:
    status = stage.finish("watch")
    assert status.runtime_status == "Completed", status.output
    return Watched.model_validate(status.output)


@pytest.mark.parametrize("members", [1, 3, 60])
def test_one_request_a_tick_tells_of_any_number_of_members(stage: Stage, members: int) -> None:
    stage.cast.takes = timedelta(minutes=10)
    watch(stage, members)
    assert len(watched(stage).ended) == members
    times = [call.at for call in stage.calls]
    assert set(stage.names()) == {"check_wave"}
    assert len(times) == len(set(times)), "two requests at one instant"
    assert len(times) < 20


@pytest.mark.parametrize("verb", Verb)
def test_the_watch_keeps_the_pace_of_its_verb_and_stays_at_the_last_pause(
    stage: Stage, verb: Verb
) -> None:
    stage.cast.takes = timedelta(hours=1)
    watch(stage, verb=verb)
    watched(stage)
    moments = [0.0, *(call.seconds for call in stage.calls)]
    pauses = [after - before for before, after in pairwise(moments)]
    pace = PACES[verb]
    assert tuple(pauses[: len(pace)]) == pace
    assert set(pauses[len(pace) :]) == {pace[-1]}, (
        "a wave that takes long is asked about now and then"
    )


def test_a_wave_that_was_adopted_is_looked_at_once(stage: Stage) -> None:
    stage.cast.takes = timedelta(0)
    watch(stage, at_once=True)
    watched(stage)
    assert [call.seconds for call in stage.calls] == [0]


def test_members_that_have_ended_are_not_asked_about_again(stage: Stage) -> None:
    watch(stage, 2)
    stage.cast.jobs["job-db-1"] = START + timedelta(minutes=20)
    assert {each.name for each in watched(stage).ended} == {"db-0", "db-1"}
    asked = [tuple(m.name for m in call.request.members) for call in stage.calls]
    assert asked[0] == ("db-0", "db-1")
    assert asked[-1] == ("db-1",)


def test_what_ended_before_the_history_began_anew_is_not_forgotten(stage: Stage) -> None:
    watch(stage, 2)
    stage.cast.jobs["job-db-1"] = START + timedelta(hours=2)
    ended = watched(stage).ended
    assert [each.name for each in ended] == ["db-0", "db-1"]
    assert len(stage.calls) > 2 * TICKS_PER_HISTORY
    assert [m.name for m in stage.calls[-1].request.members] == ["db-1"]
    assert [len(call.request.members) for call in stage.calls].count(2) == 1


def test_a_history_holds_twenty_ticks_at_most_however_long_the_wave(stage: Stage) -> None:
    stage.cast.takes = timedelta(minutes=130)
    watch(stage, 3)
    stage.settle()
    longest, largest = 0, 0
    while stage.engine.status("watch").runtime_status == "Running":
        stage.run_for(600)
        longest = max(longest, len(stage.engine.status("watch", with_history=True).history))
        largest = max(largest, stage.engine.history_bytes()["watch"])
    assert len(stage.calls) > 5 * TICKS_PER_HISTORY
    assert longest <= 8 * TICKS_PER_HISTORY + 10, f"{longest} events in one history"
    assert largest < 150_000, f"{largest} bytes in one history"


def test_a_watch_ends_with_its_time_and_says_who_was_still_running(stage: Stage) -> None:
    stage.cast.takes = timedelta(days=1)
    watch(stage, within=timedelta(minutes=7))
    assert watched(stage) == Watched(ended=())
    assert stage.seconds == 7 * 60
    assert stage.calls[-1].seconds == 7 * 60, "the last look is at the very end"


def test_a_watch_that_is_refused_tells_what_it_saw_and_why_it_stopped(stage: Stage) -> None:
    stage.answers(check_wave=[WaveNews(), forbidden()])
    watch(stage)
    seen = watched(stage)
    assert seen.ended == ()
    assert seen.trouble == "check_wave was refused: the identity may not (forbidden)"


def test_a_watch_waits_a_throttle_out(stage: Stage) -> None:
    stage.cast.takes = timedelta(seconds=1)
    stage.answers(check_wave=[throttled(45), None])
    watch(stage)
    assert len(watched(stage).ended) == 1
    first, second = stage.calls
    assert second.at - first.at == timedelta(seconds=45)


def test_a_watch_shows_where_each_member_stands(stage: Stage) -> None:
    watch(stage, 2)
    stage.cast.jobs["job-db-1"] = START + timedelta(minutes=20)
    stage.run_for(200)
    assert stage.shown("watch") == {"members": {"db-0": "arrived", "db-1": "running"}}


@pytest.mark.parametrize("members", [3, 400])
def test_what_a_watch_shows_fits_into_azures_sixteen_kilobytes(stage: Stage, members: int) -> None:
    watch(stage, members)
    stage.cast.jobs["job-db-1"] = START + timedelta(minutes=20)
    stage.run_for(200)
    assert len(json.dumps(stage.shown("watch")).encode("utf-16-le")) <= 16 * 1024
