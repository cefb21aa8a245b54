"""A run that an incident opened may move by itself: after time to object, and with no veto standing at that moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from activities.guardrails import GuardSeen
from activities.health import SourceSeen
from activities.plans import PlanSeen
from domain.grants import Grants
from domain.guardrails import Guard
from domain.incident import Incident
from domain.plan import Plan
from domain.policy import AutomationMode
from domain.run import Outcome, Readiness
from orchestrators.names import ESTATE, KILL_SWITCH
from tests.orchestrators.cast import BEFORE
from tests.orchestrators.nights import night
from tests.orchestrators.stage import RUN, START, Stage, forbidden, throttled, twice

FRESH = START - timedelta(minutes=4)
LACK = ("the identity failover lacks its role",)


def incident(mode: AutomationMode = AutomationMode.AUTO_AFTER) -> Incident:
    return Incident(
        id="i-1",
        plan="shop",
        region="eastus",
        since=START,
        opened_at=START,
        automation=mode,
        verdict="East US is down.",
    )


def ready(points: Any = None, **more: Any) -> Readiness:
    return Readiness(ready=True, profile=BEFORE, points=points or {"db-1": FRESH}, **more)


def plan(**policy: Any) -> Plan:
    return night(approval={"required": True, "within": "PT30M"}, **policy)


def begin(stage: Stage, asked: Plan, mode: AutomationMode = AutomationMode.AUTO_AFTER) -> None:
    stage.answers(**{"assess_readiness": ready(), **stage.script})
    stage.begin(asked, requested_by="incident i-1", incident=incident(mode))


def pull(stage: Stage, on: bool = True, second: int = 0) -> None:
    said = {"on": on, "by": "carol", "reason": "a game day", "at": f"2026-03-14T02:40:{second:02}Z"}
    stage.engine.signal_entity(KILL_SWITCH.name, KILL_SWITCH.key, "set", twice(said))


def began_elsewhere(stage: Stage, *minutes_ago: int) -> None:
    for ago in minutes_ago:
        at = (START + timedelta(minutes=15) - timedelta(minutes=ago)).isoformat()
        told = {"run": f"failover-other-{ago}", "at": at}
        stage.engine.signal_entity(ESTATE.name, ESTATE.key, "begin", twice(told))


def checks(stage: Stage) -> dict[Guard, bool]:
    report = stage.draft.evidence.automatic
    assert report is not None
    return {check.guard: check.veto for check in report.checks}


def test_it_goes_on_by_itself_when_nobody_objects_and_every_check_is_kept(stage: Stage) -> None:
    begin(stage, plan())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds == 15 * 60
    assert checks(stage) == dict.fromkeys(Guard, False)
    assert stage.draft.evidence.automatic.went_on  # type: ignore[union-attr]  # checks has looked
    (asked,) = stage.draft.evidence.approvals
    assert asked.passage.value == "unopposed"
    assert not stage.draft.evidence.decisions


def test_grants_that_cannot_be_told_veto_nothing_and_are_asked_about_once(stage: Stage) -> None:
    doubts = Grants(to_know=("roles may be old",), unread=("no answer",))
    stage.answers(assess_readiness=[ready(grants=doubts), ready(), ready()])
    begin(stage, plan())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.draft.evidence.deviations[:2] == doubts.told
    assert stage.draft.evidence.readiness == ready(grants=doubts)
    asked = [call.request.asking.value for call in stage.called("assess_readiness")]
    assert asked == ["run", "nobody", "nobody"]


def test_no_veto_is_cut_off_a_question_behind_the_grants_that_are_missing(stage: Stage) -> None:
    lacks = tuple(f"the identity failover lacks {action * 400}" for action in "abc")
    running = SourceSeen(machines={"db-1": "running"}, answers=())
    stage.answers(
        assess_readiness=[ready(grants=Grants(missing=lacks)), ready()], look_at_source=running
    )
    begin(stage, plan())
    stage.run_for(60)
    says = stage.engine.status(RUN).custom_status["waitsFor"]["says"]
    assert "Azure says that db-1 still run" in says
    assert all(says.count(lack) == 1 for lack in lacks)
    (needed,) = [c for c in stage.called("announce") if c.request.kind == "Leeward.DecisionNeeded"]
    assert needed.request.data["says"] == says, "chats ask by the same words"


def test_one_who_objects_ends_it(stage: Stage) -> None:
    asked = plan()
    begin(stage, asked)
    stage.at(300, lambda: stage.decide(asked, verdict="reject"))
    assert stage.run_to_end().because == "bob rejected it; nothing was touched"
    assert not stage.called("start_wave")


def test_one_who_approves_need_not_wait(stage: Stage) -> None:
    asked = plan()
    begin(stage, asked)
    stage.at(300, lambda: stage.decide(asked))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds == 300


def test_a_pause_holds_it(stage: Stage) -> None:
    asked = plan()
    begin(stage, asked)
    stage.at(300, lambda: stage.say("pause"))
    stage.at(5000, lambda: stage.say("resume", ring=2))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds == 5000


def test_an_incident_that_may_set_off_nothing_asks(stage: Stage) -> None:
    begin(stage, plan(), AutomationMode.MANUAL)
    assert stage.run_to_end().because.startswith("nobody approved within 30 min")
    assert stage.draft.evidence.automatic is None


def slow(_: Any) -> Any:
    return throttled(600)


VETOES: dict[str, tuple[Guard, Callable[[Stage], None], str]] = {
    "the switch": (Guard.KILL_SWITCH, pull, "the kill switch is on: carol said a game day"),
    "the setting": (
        Guard.KILL_SWITCH,
        lambda s: s.answers(look_at_guardrails=GuardSeen(killed="on")),
        "the kill switch is on by the app's setting: on",
    ),
    "a setting that cannot be read": (
        Guard.KILL_SWITCH,
        lambda s: s.answers(look_at_guardrails=slow),
        "the kill switch could not be read in time, which counts as on",
    ),
    "a setting that breaks": (
        Guard.KILL_SWITCH,
        lambda s: s.answers(look_at_guardrails=RuntimeError("a bug")),
        "the kill switch could not be read in time, which counts as on",
    ),
    "a blackout": (
        Guard.BLACKOUT,
        lambda s: s.answers(look_at_guardrails=GuardSeen(blackout="blackout sale until Monday")),
        "blackout sale until Monday",
    ),
    "a plan that was changed": (
        Guard.PLAN,
        lambda s: s.answers(look_up_plan=PlanSeen(changed="plan shop was changed")),
        "plan shop was changed",
    ),
    "a plan that cannot be read": (
        Guard.PLAN,
        lambda s: s.answers(look_up_plan=forbidden()),
        "whether the plan was changed since could not be read in time",
    ),
    "too much to lose": (
        Guard.RPO,
        lambda s: s.answers(assess_readiness=ready({"db-1": START - timedelta(minutes=16)})),
        "more would be lost than the 15 min that the plan allows: db-1 16 min",
    ),
    "nobody knows what is lost": (
        Guard.RPO,
        lambda s: s.answers(assess_readiness=ready({"db-2": FRESH})),
        "nobody knows how much db-1 would lose; the plan allows 15 min",
    ),
    "a source that answers": (
        Guard.SOURCE,
        lambda s: s.answers(look_at_source=SourceSeen(machines={"db-1": "running"}, answers=())),
        "Azure says that db-1 still run, though no probe is answered",
    ),
    "a source that cannot be looked at": (
        Guard.SOURCE,
        lambda s: s.answers(look_at_source=forbidden()),
        "whether the source still answers could not be read in time",
    ),
    "another failover within the hour": (
        Guard.RATE,
        lambda s: began_elsewhere(s, 59),
        "1 other failovers began within the hour; the plan allows fewer than 1",
    ),
    "readiness that turned red": (
        Guard.READINESS,
        lambda s: s.answers(
            assess_readiness=[ready(), ready(), Readiness(ready=False, blockers=("db-1 is gone",))]
        ),
        "readiness is red: db-1 is gone",
    ),
    "a grant that is missing": (
        Guard.READINESS,
        lambda s: s.answers(assess_readiness=[ready(grants=Grants(missing=LACK)), ready()]),
        "readiness is red: the identity failover lacks its role",
    ),
    "a ground that changed": (
        Guard.READINESS,
        lambda s: s.answers(assess_readiness=[ready(), ready(), ready(pending_drills=("db-1",))]),
        "what the run is about has changed: db-1 have a drill to clean up now",
    ),
}


@pytest.mark.parametrize("name", VETOES)
def test_a_veto_asks_a_person_instead_and_says_why(stage: Stage, name: str) -> None:
    guard, arrange, says = VETOES[name]
    arrange(stage)
    stage.settle()
    begin(stage, plan())
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert not stage.called("start_wave"), "nobody agreed"
    assert checks(stage)[guard]
    report = stage.draft.evidence.automatic
    assert report is not None
    assert says in report.vetoes
    assert not report.went_on
    assert any(says in fact for fact in stage.facts() if "at gate approval" in fact)


def test_a_vetoed_run_goes_on_once_people_agree(stage: Stage) -> None:
    asked = plan()
    pull(stage)
    begin(stage, asked)
    stage.at(60, lambda: stage.decide(asked))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.called("start_wave")[0].seconds == 60


def test_a_veto_that_comes_while_people_may_object_is_seen(stage: Stage) -> None:
    begin(stage, plan())
    stage.at(600, lambda: pull(stage))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert [a.passage.value for a in stage.draft.evidence.approvals] == ["expired", "expired"]


def test_a_switch_that_was_released_vetoes_nothing_whatever_comes_late(stage: Stage) -> None:
    pull(stage, on=False, second=2)
    pull(stage, on=True, second=1)
    stage.settle()
    begin(stage, plan())
    assert stage.run_to_end().outcome is Outcome.COMPLETED


def test_an_hour_ago_is_long_ago(stage: Stage) -> None:
    began_elsewhere(stage, 60, 90)
    stage.settle()
    begin(stage, plan())
    assert stage.run_to_end().outcome is Outcome.COMPLETED


def test_a_vetoed_run_takes_nobody_elses_place_and_one_that_moved_is_counted(stage: Stage) -> None:
    pull(stage)
    begin(stage, plan())
    stage.run_to_end()
    assert json.loads(stage.engine.entity_state("estate", "all") or "null") is None
    asked = plan()
    stage.begin(asked, "failover-shop-2")
    stage.run_for(5)
    assert json.loads(stage.engine.entity_state("estate", "all") or "null") is None, (
        "not agreed yet"
    )


def test_a_persons_run_goes_on_under_the_kill_switch_and_says_so(stage: Stage) -> None:
    pull(stage)
    stage.settle()
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    said = "a person's run went on although the kill switch is on: carol said a game day"
    assert said in stage.draft.evidence.deviations
    counted = json.loads(stage.engine.entity_state("estate", "all") or "null")
    assert list(counted["starts"]) == [RUN]
