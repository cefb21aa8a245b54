"""The drill on the stage: the scene, the tiers on their own gates, the hold, and the closing that always comes."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from activities.drill import LeftoverQuestion, LeftoversSeen, Scene
from activities.health import Heard, Round
from activities.recovery import Ended, Wave, WaveNews
from domain.plan import Plan
from domain.reports import DrillReport, Leftover
from domain.request import Kind
from domain.run import MemberOutcome, Outcome, Readiness, RunEnd
from tests.orchestrators.cast import deaf, ok
from tests.orchestrators.nights import DB_APP_WEB
from tests.orchestrators.stage import START, Stage, forbidden, throttled
from tests.plan_samples import plan, tier

NETWORK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/apart"
NIC = Leftover(kind="nic", id="/g/networkInterfaces/db-1-test-nic")
DISK = Leftover(kind="disk", id="/g/disks/db-1-asrtest")


def rehearsal(**drill: Any) -> Plan:
    """Return a plan of three tiers with a drill, each tier with a gate of its own for it."""
    tiers = [tier(name, *members) for name, *members in DB_APP_WEB]
    for each in tiers:
        each["gate"] = {"probes": [{"tcp": f"{each['name']}.example.com:80"}]}
        each["drill_gate"] = {"probes": [{"tcp": f"{each['name']}.drill.example.com:80"}]}
    return plan(
        tiers=tiers,
        drill={"network": NETWORK, **drill},
        policy={"commit": {"mode": "never"}, "retry": {"attempts": 2, "pause": "PT1M"}},
    )


def rehearse(stage: Stage, plan: Plan | None = None) -> RunEnd:
    """Rehearse to the end."""
    ready = stage.script.get("assess_readiness", Readiness(ready=True))
    items = {name: VAULT.item_id(name) for _, name in DB_APP_WEB}
    stage.answers(assess_readiness=ready.model_copy(update={"items": items}))
    stage.begin(plan or rehearsal(), kind=Kind.DRILL)
    return stage.run_to_end()


def told(stage: Stage) -> DrillReport:
    report = stage.draft.evidence.drill
    assert report is not None
    return report


def left(*leftovers: Leftover) -> LeftoversSeen:
    return LeftoversSeen(leftovers=leftovers)


VAULT = plan().vault
CLEANED = [f"drill_cleanup {name}" for name in ("db-1", "app-1", "web-1")]
DRILLED = [f"drill {name}" for name in ("db-1", "app-1", "web-1")]


def test_tiers_come_up_in_order_prove_themselves_and_go_away_again(stage: Stage) -> None:
    end = rehearse(stage, rehearsal(hold="PT20M"))
    assert (end.outcome, end.because) == (
        Outcome.COMPLETED,
        "3 tiers came up and proved themselves; nothing is left of it",
    )
    assert stage.cast.starts == [*DRILLED, *CLEANED]
    probes = [str(p) for call in stage.called("probe_round") for p in call.request.probes]
    assert set(probes) == {f"tcp {name}.drill.example.com:80" for name in ("db", "app", "web")}
    networks = {c.request.network for c in stage.called("start_wave")[:3]}
    assert networks == {NETWORK}
    report = told(stage)
    assert (report.held_seconds, report.clean, report.leftovers) == (1200, True, ())
    assert report.test_machines == ("db-1-test", "app-1-test", "web-1-test")
    assert [member.name for member in report.cleaned] == ["db-1", "app-1", "web-1"]
    assert stage.lock()["holder"] is None


def test_neither_traffic_nor_fence_nor_commit_is_asked_for(stage: Stage) -> None:
    rehearse(stage)
    asked = set(stage.names())
    assert not asked & {"read_profile", "set_endpoint", "look_at_source", "look_at_path"}
    verbs = {c.request.verb.value for c in stage.called("start_wave")}
    assert verbs == {"drill", "drill_cleanup"}


def test_a_scene_that_production_could_meet_begins_nothing(stage: Stage) -> None:
    stage.answers(set_scene=Scene(objection="it is the production network"))
    end = rehearse(stage)
    assert end.outcome is Outcome.FAILED
    assert end.because == "not ready, nothing was touched: it is the production network"
    assert stage.cast.starts == []
    assert "look_for_leftovers" not in stage.names()


def test_machine_hours_run_from_the_start_of_each_test_failover_to_its_clean_up(
    stage: Stage,
) -> None:
    rehearse(stage, rehearsal(hold="PT2H"))
    hours = 0.0
    starts = [c.at for c in stage.called("start_wave")]
    for began in starts[:3]:
        hours += (starts[3] + stage.cast.takes - began) / timedelta(hours=1)
    assert told(stage).vm_hours["small"] == pytest.approx(hours, abs=0.02)
    assert hours > 6


def test_the_hold_and_the_clean_up_are_nobodys_own_time(stage: Stage) -> None:
    rehearse(stage, rehearsal(hold="PT2H"))
    timing = stage.draft.evidence.timing
    assert timing.total > 7200
    assert timing.azure == 4 * stage.cast.takes.total_seconds()
    assert timing.own == timing.total - 7200 - timing.azure


# -- clean-up after whatever -----------------------------------------------------------------


def lose(stage: Stage, name: str, verb: str = "drill", times: int = 99) -> None:
    """Let the jobs of a member fail."""
    lost = [times]

    def check(wave: Wave) -> WaveNews:
        news = stage.cast.check_wave(wave, stage.clock.now())
        if wave.verb.value != verb or not any(e.name == name for e in news.ended) or lost[0] < 1:
            return news
        lost[0] -= 1
        for job in [j for j in stage.cast.jobs if j.startswith(f"{verb}-{name}-")]:
            del stage.cast.jobs[job]
        failed = Ended(name=name, arrived=False, code="28020", message="it failed")
        return WaveNews(ended=tuple(failed if e.name == name else e for e in news.ended))

    stage.answers(check_wave=check)


def test_a_tier_that_fails_stops_the_drill_and_everything_is_cleaned_up(stage: Stage) -> None:
    lose(stage, "app-1")
    end = rehearse(stage)
    assert end.outcome is Outcome.PARTIAL
    assert "tier app did not pass: app-1 failed: it failed (28020)" in end.because
    assert "web" not in "".join(s for s in stage.cast.starts if s.startswith("drill "))
    closing = stage.called("start_wave")[-1].request
    assert [f"{closing.verb.value} {member.name}" for member in closing.members] == CLEANED
    assert told(stage).clean


def test_a_failed_test_failover_is_cleaned_up_before_it_is_tried_again(stage: Stage) -> None:
    lose(stage, "db-1", times=1)
    end = rehearse(stage)
    assert end.outcome is Outcome.COMPLETED
    assert stage.cast.starts[:3] == ["drill db-1", "drill_cleanup db-1", "drill db-1"]
    assert "db-1: arrived after 2 attempts" in stage.draft.evidence.deviations


def test_a_failed_test_failover_that_cannot_be_cleaned_up_is_not_tried_again(
    stage: Stage,
) -> None:
    lose(stage, "db-1", times=1)
    stage.answers(
        start_wave=lambda wave: (
            forbidden()
            if wave.verb.value == "drill_cleanup" and len(stage.cast.starts) == 1
            else stage.cast.start_wave(wave, stage.clock.now())
        )
    )
    end = rehearse(stage)
    assert stage.cast.starts.count("drill db-1") == 1
    assert end.outcome is Outcome.NEEDS_HUMAN


def test_a_gate_that_stays_shut_ends_the_drill_clean(stage: Stage) -> None:
    def probe(asked: Round) -> Heard:
        shut = any("app.drill" in str(p) for p in asked.probes)
        return Heard(answers=tuple(deaf(p) if shut else ok(p) for p in asked.probes))

    stage.answers(probe_round=probe)
    end = rehearse(stage)
    assert end.outcome is Outcome.PARTIAL
    assert "tier app did not pass: the gate stayed shut" in end.because
    assert stage.cast.starts[-3:] == CLEANED


@pytest.mark.parametrize("seconds", [1, 30, 130, 300, 2000])
def test_a_cancel_ends_the_drill_clean_wherever_it_comes(stage: Stage, seconds: float) -> None:
    stage.at(seconds, lambda: stage.say("cancel", ring=1))
    end = rehearse(stage, rehearsal(hold="PT1H"))
    assert end.outcome is Outcome.CANCELLED
    assert "moved and stay" not in end.because
    if any(start.startswith("drill ") for start in stage.cast.starts):
        assert stage.cast.starts[-3:] == CLEANED
        assert told(stage).clean


def test_a_hold_that_is_cut_short_is_told_as_long_as_it_was(stage: Stage) -> None:
    stage.at(2000, lambda: stage.say("cancel", ring=1))
    rehearse(stage, rehearsal(hold="PT1H"))
    held = next(fact.at for fact in stage.draft.facts if "held for" in fact.what)
    assert told(stage).held_seconds == 2000 - (held - START).total_seconds()


def test_a_paused_drill_is_cleaned_up_when_its_time_is_up(stage: Stage) -> None:
    stage.at(30, lambda: stage.say("pause", ring=1))
    end = rehearse(stage, rehearsal(deadline="PT2H"))
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "deadline of 2 h" in end.because
    assert stage.cast.starts[-3:] == CLEANED
    assert told(stage).clean
    assert stage.seconds <= 2 * 3600


def test_what_runs_is_cancelled_before_it_is_cleaned_up(stage: Stage) -> None:
    stage.cast.takes = timedelta(hours=9)
    stage.at(7300, lambda: setattr(stage.cast, "takes", timedelta(seconds=50)))
    end = rehearse(stage, rehearsal(deadline="PT3H"))
    assert end.outcome is Outcome.FAILED
    order = [c.name for c in stage.called("cancel_wave", "start_wave")]
    assert order == ["start_wave", "cancel_wave", "start_wave"]
    assert "drill db-1" in stage.cast.cancelled
    assert told(stage).clean


@pytest.mark.parametrize("deadline", ["PT30M", "PT1H", "PT6H"])
def test_there_is_time_to_clean_up_however_short_the_deadline(stage: Stage, deadline: str) -> None:
    stage.cast.takes = timedelta(hours=9)
    hours = {"PT30M": 0.5, "PT1H": 1, "PT6H": 6}[deadline]
    stage.at(600, lambda: setattr(stage.cast, "takes", timedelta(seconds=50)))
    stage.at(60, lambda: stage.say("pause", ring=1))
    end = rehearse(stage, rehearsal(deadline=deadline))
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert told(stage).clean
    assert [member.outcome for member in told(stage).cleaned] == [MemberOutcome.ARRIVED] * 3
    assert stage.seconds <= hours * 3600


def test_a_clean_up_that_fails_is_asked_for_again_and_the_deviation_is_told(stage: Stage) -> None:
    lose(stage, "web-1", verb="drill_cleanup", times=4)
    end = rehearse(stage)
    assert end.outcome is Outcome.COMPLETED
    (web,) = [member for member in told(stage).cleaned if member.name == "web-1"]
    assert (web.outcome, web.attempts) == (MemberOutcome.ARRIVED, 5)
    assert "web-1: arrived after 5 attempts" in stage.draft.evidence.deviations


def test_a_clean_up_that_never_ends_well_needs_a_human(stage: Stage) -> None:
    lose(stage, "web-1", verb="drill_cleanup")
    stage.answers(look_for_leftovers=[left(), left(NIC)])
    end = rehearse(stage)
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "the clean-up is not complete: web-1: it failed (28020)" in end.because
    assert "the drill itself: COMPLETED" in end.because
    assert "nic db-1-test-nic" in end.because


def test_an_unreachable_vault_leaves_the_clean_up_inconclusive_never_completed(
    stage: Stage,
) -> None:
    """Nothing is found left, yet nobody knows whether the vault took the clean-up."""

    def start(wave: Wave) -> Any:
        if wave.verb.value == "drill_cleanup":
            return throttled()
        return stage.cast.start_wave(wave, stage.clock.now())

    stage.answers(start_wave=start)
    end = rehearse(stage, rehearsal(deadline="PT3H"))
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "the clean-up is not complete" in end.because
    assert told(stage).looked_at is not None
    assert stage.seconds <= 3 * 3600


# -- the proof -------------------------------------------------------------------------------


def test_what_azure_still_deletes_is_waited_for_within_the_grace(stage: Stage) -> None:
    stage.answers(look_for_leftovers=[left(), left(NIC, DISK), left(DISK), left()])
    end = rehearse(stage)
    assert end.outcome is Outcome.COMPLETED
    assert told(stage).clean
    looks = [c.at for c in stage.called("look_for_leftovers")[1:]]
    assert [b - a for a, b in pairwise(looks)] == [timedelta(seconds=30)] * 2


@pytest.mark.parametrize("grace", ["PT1M", "PT15M"])
def test_what_is_left_after_the_grace_is_listed_and_needs_a_human(stage: Stage, grace: str) -> None:
    stage.answers(look_for_leftovers=[left(), left(NIC, DISK)])
    end = rehearse(stage, rehearsal(grace=grace))
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "the drill left nic db-1-test-nic, disk db-1-asrtest; delete it" in end.because
    report = told(stage)
    assert (report.clean, report.leftovers) == (False, (NIC, DISK))
    assert stage.draft.evidence.cleanup.leftovers == (NIC.id, DISK.id)
    looks = [c.at for c in stage.called("look_for_leftovers")[1:]]
    allowed = timedelta(minutes=int(grace[2:-1]))
    assert allowed - timedelta(seconds=30) <= looks[-1] - looks[0] <= allowed


def test_a_proof_that_cannot_be_had_needs_a_human(stage: Stage) -> None:
    seen = iter([left()])
    stage.answers(look_for_leftovers=lambda _: next(seen, forbidden()))
    end = rehearse(stage)
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "look_for_leftovers was refused: the identity may not" in end.because
    report = told(stage)
    assert (report.clean, report.looked_at) == (False, None)
    assert [member.outcome for member in report.cleaned] == [MemberOutcome.ARRIVED] * 3


def test_what_an_earlier_drill_left_stops_this_one_and_is_listed(stage: Stage) -> None:
    stage.answers(look_for_leftovers=left(NIC))
    end = rehearse(stage)
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert end.because == "an earlier drill left nic db-1-test-nic; delete it first"
    assert stage.cast.starts == []
    assert told(stage).leftovers == (NIC,)
    assert stage.draft.evidence.cleanup.leftovers == (NIC.id,)


def test_a_drill_that_nobody_ended_is_cleaned_up_before_this_one_begins(stage: Stage) -> None:
    stage.answers(assess_readiness=Readiness(ready=True, pending_drills=("app-1",)))
    end = rehearse(stage)
    assert end.outcome is Outcome.COMPLETED
    assert stage.cast.starts[:2] == ["drill_cleanup app-1", "drill db-1"]


def test_the_looks_name_every_member_wherever_the_drill_stopped(stage: Stage) -> None:
    lose(stage, "db-1")
    rehearse(stage)
    question: LeftoverQuestion = stage.called("look_for_leftovers")[-1].request
    assert [member.name for member in question.members] == ["db-1", "app-1", "web-1"]


def test_a_fault_of_leewards_own_still_cleans_up(stage: Stage) -> None:
    stage.answers(probe_round=ZeroDivisionError("oops"))
    end = rehearse(stage)
    assert end.outcome in (Outcome.FAILED, Outcome.PARTIAL, Outcome.NEEDS_HUMAN)
    assert stage.cast.starts[-3:] == CLEANED
    assert told(stage).clean


def test_a_drill_asks_a_person_only_where_the_plan_wants_it(stage: Stage) -> None:
    asking = rehearsal(approval=True)
    stage.at(20, lambda: stage.decide(asking, verdict="reject"))
    end = rehearse(stage, asking)
    assert (end.outcome, stage.cast.starts) == (Outcome.DECLINED, [])


def test_an_optional_machine_that_does_not_come_up_is_a_skip(stage: Stage) -> None:
    optional = rehearsal()
    members = (optional.tiers[1].members[0].model_copy(update={"required": False}),)
    tiers = (
        optional.tiers[0],
        optional.tiers[1].model_copy(update={"members": members}),
        optional.tiers[2],
    )
    lose(stage, "app-1")
    end = rehearse(stage, optional.model_copy(update={"tiers": tiers}))
    assert end.outcome is Outcome.COMPLETED_WITH_SKIPS
    assert "app-1, which is optional, did not come up" in end.because


def test_a_tier_without_a_gate_for_drills_is_told(stage: Stage) -> None:
    bare = rehearsal()
    tiers = tuple(t.model_copy(update={"drill_gate": None}) for t in bare.tiers)
    rehearse(stage, bare.model_copy(update={"tiers": tiers}))
    assert stage.called("probe_round") == []
    assert "tier db has no drill_gate: nothing proves it here" in stage.draft.evidence.deviations


def test_a_busy_application_is_not_rehearsed(stage: Stage) -> None:
    stage.engine.signal_entity("lock", "shop", "acquire", '"{\\"run\\": \\"other\\"}"')
    stage.settle()
    end = rehearse(stage)
    assert (end.outcome, stage.cast.starts) == (Outcome.DECLINED, [])
    assert "held by run other" in end.because
