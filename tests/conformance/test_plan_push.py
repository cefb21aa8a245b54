"""The customer's recovery plan comes in, and goes out as Azure's OpenAPI and recordings have it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from adapters.plan_file import read_plan, write_plan
from domain.asr_draft import draft
from domain.asr_plan import pushed, read, tiers_of
from domain.plan import Plan
from domain.replication import ProtectedItem
from tests.conformance.compare import differences
from tests.conformance.wire import SITE_RECOVERY, WIRE, known_fields, need_wire, problems, recording
from tests.domain.test_asr_plan import MANUAL, RUNBOOK, SCRIPT
from tests.journeys.world import ROOT

Json = dict[str, Any]


@pytest.fixture
def shop() -> Plan:
    return read_plan((ROOT / "plans/shop.yaml").read_text(encoding="utf-8"), "plans/shop.yaml")


def customers() -> Json:
    need_wire()
    text = (WIRE / "customer" / "recovery_plan.json").read_text(encoding="utf-8")
    found: Json = json.loads(text)
    return found


def sent(plan: Plan) -> Json:
    items = [
        ProtectedItem(id=plan.vault.item_id(m.item_name), name=m.item_name, state="Protected")
        for m in plan.members
    ]
    ((_, body),) = pushed(plan, items)
    return body


def test_the_customers_plan_has_the_shops_tiers(shop: Plan) -> None:
    asr = read(customers())
    names = [(t.name, [m.name for m in t.members]) for t in tiers_of(asr)[0]]
    assert names == [(t.name, [m.name for m in t.members]) for t in shop.tiers]
    made = draft(asr, like=shop)
    imported = read_plan(write_plan(made.data), "imported.yaml")
    assert imported.tiers == shop.tiers
    assert imported.recovery_plans == ("MultiTierAppRecoveryPlan",)


def test_the_customers_plan_goes_out_as_the_openapi_has_it(shop: Plan) -> None:
    imported = Plan.model_validate(draft(read(customers()), like=shop).data)
    body = sent(imported)
    assert problems(SITE_RECOVERY, "CreateRecoveryPlanInput", body) == []
    assert set(body["properties"]) <= known_fields(
        SITE_RECOVERY, "CreateRecoveryPlanInputProperties"
    )
    recorded = recording("recovery_plan_create_202.json")["request"]["body"]
    text = json.dumps(recorded).replace("/Subscriptions/", "/subscriptions/")
    found = set(differences(json.loads(text), body))
    extra = {f"$.properties.groups[].{key}GroupActions" for key in ("start", "end")}
    assert found == {f"{where}: simulated, never recorded" for where in extra}


def test_an_update_and_every_kind_of_action_are_as_the_openapi_has_them(shop: Plan) -> None:
    data = yaml.safe_load((ROOT / "plans/shop.yaml").read_text(encoding="utf-8"))
    asr = read({"name": "x", **sent(shop)})
    first = asr.groups[0].model_copy(update={"before": (RUNBOOK, MANUAL), "after": (SCRIPT,)})
    tiers, notes = tiers_of(asr.model_copy(update={"groups": (first, *asr.groups[1:])}), shop)
    assert notes == ()
    told = [t.model_dump(mode="json", exclude_defaults=True) for t in tiers]
    body = sent(Plan.model_validate({**data, "tiers": told}))
    assert problems(SITE_RECOVERY, "CreateRecoveryPlanInput", body) == []
    update = {"properties": {"groups": body["properties"]["groups"]}}
    assert problems(SITE_RECOVERY, "UpdateRecoveryPlanInput", update) == []
    group = body["properties"]["groups"][0]
    kinds = {
        "AutomationRunbookActionDetails": "RecoveryPlanAutomationRunbookActionDetails",
        "ManualActionDetails": "RecoveryPlanManualActionDetails",
        "ScriptActionDetails": "RecoveryPlanScriptActionDetails",
    }
    actions = group["startGroupActions"] + group["endGroupActions"]
    assert len(actions) == 3
    for action in actions:
        details = action["customDetails"]
        kind = kinds[details["instanceType"]]
        assert problems(SITE_RECOVERY, kind, details) == []
        assert set(details) <= known_fields(SITE_RECOVERY, kind)


def test_the_recorded_plan_is_read() -> None:
    asr = read(recording("recovery_plan_get.json")["response"]["body"])
    ((tier,), notes) = tiers_of(asr)
    assert notes == ()
    assert (tier.name, [m.name for m in tier.members]) == (
        "group-1",
        ["cli-test-protected-item-A2A-1"],
    )
    made = draft(asr)
    assert (made.data["source"]["region"], made.data["target"]["region"]) == ("eastus", "eastus2")
