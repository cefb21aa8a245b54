from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from domain.action import Occasion
from domain.asr_action import action_of, asr_action, slug
from domain.asr_draft import draft, is_mark
from domain.asr_drift import DriftKind, drift
from domain.asr_plan import AsrPlan, CannotPush, NotAPlan, pushed, read, tiers_of
from domain.plan import Plan
from domain.replication import ProtectedItem
from tests.plan_samples import SMALLEST, SUBSCRIPTION, VAULT, plan, tier

Json = dict[str, Any]
ITEM = f"{VAULT}/replicationFabrics/f/replicationProtectionContainers/c/replicationProtectedItems"
ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/dr/providers/Microsoft.Automation/automationAccounts/a"
RUNBOOK: Json = {
    "actionName": "Open the Gates",
    "failoverTypes": ["TestFailover", "UnplannedFailover", "ReverseReplicate"],
    "failoverDirections": ["PrimaryToRecovery", "RecoveryToPrimary"],
    "customDetails": {
        "instanceType": "AutomationRunbookActionDetails",
        "runbookId": f"{ACCOUNT}/runbooks/Open-Gates",
        "timeout": "00:45:00",
        "fabricLocation": "Primary",
    },
}
MANUAL: Json = {
    "actionName": "Ask the treasurer",
    "failoverTypes": ["UnplannedFailover"],
    "failoverDirections": ["PrimaryToRecovery"],
    "customDetails": {"instanceType": "ManualActionDetails", "description": "Ask her."},
}
SCRIPT: Json = {
    "actionName": "warm",
    "failoverTypes": ["PlannedFailover"],
    "failoverDirections": ["RecoveryToPrimary"],
    "customDetails": {
        "instanceType": "ScriptActionDetails",
        "path": "\\\\share\\warm.ps1",
        "fabricLocation": "Recovery",
    },
}


def three(*tiers: Json, **changes: Any) -> Plan:
    vault = {**SMALLEST["vault"], "recovery_fabric": "rf"}
    named = tiers or (tier("db"), tier("app", "app-1", "app-2"), tier("web"))
    return plan(vault=vault, tiers=list(named), **changes)


def items(shop: Plan, container: str = "c", fabric: str = "f") -> list[ProtectedItem]:
    where = ITEM.replace("/f/", f"/{fabric}/").replace("/c/", f"/{container}/")
    return [
        ProtectedItem(id=f"{where}/{m.item_name}", name=m.item_name, state="Protected")
        for m in shop.members
    ]


def bodies(shop: Plan) -> list[Json]:
    return [body for _, body in pushed(shop, items(shop))]


def there(shop: Plan) -> dict[str, AsrPlan | None]:
    return {name: read({"name": name, **body}) for name, body in pushed(shop, items(shop))}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DB_Tier", "db"),
        ("Tier web", "web"),
        ("App Group", "app"),
        ("MultiTierApp", "multi-tier-app"),
        ("tier", "tier"),
        ("Ärger", "rger"),
    ],
)
def test_a_groups_name_becomes_a_tiers(name: str, expected: str) -> None:
    group = {"name": name, "replicationProtectedItemIds": [f"{ITEM}/x"]}
    ((found,), _) = tiers_of(read({"properties": {"groups": [group]}}))
    assert found.name == expected


def test_names_that_fall_together_are_told_apart() -> None:
    groups = [
        {"name": name, "order": n, "replicationProtectedItemIds": [f"{ITEM}/{n}"]}
        for n, name in enumerate(("Web", "WEB tier", "!!"))
    ]
    found, _ = tiers_of(read({"properties": {"groups": groups}}))
    assert [t.name for t in found] == ["web", "web-2", "group-3"]
    assert slug("x" * 50, "y") == "x" * 40


def test_groups_come_in_their_order_not_as_written() -> None:
    groups = [
        {"name": name, "order": order, "replicationProtectedItemIds": [f"{ITEM}/{name}"]}
        for name, order in (("web", 3), ("db", 1), ("app", 2))
    ]
    found, _ = tiers_of(read({"properties": {"groups": groups}}))
    assert [t.name for t in found] == ["db", "app", "web"]


def test_a_plan_comes_back_as_it_was_pushed() -> None:
    shop = three()
    (body,) = bodies(shop)
    found, notes = tiers_of(read(body), like=shop)
    assert (found, notes) == (shop.tiers, ())


def test_the_portals_spelling_and_a_template_are_read_too() -> None:
    (body,) = bodies(three())
    spelt = {"Name": "vault/shop", "Properties": {"Groups": body["properties"]["groups"]}}
    assert read(spelt).name == "shop"
    kind = "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans"
    other = {"type": "Microsoft.RecoveryServices/vaults", "properties": {}}
    template = {"$schema": "x", "resources": [other, {"type": kind, "name": "shop", **body}]}
    assert read(template).boots == read(body).boots
    with pytest.raises(NotAPlan, match="2 recovery plans"):
        read({"resources": [{"type": kind, **body}] * 2})


