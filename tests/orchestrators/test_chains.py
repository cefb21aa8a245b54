"""Tiers with no order between them move side by side; a failed one stops what has not begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.recovery import Ended, Wave, WaveNews
from domain.plan import Plan
from domain.run import Outcome
from tests.orchestrators.nights import night
from tests.orchestrators.stage import Stage


def graph(**waits: list[str]) -> Plan:
    """Return a plan with one member per tier, each tier after those it names."""
    data = night(*((name, f"{name}-1") for name in waits)).wire()
    for tier in data["tiers"]:
        tier["after"] = waits[tier["name"]]
    return Plan.model_validate(data)


def started_at(stage: Stage) -> dict[str, float]:
    return {call.request.members[0].name: call.seconds for call in stage.called("start_wave")}


def slow(**minutes: int) -> Any:
    """Return a watch under which each member takes its own time."""

    def check(stage: Stage, wave: Wave) -> WaveNews:
        now = stage.clock.now()
        return WaveNews(
            ended=tuple(
                Ended(name=m.name, arrived=True, ended_at=now)
                for m in wave.members
                if m.job
                and stage.cast.jobs[m.job] + timedelta(minutes=minutes.get(m.name[:-2], 1)) <= now
            )
        )

    return check


def test_tiers_without_an_order_between_them_move_side_by_side(stage: Stage) -> None:
    check = slow(cache=30)
    stage.answers(check_wave=lambda wave: check(stage, wave))
    stage.begin(graph(db=[], app=["db"], web=["app"], cache=[], jobs=["cache", "web"]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    began = started_at(stage)
    assert began["db-1"] == began["cache-1"] == 0
    assert began["app-1"] < began["web-1"] < 30 * 60 <= began["jobs-1"]
    tiers = {tier.name: tier for tier in stage.draft.evidence.tiers}
    assert set(tiers) == {"db", "app", "web", "cache", "jobs"}
    assert tiers["jobs"].started_at >= max(tiers["cache"].ended_at, tiers["web"].ended_at)
    wait = (tiers["jobs"].started_at - tiers["cache"].ended_at).total_seconds()
    assert wait <= 15, "a tier that waits looks every quarter of a minute"


def test_a_failed_tier_lets_the_others_end_and_stops_what_has_not_begun(stage: Stage) -> None:
    check = slow(cache=5)

    def lose_app(wave: Wave) -> WaveNews:
        if wave.members[0].name == "app-1":
            lost = Ended(name="app-1", arrived=False, code="28031", message="no capacity")
            return WaveNews(ended=(lost,))
        return WaveNews.model_validate(check(stage, wave).wire())

    stage.answers(check_wave=lose_app)
    stage.begin(graph(db=[], app=["db"], web=["app"], cache=[], jobs=["cache"]))
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert "tier app did not arrive: app-1 failed: no capacity" in end.because
    assert "jobs-1" not in started_at(stage)
    assert "web-1" not in started_at(stage)
    reached = {tier.name: tier.arrived for tier in stage.draft.evidence.tiers}
    assert reached == {"db": True, "app": False, "cache": True}
    assert stage.changes() == []


def test_a_cancel_reaches_every_chain(stage: Stage) -> None:
    check = slow(cache=5, db=5)
    stage.answers(check_wave=lambda wave: check(stage, wave))
    stage.begin(graph(db=[], app=["db"], cache=[], jobs=["cache"], web=["app", "jobs"]))
    stage.at(120, lambda: stage.say("cancel"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.CANCELLED
    assert end.because.startswith("carol cancelled it")
    assert set(started_at(stage)) == {"db-1", "cache-1"}
    assert stage.changes() == []


def test_a_chain_that_waits_long_begins_its_history_anew(stage: Stage) -> None:
    check = slow(db=90)
    stage.answers(check_wave=lambda wave: check(stage, wave))
    stage.begin(graph(db=[], cache=[], web=["db", "cache"]))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    sizes = [
        len(stage.engine.status(s.instance_id, True).history)
        for s in stage.engine.query()[0]
        if ".c" in s.instance_id
    ]
    assert sizes
    assert max(sizes) < 400


def test_an_optional_member_that_fails_stays_behind_and_the_run_says_so(stage: Stage) -> None:
    data = night(("db", "db-1"), ("web", "web-1", "web-2"), commit={"mode": "auto_after"}).wire()
    data["tiers"][1]["members"][1]["required"] = False

    def lose_one(wave: Wave) -> WaveNews:
        lost = Ended(name="web-2", arrived=False, code="150097", message="no capacity")
        there = tuple(
            stage.cast.arrived(m.name, m.job, stage.clock.now())
            for m in wave.members
            if m.name != "web-2"
        )
        has_it = any(m.name == "web-2" for m in wave.members)
        return WaveNews(ended=(*there, lost) if has_it else there)

    stage.answers(check_wave=lose_one)
    stage.begin(Plan.model_validate(data))
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED_WITH_SKIPS
    assert "web-2, which is optional, stayed behind" in end.because
    assert any("web-2: failed after 2 attempts" in d for d in stage.draft.evidence.deviations)
    assert stage.changes() == [("west", True), ("east", False)]
    committed = [c.request for c in stage.called("start_wave") if c.request.verb == "commit"]
    assert [m.name for m in committed[-1].members] == ["db-1", "web-1"]
