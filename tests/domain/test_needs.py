"""What each kind of run needs of Azure."""

from __future__ import annotations

from typing import Any

import pytest

from domain.grants import Identity
from domain.needs import needs_by_day, needs_of
from domain.plan import Plan
from domain.request import Kind
from tests.plan_samples import PROFILE, SMALLEST, SUBSCRIPTION, VAULT, plan, tier

ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/ops/providers/Microsoft.Automation/automationAccounts/o"
NETWORK = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/d"
ITEM, PLANS = "replicationProtectedItems", "replicationRecoveryPlans"


def with_runbook(on: list[str], **more: Any) -> dict[str, Any]:
    action = {"name": "warm", "on": on, "runbook": {"account": ACCOUNT, "name": "Warm"}, **more}
    return {**tier("db", "a"), "pre_actions": [action]}


def acting(of: Plan, kind: Kind, **ahead: bool) -> dict[tuple[str, str], set[str]]:
    """Return what who acts would fail without, by identity and resource, as the last words of the actions."""
    found: dict[tuple[str, str], set[str]] = {}
    for need in needs_of(of, kind, **ahead):
        if need.vital and need.identity is not Identity.OBSERVE:
            words = "/".join(need.action.removesuffix("/action").split("/")[-2:])
            found.setdefault((need.identity.value, need.scope), set()).add(words)
    return found


MOVE = {f"{ITEM}/unplannedFailover", f"{ITEM}/failoverCommit"}
USERS = {("failover", PROFILE): {"externalEndpoints/write"}}
TURN = {"replicationProtectionContainers/switchprotection"}


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        (Kind.FAILOVER, {("failover", VAULT): MOVE, **USERS}),
        (Kind.FAILBACK, {("failover", VAULT): MOVE, **USERS}),
        (Kind.ROUND_TRIP, {("failover", VAULT): MOVE | TURN, **USERS}),
        (Kind.REPROTECT, {("failover", VAULT): TURN}),
        (Kind.COMMIT, {("failover", VAULT): {f"{ITEM}/failoverCommit"}}),
        (Kind.DRILL, {("drill", VAULT): {f"{ITEM}/testFailover", f"{ITEM}/testFailoverCleanup"}}),
        (Kind.PROTECT, {}),
        (Kind.UMBRELLA, {}),
    ],
)
def test_each_kind_of_run_needs_what_it_does(
    kind: Kind, needs: dict[tuple[str, str], set[str]]
) -> None:
    assert acting(plan(), kind) == needs


@pytest.mark.parametrize("kind", [Kind.FAILOVER, Kind.FAILBACK, Kind.DRILL])
def test_what_a_person_may_ask_for_meanwhile_is_known_and_not_vital(kind: Kind) -> None:
    lesser = {n.action.split("/")[-2] for n in needs_of(plan(), kind) if not n.vital}
    assert "cancel" in lesser
    assert ("applyRecoveryPoint" in lesser) is (kind is not Kind.DRILL)


def test_what_was_found_ahead_of_a_run_is_needed_too() -> None:
    cleans = acting(plan(), Kind.FAILOVER, cleans=True)
    assert cleans["drill", VAULT] == {f"{ITEM}/testFailoverCleanup"}
    assert acting(plan(), Kind.FAILBACK, turns=True)["failover", VAULT] == MOVE | TURN


def test_a_plan_that_never_commits_does_without() -> None:
    never = plan(policy={"commit": {"mode": "never"}})
    assert acting(never, Kind.FAILOVER)["failover", VAULT] == {f"{ITEM}/unplannedFailover"}
    assert acting(never, Kind.COMMIT)["failover", VAULT] == {f"{ITEM}/failoverCommit"}


def test_every_kind_of_endpoint_that_the_plan_names_is_written() -> None:
    traffic = {
        **SMALLEST["traffic"],
        "source": {"name": "east", "type": "AzureEndpoints"},
        "maintenance": {"name": "wait", "type": "NestedEndpoints"},
    }
    assert acting(plan(traffic=traffic), Kind.FAILOVER)["failover", PROFILE] == {
        "azureEndpoints/write",
        "externalEndpoints/write",
        "nestedEndpoints/write",
    }


def test_azures_own_plan_moves_the_machines_out_and_in_drills_and_starts_its_runbooks_itself() -> (
    None
):
    look = {"name": "look", "on": ["drill"], "manual": "Look."}
    tiers = [{**with_runbook(["failover", "failback", "drill"]), "post_actions": [look]}]
    of = plan(engine="asr", recovery_plans=["shop"], tiers=tiers)
    assert acting(of, Kind.FAILOVER) == {
        ("failover", VAULT): {f"{PLANS}/unplannedFailover", f"{ITEM}/failoverCommit"},
        **USERS,
    }
    assert acting(of, Kind.DRILL) == {
        ("drill", VAULT): {f"{PLANS}/testFailover", f"{ITEM}/testFailoverCleanup"},
        ("failover", VAULT): {"replicationJobs/resume"},
    }
    home = acting(of, Kind.FAILBACK)
    assert home["failover", VAULT] == MOVE and home["failover", ACCOUNT] == {"jobs/write"}


def test_a_runbook_is_started_where_it_belongs_and_matters_unless_the_run_goes_on_without() -> None:
    of = plan(tiers=[with_runbook(["failover"])])
    assert acting(of, Kind.FAILOVER)["failover", ACCOUNT] == {"jobs/write"}
    assert ("failover", ACCOUNT) not in acting(of, Kind.FAILBACK)
    lenient = plan(tiers=[with_runbook(["failover"], on_error="continue")])
    assert ("failover", ACCOUNT) not in acting(lenient, Kind.FAILOVER)
    hook = {"name": "tidy", "runbook": {"account": ACCOUNT, "name": "Tidy"}}
    drilled = plan(drill={"network": NETWORK, "hooks": [hook]})
    assert acting(drilled, Kind.DRILL)["failover", ACCOUNT] == {"jobs/write"}
    assert ("failover", ACCOUNT) not in acting(drilled, Kind.FAILOVER)


def test_by_day_the_way_home_and_the_drills_are_looked_after_too() -> None:
    of = plan(drill={"network": NETWORK})
    now = {(n.identity, n.scope, n.action): n.vital for n in needs_of(of, Kind.FAILOVER)}
    by_day = {(n.identity, n.scope, n.action): n.vital for n in needs_by_day(of, Kind.FAILOVER)}
    assert len(by_day) == len(needs_by_day(of, Kind.FAILOVER)), "each is there once"
    assert by_day.items() >= now.items()
    more = {action.split("/")[-2]: vital for (_, _, action), vital in by_day.items() - now.items()}
    assert not any(more.values())
    assert {"switchprotection", "testFailover", "testFailoverCleanup"} <= more.keys()
    assert "testFailover" not in str(needs_by_day(plan(), Kind.FAILOVER)), "it is never rehearsed"
    assert needs_by_day(of, Kind.DRILL) == needs_of(of, Kind.DRILL)
