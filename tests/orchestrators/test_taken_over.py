"""Runs beside another app: refused while it acts, allowed by a person's word, and fenced off once it took over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from activities.acting import Acting, Leaving
from domain.acting import MUST_NOT_ACT, Claim, Wish
from domain.reply import Refused
from domain.request import Kind, RunRequest
from domain.run import Outcome
from domain.standstill import LockSeen, Standstill
from domain.umbrella import gather
from orchestrators.watchdog import Sighting
from tests.orchestrators.nights import DB_APP_WEB, night
from tests.orchestrators.playbill import CHANGES
from tests.orchestrators.stage import RUN, Stage, twice
from tests.plan_samples import plan
from triggers.together import umbrella_over


def third_app_claims(stage: Stage, application: str = "shop", over: int | None = None) -> Claim:
    """Let another app claim the application, over this one's claim if a person there says so."""
    third = Acting(stage.cast.ledger, "third")
    wish = Wish(
        application=application,
        run="other",
        over=over,
        by="dave",
        reason="dark",
        at=stage.clock.now(),
    )
    claim = third.claim_application(wish).claim
    assert claim is not None
    return claim


def taken_over_when(stage: Stage, name: str) -> Callable[[Any], None]:
    """Return what plays an activity and lets the other app take over just when it has been done."""
    done: list[bool] = []

    def play(request: Any) -> Any:
        reply = getattr(stage.cast, name)(request, stage.clock.now())
        if not done:
            done.append(True)
            third_app_claims(stage, over=1)
        return reply

    return play


def test_a_run_gives_its_claim_back_and_the_next_one_has_a_higher_token(stage: Stage) -> None:
    stage.begin(night())
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert stage.draft.evidence.run.fencing_token == 1
    assert Acting(stage.cast.ledger, "third").holder("shop") is None
    assert third_app_claims(stage).token == 2


def test_a_run_is_declined_while_another_app_acts_and_touches_nothing(stage: Stage) -> None:
    third_app_claims(stage)
    stage.begin(night())
    end = stage.run_to_end()
    assert (end.outcome, end.because) == (
        Outcome.DECLINED,
        "shop is held by run other of app third",
    )
    assert stage.called(*CHANGES) == []
    assert stage.lock()["holder"] is None, "the next run may ask again"
    assert stage.draft.evidence.run.fencing_token is None


def test_a_person_takes_over_and_the_question_and_the_evidence_say_from_whom(stage: Stage) -> None:
    third_app_claims(stage)
    asks = night(approval={"required": True, "within": "PT10M"})
    stage.begin(asks, over={"shop": 1})
    stage.run_for(10)
    assert stage.shown()["waitsFor"]["says"] == "takes over shop from run other of app third"
    stage.at(20, lambda: stage.decide(asks))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    told = "alice took shop over from run other of app third: a test"
    assert told in stage.draft.evidence.deviations
    assert stage.draft.evidence.run.fencing_token == 2


def test_a_word_to_take_over_counts_for_the_claim_that_was_meant_alone(stage: Stage) -> None:
    third_app_claims(stage)
    Acting(stage.cast.ledger, "fourth").claim_application(
        Wish(application="shop", run="newer", over=1, at=stage.clock.now())
    )
    stage.begin(night(), over={"shop": 1})
    end = stage.run_to_end()
    assert (end.outcome, end.because) == (
        Outcome.DECLINED,
        "shop is held by run newer of app fourth",
    )


@pytest.mark.parametrize("on_failure", ["stop", "ask"])
def test_between_two_tiers_the_old_run_stops_and_asks_nobody(stage: Stage, on_failure: str) -> None:
    stage.answers(check_wave=taken_over_when(stage, "check_wave"))
    stage.begin(night(*DB_APP_WEB, on_failure=on_failure))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert end.because.startswith("app third took over shop at ") and MUST_NOT_ACT in end.because
    assert "it had come to PARTIAL" in end.because
    assert stage.cast.starts == ["failover db-1"]
    assert stage.changes() == [] and stage.seconds < 3600
    assert stage.desk()["gates"] == {}, "no word could help"
    assert stage.lock()["holder"] is None


def test_in_the_middle_of_the_switch_the_old_run_leaves_traffic_alone(stage: Stage) -> None:
    switch = taken_over_when(stage, "set_endpoint")
    stage.answers(set_endpoint=switch)
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert MUST_NOT_ACT in end.because
    refused = [c for c in stage.called("set_endpoint") if c.request.enabled is False]
    assert refused and all(MUST_NOT_ACT in str(c.reply) for c in refused)
    assert [e.enabled for e in stage.cast.profile.endpoints] == [True, True], "I3 holds all along"
    assert stage.draft.evidence.traffic and not stage.draft.evidence.traffic.restored


