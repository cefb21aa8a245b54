from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx

from tests.local.azure.shop import (
    BEGAN,
    DRILL_NETWORK,
    EAST,
    FAILOVER,
    WEST,
    Arm,
    job_of,
    running,
    shop_estate,
    switch,
)

DB = "db-prod-01"
DRILL = {
    "properties": {
        "failoverDirection": "PrimaryToRecovery",
        "networkType": "VmNetworkAsInput",
        "networkId": DRILL_NETWORK,
        "providerSpecificDetails": {"instanceType": "A2A"},
    }
}


def _standing(arm: Arm, name: str = DB, container: str = EAST) -> tuple[str, list[str], str]:
    properties = arm.item(name, container)["properties"]
    scenario = properties["currentScenario"]["scenarioName"]
    return properties["protectionState"], properties["allowedOperations"], scenario


def _details(arm: Arm, name: str = DB) -> dict[str, object]:
    found: dict[str, object] = arm.item(name)["properties"]["providerSpecificDetails"]
    return found


def _state(arm: Arm, job: str) -> str:
    state: str = arm.job(job)["properties"]["state"]
    return state


def _refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["details"][0]["code"] == code
    assert answer.json()["error"]["details"][0]["recommendedAction"]


def test_an_item_walks_from_protected_to_committed(arm: Arm) -> None:
    protected = ["UnplannedFailover", "DisableProtection", "TestFailover"]
    assert _standing(arm) == ("Protected", protected, "None")
    job = arm.fail_over(DB)
    assert _standing(arm) == ("Protected", [], "UnplannedFailover")
    assert arm.item(DB)["properties"]["currentScenario"]["jobId"].endswith(job)
    arm.later(135)
    assert _state(arm, job) == "InProgress"
    arm.later(40)
    assert _state(arm, job) == "Succeeded"
    state, allowed, scenario = _standing(arm)
    assert (state, scenario) == ("UnplannedFailoverCommitPendingStatesBegin", "None")
    assert "Commit" in allowed
    assert "UnplannedFailover" not in allowed
    assert arm.item(DB)["properties"]["activeLocation"] == "Recovery"
    commit = job_of(arm.act(DB, "failoverCommit"))
    arm.later(43)
    assert _state(arm, commit) == "Succeeded"
    state, allowed, _ = _standing(arm)
    assert state == "UnplannedFailoverCommitted"
    assert "SwitchProtection" in allowed


def test_what_the_state_forbids_is_refused_and_starts_nothing(arm: Arm) -> None:
    _refused(arm.act(DB, "failoverCommit"), 400, "OperationNotAllowedInCurrentState")
    _refused(arm.act(DB, "testFailoverCleanup"), 400, "OperationNotAllowedInCurrentState")
    assert arm.vault_get("replicationJobs").json()["value"] == []


def test_a_second_failover_is_refused_while_the_first_runs(arm: Arm) -> None:
    arm.fail_over(DB)
    _refused(arm.act(DB, "unplannedFailover", FAILOVER), 409, "AnotherOperationInProgress")
    assert len(arm.vault_get("replicationJobs").json()["value"]) == 1


def test_a_pending_drill_blocks_the_failover_until_it_is_cleaned_up() -> None:
    with running(shop_estate(pending_drill=(DB,))) as arm:
        _refused(
            arm.act(DB, "unplannedFailover", FAILOVER), 400, "OperationNotAllowedInCurrentState"
        )
        assert _standing(arm)[1] == ["TestFailoverCleanup"]
        assert arm.instance_view("shop-west", "db-prod-01-test").status_code == 200
        arm.act(DB, "testFailoverCleanup", {"properties": {"comments": "done"}})
        arm.later(90)
        assert arm.item(DB)["properties"]["testFailoverState"] == "MarkedForDeletion"
        assert arm.instance_view("shop-west", "db-prod-01-test").status_code == 404
        assert arm.fail_over(DB)


def test_a_drill_makes_a_test_machine_and_leaves_the_source_alone(arm: Arm) -> None:
    job = job_of(arm.act(DB, "testFailover", DRILL))
    assert arm.item(DB)["properties"]["testFailoverState"] == "Initiating"
    arm.later(230)
    assert _state(arm, job) == "Succeeded"
    assert arm.item(DB)["properties"]["testFailoverState"] == "WaitingForCompletion"
    created = str(_details(arm)["testFailoverRecoveryFabricObjectId"])
    assert created.endswith("shop-west/providers/Microsoft.Compute/virtualMachines/db-prod-01-test")
    assert arm.instance_view("shop-east", DB).status_code == 200


