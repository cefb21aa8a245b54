from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from local.azure.faults import Fault, Faults
from tests.local.azure.shop import FAILOVER, Arm

DB = "db-prod-01"
FAIL_OVER = "protectedItems/unplannedFailover"


def _jobs(arm: Arm) -> list[Any]:
    jobs: list[Any] = arm.vault_get("replicationJobs").json()["value"]
    return jobs


def test_a_throttled_request_does_nothing_and_says_when_to_come_back(arm: Arm) -> None:
    arm.simulator.faults.add("throttle", operation=FAIL_OVER, retry_after=17)
    refused = arm.act(DB, "unplannedFailover", FAILOVER)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "17")
    assert _jobs(arm) == []
    assert arm.act(DB, "unplannedFailover", FAILOVER).status_code == 202


def test_a_throttled_request_may_leave_out_when_to_come_back(arm: Arm) -> None:
    arm.simulator.faults.add("throttle", operation="jobs/*")
    assert "retry-after" not in arm.vault_get("replicationJobs").headers


def test_an_error_strikes_as_often_as_it_is_told_after_as_many_as_it_is_told(arm: Arm) -> None:
    arm.simulator.faults.add("error", operation="vaults/get", status=502, times=2, after=1)
    assert [arm.vault_get().status_code for _ in range(4)] == [200, 502, 502, 200]


def test_a_fault_can_be_meant_for_one_item_method_or_path(arm: Arm) -> None:
    arm.simulator.faults.add("error", item="app-*", times=None)
    arm.simulator.faults.add("error", method="PATCH", times=None)
    arm.simulator.faults.add("error", path="*/replicationpolicies*", times=None)
    assert arm.vault_get("replicationPolicies").status_code == 503
    assert arm.enable("west").status_code == 503
    assert arm.act("app-prod-01", "unplannedFailover", FAILOVER).status_code == 503
    assert arm.act(DB, "unplannedFailover", FAILOVER).status_code == 202


def test_a_lost_answer_is_one_of_a_request_that_took_effect(arm: Arm) -> None:
    arm.simulator.faults.add("lost", operation=FAIL_OVER)
    with pytest.raises(httpx.RemoteProtocolError):
        arm.act(DB, "unplannedFailover", FAILOVER)
    assert len(_jobs(arm)) == 1
    lost = arm.simulator.requests[1]
    assert (lost.operation, lost.status, lost.accepted) == (FAIL_OVER, 0, True)
    assert arm.act(DB, "unplannedFailover", FAILOVER).status_code == 409


def test_a_failed_job_names_its_error_on_the_job_and_on_the_operation(arm: Arm) -> None:
    arm.simulator.faults.add("job_failed", item=DB, code="28092", message="No NIC.", at=0.6)
    job = arm.fail_over(DB)
    arm.later(60)
    assert arm.job(job)["properties"]["state"] == "InProgress"
    arm.later(60)
    properties = arm.job(job)["properties"]
    assert properties["state"] == "Failed"
    assert properties["errors"][0]["serviceErrorDetails"]["code"] == "28092"
    assert properties["errors"][0]["taskId"] == "FailoverTask"
    assert [task["state"] for task in properties["tasks"]][-2:] == ["Failed", "NotStarted"]
    status = arm.vault_get(f"replicationOperationStatus/{job}").json()
    assert status["status"] == "Failed"
    assert status["error"] == {"code": "28092", "message": "No NIC."}
    assert arm.item(DB)["properties"]["protectionState"] == "Protected"
    assert arm.fail_over(DB)


def test_capacity_that_is_refused_fails_the_job_with_its_recorded_id(arm: Arm) -> None:
    arm.simulator.faults.add("capacity_refused", operation=FAIL_OVER)
    job = arm.fail_over(DB)
    arm.later(200)
    error = arm.job(job)["properties"]["errors"][0]["serviceErrorDetails"]
    assert error["code"] == "150097"
    assert error["recommendedAction"]


