"""Actions are told apart by their names, and each turn of one by a mark that no second delivery changes."""

from __future__ import annotations

from uuid import UUID

import pytest
from pydantic import ValidationError

from domain.action import Action, Occasion, mark_of
from domain.plan import Tier
from domain.runbook_context import recovery_plan_context
from tests.plan_samples import SUBSCRIPTION, plan, tier

WAIT = {"name": "settle", "wait": "PT1M"}
GROUP = f"{SUBSCRIPTION}/resourceGroups/west"


def test_a_mark_is_a_uuid_of_its_run_step_and_turn() -> None:
    mark = mark_of("run-1", "db.warm", 1)
    assert UUID(mark).version == 5
    assert mark == mark_of("run-1", "db.warm", 1)
    others = {
        mark_of(*a)
        for a in (("run-2", "db.warm", 1), ("run-1", "db.w", 1), ("run-1", "db.warm", 2))
    }
    assert len(others | {mark}) == 4


@pytest.mark.parametrize("key", ["pre_actions", "post_actions"])
def test_an_action_is_in_a_tier_once(key: str) -> None:
    db = {**tier("db"), "pre_actions": [WAIT]}
    db[key] = [*db.get(key, []), WAIT]
    with pytest.raises(ValidationError, match="'settle' is there twice"):
        plan(tiers=[db])


def test_two_tiers_may_have_actions_of_one_name() -> None:
    tiers = [{**tier(name), "pre_actions": [WAIT]} for name in ("db", "web")]
    assert len(plan(tiers=tiers).tiers) == 2


def test_a_hook_is_in_a_drill_once() -> None:
    network = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/n"
    with pytest.raises(ValidationError, match="'settle' is there twice"):
        plan(drill={"network": network, "hooks": [WAIT, WAIT]})


@pytest.mark.parametrize(
    ("occasion", "moved", "kind", "way", "role"),
    [
        (Occasion.FAILOVER, True, "Unplanned", "PrimaryToSecondary", "db-1"),
        (Occasion.FAILOVER, False, "Unplanned", "PrimaryToSecondary", ""),
        (Occasion.FAILBACK, True, "Unplanned", "SecondaryToPrimary", "db-1"),
        (Occasion.DRILL, True, "Test", "PrimaryToSecondary", "db-1-test"),
    ],
)
def test_a_context_says_what_azures_own_would(
    occasion: Occasion, moved: bool, kind: str, way: str, role: str
) -> None:
    told = recovery_plan_context(
        "shop", Tier.model_validate(tier("db")), occasion, GROUP, moved=moved
    )
    assert (told["FailoverType"], told["FailoverDirection"]) == (kind, way)
    machine = told["VmMap"]["db-1"]
    assert machine["RoleName"] == role
    assert machine["ResourceGroupName"] == ("west" if moved else "")


def test_a_runbook_of_azures_own_plan_gets_its_context() -> None:
    account = f"{GROUP}/providers/Microsoft.Automation/automationAccounts/a"
    given = {"name": "warm", "runbook": {"account": account, "name": "Warm"}}
    assert not Action.model_validate(given).wants_context
    asr = {"failover_types": ["UnplannedFailover"], "directions": ["PrimaryToRecovery"]}
    assert Action.model_validate({**given, "asr": asr}).wants_context
