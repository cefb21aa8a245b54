"""The protection of an application: survey, set-up, replication, settings, and an honest end."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from activities.protection import Pieces, Settings, Standing, Stood
from activities.recovery import Ended, Wave, WaveNews
from activities.survey import Surveyed
from domain.plan import Plan
from domain.reports import PieceOutcome, ProtectionReport
from domain.request import Kind
from domain.run import Outcome
from tests.orchestrators.stage import Stage, forbidden, throttled
from tests.plan_samples import protected_plan

PLAN = protected_plan({"name": "db-01"}, {"name": "db-02", "required": False})
OUTCOMES = PieceOutcome.MADE, PieceOutcome.THERE, PieceOutcome.REFUSED
MADE, THERE, REFUSED = OUTCOMES


def begin(stage: Stage, plan: Plan = PLAN) -> None:
    stage.begin(plan, kind=Kind.PROTECT)


def report(stage: Stage) -> ProtectionReport:
    found = stage.draft.evidence.protection
    assert found is not None
    return found


def standing_still(asked: Pieces | Settings) -> Stood:
    names = (
        asked.members if isinstance(asked, Settings) else tuple(piece.id for piece in asked.pieces)
    )
    return Stood(standings=tuple(Standing(name=name, settled=True) for name in names))


def test_a_plan_is_protected_from_nothing_round_by_round(stage: Stage) -> None:
    begin(stage)
    end = stage.run_to_end()
    assert (end.outcome, end.because) == (
        Outcome.COMPLETED,
        "db-01, db-02 are protected in West US",
    )
    kinds = [tuple(p.kind.name for p in c.request.pieces) for c in stage.called("ensure_pieces")]
    assert list(dict.fromkeys(kinds)) == [
        ("FABRIC", "FABRIC", "POLICY"),
        ("CONTAINER", "CONTAINER", "NETWORK_MAPPING", "NETWORK_MAPPING"),
        ("CONTAINER_MAPPING", "CONTAINER_MAPPING"),
    ]
    assert [piece.outcome for piece in report(stage).pieces] == [MADE] * 9 + [THERE] * 2
    assert [member.name for member in report(stage).members] == ["db-01", "db-02"]
    (wave,) = (call.request for call in stage.called("start_wave"))
    enabling = wave.members[0].enabling
    assert enabling is not None
    assert enabling.disks == (f"{PLAN.vm_id(PLAN.members[0])}-os",)
    assert (enabling.policy.rsplit("/", 1)[-1], enabling.container.rsplit("/", 1)[-1]) == (
        "day",
        "rc",
    )
    assert stage.lock()["holder"] is None


def test_what_is_all_in_place_is_left_and_said_so(stage: Stage) -> None:
    there = Surveyed(items={m.name: PLAN.vault.item_id(m.name) for m in PLAN.members})

    def start(wave: Wave) -> Any:
        started = stage.cast.start_wave(wave, stage.clock.now())
        adopted = [s.model_copy(update={"job": None, "happened": True}) for s in started.members]
        return started.model_copy(
            update={"members": tuple(s.model_copy(update={"adopted": True}) for s in adopted)}
        )

    stage.answers(survey_protection=there, ensure_pieces=standing_still, start_wave=start)
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED
    assert end.because.endswith("all was in place, nothing was changed")
    assert {piece.outcome for piece in report(stage).pieces} == {THERE}
    assert stage.seconds == 0


def test_a_blocked_plan_touches_nothing_and_says_why(stage: Stage) -> None:
    stage.answers(survey_protection=Surveyed(blockers=("the vault v lies in East US",)))
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is Outcome.FAILED
    assert end.because == "not ready, nothing was touched: the vault v lies in East US"
    assert set(stage.names()) == {"survey_protection", "seal_evidence", "announce"}
    readiness = stage.draft.evidence.readiness
    assert readiness is not None and readiness.blockers == ("the vault v lies in East US",)


@pytest.mark.parametrize(
    ("made", "outcome"), [(False, Outcome.FAILED), (True, Outcome.NEEDS_HUMAN)]
)
def test_a_piece_that_is_refused_ends_the_run_before_any_machine_is_replicated(
    stage: Stage, made: bool, outcome: Outcome
) -> None:
    def ensure(asked: Pieces) -> Stood:
        first, *rest = asked.pieces
        good = [Standing(name=p.id, settled=True, changed="made" if made else None) for p in rest]
        return Stood(standings=(Standing(name=first.id, error="its region is westus"), *good))

    stage.answers(ensure_pieces=ensure)
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is outcome
    assert "the vault could not be set up: fabric f: its region is westus" in end.because
    assert not stage.called("start_wave")
    assert REFUSED in [piece.outcome for piece in report(stage).pieces]


def test_a_set_up_job_that_never_ends_is_given_up_after_an_hour_and_named(stage: Stage) -> None:
    stage.cast.takes = timedelta(days=1)
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "fabric f: not done after 1 h: its job still runs" in end.because
    assert stage.seconds == 3600
    asked = stage.called("ensure_pieces")
    assert len(asked) < 70
    assert all(len(call.request.jobs) == 3 for call in asked[1:]), "what was started is known"


def test_throttling_is_waited_out_and_nothing_is_made_twice(stage: Stage) -> None:
    stage.answers(ensure_pieces=[throttled(90), None], settle_items=[throttled(), None])
    begin(stage)
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("ensure_pieces")[1].seconds == 90


def losing(name: str) -> Any:
    def check(wave: Wave) -> WaveNews:
        return WaveNews(
            ended=tuple(
                Ended(name=m.name, arrived=m.name != name, code="150097", message="no quota")
                for m in wave.members
            )
        )

    return check


@pytest.mark.parametrize(
    ("name", "outcome", "says"),
    [
        ("db-01", Outcome.PARTIAL, "1 of 2 machines are protected in West US; db-01: no quota"),
        ("db-02", Outcome.COMPLETED_WITH_SKIPS, "db-02 is left out: no quota (150097)"),
    ],
)
def test_a_machine_that_could_not_be_protected_is_named(
    stage: Stage, name: str, outcome: Outcome, says: str
) -> None:
    stage.answers(check_wave=losing(name))
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is outcome
    assert says in end.because
    settled = stage.called("settle_items")[0].request.members
    assert name not in settled and len(settled) == 1


def test_an_optional_machine_that_is_not_there_is_left_out_from_the_start(stage: Stage) -> None:
    gone = Surveyed(lost={"db-02": "gone"}, warnings=("db-02 is left out: gone",))
    stage.answers(survey_protection=gone)
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED_WITH_SKIPS
    assert end.because == "db-01 are protected in West US; db-02 is left out: gone"
    assert [m.name for m in stage.called("start_wave")[0].request.members] == ["db-01"]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("db-01", Outcome.PARTIAL), ("db-02", Outcome.COMPLETED_WITH_SKIPS)],
)
def test_settings_that_azure_refuses_leave_a_machine_unfinished(
    stage: Stage, name: str, outcome: Outcome
) -> None:
    def settle(asked: Settings) -> Stood:
        return Stood(
            standings=tuple(
                Standing(name=m, error="size not available (150097)" if m == name else None)
                if m == name
                else Standing(name=m, settled=True)
                for m in asked.members
            )
        )

    stage.answers(settle_items=settle)
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is outcome
    assert "size not available (150097)" in end.because


def test_settings_that_drifted_are_changed_and_waited_for(stage: Stage) -> None:
    def settle(asked: Settings) -> Stood:
        if "db-01" in asked.jobs:
            return standing_still(asked)
        drifted = Standing(name="db-01", job="j", changed="its subnet is app, the plan wants db")
        return Stood(standings=(drifted, Standing(name="db-02", settled=True)))

    stage.answers(settle_items=settle)
    begin(stage)
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    first, second = (p for p in report(stage).pieces if p.kind.startswith("settings"))
    assert (first.outcome, first.job_id, second.outcome) == (MADE, "j", THERE)
    assert "settings of a machine db-01: its subnet is app, the plan wants db" in stage.facts()


def test_percentages_are_shown_and_written_down_every_ten_minutes_at_most(stage: Stage) -> None:
    stage.cast.takes = timedelta(minutes=50)

    def check(wave: Wave) -> WaveNews:
        news = stage.cast.check_wave(wave, stage.clock.now())
        done = int(stage.seconds / 36)
        return news.model_copy(update={"percent": {"db-01": done} if not news.ended else {}})

    stage.answers(ensure_pieces=standing_still, check_wave=check)
    begin(stage)
    stage.run_for(1000)
    watcher = stage.shown()["children"][0]
    assert stage.shown(watcher)["members"]["db-01"].endswith(" %")
    stage.run_to_end()
    times = [f.at for f in stage.draft.facts if f.what.startswith("replicated so far: db-01")]
    assert 3 <= len(times) <= 6
    assert all(b - a >= timedelta(minutes=10) for a, b in pairwise(times))


def test_a_cancel_ends_the_run_and_leaves_the_replication_to_azure(stage: Stage) -> None:
    stage.cast.takes = timedelta(hours=3)
    stage.answers(ensure_pieces=standing_still)
    begin(stage)
    stage.at(600, lambda: stage.say("cancel"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.CANCELLED
    assert stage.seconds < 1300
    assert not stage.called("cancel_wave", "settle_items")
    assert "Azure goes on with the replication" in str(report(stage).members[0].error)


def test_a_replication_that_outlasts_the_plans_patience_is_named(stage: Stage) -> None:
    stage.cast.takes = timedelta(days=3)
    stage.answers(ensure_pieces=standing_still)
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "0 of 2 machines are protected in West US; db-01: its job" in end.because
    assert stage.seconds == 8 * 3600
    assert [m.outcome.value for m in report(stage).members] == ["timed_out"] * 2


def test_a_survey_that_cannot_be_made_touches_nothing(stage: Stage) -> None:
    stage.answers(survey_protection=forbidden())
    begin(stage)
    end = stage.run_to_end()
    assert end.outcome is Outcome.FAILED
    assert not stage.called("ensure_pieces", "start_wave")
