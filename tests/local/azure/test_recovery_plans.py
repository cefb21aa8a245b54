from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.local.azure.plans import Plans, drill_body, manual, run_body
from tests.local.azure.shop import job_of, running, shop_estate

ARRIVED = "UnplannedFailoverCommitPendingStatesBegin"
DB, APP, WEB = "db-prod-01", "app-prod-01", "web-prod-01"


@pytest.fixture
def plans() -> Iterator[Plans]:
    with running() as arm:
        yield Plans(arm)


def test_groups_start_in_order_after_all_data_failed_over(plans: Plans) -> None:
    plans.make([WEB], [APP], [DB])
    job = plans.start("unplannedFailover", run_body())
    assert plans.show()["properties"]["allowedOperations"] == []
    assert plans.show()["properties"]["currentScenarioStatus"] == "InProgress"
    plans.arm.later(20)
    running_now = [plans.arm.item(n)["properties"]["currentScenario"] for n in (DB, APP, WEB)]
    assert {scenario["scenarioName"] for scenario in running_now} == {"UnplannedFailover"}
    order: list[str] = []
    while plans.state(job) == "InProgress":
        plans.arm.later(5)
        order += [n for n, s in plans.items().items() if s == ARRIVED and n not in order]
    assert order == [WEB, APP, DB]
    assert plans.state(job) == "Succeeded"
    properties = plans.show()["properties"]
    assert properties["allowedOperations"] == ["Commit"]
    assert properties["currentScenario"]["jobId"].endswith(job)
    commit = plans.start("failoverCommit")
    plans.arm.later(60)
    assert plans.state(commit) == "Succeeded"
    assert set(plans.items().values()) == {"UnplannedFailoverCommitted"}


def test_a_manual_action_suspends_the_job_until_it_is_resumed(plans: Plans) -> None:
    plans.make([DB], [APP, WEB], actions=manual("Check the ledger"))
    job = plans.start("unplannedFailover", run_body())
    resume = f"{plans.arm.vault}/replicationJobs/{job}/resume"
    early = plans.arm.send("POST", resume, {"properties": {"comments": "early"}})
    assert early.status_code == 400
    plans.arm.later(1000)
    assert plans.state(job) == "Suspended"
    assert plans.arm.job(job)["properties"]["allowedActions"] == ["Cancel", "Resume"]
    waiting = next(
        t for t in plans.arm.job(job)["properties"]["tasks"] if t["state"] == "Suspended"
    )
    (step,) = waiting["groupTaskCustomDetails"]["childTasks"]
    assert step["customDetails"]["instanceType"] == "ManualActionTaskDetails"
    assert step["customDetails"]["instructions"] == "Look at the ledger."
    assert plans.items()[DB] == ARRIVED and plans.items()[APP] == "Protected"
    answer = plans.arm.send("POST", resume, {"properties": {"comments": "seen"}})
    assert answer.status_code == 202
    plans.arm.later(1000)
    assert plans.state(job) == "Succeeded"
    assert set(plans.items().values()) == {ARRIVED}


def test_an_action_of_another_occasion_is_left_out(plans: Plans) -> None:
    plans.make([DB], [APP], actions=manual("Only in drills", "TestFailover"))
    job = plans.start("unplannedFailover", run_body())
    plans.arm.later(1000)
    assert plans.state(job) == "Succeeded"


@pytest.mark.parametrize("flatters", [True, False])
def test_what_a_plan_says_of_a_machine_that_failed_is_not_to_be_trusted(
    plans: Plans, flatters: bool
) -> None:
    plans.arm.simulator.replication.plans_flatter = flatters
    plans.arm.simulator.faults.add("job_failed", item=DB, operation="recoveryPlans/*")
    plans.make([DB], [APP])
    job = plans.start("unplannedFailover", run_body())
    plans.arm.later(1000)
    assert plans.items()[DB] == "Protected"
    assert plans.items()[APP] == (ARRIVED if flatters else "Protected")
    assert plans.state(job) == ("Succeeded" if flatters else "Failed")
    assert plans.tasks(job)["Group 1: Start (1)"] == "Failed"


