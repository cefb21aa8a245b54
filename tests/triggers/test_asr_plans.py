"""Recovery plans of Azure's: imported, checked, pushed, compared, through the app's doors and the real SDK."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import yaml

from tests.triggers.conftest import Doors
from tests.triggers.test_api import problem

Json = dict[str, Any]


@pytest.fixture
def shop(doors: Doors) -> Doors:
    """Give the plan a name of its own in the vault, and the machines of the shop."""
    change(doors, lambda plan: plan["source"].update(resource_group=EAST))
    return doors


EAST = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups/shop-east"


def change(doors: Doors, how: Any) -> None:
    path = doors.plans / f"{doors.plan}.yaml"
    data = yaml.safe_load(path.read_text())
    how(data)
    path.write_text(yaml.safe_dump(data))


def push(doors: Doors) -> Json:
    answer = doors.http.post(f"/api/plans/{doors.plan}/push")
    assert answer.status_code == 200, answer.text
    clock = doors.world.clock
    clock.advance(clock.now() + timedelta(seconds=2))  # Azure takes a second to save a plan
    doors.world.azure.settle()
    found: Json = answer.json()
    return found


def diff(doors: Doors) -> list[Json]:
    answer = doors.http.get(f"/api/plans/{doors.plan}/diff")
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["drift"]
    return found


def vault(doors: Doors) -> str:
    data = yaml.safe_load((doors.plans / f"{doors.plan}.yaml").read_text())
    return str(data["vault"]["id"])


def test_a_pushed_plan_is_there_and_drift_is_told(shop: Doors) -> None:
    assert [d["kind"] for d in diff(shop)] == ["plan"]
    told = push(shop)
    assert [(p["name"], p["was"]) for p in told["recoveryPlans"]] == [(shop.plan, "pushed")]
    assert told["toName"] == [shop.plan]
    assert diff(shop) == []
    before = len(shop.world.accepted())
    assert push(shop)["recoveryPlans"][0]["job"] is None
    assert len(shop.world.accepted()) == before
    change(shop, lambda plan: plan["tiers"].reverse())
    assert [d["kind"] for d in diff(shop)] == ["order"]
    push(shop)
    assert diff(shop) == []
    asked = [what for what, item in shop.world.accepted() if item == shop.plan]
    assert asked == ["recoveryPlans/create", "recoveryPlans/update"]


def test_actions_of_azures_own_groups_survive_a_push(shop: Doors) -> None:
    push(shop)
    plan = shop.world.azure.replication.plans[shop.plan]
    plan.groups[0].before = [
        {"actionName": "theirs", "failoverTypes": [], "failoverDirections": []}
    ]
    change(shop, lambda plan: plan["tiers"].reverse())
    push(shop)
    kept = shop.world.azure.replication.plans[shop.plan].groups[0]
    assert (kept.kind, [a["actionName"] for a in kept.before]) == ("Shutdown", ["theirs"])


def test_a_plan_of_azures_is_imported_by_its_id(shop: Doors) -> None:
    push(shop)
    where = f"{vault(shop)}/replicationRecoveryPlans/{shop.plan}"
    answer = shop.http.post("/api/plans/import", json={"id": where, "like": shop.plan})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    mine = yaml.safe_load((shop.plans / f"{shop.plan}.yaml").read_text())
    made = yaml.safe_load(found["text"])
    assert (found["toFillIn"], made["tiers"]) == ([], mine["tiers"])
    alone = shop.http.post("/api/plans/import", json={"id": where, "name": "alone"}).json()
    told = yaml.safe_load(alone["text"])
    assert (told["source"]["region"], told["target"]["region"]) == ("eastus", "westus")
    assert told["source"]["resource_group"].endswith("/shop-east")
    assert told["target"]["resource_group"].endswith("/shop-west")
    assert told["vault"]["recovery_container"] == "shop-westus"
    blank = [b["what"].split(" is still")[0] for b in alone["toFillIn"]]
    assert blank == [
        "reach[0]",
        "vault.region",
        "traffic.profile",
        "traffic.source.name",
        "traffic.target.name",
        "traffic.gate.probes[0].http",
        "traffic.verify",
    ]
    checked = shop.http.post("/api/plans/check", json={"text": alone["text"]})
    problem(checked, 422)
    assert checked.json()["mistakes"] == alone["toFillIn"]


def test_a_file_is_checked_where_it_stands(shop: Doors) -> None:
    text = (shop.plans / f"{shop.plan}.yaml").read_text()
    found = shop.http.post("/api/plans/check", json={"text": text}).json()
    assert (found["plan"], [t["name"] for t in found["tiers"]]) == (shop.plan, ["db", "app", "web"])
    wrong = shop.http.post("/api/plans/check", json={"text": text.replace("westus", "westsu")})
    problem(wrong, 422)
    assert any("did you mean westus" in m["what"] for m in wrong.json()["mistakes"])


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "give either"),
        ({"plan": {}, "id": "x"}, 422, "give either"),
        ({"plan": {}}, 422, "no properties"),
        ({"id": "/subscriptions/x"}, 422, "not a recovery plan's"),
        ({"plan": {}, "like": "nowhere"}, 404, "no plan"),
        ({"plan": {}, "what": 1}, 400, "what"),
    ],
)
def test_an_import_that_cannot_be_says_why(shop: Doors, body: Json, status: int, says: str) -> None:
    assert says in problem(shop.http.post("/api/plans/import", json=body), status)


def test_a_plan_that_azure_does_not_have_is_404(shop: Doors) -> None:
    where = f"{vault(shop)}/replicationRecoveryPlans/none"
    answer = shop.http.post("/api/plans/import", json={"id": where})
    assert "has no recovery plan none" in problem(answer, 404)


@pytest.mark.parametrize(("method", "tail"), [("POST", "push"), ("GET", "diff")])
def test_what_cannot_be_pushed_says_why(shop: Doors, method: str, tail: str) -> None:
    path = f"/api/plans/{shop.plan}/{tail}"
    problem(shop.http.request(method, f"/api/plans/nowhere/{tail}"), 404)
    shop.world.azure.faults.add("throttle", operation="protectedItems/list", retry_after=7)
    assert "429" in problem(shop.http.request(method, path), 503)
    change(shop, lambda plan: plan["tiers"][0]["members"][0].update(name="new-01"))
    assert "protect it first" in problem(shop.http.request(method, path), 422)
    change(shop, lambda plan: plan["source"].update(region="eastuss"))
    problem(shop.http.request(method, path), 422)


def test_a_push_waits_for_the_run_that_holds_the_application(shop: Doors) -> None:
    run = shop.started()
    shop.world.until_asked(run)
    answer = shop.http.post(f"/api/plans/{shop.plan}/push")
    problem(answer, 409)
    assert answer.json()["holder"] == run
    assert json.dumps(shop.world.accepted()).count(f'"{shop.plan}"') == 0