@pytest.mark.parametrize(
    "given",
    [
        [],
        7,
        {},
        {"properties": []},
        {"properties": {"groups": []}},
        {"properties": {"groups": [1]}},
    ],
)
def test_what_is_no_recovery_plan_is_refused_in_words(given: Any) -> None:
    with pytest.raises(NotAPlan, match="give the JSON of one recovery plan"):
        read(given)
    with pytest.raises(NotAPlan, match="no machines"):
        read({"properties": {"groups": [{"groupType": "Boot"}]}})


@pytest.mark.parametrize("given", [RUNBOOK, MANUAL, SCRIPT], ids=lambda a: a["actionName"])
def test_an_action_comes_back_word_for_word(given: Json) -> None:
    action = action_of(given, "x")
    assert not isinstance(action, str)
    told = asr_action(action)
    assert told is not None
    assert {k: v for k, v in told["customDetails"].items() if v is not None} == given[
        "customDetails"
    ]
    assert {k: v for k, v in told.items() if k != "customDetails"} == {
        k: v for k, v in given.items() if k != "customDetails"
    }


def test_an_action_takes_place_on_the_occasions_that_azure_means() -> None:
    action = action_of(RUNBOOK, "x")
    assert not isinstance(action, str)
    assert (action.on, action.within) == (tuple(Occasion), timedelta(minutes=45))
    home = action_of(SCRIPT, "x")
    assert not isinstance(home, str) and home.on == (Occasion.FAILBACK,)
    nothing = action_of({**MANUAL, "failoverTypes": ["ReverseReplicate"]}, "x")
    assert isinstance(nothing, str) and "ReverseReplicate" in nothing
    assert "not known" in str(action_of({**MANUAL, "customDetails": {"instanceType": "X"}}, "x"))
    nowhere = {"instanceType": "AutomationRunbookActionDetails", "runbookId": "r"}
    assert "cannot be taken over" in str(action_of({**RUNBOOK, "customDetails": nowhere}, "x"))


def test_actions_move_with_their_group_and_what_only_leeward_does_is_kept() -> None:
    call = {"name": "call", "http": {"url": "https://ops.example.com/"}}
    step = {"name": "step", "manual": "Look.", "on": ["drill", "failback"]}
    shop = three({**tier("db"), "pre_actions": [call, step]}, tier("web"))
    (body,) = bodies(shop)
    (told,) = body["properties"]["groups"][0]["startGroupActions"]
    assert told["failoverTypes"] == ["TestFailover", "UnplannedFailover"]
    assert told["failoverDirections"] == ["PrimaryToRecovery", "RecoveryToPrimary"]
    (first, _), _ = tiers_of(read(body), like=shop)
    assert [a.name for a in first.pre_actions] == ["call", "step"]


def test_actions_of_one_name_are_told_apart_across_the_plan() -> None:
    shop = three(tier("db"), tier("web"))
    (body,) = bodies(shop)
    for group in body["properties"]["groups"]:
        group["startGroupActions"] = [MANUAL]
    made = draft(read({"name": "shop", **body}), like=shop)
    names = [a.name for t in Plan.model_validate(made.data).tiers for a in t.pre_actions]
    assert names == ["ask-the-treasurer", "ask-the-treasurer-2"]


def test_a_large_plan_is_split_and_its_tiers_stay_in_order() -> None:
    eight = three(*(tier(f"t{n}") for n in range(8)))
    assert [len(b["properties"]["groups"]) for b in bodies(eight)] == [7, 1]
    assert [name for name, _ in pushed(eight, items(eight))] == ["shop-1", "shop-2"]
    action = {"name": "x", "manual": "Look."}
    large = tier("large", *(f"m-{n}" for n in range(250)))
    last = {**action, "name": "y"}
    shop = three(tier("db"), {**large, "pre_actions": [action], "post_actions": [last]})
    found = [
        [
            (
                len(g["replicationProtectedItems"]),
                len(g["startGroupActions"]),
                len(g["endGroupActions"]),
            )
            for g in b["properties"]["groups"]
        ]
        for b in bodies(shop)
    ]
    assert found == [[(1, 0, 0), (99, 1, 0)], [(100, 0, 0)], [(51, 0, 1)]]
    sixty = three(
        tier("a", *(f"a-{n}" for n in range(60))), tier("b", *(f"b-{n}" for n in range(60)))
    )
    assert [len(b["properties"]["groups"]) for b in bodies(sixty)] == [1, 1]


