"""What the pages of a record tell, of a run of every kind."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.evidence_pages import html, markdown
from adapters.timeline import timeline_svg
from domain.approval import ApprovalReport, Passage, scope_of
from domain.canonical import digest
from domain.evidence import Evidence
from domain.grants import Grants
from domain.guardrails import Automatic, Check, Guard
from domain.reports import BudgetReport, ChildRun
from domain.request import RunRequest
from domain.run import (
    CommitReport,
    Decision,
    FenceReport,
    Outcome,
    Readiness,
    SetAside,
    Silence,
    TrafficReport,
    Verdict,
)
from tests.adapters.pages import Page, page, sealed
from tests.evidence_samples import (
    FENCE,
    RUN,
    TRAFFIC,
    acted,
    at,
    declined,
    drilled,
    large,
    partial,
    protected,
    whole,
)
from tests.plan_samples import plan


def test_the_top_of_the_page_says_how_it_went() -> None:
    text = page(whole()).text
    for said in (
        "shop East US → West US",
        "COMPLETED every tier arrived and proved itself",
        "Total time 27:04",
        "RTO, slowest tier 13:31 web, 3 of 3 tiers proved",
        "Worst RPO 01:24 db-prod-01",
        "Traffic switched T+14:31 verified by DNS and HTTP",
        "Decision Approved by on-call@contoso.example",
        "db 06:42 app 10:16 web 13:31",
    ):
        assert said in text
    top = text.index("Signals")
    assert text.index("the source could not be proved down") < top


@pytest.mark.parametrize("evidence", [whole(), declined(), partial(), large(), protected()])
def test_both_pages_name_every_machine_and_the_digest(evidence: Evidence) -> None:
    record = sealed(evidence)
    for text in (page(evidence).text, markdown(record)):
        assert digest(record) in text
        for tier in evidence.tiers:
            for member in tier.members:
                assert member.name in text
        for link in record["chain"]:
            assert link["sha256"] in text


def test_a_protection_is_told_piece_by_piece_and_machine_by_machine() -> None:
    told = protected()
    for text in (page(told).text, markdown(sealed(told))):
        assert "Protection" in text
        for said in ("asr-eastus", "shop-24h", "its retention in minutes is 60", "db-prod-77"):
            assert said in text
    assert "Protection" not in page(declined()).text


def test_a_drill_is_told_with_its_cost_its_clean_up_and_what_it_left() -> None:
    left = drilled()
    for text in (page(left).text, markdown(sealed(left)).replace("\\", "")):
        for said in (
            "shop-west-drill",
            "db-prod-01-test, web-prod-01-test",
            "15:00",
            "1.25 VM-hours of Standard_D2s_v3",
            "1 left at T+27:00",
            "failed, 2 attempts",
            "28020: it failed",
            "networkInterfaces/db-prod-01-test-nic",
            "Traffic was not touched by this run.",
        ):
            assert said in text
        assert text.count("networkInterfaces/db-prod-01-test-nic") == 1
        for other in ("before the source was looked at", "before a commit", "cleaned up first"):
            assert other not in text
    clean = page(drilled(left=False)).text
    assert "nothing was left at T+27:00" in clean
    assert "Left behind" not in clean


def test_a_drill_that_nobody_could_look_at_is_not_called_clean() -> None:
    report = drilled(left=False).drill
    assert report is not None
    blind = report.model_copy(update={"looked_at": None, "clean": False, "vm_hours": {}})
    text = page(drilled().model_copy(update={"drill": blind})).text
    assert "Proof nobody could look for what is left" in text
    assert "Cost no machine ran" in text


def test_runs_under_a_run_are_told_with_their_outcome_and_evidence() -> None:
    child = ChildRun(
        run="umbrella-shop-1.1",
        plan="crm",
        kind="failover",
        outcome=Outcome.PARTIAL,
        because="tier web did not arrive",
        evidence_sha256="5ea1",
    )
    told = declined().model_copy(update={"children": (child,)})
    for text in (page(told).text, markdown(sealed(told))):
        assert "Runs under this one" in text
        for said in ("umbrella-shop-1.1", "crm", "PARTIAL", "tier web did not arrive", "5ea1"):
            assert said in text
    assert "Runs under this one" not in page(declined()).text


def test_a_budget_is_told_with_what_went_over_it() -> None:
    report = BudgetReport(
        longest_seconds=3600,
        used_seconds=7260,
        vm_hours_used=6.05,
        left_early=True,
        over=("it took 2 h 1 min of 1 h",),
    )
    told = declined().model_copy(update={"budget": report})
    for text in (page(told).text, markdown(sealed(told))):
        for said in ("Budget", "6.05 VM-hours", "cut short", "it took 2 h 1 min of 1 h"):
            assert said in text
    assert "Budget" not in page(declined()).text


def test_a_run_that_ended_early_says_what_never_was() -> None:
    text = page(declined()).text
    for said in (
        "DECLINED nobody agreed within 30 minutes",
        "Decision — nobody answered",
        "no machine was moved",
        "No signal set this run off.",
        "Nobody decided in this run.",
        "No machine was moved.",
        "The run ended before the source was looked at.",
        "Traffic was not touched by this run.",
        "The run ended before a commit.",
    ):
        assert said in text


def test_a_run_without_readiness_or_question_says_so() -> None:
    evidence = declined()
    timing = evidence.timing.model_copy(update={"decision": 0})
    bare = evidence.model_copy(update={"readiness": None, "timing": timing})
    text = page(bare).text
    assert "The run ended before readiness was judged." in text
    assert "Decision — none was asked for" in text


def test_grants_are_told_with_what_is_missing_first() -> None:
    grants = Grants(missing=("failover lacks a",), to_know=("it lacks b",), unread=("no answer",))
    lacking = Readiness(ready=True, grants=grants)
    evidence = declined().model_copy(update={"readiness": lacking})
    text, plain = page(evidence).text, markdown(sealed(evidence))
    assert "Ready but for grants that Azure did not list." in text
    assert "Ready but for grants that Azure did not list." in plain
    assert "* Missing grant: failover lacks a\n* Grants, to know: it lacks b\n" in plain
    told = ("Missing grants", "failover lacks a", "Grants, to know", "it lacks b", "no answer")
    assert sorted(told, key=text.index) == list(told)
    doubts = Readiness(ready=True, grants=Grants(unread=("no answer",)))
    text = page(declined().model_copy(update={"readiness": doubts})).text
    assert "nothing stood in the way" in text and "no answer" in text
    assert "Missing grants" not in text


def test_a_lost_machine_is_told_with_its_error_and_its_tier_stays_open() -> None:
    text = page(partial()).text
    assert "app-prod-02 failed, 2 attempts" in text
    assert "150097: The capacity asked for is not there in West US." in text
    assert "app not arrived" in text
    assert "gate stayed shut: 2 of the last 3 needed, 60 rounds, 10:00" in text


def test_machines_fold_up_by_tier_once_there_are_many() -> None:
    assert html(sealed(whole())).count("<details open>") == 4
    assert html(sealed(large())).count("<details open>") == 0
    lost = large(10, 9).tiers[3].model_copy(update={"arrived": False})
    tiers = (*large(10, 9).tiers[:3], lost)
    assert html(sealed(large().model_copy(update={"tiers": tiers}))).count("<details open>") == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"restored": True, "verified": False, "trouble": "t-1"}, ["restored as it was before", "t-1"]),
        ({"before": None, "switched_at": None, "verified": False}, ["Traffic switched — not switched"]),
        ({"verified": False, "gate": None}, ["no gate"]),
        ({"switched_at": None, "verified": False}, ["Traffic switched — left open"]),
        ({"verified": False}, ["Traffic switched T+14:31 not verified"]),
        ({"before": None, "after": None}, ["verified by DNS and HTTP"]),
        ({"after": None}, ["Enabled, Degraded —"]),
    ],
)  # fmt: skip
def test_traffic_is_told_as_it_went(changes: dict[str, Any], said: list[str]) -> None:
    traffic: TrafficReport = TRAFFIC.model_copy(update=changes)
    text = page(whole().model_copy(update={"traffic": traffic})).text
    for each in said:
        assert each in text


def test_a_proved_fence_and_a_failed_commit_are_told() -> None:
    fence: FenceReport = FENCE.model_copy(update={"proved": True, "verdict": Silence.DOWN})
    commit = CommitReport(mode="manual", committed=False, trouble="nobody said so")
    text = page(whole().model_copy(update={"fence": fence, "commit": commit})).text
    assert "Proved down :" in text
    assert "Not committed by this run" in text
    assert "nobody said so" in text


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_page(outcome: Outcome) -> None:
    run = RUN.model_copy(update={"outcome": outcome})
    assert outcome.value.replace("_", " ") in page(whole().model_copy(update={"run": run})).text


def test_a_rejection_is_told() -> None:
    no = Decision(gate="approval", verdict=Verdict.REJECT, by="ann", digest="d", at=at(60))
    evidence = declined().model_copy(update={"decisions": (no,)})
    assert "Decision Rejected by ann" in page(evidence).text
    assert "rejected" in timeline_svg(sealed(evidence))


@pytest.mark.parametrize("page", [lambda record: Page(html(record)).text, markdown])
def test_actions_and_hooks_are_shown_with_what_they_came_to(page: Any) -> None:
    told = page(sealed(acted()))
    for words in ("After the drill", "db.warm", "5c0f", "it was 500", "skipped by carol", "erin"):
        assert words in told, words
    assert "2 attempts" in told
    assert "Actions" not in page(sealed(whole()))


def test_what_was_asked_checked_and_set_aside_is_told() -> None:
    scope = scope_of(
        RunRequest(plan=plan(), requested_by="ann", reason="a test"), "r-1", "approval", 1, None
    )
    asked = ApprovalReport(
        gate="approval",
        digest=scope.digest(),
        needed=2,
        asked_at=at(1),
        until=at(60),
        ended_at=at(60),
        passage=Passage.VOIDED,
        approved_by=("bob",),
        scope=scope,
        voided_by=("endpoint west is enabled now",),
    )
    aside = SetAside(
        gate="approval", verdict=Verdict.APPROVE, by="eve", digest="d", at=at(9), because="too late"
    )
    veto = Check(guard=Guard.RATE, veto=True, says="3 other failovers began")
    evidence = declined().model_copy(
        update={
            "approvals": (asked,),
            "set_aside": (aside,),
            "automatic": Automatic(checked_at=at(0), went_on=False, checks=(veto,)),
        }
    )
    for text in (page(evidence).text, markdown(sealed(evidence)).replace("\\", "")):
        for said in (
            "asked 2 people: voided, endpoint west is enabled now",
            "question 1 of run r-1",
            "too late",
            "did not go on by itself",
            "veto, 3 other failovers began",
        ):
            assert said in text, said
