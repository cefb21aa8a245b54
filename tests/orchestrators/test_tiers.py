"""Tiers move in order, members are asked for as often as it takes, and a tier that fails stops the rest."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from activities.health import Heard, Round
from activities.recovery import Ended, Started, Wave, WaveNews, WaveStarted
from domain.run import MemberOutcome, Outcome
from domain.signals import Signal, Verdict, Witness
from tests.orchestrators.cast import deaf
from tests.orchestrators.nights import DB_APP_WEB, night
from tests.orchestrators.stage import START, Stage, forbidden, throttled


def members_asked(stage: Stage, name: str = "start_wave") -> list[tuple[str, ...]]:
    return [tuple(m.name for m in call.request.members) for call in stage.called(name)]


def test_tiers_move_one_after_the_other(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB, gates=True))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert members_asked(stage) == [("db-1",), ("app-1",), ("web-1",)]
    tiers = stage.draft.evidence.tiers
    assert [tier.name for tier in tiers] == ["db", "app", "web"]
    for before, after in pairwise(tiers):
        assert before.arrived
        assert before.gate is not None
        assert before.gate.ended_at <= before.ended_at <= after.started_at
    proofs = [c.at for c in stage.called("probe_round")]
    starts = [c.at for c in stage.called("start_wave")]
    assert proofs[1] <= starts[1] <= proofs[2] <= proofs[3] <= starts[2]


def test_tiers_follow_what_they_wait_for_and_not_how_they_are_written(stage: Stage) -> None:
    plan = night(*DB_APP_WEB)
    data = plan.wire()
    data["tiers"][0]["after"] = ["web"]
    data["tiers"][1]["after"] = []
    stage.begin(type(plan).model_validate(data))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert members_asked(stage) == [("app-1",), ("web-1",), ("db-1",)]


def test_the_members_of_a_tier_move_together(stage: Stage) -> None:
    stage.begin(night(("db", "db-1", "db-2", "db-3")))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert members_asked(stage) == [("db-1", "db-2", "db-3")]


def test_a_failed_tier_leaves_traffic_where_it_was_and_stops_the_rest(stage: Stage) -> None:
    def lose(wave: Wave) -> WaveNews:
        return WaveNews(
            ended=tuple(
                Ended(name=m.name, arrived=False, code="28031", message="no capacity")
                for m in wave.members
            )
        )

    stage.answers(check_wave=lose)
    stage.begin(night(*DB_APP_WEB, retry={"attempts": 1, "pause": "PT1M"}))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "no capacity (28031)" in end.because
    assert members_asked(stage) == [("db-1",)]
    assert not stage.called("set_endpoint", "read_profile", "look_at_source")
    assert stage.draft.evidence.traffic is None
    assert stage.lock()["holder"] is None


def test_a_tier_whose_gate_stays_shut_has_not_arrived(stage: Stage) -> None:
    stage.answers(probe_round=lambda r: Heard(answers=tuple(deaf(p) for p in r.probes)))
    stage.begin(night(*DB_APP_WEB, gates=True))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "the gate stayed shut: tcp db.example.com:80: no answer" in end.because
    assert members_asked(stage) == [("db-1",)]
    gate = stage.draft.evidence.tiers[0].gate
    assert gate is not None
    assert not gate.passed
    assert gate.rounds == 61, "ten minutes of a round every ten seconds, the last one at their end"


def test_a_gate_forgives_one_round_of_three(stage: Stage) -> None:
    heard = iter([True, False, True])

    def ask(round_: Round) -> Heard:
        good = next(heard, True)
        answers = stage.cast.probe_round(round_, START).answers
        return Heard(answers=answers if good else tuple(deaf(p) for p in round_.probes))

    stage.answers(probe_round=ask)
    stage.begin(night(gates=True))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    gate = stage.draft.evidence.tiers[0].gate
    assert gate is not None
    assert gate.rounds == 3


def test_a_gate_forgets_what_is_older_than_its_last_rounds(stage: Stage) -> None:
    heard = iter([True, False, False, True, True])

    def ask(round_: Round) -> Heard:
        good = next(heard, True)
        answers = stage.cast.probe_round(round_, START).answers
        return Heard(answers=answers if good else tuple(deaf(p) for p in round_.probes))

    stage.answers(probe_round=ask)
    stage.begin(night(gates=True))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    gate = stage.draft.evidence.tiers[0].gate
    assert gate is not None
    assert gate.rounds == 5, "two good rounds of the last three, and the first is long gone"


def test_a_gate_that_cannot_be_asked_stops_the_plan(stage: Stage) -> None:
    stage.answers(probe_round=forbidden())
    stage.begin(night(*DB_APP_WEB, gates=True))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert members_asked(stage) == [("db-1",)]
    assert any("could not be asked" in fact for fact in stage.facts())


def test_a_refused_member_is_named_with_its_reason(stage: Stage) -> None:
    def start(wave: Wave) -> WaveStarted:
        good = stage.cast.start_wave(wave, stage.clock.now()).members
        refused = Started(name="db-2", code="not_allowed_now", message="Azure allows nothing")
        return WaveStarted(members=tuple(refused if s.name == "db-2" else s for s in good))

    stage.answers(start_wave=start)
    stage.begin(night(("db", "db-1", "db-2")))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "db-2 refused: Azure allows nothing (not_allowed_now)" in end.because
    one, two = stage.draft.evidence.tiers[0].members
    assert (one.outcome, two.outcome) == (MemberOutcome.ARRIVED, MemberOutcome.REFUSED)
    assert members_asked(stage) == [("db-1", "db-2")], "a refusal is final and not asked again"
    assert all(asked == ("db-1",) for asked in members_asked(stage, "check_wave"))


def test_a_wave_that_is_refused_as_a_whole_refuses_every_member(stage: Stage) -> None:
    stage.answers(start_wave=forbidden())
    stage.begin(night(("db", "db-1", "db-2")))
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    reports = stage.draft.evidence.tiers[0].members
    assert {r.outcome for r in reports} == {MemberOutcome.REFUSED}
    assert not stage.called("check_wave")


def test_a_member_that_never_ends_is_timed_out_with_its_tier(stage: Stage) -> None:
    stage.cast.takes = timedelta(days=3)
    plan = night(("db", "db-1"))
    data = plan.wire()
    data["tiers"][0]["within"] = "PT40M"
    stage.begin(type(plan).model_validate(data))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    report = stage.draft.evidence.tiers[0].members[0]
    assert report.outcome is MemberOutcome.TIMED_OUT
    assert "still running when the tier's time was up" in (report.error or "")
    assert 2400 <= stage.seconds < 2460
    assert stage.cast.starts == ["failover db-1"]


def failing_first(stage: Stage, *names: str) -> Any:
    """Return a check_wave that lets the first job of these members fail."""
    gone: set[str] = set()

    def check(wave: Wave) -> WaveNews:
        news = stage.cast.check_wave(wave, stage.clock.now()).ended
        told = []
        for each in news:
            if each.name in names and each.name not in gone:
                gone.add(each.name)
                each = Ended(name=each.name, arrived=False, code="28031", message="no capacity")
                for job in [j for j in stage.cast.jobs if f"-{each.name}-" in j]:
                    del stage.cast.jobs[job]
            told.append(each)
        return WaveNews(ended=tuple(told))

    return check


def test_a_failed_member_is_started_again_after_a_pause_and_alone(stage: Stage) -> None:
    stage.answers(check_wave=failing_first(stage, "db-2"))
    stage.begin(night(("db", "db-1", "db-2"), retry={"attempts": 2, "pause": "PT5M"}))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert members_asked(stage) == [("db-1", "db-2"), ("db-2",)]
    first, second = stage.called("start_wave")
    failed_at = stage.called("check_wave")[0].at
    assert second.at - failed_at == timedelta(minutes=5)
    assert first.at < failed_at
    one, two = stage.draft.evidence.tiers[0].members
    assert (one.attempts, two.attempts) == (1, 2)
    assert two.outcome is MemberOutcome.ARRIVED
    assert two.error is None


def test_a_retry_that_was_needed_is_a_deviation_in_words(stage: Stage) -> None:
    stage.answers(check_wave=failing_first(stage, "db-1"))
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.draft.evidence.deviations == ("db-1: arrived after 2 attempts",)


def test_a_member_that_keeps_failing_is_started_as_often_as_the_plan_allows(stage: Stage) -> None:
    def lose(wave: Wave) -> WaveNews:
        ended = [Ended(name=m.name, arrived=False, code="x", message="m") for m in wave.members]
        return WaveNews(ended=tuple(ended))

    stage.answers(check_wave=lose)
    stage.begin(night(retry={"attempts": 3, "pause": "PT1M"}))
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    assert len(stage.called("start_wave")) == 3
    assert stage.draft.evidence.tiers[0].members[0].attempts == 3


def test_members_that_have_to_wait_are_asked_again_and_adopted(stage: Stage) -> None:
    turns = iter(range(10))

    def start(wave: Wave) -> WaveStarted:
        turn = next(turns)
        now = stage.clock.now()
        said = []
        for each in wave.members:
            if each.name == "db-2" and turn < 2:
                said.append(
                    Started(name="db-2", again=True, code="item_busy", message="a job runs")
                )
            elif each.name == "db-2":
                job = stage.cast.fresh(wave, "db-2", now).job
                said.append(Started(name="db-2", job=job, adopted=True))
            else:
                said.append(stage.cast.fresh(wave, each.name, now))
        return WaveStarted(members=tuple(said))

    stage.answers(start_wave=start)
    stage.begin(night(("db", "db-1", "db-2")))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert members_asked(stage) == [("db-1", "db-2"), ("db-2",), ("db-2",)]
    assert [c.seconds for c in stage.called("start_wave")] == [0, 5, 15]
    reports = stage.draft.evidence.tiers[0].members
    assert [(r.name, r.adopted, r.error) for r in reports] == [
        ("db-1", False, None),
        ("db-2", True, None),
    ]


def test_a_member_that_has_to_wait_is_given_the_time_azure_asks_for(stage: Stage) -> None:
    said = [
        WaveStarted(
            members=(
                Started(name="db-1", again=True, code="429", message="slow", after_seconds=90),
            )
        ),
        None,
    ]
    stage.answers(start_wave=said)
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert [c.seconds for c in stage.called("start_wave")] == [0, 90]


def test_a_member_that_waits_forever_is_refused_and_not_called_arrived(stage: Stage) -> None:
    busy = Started(name="db-1", again=True, code="item_busy", message="a job runs")
    stage.answers(start_wave=WaveStarted(members=(busy,)))
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "db-1 refused: a job runs (item_busy)" in end.because


def test_a_member_that_moved_before_the_run_counts_with_azures_own_time(stage: Stage) -> None:
    hours_ago = START - timedelta(hours=3)
    stage.answers(
        start_wave=WaveStarted(members=(Started(name="db-1", happened=True, adopted=True),)),
        check_wave=WaveNews(ended=(Ended(name="db-1", arrived=True, ended_at=hours_ago),)),
    )
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    report = stage.draft.evidence.tiers[0].members[0]
    assert (report.started_at, report.ended_at) == (hours_ago, hours_ago)
    assert report.adopted


def test_transient_refusals_are_waited_out_at_the_servers_pace(stage: Stage) -> None:
    stage.answers(start_wave=[throttled(), throttled(90), throttled(3), None])
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    # 5 s of our own, then the server's 90, then 20 of our own because 3 would be impatient.
    assert [c.seconds for c in stage.called("start_wave")] == [0, 5, 95, 115]


def test_a_refusal_that_outlasts_patience_is_a_refusal(stage: Stage) -> None:
    stage.answers(start_wave=throttled())
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert len(stage.called("start_wave")) == 11
    assert stage.called("start_wave")[-1].seconds == 1035
    assert "throttled" in end.because


def test_loss_is_counted_from_the_recovery_point_to_the_incident(stage: Stage) -> None:
    stage.begin(night())
    stage.run_to_end()
    report = stage.draft.evidence.tiers[0].members[0]
    assert report.recovery_point_time is not None
    assert report.rpo_seconds == (START - report.recovery_point_time).total_seconds()


def test_a_recovery_point_from_after_the_incident_is_counted_to_the_failover(stage: Stage) -> None:
    """Replication had gone on: nothing was lost by then, and what was written until the failover is."""
    early = Signal(
        id="s",
        witness=Witness.RESOURCE_HEALTH,
        verdict=Verdict.UNHEALTHY,
        resource="db-1",
        at=START - timedelta(hours=5),
        summary="ill",
        via="event grid",
    )
    plan = night()
    stage.begin(plan, signals=(early,))
    stage.at(0, lambda: stage.decide(plan))
    stage.run_to_end()
    report = stage.draft.evidence.tiers[0].members[0]
    assert report.recovery_point_time is not None
    lost = (report.started_at - report.recovery_point_time).total_seconds()
    assert report.rpo_seconds == max(0, lost)


def test_a_member_that_arrived_before_the_watch_broke_off_carries_no_error(stage: Stage) -> None:
    stage.answers(
        check_wave=[WaveNews(ended=(Ended(name="db-1", arrived=True),)), forbidden()],
    )
    stage.begin(night(("db", "db-1", "db-2")))
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    one, two = stage.draft.evidence.tiers[0].members
    assert (one.outcome, one.error) == (MemberOutcome.ARRIVED, None)
    assert two.outcome is MemberOutcome.TIMED_OUT
    assert "check_wave was refused" in (two.error or "")
