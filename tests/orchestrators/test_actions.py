"""Actions around a tier and after a drill: each once, in order, bounded, its failure as the plan says."""

from __future__ import annotations

from typing import Any

import pytest

from activities.actions import HttpOrder, JobSeen
from activities.drill import LeftoversSeen, Scene
from domain.action import HttpAnswered
from domain.plan import Plan
from domain.reports import ActionOutcome, Leftover
from domain.request import Kind
from domain.run import Outcome, Readiness
from tests.orchestrators.nights import DB_APP_WEB, night
from tests.orchestrators.stage import RUN, Stage, forbidden, throttled
from tests.plan_samples import SUBSCRIPTION

ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/ops/providers/Microsoft.Automation/automationAccounts/ops"
NETWORK = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/apart"
CALL: dict[str, Any] = {"name": "announce", "http": {"url": "https://ops.example.com/hook"}}
WARM: dict[str, Any] = {"name": "warm", "runbook": {"account": ACCOUNT, "name": "Warm-Caches"}}
BY_HAND: dict[str, Any] = {"name": "licence", "manual": "Move the licence dongle."}
PAUSE: dict[str, Any] = {"name": "settle", "wait": "PT5M"}


def acting(
    pre: list[dict[str, Any]] | None = None,
    post: list[dict[str, Any]] | None = None,
    hooks: list[dict[str, Any]] | None = None,
    **policy: Any,
) -> Plan:
    """Return a night of three tiers whose second has these actions around it."""
    data = night(*DB_APP_WEB, gates=True, **policy).wire()
    data["tiers"][1] |= {"pre_actions": pre or [], "post_actions": post or []}
    data["drill"] = {"network": NETWORK, "hooks": hooks or []}
    data["policy"]["fence"]["probes"] = [{"tcp": "east.example.com:80"}]
    return Plan.model_validate(data)


def order(stage: Stage) -> list[str]:
    shown = {"call_http": "call", "start_runbook": "runbook", "probe_round": "gate"}
    told: list[str] = []
    for each in stage.called("start_wave", *shown):
        name = shown.get(each.name) or each.request.members[0].name
        if not told or told[-1] != name:
            told.append(name)
    return told


