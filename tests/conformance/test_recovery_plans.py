"""The simulated recovery plans, held against the recordings and the OpenAPI."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.compare import differences
from tests.conformance.wire import SITE_RECOVERY, known_fields, problems, recording
from tests.local.azure.plans import Plans, drill_body, run_body
from tests.local.azure.shop import Arm, job_of

Json = dict[str, Any]
RP = "RecoveryPlan"


@pytest.fixture
def plans(arm: Arm) -> Plans:
    return Plans(arm)


def headers(answer: Any) -> set[str]:
    return {name.lower() for name in answer.headers} - {"content-length", "transfer-encoding"}


def test_a_plan_is_made_and_deleted_as_recorded(plans: Plans) -> None:
    recorded = recording("recovery_plan_create_202.json")
    body = plans.body(["db-prod-01"])
    text = json.dumps(recorded["request"]["body"]).replace("/Subscriptions/", "/subscriptions/")
    assert list(differences(json.loads(text), body)) == []
    answer = plans.send("PUT", "shop", body)
    assert (answer.status_code, answer.content) == (202, b"")
    for told, path in (
        ("azure-asyncoperation", "/replicationOperationStatus/"),
        ("location", "/replicationRecoveryPlans/shop/operationresults/"),
    ):
        assert told in recorded["response"]["headers"]
        assert path in answer.headers[told]
    plans.arm.later(10)
    assert plans.arm.job(job_of(answer))["properties"]["scenarioName"] == "SaveRecoveryPlan"
    gone = plans.send("DELETE", "shop")
    assert (
        gone.status_code == recording("recovery_plan_delete_202.json")["response"]["status"]["code"]
    )
    plans.arm.later(10)
    assert plans.send("GET", "shop").status_code == 404


def test_a_plan_is_shown_as_recorded(plans: Plans) -> None:
    plans.make(["db-prod-01"], ["app-prod-01"])
    shown = plans.show()
    assert list(differences(recording("recovery_plan_get.json")["response"]["body"], shown)) == []
    assert problems(SITE_RECOVERY, RP, shown) == []
    properties = shown["properties"]
    assert [g["groupType"] for g in properties["groups"]] == [
        "Shutdown",
        "Failover",
        "Boot",
        "Boot",
    ]
    assert all(g["replicationProtectedItems"] == [] for g in properties["groups"][:2])
    vms = [
        i["virtualMachineId"] for g in properties["groups"] for i in g["replicationProtectedItems"]
    ]
    assert all(len(vm) == 36 for vm in vms) and len(set(vms)) == 2
    assert properties["allowedOperations"] == ["UnplannedFailover", "TestFailover"]
    assert properties["currentScenario"] is None
    assert problems(SITE_RECOVERY, f"{RP}Collection", plans.send("GET", "").json()) == []


def test_the_job_of_a_run_is_a_tree_as_recorded_of_a_cluster(plans: Plans) -> None:
    plans.make(["db-prod-01"], ["app-prod-01", "web-prod-01"])
    job = plans.start("unplannedFailover", run_body())
    plans.arm.later(2000)
    body = plans.arm.job(job)
    recorded = recording("ps_job_cluster_unplanned_failover_succeeded.json")["body"]
    tasks, known = body["properties"]["tasks"], recorded["properties"]["tasks"]
    assert list(differences(known[0], tasks[0])) == []
    group, cluster = tasks[-1], known[-2]
    child, node = (t["groupTaskCustomDetails"]["childTasks"][0] for t in (group, cluster))
    assert list(differences(node, child)) == []
    assert set(group) == set(cluster)
    assert problems(SITE_RECOVERY, "Job", body) == []
    details = group["groupTaskCustomDetails"]
    assert details["instanceType"] == f"{RP}GroupTaskDetails"
    names = known_fields(SITE_RECOVERY, f"{RP}GroupTaskDetails") | {"instanceType"}
    assert set(details) <= names
    assert {t["name"] for t in details["childTasks"]} == {"app-prod-01", "web-prod-01"}
    for task in details["childTasks"]:
        own = plans.arm.job(task["customDetails"]["jobTask"]["jobId"].rpartition("/")[2])
        assert own["properties"]["scenarioName"] == "UnplannedFailover"


def test_the_bodies_that_the_tests_send_are_those_of_the_openapi() -> None:
    assert problems(SITE_RECOVERY, f"{RP}UnplannedFailoverInput", run_body()) == []
    assert problems(SITE_RECOVERY, f"{RP}TestFailoverInput", drill_body()) == []