def test_a_drill_that_was_taken_over_cleans_nothing_up_and_says_what_it_left(stage: Stage) -> None:
    stage.answers(check_wave=taken_over_when(stage, "check_wave"))
    stage.begin(plan_with_drill(), kind=Kind.DRILL)
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "app third took over shop" in end.because
    assert "drill_cleanup db-1" not in stage.cast.starts


def plan_with_drill() -> Any:
    return plan(
        tiers=[{"name": "db", "members": [{"name": "db-1"}]}], drill=DRILL, policy=NO_QUESTION
    )


DRILL = {
    "network": "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups/n/providers"
    "/Microsoft.Network/virtualNetworks/lab",
    "hold": "PT10M",
}
NO_QUESTION = {"approval": {"required": False}, "commit": {"mode": "never"}}


def test_a_ledger_that_is_out_of_reach_at_the_start_fails_the_run_untouched(stage: Stage) -> None:
    stage.answers(claim_application=out_of_reach)
    stage.begin(night())
    end = stage.run_to_end()
    assert end.outcome is Outcome.FAILED
    assert "whether another app acts on shop cannot be told" in end.because
    assert end.because.endswith("nothing was touched")
    assert stage.called(*CHANGES) == []
    assert stage.lock()["holder"] is None
    assert 900 < stage.seconds < 1500, "patience of a quarter of an hour"


def out_of_reach(_: Any) -> Refused:
    return Refused(code="ledger_unavailable", message="no answer", transient=True)


def test_a_ledger_that_is_gone_for_minutes_holds_the_next_change_up_and_no_more(
    stage: Stage,
) -> None:
    stage.at(45, lambda: setattr(stage.cast.ledger, "reachable", False))
    stage.at(400, lambda: setattr(stage.cast.ledger, "reachable", True))
    stage.begin(night(*DB_APP_WEB))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    starts = [c.seconds for c in stage.called("start_wave") if "unavailable" not in str(c.reply)]
    assert len(starts) == 3 and starts[1] >= 400


def test_the_ledger_is_asked_twice_for_each_change_and_six_times_besides(stage: Stage) -> None:
    third_app_claims(stage)
    third = Acting(stage.cast.ledger, "third")
    third.leave_application(
        Leaving(claim=Claim(application="shop", token=1), run="other", at=stage.clock.now())
    )
    stage.cast.ledger.asked.clear()
    stage.begin(night(*DB_APP_WEB, commit={"mode": "auto_after", "after": "PT10M"}))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    changes = len(stage.called(*CHANGES))
    asked = Counter(what for what, _ in stage.cast.ledger.asked)
    assert changes == 6, "three tiers, two endpoints, one commit"
    assert asked == {"keys": 1, "claim": 1, "keep": 1, "read": 2 * changes + 3}


def test_an_umbrella_claims_every_application_and_its_runs_act_by_these_claims(
    stage: Stage,
) -> None:
    umbrella(stage)
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert sorted(stage.cast.ledger.entries) == [
        f"acting/{name}/00000001" for name in ("db-base", "shop")
    ]
    tokens = {
        d.request.evidence.run.id: d.request.evidence.run.fencing_token
        for d in stage.called("seal_evidence")
    }
    assert set(tokens.values()) == {1} and len(tokens) == 3


def test_an_umbrella_begins_nothing_while_another_app_acts_on_a_part(stage: Stage) -> None:
    third_app_claims(stage, "db-base")
    umbrella(stage)
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert end.because == "db-base is held by run other of app third; nothing was touched"
    assert Acting(stage.cast.ledger, "here").holder("shop") is None


def umbrella(stage: Stage) -> None:
    base = night().model_copy(update={"name": "db-base"})
    shop = night().model_copy(update={"depends_on": ("db-base",)})
    plans = gather(shop, {"db-base": base, "shop": shop}.__getitem__)
    request = RunRequest(plan=shop, requested_by="alice", reason="a test")
    whole = umbrella_over(plans, request)
    stage.engine.start_new("umbrella", twice(whole.wire()), RUN)


def test_the_watchdog_gives_back_what_an_ended_run_left(stage: Stage) -> None:
    here = Acting(stage.cast.ledger, "here")
    here.claim_application(Wish(application="shop", run="gone", at=stage.clock.now()))
    seen = LockSeen(
        application="shop",
        holder="gone",
        engine="Terminated",
        claim=Claim(application="shop", token=1),
    )
    stage.engine.start_new("judge_runs", twice(Sighting(locks=(seen,)).wire()), "watchdog")
    output = stage.finish("watchdog").output
    assert [found["standstill"] for found in output["found"]] == [Standstill.ORPHANED.value]
    assert here.holder("shop") is None