def test_what_cannot_be_pushed_says_the_mend() -> None:
    shop = three()
    with pytest.raises(CannotPush, match=r"vault\.recovery_fabric"):
        pushed(plan(), [])
    with pytest.raises(CannotPush, match="protect it first"):
        pushed(shop, items(shop)[1:])
    with pytest.raises(CannotPush, match="take the application home"):
        pushed(shop, items(shop, "rc", "rf"))
    many = three(*(tier(f"t{n}") for n in range(8)), recovery_plans=["one"])
    with pytest.raises(CannotPush, match="names 1, but 2 are needed"):
        pushed(many, items(many))


def test_the_names_of_the_plan_are_used_in_their_order() -> None:
    shop = three(*(tier(f"t{n}") for n in range(8)), recovery_plans=["first", "second"])
    assert [name for name, _ in pushed(shop, items(shop))] == ["first", "second"]


def drifted(shop: Plan, other: Plan) -> list[tuple[DriftKind, str]]:
    wanted = pushed(shop, items(shop))
    return [(d.kind, d.what) for d in drift(wanted, there(other))]


def test_a_plan_as_wanted_has_no_drift() -> None:
    assert drifted(three(), three()) == []
    kinds = [d.kind for d in drift(pushed(three(), items(three())), {"shop": None})]
    assert kinds == [DriftKind.PLAN]


def test_members_missing_extra_and_moved_are_told() -> None:
    shop = three()
    other = three(tier("db"), tier("app", "app-1"), tier("web", "web-1", "app-2", "new-1"))
    assert drifted(shop, other) == [
        (DriftKind.EXTRA, "new-1 is in group 3 of shop, not in the plan"),
        (DriftKind.MOVED, "app-2 is in group 3 of shop; the plan has it in group 2 of shop"),
    ]
    assert drifted(shop, three(tier("db"), tier("app", "app-1", "app-2"))) == [
        (DriftKind.MISSING, "web-1 is missing from group 3 of shop")
    ]


def test_groups_in_another_order_are_told_once() -> None:
    other = three(tier("web"), tier("app", "app-1", "app-2"), tier("db"))
    assert [kind for kind, _ in drifted(three(), other)] == [DriftKind.ORDER]
    told = drifted(three(), other)[0][1]
    assert told.endswith("group 3 of shop, then group 2 of shop, then group 1 of shop")


def test_an_action_that_changed_is_told_and_what_azure_adds_is_not() -> None:
    step = {"name": "step", "manual": "Look."}
    shop = three({**tier("db"), "pre_actions": [step]})
    (body,) = bodies(shop)
    seen = copy.deepcopy(body)
    details = seen["properties"]["groups"][0]["startGroupActions"][0]["customDetails"]
    details["timeout"] = None
    wanted = pushed(shop, items(shop))
    assert list(drift(wanted, {"shop": read({"name": "shop", **seen})})) == []
    details["description"] = "Look twice."
    (told,) = drift(wanted, {"shop": read({"name": "shop", **seen})})
    assert told.kind is DriftKind.ACTIONS and "before group 1 of shop" in told.what


def test_a_draft_marks_what_azure_does_not_hold() -> None:
    (body,) = bodies(three())
    made = draft(read({"name": "Shop", **body}), name="my-shop")
    assert (made.data["name"], made.data["recovery_plans"]) == ("my-shop", ["Shop"])
    assert made.data["vault"]["id"] == VAULT
    assert made.data["vault"]["recovery_fabric"] == "rf"
    assert made.data["source"]["resource_group"] == f"{SUBSCRIPTION}/resourceGroups/east"
    assert is_mark(made.data["traffic"]["profile"]) and is_mark(made.data["source"]["region"])
    assert not is_mark("<p>text</p>") and not is_mark(7)
    assert is_mark("/subscriptions/<subscription-id>/resourceGroups/x")


def test_a_draft_like_another_plan_takes_from_azure_what_azure_knows() -> None:
    shop = three()
    (body,) = bodies(shop)
    moved = {**shop.wire()["vault"], "fabric": "elsewhere", "recovery_fabric": "rf"}
    like = plan(name="like", vault=moved)
    made = draft(read({"name": "shop", **body}), like)
    found = Plan.model_validate(made.data)
    assert (found.vault.fabric, found.traffic, found.name) == ("f", like.traffic, "shop")


def test_actions_of_azures_own_groups_are_noted() -> None:
    (body,) = bodies(three())
    shutdown = {"groupType": "Shutdown", "startGroupActions": [MANUAL]}
    body["properties"]["groups"] = [shutdown, *body["properties"]["groups"], {"groupType": "Boot"}]
    found, notes = tiers_of(read(body))
    assert len(found) == 3 and len(notes) == 2
    assert "stay with Azure" in notes[0] and "left out" in notes[1]