def test_a_body_that_is_no_failover_is_refused(arm: Arm) -> None:
    wishes: list[dict[str, object]] = [
        {},
        {"properties": {**FAILOVER["properties"], "failoverDirection": "RecoveryToPrimary"}},
        {"properties": {**FAILOVER["properties"], "sourceSiteOperations": "Maybe"}},
        {"properties": {"failoverDirection": "PrimaryToRecovery"}},
    ]
    for wish in wishes:
        _refused(arm.act(DB, "unplannedFailover", wish), 400, "InvalidParameter")


def test_recovery_points_come_every_five_minutes_and_go_with_the_commit(arm: Arm) -> None:
    path = f"{EAST}/replicationProtectedItems/{DB}/recoveryPoints"
    points = _every(arm, path)
    times = [datetime.fromisoformat(p["properties"]["recoveryPointTime"]) for p in points]
    assert {(one - other).total_seconds() for one, other in pairwise(times)} == {300}
    assert 280 <= len(points) <= 289
    chosen = points[3]
    assert arm.vault_get(f"{path}/{chosen['name']}").json() == chosen
    wish = {"instanceType": "A2A", "recoveryPointId": chosen["id"]}
    body = {"properties": {**FAILOVER["properties"], "providerSpecificDetails": wish}}
    job = job_of(arm.act(DB, "unplannedFailover", body))
    used = arm.job(job)["properties"]["customDetails"]["protectedItemDetails"][0]
    assert used["recoveryPointId"] == chosen["name"]
    arm.later(200)
    arm.act(DB, "failoverCommit")
    arm.later(60)
    assert arm.vault_get(path).json()["value"] == []
    assert arm.item(DB)["properties"]["failoverRecoveryPointId"] == chosen["id"]


def test_a_recovery_point_that_is_not_there_cannot_be_failed_over_to(arm: Arm) -> None:
    wish = {"instanceType": "A2A", "recoveryPointId": "/x/recoveryPoints/nothing"}
    body = {"properties": {**FAILOVER["properties"], "providerSpecificDetails": wish}}
    assert arm.act(DB, "unplannedFailover", body).status_code == 404


def test_the_rpo_drifts_grows_while_the_source_is_down_and_stands_still_after(arm: Arm) -> None:
    drift = {_rpo(arm)}
    for _ in range(12):
        arm.later(50)
        drift.add(_rpo(arm))
    assert min(drift) >= 90
    assert max(drift) <= 390
    assert len(drift) > 3
    arm.simulator.set_region("eastus", down=True)
    before = _rpo(arm)
    arm.later(3600)
    assert _rpo(arm) == before + 3600
    arm.fail_over(DB)
    arm.later(1000)
    assert _rpo(arm) == before + 3600


def test_a_cancelled_failover_leaves_the_item_protected(arm: Arm) -> None:
    job = arm.fail_over(DB)
    arm.later(60)
    assert arm.send("POST", f"{arm.vault}/replicationJobs/{job}/cancel").status_code == 202
    assert _state(arm, job) == "Cancelled"
    status = arm.vault_get(f"replicationOperationStatus/{job}").json()
    assert status["status"] == "Canceled"
    assert _standing(arm)[0] == "Protected"
    arm.later(200)
    assert _standing(arm)[0] == "Protected"
    assert arm.instance_view("shop-west", DB).status_code == 404


def test_a_failover_that_is_asked_to_shuts_the_source_down(arm: Arm) -> None:
    body = {"properties": {**FAILOVER["properties"], "sourceSiteOperations": "Required"}}
    job = job_of(arm.act(DB, "unplannedFailover", body))
    arm.later(200)
    states = {s["code"] for s in arm.instance_view("shop-east", DB).json()["statuses"]}
    assert "PowerState/stopped" in states
    assert arm.job(job)["properties"]["tasks"][1]["state"] == "Succeeded"


def test_a_failover_without_shutdown_skips_that_task_and_the_source_runs_on(arm: Arm) -> None:
    job = arm.fail_over(DB)
    arm.later(200)
    task = arm.job(job)["properties"]["tasks"][1]
    assert (task["state"], task["stateDescription"]) == ("Other", "Skipped")
    states = {s["code"] for s in arm.instance_view("shop-east", DB).json()["statuses"]}
    assert "PowerState/running" in states