def test_actions_come_before_the_wave_and_after_the_gate(stage: Stage) -> None:
    stage.begin(acting(pre=[CALL], post=[WARM]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert order(stage) == ["db-1", "gate", "call", "app-1", "gate", "runbook", "web-1", "gate"]
    evidence = stage.draft.evidence
    call, warm = evidence.actions
    assert (call.tier, call.kind, call.outcome, call.output) == ("app", "http", "done", "thanks")
    assert (warm.kind, warm.output, warm.attempts) == ("runbook", "all is warm", 1)
    assert warm.job == stage.called("start_runbook")[0].request.job
    assert evidence.timing.actions == 60, "four looks of 15 s"
    assert not evidence.deviations
    marks = {stage.called("call_http")[0].request.mark, warm.job}
    assert len(marks) == 2, "each step has a mark of its own"


def test_whatever_is_asked_or_called_takes_the_plans_reach_along(stage: Stage) -> None:
    plan = acting(pre=[CALL])
    stage.begin(plan)
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    asked = stage.called("probe_round", "look_at_source", "look_at_path", "call_http")
    assert {each.name for each in asked} == {
        "probe_round",
        "look_at_source",
        "look_at_path",
        "call_http",
    }
    assert {each.request.reach for each in asked} == {plan.reach}


def test_a_hook_and_a_drills_gates_take_it_along_too(stage: Stage) -> None:
    plan = acting(hooks=[CALL])
    data = plan.wire()
    data["tiers"][0]["drill_gate"] = data["tiers"][0]["gate"]
    stage.begin(Plan.model_validate(data), kind=Kind.DRILL)
    stage.run_to_end()
    asked = stage.called("probe_round", "call_http")
    assert {each.name for each in asked} == {"probe_round", "call_http"}
    assert {each.request.reach for each in asked} == {plan.reach}


def test_an_action_takes_place_on_its_occasions_alone(stage: Stage) -> None:
    stage.begin(acting(pre=[{**CALL, "on": ["drill", "failback"]}, {**WARM, "on": ["failover"]}]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert [action.name for action in stage.draft.evidence.actions] == ["warm"]
    assert not stage.called("call_http")


def test_the_way_home_is_a_failback(stage: Stage) -> None:
    plan = acting(pre=[{**CALL, "on": ["failback"]}, {**WARM, "on": ["failover"]}])
    stage.begin(plan, kind=Kind.FAILBACK)
    assert stage.run_to_end().outcome is Outcome.COMPLETED_WITH_SKIPS, "left uncommitted"
    assert [action.name for action in stage.draft.evidence.actions] == ["announce"]


def test_a_failed_action_stops_its_tier_and_users_stay(stage: Stage) -> None:
    stage.answers(call_http=HttpAnswered(status=500, ok=False, said="no"))
    stage.begin(acting(post=[CALL]))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "tier app did not arrive: action app.announce failed: the answer was 500" in end.because
    assert order(stage) == ["db-1", "gate", "app-1", "gate", "call"]
    assert stage.changes() == []
    evidence = stage.draft.evidence
    assert evidence.actions[0].outcome is ActionOutcome.FAILED
    assert evidence.tiers[1].recovered
    assert any("app.announce failed" in deviation for deviation in evidence.deviations)


def test_a_failed_action_before_a_tier_moves_nobody(stage: Stage) -> None:
    stage.answers(call_http=forbidden())
    stage.begin(acting(pre=[CALL]))
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    assert order(stage) == ["db-1", "gate", "call"]
    assert stage.draft.evidence.tiers[1].members == ()


def test_a_plan_may_go_on_without_an_action(stage: Stage) -> None:
    stage.answers(call_http=HttpAnswered(status=404, ok=False))
    stage.begin(acting(pre=[{**CALL, "on_error": "continue"}]))
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED_WITH_SKIPS
    assert "went on without action app.announce" in end.because
    assert stage.changes() == [("west", True), ("east", False)]
    assert any("the answer was 404" in d for d in stage.draft.evidence.deviations)


def test_a_throttled_call_is_sent_again_under_the_same_mark(stage: Stage) -> None:
    stage.answers(call_http=[throttled(30), None])
    stage.begin(acting(pre=[CALL]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    first, second = stage.called("call_http")
    assert first.request.mark == second.request.mark
    assert second.seconds - first.seconds == 30


def test_a_call_is_not_sent_again_once_its_time_is_up(stage: Stage) -> None:
    stage.answers(call_http=throttled(90))
    stage.begin(acting(pre=[{**CALL, "within": "PT2M"}]))
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    calls = stage.called("call_http")
    assert len(calls) == 2
    assert calls[-1].seconds - calls[0].seconds <= 120


@pytest.mark.parametrize("wants", [True, False])
def test_a_runbook_is_told_what_azures_own_plans_tell_it(stage: Stage, wants: bool) -> None:
    runbook = {**WARM["runbook"], "context": wants, "parameters": {"colour": "blue"}}
    stage.begin(acting(pre=[{**WARM, "runbook": runbook}], post=[{**WARM, "name": "again"}]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    before, after = (call.request for call in stage.called("start_runbook"))
    assert after.context is None
    if wants:
        told = before.context
        assert told["FailoverType"] == "Unplanned"
        assert told["FailoverDirection"] == "PrimaryToSecondary"
        assert (told["RecoveryPlanName"], told["GroupId"]) == ("shop", "app")
        assert told["VmMap"]["app-1"]["RoleName"] == "", "nothing has come up yet"
    else:
        assert before.context is None


def test_a_long_runbook_is_asked_about_less_and_less_often(stage: Stage) -> None:
    stage.answers(check_runbook=lambda order: _after(stage, 3 * 3600))
    stage.begin(acting(post=[{**WARM, "within": "PT4H"}]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    looks = stage.called("check_runbook")
    assert len(looks) < 60
    assert looks[1].seconds - looks[0].seconds == 15
    assert looks[-1].seconds - looks[-2].seconds == 600


def _after(stage: Stage, seconds: float) -> JobSeen:
    started = stage.called("start_runbook")[0].seconds
    over = stage.seconds - started >= seconds
    return JobSeen(status="Completed" if over else "Running", over=over, done=over)


def test_a_runbook_whose_time_is_up_is_told_to_stop(stage: Stage) -> None:
    stage.answers(check_runbook=JobSeen(status="Running"))
    stage.begin(acting(post=[{**WARM, "within": "PT20M"}]))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "action app.warm timed out: its job was still Running" in end.because
    assert stage.cast.cancelled == ["Warm-Caches"]
    report = stage.draft.evidence.actions[0]
    assert (report.ended_at - report.started_at).total_seconds() == 20 * 60


def test_a_failed_runbook_keeps_what_it_wrote_and_why(stage: Stage) -> None:
    stage.answers(
        check_runbook=JobSeen(status="Failed", over=True, output="half way", error="no such cache")
    )
    stage.begin(acting(post=[WARM]))
    end = stage.run_to_end()
    assert "its job is Failed: no such cache" in end.because
    assert stage.draft.evidence.actions[0].output == "half way"


def test_a_manual_step_waits_for_a_person_whoever_asked_for_the_run(stage: Stage) -> None:
    plan = acting(pre=[BY_HAND])
    stage.begin(plan)
    stage.at(300, lambda: stage.decide(plan, gate="app.licence", by="alice", ring=False))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    evidence = stage.draft.evidence
    assert (evidence.actions[0].by, evidence.actions[0].outcome) == ("alice", "done")
    assert [d.gate for d in evidence.decisions] == ["app.licence"]
    app = next(c for c in stage.called("start_wave") if c.request.members[0].name == "app-1")
    assert 300 <= app.seconds <= 315
    assert evidence.timing.decision > 200
    notices = [c.request.data for c in stage.called("announce")]
    assert {"plan": "shop", "gate": "app.licence", "digest": plan.digest()}.items() <= {
        **notices[0]
    }.items()


def test_a_manual_step_that_was_not_done_or_not_answered_has_failed(stage: Stage) -> None:
    plan = acting(pre=[{**BY_HAND, "on_error": "continue"}, {**BY_HAND, "name": "fuses"}])
    stage.begin(plan)
    stage.at(200, lambda: stage.decide(plan, gate="app.licence", verdict="reject"))
    assert stage.run_to_end().outcome is Outcome.PARTIAL
    first, second = stage.draft.evidence.actions
    assert (first.outcome, first.by) == (ActionOutcome.REJECTED, "bob")
    assert second.outcome is ActionOutcome.TIMED_OUT
    assert "nobody said within 10 min" in (second.error or "")


def test_a_wait_is_its_own_bound_and_heeds_a_cancel(stage: Stage) -> None:
    stage.begin(acting(pre=[{**PAUSE, "wait": "PT2H"}]))
    stage.at(600, lambda: stage.say("cancel"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.CANCELLED
    assert stage.seconds <= 900
    assert order(stage) == ["db-1", "gate"]


def test_a_wait_takes_as_long_as_it_says(stage: Stage) -> None:
    stage.begin(acting(pre=[{**PAUSE, "within": "PT1S"}]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    report = stage.draft.evidence.actions[0]
    assert (report.ended_at - report.started_at).total_seconds() == 300


def test_an_action_that_asks_is_tried_again_when_a_person_says_so(stage: Stage) -> None:
    stage.answers(call_http=[HttpAnswered(status=500, ok=False), None])
    stage.begin(acting(pre=[{**CALL, "on_error": "ask"}]))
    stage.at(600, lambda: stage.say("retry", step="app.announce"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED
    evidence = stage.draft.evidence
    assert (evidence.actions[0].attempts, evidence.actions[0].outcome) == (2, "done")
    assert "carol had action app.announce tried again" in evidence.deviations
    first, second = (call.request for call in stage.called("call_http"))
    assert isinstance(first, HttpOrder)
    assert first.mark != second.mark, "a new turn is a new call"


def test_an_action_that_asks_is_skipped_when_a_person_says_so(stage: Stage) -> None:
    stage.answers(call_http=HttpAnswered(status=500, ok=False))
    stage.begin(acting(pre=[{**CALL, "on_error": "ask"}]))
    stage.at(600, lambda: stage.say("skip", step="app.announce"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED_WITH_SKIPS
    assert stage.draft.evidence.actions[0].skipped_by == "carol"
    assert stage.changes() == [("west", True), ("east", False)]


@pytest.mark.parametrize("word", ["stop", None])
def test_an_action_that_asks_stops_its_tier_by_word_or_by_silence(
    stage: Stage, word: str | None
) -> None:
    stage.answers(call_http=HttpAnswered(status=500, ok=False))
    stage.begin(acting(pre=[{**CALL, "on_error": "ask"}], on_failure="ask", answer_within="PT20M"))
    if word:
        stage.at(400, lambda: stage.say(word, step="app.announce"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert stage.seconds < 1500, "whoever let the action be is not asked about its tier as well"


def drilling(stage: Stage, left: tuple[Leftover, ...] = ()) -> None:
    stage.answers(
        set_scene=Scene(),
        look_for_leftovers=[LeftoversSeen(), LeftoversSeen(leftovers=left)],
        assess_readiness=Readiness(
            ready=True,
            items={f"{name}-1": f"/subscriptions/s/{name}-1" for name in ("db", "app", "web")},
        ),
    )


def test_hooks_come_after_the_proof_that_a_drill_left_nothing(stage: Stage) -> None:
    drilling(stage)
    stage.begin(acting(pre=[{**PAUSE, "on": ["drill"]}], hooks=[CALL, PAUSE]), kind=Kind.DRILL)
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED, end.because
    drill = stage.draft.evidence.drill
    assert drill is not None
    assert [(hook.name, hook.tier, hook.outcome) for hook in drill.hooks] == [
        ("announce", None, "done"),
        ("settle", None, "done"),
    ]
    assert [action.name for action in stage.draft.evidence.actions] == ["settle"]
    assert stage.called("call_http")[0].at >= stage.called("look_for_leftovers")[-1].at
    assert stage.draft.evidence.timing.actions == 600


def test_hooks_follow_a_cancelled_drill_too(stage: Stage) -> None:
    drilling(stage)
    stage.begin(acting(hooks=[PAUSE, CALL]), kind=Kind.DRILL)
    stage.at(30, lambda: stage.say("cancel"))
    assert stage.run_to_end().outcome is Outcome.CANCELLED
    drill = stage.draft.evidence.drill
    assert drill is not None
    assert [hook.outcome for hook in drill.hooks] == ["done", "done"]
    settle = drill.hooks[0]
    assert (settle.ended_at - settle.started_at).total_seconds() == 300


def test_hooks_wait_while_leftovers_are_there(stage: Stage) -> None:
    drilling(stage, (Leftover(kind="vm", id="/subscriptions/s/db-1-test"),))
    stage.begin(acting(hooks=[CALL]), kind=Kind.DRILL)
    assert stage.run_to_end().outcome is Outcome.NEEDS_HUMAN
    assert not stage.called("call_http")
    assert any("none was run" in d for d in stage.draft.evidence.deviations)


@pytest.mark.parametrize(
    ("on_error", "outcome"),
    [("stop", Outcome.NEEDS_HUMAN), ("continue", Outcome.COMPLETED_WITH_SKIPS)],
)
def test_a_failed_hook_never_leaves_a_plain_success(
    stage: Stage, on_error: str, outcome: Outcome
) -> None:
    drilling(stage)
    stage.answers(call_http=HttpAnswered(status=500, ok=False))
    stage.begin(acting(hooks=[{**CALL, "on_error": on_error}]), kind=Kind.DRILL)
    end = stage.run_to_end()
    assert end.outcome is outcome
    assert "After-drill.announce" in end.because


def test_a_question_below_a_tier_is_shown_by_the_tier(stage: Stage) -> None:
    stage.begin(acting(pre=[BY_HAND]))
    stage.run_for(200)
    waits = stage.shown(f"{RUN}.tier2")["waitsFor"]
    assert (waits["gate"], waits["says"]) == ("app.licence", "Move the licence dongle.")
