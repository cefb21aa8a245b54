"""What a digest covers, what counts as drift, and what satisfies several plans at once."""

from __future__ import annotations

import pytest

from domain.approval import Scope, drift_between, scope_of, terms_of
from domain.canonical import digest
from domain.policy import Approval, BreakGlass, RecoveryPoint
from domain.request import Kind, Mode, RunRequest
from domain.run import Readiness
from tests.orchestrators.cast import BEFORE
from tests.plan_samples import plan, tier

REQUEST = RunRequest(plan=plan(), requested_by="alice", reason="a test")


def scope(question: int = 1, run: str = "r", gate: str = "approval", **changes: object) -> Scope:
    return scope_of(REQUEST.model_copy(update=changes), run, gate, question, BEFORE)


@pytest.mark.parametrize(
    "other",
    [
        scope(question=2),
        scope(run="s"),
        scope(gate="commit"),
        scope(plan=plan(tiers=[tier("db", "db-02")])),
        scope(point=RecoveryPoint.LATEST_PROCESSED),
        scope(points={"db-01": "/points/1"}),
        scope(mode=Mode.GRACEFUL),
        scope(kind=Kind.FAILBACK),
        scope_of(REQUEST, "r", "approval", 1, None),
    ],
)
def test_the_digest_is_another_for_anything_else_that_would_be_done(other: Scope) -> None:
    assert other.digest() != scope().digest()
    assert scope().digest() == scope().digest()


def test_what_it_covers_is_said_in_sentences() -> None:
    said = scope(points={f"m-{n}": f"/points/{n}" for n in range(5)}).covers()
    assert said == (
        f"question 1 of run r, about plan shop, SHA-256 {plan().digest()}",
        "failover, forced: 1 machines, East US to West US",
        "recovery point: latest; m-0 at 0, m-1 at 1, m-2 at 2 and 2 more",
        "traffic: profile p enables west, disables east; now east enabled, west disabled",
        "commit: manual",
    )


def test_a_kind_that_moves_no_users_covers_no_traffic() -> None:
    assert scope(kind=Kind.REPROTECT).traffic is None


def test_health_warnings_and_monitor_states_are_no_drift() -> None:
    before = Readiness(ready=True, profile=BEFORE, items={"a": "/Items/A"}, machines={"a": "/VM"})
    ends = tuple(e.model_copy(update={"monitor": "Degraded"}) for e in BEFORE.endpoints)
    after = before.model_copy(
        update={
            "profile": BEFORE.model_copy(update={"endpoints": ends}),
            "warnings": ("the replication of a is critical",),
            "items": {"a": "/items/a"},
            "machines": {"a": "/vm"},
        }
    )
    assert not list(drift_between(before, after))


def test_each_material_change_is_named() -> None:
    east, _ = BEFORE.endpoints
    before = Readiness(
        ready=True, profile=BEFORE, items={"a": "/1", "b": "/2"}, machines={"a": "/vm"}
    )
    after = Readiness(
        ready=True,
        profile=BEFORE.model_copy(
            update={"endpoints": (east.model_copy(update={"status": "Disabled"}),)}
        ),
        items={"a": "/1"},
        machines={"a": "/other"},
        to_commit=("a",),
    )
    assert list(drift_between(before, after)) == [
        "endpoint east is disabled now",
        "endpoint west is gone from the profile",
        "a is another machine now",
        "b has no protected item now",
        "a wait for their commit now",
    ]


def test_the_strictest_of_several_plans_holds_for_all() -> None:
    terms = terms_of(
        [
            Approval(approvers=2, roles=("A", "B"), break_glass=BreakGlass.ANYONE),
            Approval(approvers=1, break_glass=BreakGlass.ANOTHER),
            Approval(approvers=3, roles=("B", "C"), break_glass=BreakGlass.ANYONE),
        ]
    )
    assert terms is not None
    assert (terms.approvers, terms.roles, terms.break_glass) == (3, ("B",), BreakGlass.ANOTHER)


def test_plans_without_a_role_in_common_cannot_be_approved_together() -> None:
    assert terms_of([Approval(roles=("A",)), Approval(roles=("B",))]) is None


def test_the_digest_is_that_of_the_scope_in_the_evidence() -> None:
    assert digest(scope().wire()) == scope().digest()