def test_a_re_protected_item_lives_under_its_new_address_and_fails_back(arm: Arm) -> None:
    arm.fail_over(DB)
    arm.later(200)
    arm.act(DB, "failoverCommit")
    arm.later(60)
    job = job_of(arm.send("POST", f"{arm.vault}/{EAST}/switchprotection", switch(DB)))
    arm.later(600)
    new_home = arm.job(job)["properties"]["customDetails"]["newReplicationProtectedItemId"]
    assert new_home.endswith(f"{WEST}/replicationProtectedItems/{DB}")
    assert arm.vault_get(f"{EAST}/replicationProtectedItems/{DB}").status_code == 404
    assert _standing(arm, container=WEST)[0] == "InitialReplicationInProgress"
    arm.later(3600)
    assert _standing(arm, container=WEST)[0] == "Protected"
    back = job_of(arm.act(DB, "unplannedFailover", FAILOVER, container=WEST))
    arm.later(300)
    assert _state(arm, back) == "Succeeded"
    assert arm.instance_view("shop-east", DB).status_code == 200


def test_re_protection_fails_while_the_region_to_protect_into_is_down(arm: Arm) -> None:
    arm.fail_over(DB)
    arm.later(200)
    arm.act(DB, "failoverCommit")
    arm.later(60)
    arm.simulator.set_region("eastus", down=True)
    job = job_of(arm.send("POST", f"{arm.vault}/{EAST}/switchprotection", switch(DB)))
    arm.later(600)
    assert _state(arm, job) == "Failed"
    assert _standing(arm)[0] == "UnplannedFailoverCommitted"


def test_durations_are_recorded_ones_and_the_same_in_every_run() -> None:
    def ends() -> list[str]:
        with running() as arm:
            jobs = [arm.fail_over(name) for name in ("db-prod-01", "app-prod-01", "web-prod-01")]
            arm.later(200)
            return [arm.job(job)["properties"]["endTime"] for job in jobs]

    first = ends()
    assert first == ends()
    assert len(set(first)) > 1
    for end in first:
        assert 135 <= (datetime.fromisoformat(end) - BEGAN).total_seconds() <= 173


def test_durations_can_be_chosen() -> None:
    with running(durations={"UnplannedFailover": (10, 10)}) as arm:
        job = arm.fail_over(DB)
        arm.later(11)
        assert _state(arm, job) == "Succeeded"


def test_the_result_of_an_operation_is_pending_then_the_item(arm: Arm) -> None:
    accepted = arm.act(DB, "unplannedFailover", FAILOVER)
    headers = {"authorization": f"Bearer {arm.token}"}
    assert arm.http.get(accepted.headers["location"], headers=headers).status_code == 202
    arm.later(200)
    assert arm.http.get(accepted.headers["location"], headers=headers).json()["name"] == DB


def _rpo(arm: Arm) -> int:
    rpo = _details(arm)["rpoInSeconds"]
    assert isinstance(rpo, int)
    return rpo


def _every(arm: Arm, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = arm.vault_get(path).raise_for_status().json()
    while True:
        found += page["value"]
        if page["nextLink"] is None:
            return found
        headers = {"authorization": f"Bearer {arm.token}"}
        page = arm.http.get(page["nextLink"], headers=headers).raise_for_status().json()


def test_a_failed_failover_lets_replication_go_on(arm: Arm) -> None:
    arm.simulator.faults.add("job_failed", item=DB)
    arm.fail_over(DB)
    arm.later(86_400)
    assert _rpo(arm) <= 390
    assert str(_details(arm)["lastRpoCalculatedTime"]).startswith("2026-03-02")
    assert arm.item(DB)["properties"]["failoverRecoveryPointId"] is None


def test_a_failover_into_a_region_that_is_down_fails() -> None:
    estate = shop_estate()
    away = replace(estate, vault=replace(estate.vault, region="eastus"))
    with running(away) as other:
        other.simulator.set_region("westus", down=True)
        job = other.fail_over(DB)
        other.later(200)
        error = other.job(job)["properties"]["errors"][0]["serviceErrorDetails"]
        assert error["code"] == "28031"


def test_re_protection_needs_a_mapping_back() -> None:
    estate = shop_estate()
    there = tuple(mapping for mapping in estate.mappings if mapping.name == "east-to-west")
    with running(replace(estate, mappings=there)) as arm:
        arm.fail_over(DB)
        arm.later(200)
        arm.act(DB, "failoverCommit")
        arm.later(60)
        answer = arm.send("POST", f"{arm.vault}/{EAST}/switchprotection", switch(DB))
        _refused(answer, 400, "InvalidParameter")