def test_a_stuck_job_never_ends_but_can_be_cancelled(arm: Arm) -> None:
    arm.simulator.faults.add("job_stuck", operation=FAIL_OVER)
    job = arm.fail_over(DB)
    arm.later(86_400)
    properties = arm.job(job)["properties"]
    assert properties["state"] == "InProgress"
    assert "InProgress" in [task["state"] for task in properties["tasks"]]
    assert arm.send("POST", f"{arm.vault}/replicationJobs/{job}/cancel").status_code == 202
    assert arm.job(job)["properties"]["state"] == "Cancelled"


def test_a_slow_answer_comes_late_and_took_effect_before(arm: Arm) -> None:
    arm.simulator.faults.add("slow", operation=FAIL_OVER, seconds=0.2)
    began = time.monotonic()
    arm.fail_over(DB)
    assert time.monotonic() - began >= 0.2
    arm.simulator.faults.add("slow", operation="protectedItems/failoverCommit", seconds=30)
    arm.later(200)
    arm.http.timeout = httpx.Timeout(0.1)
    with pytest.raises(httpx.ReadTimeout):
        arm.act(DB, "failoverCommit")
    arm.http.timeout = httpx.Timeout(5)
    assert len(_jobs(arm)) == 2


def test_a_region_can_go_down_with_the_first_request_of_a_kind(arm: Arm) -> None:
    arm.simulator.faults.add("region_down", operation=FAIL_OVER, region="eastus", after=1)
    arm.fail_over(DB)
    assert arm.instance_view("shop-east", DB).status_code == 200
    arm.fail_over("app-prod-01")
    assert arm.instance_view("shop-east", DB).status_code == 503


def test_faults_and_regions_are_scripted_over_plain_http_too(arm: Arm) -> None:
    with httpx.Client(base_url=arm.simulator.proxy_endpoint, trust_env=False) as control:
        made = control.post("/_simulator/faults", json={"kind": "throttle", "item": DB})
        assert made.status_code == 201
        assert control.get("/_simulator/faults").json()[0]["kind"] == "throttle"
        assert arm.act(DB, "unplannedFailover", FAILOVER).status_code == 429
        assert control.delete("/_simulator/faults").json() == []
        assert control.get("/_simulator/faults").json() == []
        down = control.post("/_simulator/regions/eastus", json={"down": True})
        assert down.json() == {"region": "eastus", "down": True}
        assert arm.instance_view("shop-east", DB).status_code == 503
        control.post("/_simulator/regions/eastus", json={"down": False})
        assert arm.instance_view("shop-east", DB).status_code == 200
        records = control.get("/_simulator/requests?after=1").json()
        assert [record["status"] for record in records] == [429, 503, 200]
        assert {record["at"] for record in records} == {"2026-03-01T10:00:00+00:00"}
        assert control.get("/_simulator/traffic").json()[0]["profile"] == "shop"
        assert control.get("/_simulator/clock").json()["now"].startswith("2026-03-01T10:00")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_simulator/faults", b'{"kind": "gremlin"}', 400),
        ("/_simulator/faults", b'{"kind": "slow", "minutes": 3}', 400),
        ("/_simulator/faults", b"[]", 400),
        ("/_simulator/regions/mars", b'{"down": true}', 404),
        ("/_simulator/regions/eastus", b'{"down": "yes"}', 400),
        ("/_simulator/nothing", b"", 404),
    ],
)
def test_the_control_api_refuses_in_words(arm: Arm, path: str, body: bytes, status: int) -> None:
    url = arm.simulator.proxy_endpoint + path
    answer = httpx.post(url, content=body, trust_env=False)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "gremlin"},
        {"kind": "error", "status": 404},
        {"kind": "job_failed", "at": 1.5},
        {"kind": "region_down"},
    ],
)
def test_a_fault_that_cannot_be_meant_is_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fault"):
        Fault(**wish)


def test_a_misspelt_detail_of_a_fault_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'retryafter' is not known; use one of .*retry_after"):
        Faults().add("throttle", retryafter=3)
