"""Every run ends in an outcome that does not flatter, its evidence sealed, its lock released."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.health import Heard
from domain.evidence import seal
from domain.grants import Grants
from domain.run import CommitReport, Outcome, Readiness
from tests.orchestrators.cast import deaf, ok
from tests.orchestrators.nights import DB_APP_WEB, night
from tests.orchestrators.stage import START, Reply, Stage, forbidden, throttled

SOON: dict[str, Any] = {"mode": "auto_after", "after": "PT10M"}


def ended_in_order(stage: Stage) -> bool:
    """Say whether the run left a sealed record and a free lock."""
    evidence = stage.draft.evidence
    chain = seal(evidence, stage.draft.facts)["chain"]
    assert chain
    assert stage.facts()[-1] == f"{evidence.run.outcome}: {evidence.run.because}"
    return stage.lock()["holder"] is None


def committed(stage: Stage) -> CommitReport:
    report = stage.draft.evidence.commit
    assert report is not None
    return report


# -- before anything is touched ------------------------------------------------------------


def test_what_stands_in_the_way_fails_the_run_and_nothing_is_touched(stage: Stage) -> None:
    blocked = Readiness(ready=False, blockers=("db-1 has no protected item",), warnings=("old",))
    stage.answers(assess_readiness=blocked)
    stage.begin(night(*DB_APP_WEB, approval={"required": True, "within": "PT10M"}))
    end = stage.run_to_end()
    assert end.outcome is Outcome.FAILED
    assert end.because == "not ready, nothing was touched: db-1 has no protected item"
    assert stage.names() == ["assess_readiness", "seal_evidence", "announce"]
    assert stage.draft.evidence.readiness == blocked
    assert stage.draft.evidence.deviations == ("db-1 has no protected item", "old")
    assert ended_in_order(stage)


def test_a_missing_grant_refuses_nobodys_run_is_asked_about_once_and_stays_in_the_evidence(
    stage: Stage,
) -> None:
    lacking = Readiness(ready=True, grants=Grants(missing=("the identity failover lacks",)))
    plan = night(approval={"required": True, "within": "PT10M"})
    stage.answers(assess_readiness=[lacking, Readiness(ready=True)])
    stage.begin(plan)
    stage.at(60, lambda: stage.decide(plan))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert "goes on all the same, but the identity failover lacks" in stage.facts()
    assert stage.draft.evidence.deviations == ("the identity failover lacks",)
    assert stage.draft.evidence.readiness == lacking
    asked = [call.request.asking.value for call in stage.called("assess_readiness")]
    assert asked == ["run", "nobody"]


def test_a_busy_application_declines_the_run_and_names_the_holder(stage: Stage) -> None:
    plan = night(approval={"required": True, "within": "PT10M"})
    stage.begin(plan, run="failover-shop-0")
    stage.settle()
    stage.begin(plan)
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert end.because == "shop is held by run failover-shop-0"
    assert stage.draft.evidence.run.fencing_token is None
    assert stage.lock() == {"holder": "failover-shop-0", "token": 1}, "a stranger releases nothing"
    assert stage.names().count("assess_readiness") == 1


def test_the_next_run_gets_a_higher_token(stage: Stage) -> None:
    stage.begin(night())
    stage.run_to_end()
    assert stage.draft.evidence.run.fencing_token == 1
    stage.begin(night(), run="failover-shop-2")
    stage.run_to_end("failover-shop-2")
    assert stage.draft.evidence.run.fencing_token == 2


# -- pending drills ------------------------------------------------------------------------


def with_pending_drill(stage: Stage, *names: str) -> None:
    stage.answers(assess_readiness=Readiness(ready=True, pending_drills=names))


def test_a_pending_drill_is_cleaned_up_before_anything_moves(stage: Stage) -> None:
    with_pending_drill(stage, "app-1")
    stage.begin(night(*DB_APP_WEB))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.cast.starts == [
        "drill_cleanup app-1",
        "failover db-1",
        "failover app-1",
        "failover web-1",
    ]
    cleanup = stage.draft.evidence.cleanup
    assert (cleanup.pending_drills, cleanup.cleaned, cleanup.leftovers) == (
        ("app-1",),
        ("app-1",),
        (),
    )


def test_a_drill_that_cannot_be_cleaned_up_needs_a_human_and_nothing_moves(stage: Stage) -> None:
    with_pending_drill(stage, "db-1")
    stage.answers(start_wave=forbidden())
    stage.begin(night(*DB_APP_WEB))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert end.because == (
        "a pending drill could not be cleaned up: "
        "db-1: start_wave was refused: the identity may not (forbidden)"
    )
    assert len(stage.called("start_wave")) == 1
    assert stage.draft.evidence.cleanup.leftovers == ("db-1",)
    assert ended_in_order(stage)


def test_a_clean_up_that_never_ends_is_given_half_an_hour(stage: Stage) -> None:
    with_pending_drill(stage, "db-1")
    stage.cast.takes = timedelta(days=1)
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.NEEDS_HUMAN
    assert stage.seconds == 1800
    assert stage.cast.starts == ["drill_cleanup db-1"]


# -- soak and commit -----------------------------------------------------------------------


def test_a_soaked_application_is_committed_by_itself(stage: Stage) -> None:
    stage.begin(night(*DB_APP_WEB, commit=SOON))
    end = stage.run_to_end()
    assert (end.outcome, end.because) == (Outcome.COMPLETED, "serves from West US, committed")
    assert stage.cast.starts[-3:] == ["commit db-1", "commit app-1", "commit web-1"]
    wave = stage.called("start_wave")[-1]
    switched = stage.called("look_at_path")[-1]
    assert wave.at - switched.at >= timedelta(minutes=10)
    assert committed(stage).committed


def test_an_application_that_stops_answering_in_the_soak_is_not_committed(stage: Stage) -> None:
    def go_deaf(round_: Any) -> Reply:
        heard: Reply = stage.cast.probe_round(round_, START)
        if stage.called("look_at_path"):
            heard = type(stage.cast.probe_round(round_, START))(
                answers=tuple(deaf(probe) for probe in round_.probes)
            )
        return heard

    stage.answers(probe_round=go_deaf)
    stage.begin(night(commit=SOON))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "not committed, the application stopped answering since" in end.because
    assert not any(start.startswith("commit") for start in stage.cast.starts)
    assert stage.draft.evidence.commit is None
    assert ("west", False) not in stage.changes(), "users stay where the data is"


def test_a_commit_that_is_not_complete_needs_a_human(stage: Stage) -> None:
    def start(wave: Any) -> Any:
        if wave.verb.value == "commit":
            return forbidden()
        return stage.cast.start_wave(wave, stage.clock.now())

    stage.answers(start_wave=start)
    stage.begin(night(commit=SOON))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "the commit is not complete: db-1" in end.because
    assert not committed(stage).committed
    assert "forbidden" in (committed(stage).trouble or "")


def test_a_plan_that_never_commits_says_so(stage: Stage) -> None:
    stage.begin(night(commit={"mode": "never"}))
    end = stage.run_to_end()
    assert end.because == "serves from West US, uncommitted as planned"
    assert not committed(stage).committed
    assert stage.cast.starts == ["failover db-1"]


@pytest.mark.parametrize(
    ("verdict", "outcome", "starts"),
    [
        ("approve", Outcome.COMPLETED, 2),
        ("reject", Outcome.COMPLETED_WITH_SKIPS, 1),
        (None, Outcome.NEEDS_HUMAN, 1),
    ],
)
def test_a_person_decides_about_a_manual_commit(
    stage: Stage, verdict: str | None, outcome: Outcome, starts: int
) -> None:
    plan = night(commit={"mode": "manual", "within": "PT8M"})
    stage.begin(plan)
    if verdict:
        stage.at(400, lambda: stage.decide(plan, gate="commit", verdict=verdict))
    end = stage.run_to_end()
    assert end.outcome is outcome
    assert len(stage.cast.starts) == starts
    assert committed(stage).committed is (verdict == "approve")
    assert [d.gate for d in stage.draft.evidence.decisions] == (["commit"] if verdict else [])
    if verdict is None:
        assert end.because == "nobody decided about the commit within 8 min"
    assert ended_in_order(stage)


def test_an_approved_commit_is_not_made_when_the_application_stopped_answering(
    stage: Stage,
) -> None:
    plan = night(commit={"mode": "manual", "within": "PT8M"})
    stage.answers(
        probe_round=lambda round_: Heard(
            answers=tuple((deaf if stage.seconds > 390 else ok)(p) for p in round_.probes)
        )
    )
    stage.begin(plan)
    stage.at(400, lambda: stage.decide(plan, gate="commit"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "not committed, the application stopped answering since" in end.because
    assert not any(start.startswith("commit") for start in stage.cast.starts)
    assert not committed(stage).committed


def test_an_approval_is_not_an_answer_about_the_commit(stage: Stage) -> None:
    plan = night(
        approval={"required": True, "within": "PT10M"}, commit={"mode": "manual", "within": "PT5M"}
    )
    stage.begin(plan)
    stage.at(5, lambda: stage.decide(plan))
    stage.at(20, lambda: stage.decide(plan, gate="commit", by="carol"))
    assert stage.run_to_end().outcome is Outcome.NEEDS_HUMAN, "carol answered before she was asked"
    assert [d.gate for d in stage.draft.evidence.decisions] == ["approval"]


# -- the deadline --------------------------------------------------------------------------


def test_a_soak_beyond_the_deadline_ends_with_the_deadline(stage: Stage) -> None:
    stage.begin(night(commit={"mode": "auto_after", "after": "PT3H"}, deadline="PT1H"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert end.because == "the plan's deadline of 1 h leaves no time to go on"
    assert stage.seconds == 3240, "a tenth of the deadline is kept free for the end"
    assert not any(start.startswith("commit") for start in stage.cast.starts)
    assert ended_in_order(stage)


def test_no_tier_starts_after_the_deadline(stage: Stage) -> None:
    stage.cast.takes = timedelta(seconds=1070)
    stage.begin(night(*DB_APP_WEB, deadline="PT20M"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "deadline" in end.because
    assert stage.cast.starts == ["failover db-1"]
    assert [t.arrived for t in stage.draft.evidence.tiers] == [True]
    assert not stage.called("set_endpoint")


def test_a_question_stays_open_no_longer_than_the_deadline(stage: Stage) -> None:
    stage.begin(night(approval={"required": True, "within": "PT1H"}, deadline="PT5M"))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert stage.seconds == 270


@pytest.mark.parametrize(
    "name",
    [
        "assess_readiness",
        "start_wave",
        "check_wave",
        "probe_round",
        "look_at_source",
        "read_profile",
        "set_endpoint",
        "look_at_path",
    ],
)
def test_a_server_that_asks_for_more_time_than_there_is_does_not_get_it(
    stage: Stage, name: str
) -> None:
    stage.answers(**{name: throttled(5 * 3600)})
    stage.begin(night(gates=True, deadline="PT2H"))
    end = stage.run_to_end()
    assert end.outcome in (Outcome.FAILED, Outcome.PARTIAL, Outcome.NEEDS_HUMAN)
    assert stage.seconds <= 2 * 3600
    assert ended_in_order(stage)


# -- faults --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("assess_readiness", Outcome.FAILED),
        ("start_wave", Outcome.PARTIAL),
        ("check_wave", Outcome.PARTIAL),
        ("probe_round", Outcome.PARTIAL),
        ("look_at_source", Outcome.NEEDS_HUMAN),
        ("read_profile", Outcome.NEEDS_HUMAN),
        ("set_endpoint", Outcome.NEEDS_HUMAN),
        ("look_at_path", Outcome.NEEDS_HUMAN),
        ("seal_evidence", Outcome.NEEDS_HUMAN),
        ("announce", Outcome.COMPLETED),
    ],
)
@pytest.mark.parametrize("refused", [True, False])
def test_every_activity_may_fail_and_the_run_still_ends_in_a_named_outcome(
    stage: Stage, name: str, outcome: Outcome, refused: bool
) -> None:
    stage.answers(**{name: forbidden() if refused else ZeroDivisionError("a bug\nwith a stack")})
    stage.begin(night(*DB_APP_WEB, gates=True))
    end = stage.run_to_end()
    assert end.outcome is outcome
    assert "stack" not in end.because
    assert "File " not in end.because
    assert stage.lock()["holder"] is None
    assert ended_in_order(stage)
    assert (end.evidence_sha256 is None) is (name == "seal_evidence")


def test_evidence_that_cannot_be_kept_is_no_success(stage: Stage) -> None:
    stage.answers(seal_evidence=forbidden())
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert end.because.startswith("COMPLETED: serves from West US")
    assert "seal_evidence was refused" in end.because
    assert stage.lock()["holder"] is None


def test_evidence_is_sealed_as_soon_as_the_store_lets_it(stage: Stage) -> None:
    stage.answers(seal_evidence=[throttled(), throttled(), None])
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    one, two, three = (call.request for call in stage.called("seal_evidence"))
    assert one == two == three, "the same record every time"