def test_a_plan_skips_what_is_deployed_already(plans: Plans) -> None:
    plans.make([DB], [APP])
    plans.arm.fail_over(DB)
    plans.arm.later(300)
    job = plans.start("unplannedFailover", run_body())
    plans.arm.later(1000)
    assert plans.state(job) == "Succeeded"
    assert plans.items() == {DB: ARRIVED, APP: ARRIVED, WEB: "Protected"}


def test_a_drill_of_a_plan_waits_for_its_clean_up(plans: Plans) -> None:
    plans.make([DB], [APP])
    job = plans.start("testFailover", drill_body())
    plans.arm.later(1500)
    assert plans.state(job) == "Succeeded"
    assert plans.show()["properties"]["allowedOperations"] == ["TestFailoverCleanup"]
    refused = plans.send("POST", "shop/unplannedFailover", run_body())
    assert refused.status_code == 400
    clean = plans.start("testFailoverCleanup", {"properties": {"comments": "done"}})
    plans.arm.later(200)
    assert plans.state(clean) == "Succeeded"
    assert plans.show()["properties"]["allowedOperations"] == ["UnplannedFailover", "TestFailover"]


def test_a_cancelled_run_starts_nothing_more(plans: Plans) -> None:
    plans.make([DB], [APP])
    job = plans.start("unplannedFailover", run_body())
    plans.arm.later(20)
    cancelled = plans.arm.send("POST", f"{plans.arm.vault}/replicationJobs/{job}/cancel")
    assert cancelled.status_code == 202
    plans.arm.later(1000)
    assert plans.state(job) == "Cancelled"
    assert plans.items()[APP] == "Protected"


@pytest.mark.parametrize("verb", ["reProtect", "failoverCancel", "plannedFailover"])
def test_what_a2a_does_not_do_by_plan_is_refused(plans: Plans, verb: str) -> None:
    plans.make([DB])
    answer = plans.send("POST", f"shop/{verb}", {})
    assert answer.status_code == 400
    code = answer.json()["error"]["details"][0]["code"]
    assert (code == "UnsupportedReplicationProviderForReprotect") == (verb == "reProtect")


def test_a_plan_that_breaks_the_limits_is_refused(plans: Plans) -> None:
    assert plans.send("PUT", "shop", plans.body([])).status_code == 400
    assert plans.send("PUT", "shop", plans.body([DB], [DB])).status_code == 400
    assert plans.send("PUT", "shop", plans.body([DB], *([[]] * 7))).status_code == 400
    assert plans.send("PUT", "shop", plans.body(["nobody"])).status_code == 404
    unsaid = plans.body([DB])
    del unsaid["properties"]["recoveryFabricId"]
    assert plans.send("PUT", "shop", unsaid).status_code == 404
    plans.make([DB])
    nowhere = {"properties": {"failoverDirection": "PrimaryToRecovery"}}
    assert plans.send("POST", "shop/unplannedFailover", nowhere).status_code == 400


def test_a_group_moves_whole_or_not_at_all() -> None:
    estate = shop_estate()
    items = tuple(replace(i, multi_vm_group="pair") if i.name != DB else i for i in estate.items)
    with running(replace(estate, items=items)) as arm:
        plans = Plans(arm)
        plans.make([APP], name="half")
        plans.make([APP, WEB], name="whole")
        assert plans.send("POST", "half/unplannedFailover", run_body()).status_code == 400
        job = job_of(plans.send("POST", "whole/unplannedFailover", run_body()))
        arm.later(1000)
        assert plans.state(job) == "Succeeded"


def test_a_patch_gives_a_plan_other_groups(plans: Plans) -> None:
    plans.make([DB], [APP])
    groups = plans.body([APP], [DB])["properties"]["groups"]
    assert plans.send("PATCH", "shop", {"properties": {"groups": groups}}).status_code == 202
    plans.arm.later(2)
    boots = [g for g in plans.show()["properties"]["groups"] if g["groupType"] == "Boot"]
    first = boots[0]["replicationProtectedItems"][0]["id"]
    assert first.endswith(APP)
