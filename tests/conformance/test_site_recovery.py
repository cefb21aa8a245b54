from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conformance.compare import differences
from tests.conformance.wire import SITE_RECOVERY, known_fields, need_wire, problems, recording
from tests.local.azure.shop import EAST, FAILOVER, Arm, job_of, switch

SWITCH = switch("web-prod-01")
# The recorder of the CLI strips these (see the README of the recordings), or writes them itself.
STRIPPED = {
    "retry-after",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-ms-client-request-id",
    "x-ms-routing-request-id",
    "x-ms-operation-identifier",
}
RECORDER = {"transfer-encoding", "x-cache"}


def _same(recorded: Any, simulated: Any) -> None:
    assert list(differences(recorded, simulated)) == []


def _headers(names: Any) -> set[str]:
    found = {name.lower() for name in names}
    return {name for name in found if not name.startswith("x-ms-ratelimit")} - RECORDER


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        ("protected_item_get_protected.json", "ReplicationProtectedItem"),
        ("job_get.json", "Job"),
        ("jobs_list.json", "JobCollection"),
        ("fabric_get.json", "Fabric"),
        ("container_get.json", "ProtectionContainer"),
        ("policy_get.json", "Policy"),
    ],
)
def test_the_recordings_themselves_satisfy_the_openapi(name: str, definition: str) -> None:
    assert problems(SITE_RECOVERY, definition, recording(name)["response"]["body"]) == []


def test_the_validator_finds_a_body_of_the_wrong_kind() -> None:
    need_wire()
    assert problems(SITE_RECOVERY, "Job", {"properties": {"tasks": "none"}})


def test_a_protected_item_looks_as_recorded(arm: Arm) -> None:
    body = arm.item("web-prod-01")
    _same(recording("protected_item_get_protected.json")["response"]["body"], body)
    assert problems(SITE_RECOVERY, "ReplicationProtectedItem", body) == []
    details = body["properties"]["providerSpecificDetails"]
    assert problems(SITE_RECOVERY, "A2AReplicationDetails", details) == []


def test_a_protected_item_says_what_the_recorded_one_says(arm: Arm) -> None:
    recorded = recording("protected_item_get_protected.json")["response"]["body"]["properties"]
    simulated = arm.item("web-prod-01")["properties"]
    for field in (
        "protectionState",
        "protectionStateDescription",
        "activeLocation",
        "testFailoverState",
        "allowedOperations",
        "failoverHealth",
        "primaryFabricProvider",
        "failoverRecoveryPointId",
    ):
        assert simulated[field] == recorded[field], field
    assert simulated["currentScenario"]["startTime"] == recorded["currentScenario"]["startTime"]
    error, known = simulated["healthErrors"][0], recorded["healthErrors"][0]
    assert (error["errorCode"], error["errorId"]) == (known["errorCode"], known["errorId"])


def test_a_re_protected_item_looks_as_recorded(arm: Arm) -> None:
    _re_protect(arm)
    arm.later(600)
    west = EAST.replace("eastus", "westus")
    body = arm.item("web-prod-01", west)
    recorded = recording("protected_item_get_after_switchprotection.json")["response"]["body"]
    _same(recorded, body)
    for field in ("protectionState", "activeLocation", "allowedOperations"):
        assert body["properties"][field] == recorded["properties"][field]


@pytest.mark.parametrize(
    ("name", "path", "definition"),
    [
        ("fabric_get.json", "replicationFabrics/asr-eastus", "Fabric"),
        ("container_get.json", EAST, "ProtectionContainer"),
        ("policy_get.json", "replicationPolicies/shop-24h", "Policy"),
    ],
)
def test_the_frame_of_the_vault_looks_as_recorded(
    arm: Arm, name: str, path: str, definition: str
) -> None:
    answer = arm.vault_get(path)
    recorded = recording(name)["response"]
    _same(recorded["body"], answer.json())
    assert problems(SITE_RECOVERY, definition, answer.json()) == []
    assert _headers(recorded["headers"]) == _headers(answer.headers) - STRIPPED
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("path", "definition"),
    [
        ("replicationFabrics", "FabricCollection"),
        ("replicationProtectionContainers", "ProtectionContainerCollection"),
        ("replicationProtectionContainerMappings", "ProtectionContainerMappingCollection"),
        (
            f"{EAST}/replicationProtectionContainerMappings/east-to-west",
            "ProtectionContainerMapping",
        ),
        ("replicationPolicies", "PolicyCollection"),
        ("replicationProtectedItems", "ReplicationProtectedItemCollection"),
        (f"{EAST}/replicationProtectedItems", "ReplicationProtectedItemCollection"),
        (f"{EAST}/replicationProtectedItems/web-prod-01/recoveryPoints", "RecoveryPointCollection"),
    ],
)
def test_what_was_not_recorded_satisfies_the_openapi(arm: Arm, path: str, definition: str) -> None:
    body = arm.vault_get(path).raise_for_status().json()
    assert problems(SITE_RECOVERY, definition, body) == []


def test_a_failover_and_a_commit_are_accepted_as_recorded(arm: Arm) -> None:
    accepted = arm.act("web-prod-01", "unplannedFailover", FAILOVER)
    _accepted_as(recording("unplanned_failover_202.json")["response"], accepted)
    arm.later(200)
    _accepted_as(
        recording("failover_commit_202.json")["response"], arm.act("web-prod-01", "failoverCommit")
    )


def test_a_re_protection_is_accepted_with_every_header_of_2025(arm: Arm) -> None:
    recorded = recording("ps_switchprotection_202.json")["response"]
    accepted = _re_protect(arm)
    job = f"/replicationJobs/{job_of(accepted)}"
    assert _headers(recorded["headers"]) == _headers(accepted.headers) - {"date"} | {
        "x-ms-client-request-id"
    }
    assert accepted.headers["retry-after"] == recorded["headers"]["Retry-After"]
    ids = accepted.headers.get_list("x-ms-request-id")
    assert len(ids) == len(recorded["headers"]["x-ms-request-id"]) == 2
    assert all(one.startswith("/Subscriptions/") and one.endswith(job) for one in ids)


def test_a_finished_re_protection_is_the_recorded_tree_of_tasks(arm: Arm) -> None:
    job = job_of(_re_protect(arm))
    assert arm.job(job)["properties"]["customDetails"]["newReplicationProtectedItemId"] is None
    arm.later(100)
    midway = arm.job(job)["properties"]["customDetails"]["newReplicationProtectedItemId"]
    assert midway.startswith("/subscriptions/")
    arm.later(600)
    body = arm.job(job)
    recorded = recording("ps_job_switchprotection_succeeded.json")["body"]
    _same(recorded, body)
    for one, other in zip(
        recorded["properties"]["tasks"], body["properties"]["tasks"], strict=True
    ):
        for field in ("taskId", "name", "friendlyName", "state", "stateDescription", "taskType"):
            assert one[field] == other[field]
    details = body["properties"]["customDetails"]["affectedObjectDetails"]
    assert set(details) == set(recorded["properties"]["customDetails"]["affectedObjectDetails"])


def test_a_failover_job_looks_as_the_recorded_jobs_do(arm: Arm) -> None:
    job = arm.fail_over("web-prod-01")
    running = arm.job(job)
    assert "endTime" not in running["properties"]
    assert running["properties"]["allowedActions"] == ["Cancel"]
    assert running["properties"]["tasks"][-1]["startTime"] == "0001-01-01T00:00:00"
    arm.later(200)
    body = arm.job(job)
    recorded = recording("job_get.json")["response"]["body"]
    failed_over = body["properties"]["customDetails"].pop("protectedItemDetails")
    _same(recorded, body)
    cluster = recording("ps_job_cluster_unplanned_failover_succeeded.json")["body"]["properties"]
    _same(cluster["customDetails"]["protectedItemDetails"], failed_over)
    assert problems(SITE_RECOVERY, "Job", body) == []
    assert (body["properties"]["scenarioName"], body["properties"]["friendlyName"]) == (
        "UnplannedFailover",
        cluster["tasks"][3]["groupTaskCustomDetails"]["childTasks"][0]["customDetails"]["jobTask"][
            "jobFriendlyName"
        ],
    )


def test_the_list_of_jobs_leaves_out_what_the_recorded_list_leaves_out(arm: Arm) -> None:
    arm.fail_over("web-prod-01")
    arm.later(200)
    body = arm.vault_get("replicationJobs").json()
    _same(recording("jobs_list.json")["response"]["body"], body)
    properties = body["value"][0]["properties"]
    assert properties["tasks"] == []
    assert properties["customDetails"] is None
    assert problems(SITE_RECOVERY, "JobCollection", body) == []


def test_an_operation_is_polled_as_recorded(arm: Arm) -> None:
    accepted = arm.act("web-prod-01", "unplannedFailover", FAILOVER)
    url = accepted.headers["azure-asyncoperation"]
    for name in ("operationstatus_inprogress.json", "operationstatus_succeeded.json"):
        recorded = recording(name)["response"]
        answer = arm.http.get(url, headers={"authorization": f"Bearer {arm.token}"})
        assert answer.status_code == 200
        assert answer.json()["status"] == recorded["body"]["status"]
        _same(recorded["body"], answer.json())
        assert _headers(recorded["headers"]) == _headers(answer.headers) - STRIPPED
        arm.later(200)


def test_what_is_not_there_is_refused_as_recorded(arm: Arm) -> None:
    recorded = recording("protected_item_delete_404.json")["response"]
    answer = arm.vault_get(f"{EAST}/replicationProtectedItems/cli-test-protected-item-A2A-1")
    assert answer.status_code == recorded["status"]["code"]
    _same(recorded["body"], answer.json())
    error, known = answer.json()["error"], recorded["body"]["error"]
    assert (error["code"], error["message"]) == (known["code"], known["message"])
    for field in ("code", "message", "possibleCauses", "recommendedAction"):
        assert error["details"][0][field] == known["details"][0][field]


def test_the_details_of_an_item_invent_no_fields(arm: Arm) -> None:
    details = arm.item("web-prod-01")["properties"]["providerSpecificDetails"]
    assert set(details) <= known_fields(SITE_RECOVERY, "A2AReplicationDetails")


def _re_protect(arm: Arm) -> httpx.Response:
    arm.fail_over("web-prod-01")
    arm.later(200)
    arm.act("web-prod-01", "failoverCommit")
    arm.later(60)
    return arm.send("POST", f"{arm.vault}/{EAST}/switchprotection", SWITCH)


def _accepted_as(recorded: dict[str, Any], accepted: httpx.Response) -> None:
    job = job_of(accepted)
    assert accepted.status_code == recorded["status"]["code"]
    assert accepted.content == b""
    assert _headers(recorded["headers"]) == _headers(accepted.headers) - STRIPPED
    for name in ("azure-asyncoperation", "location"):
        path = httpx.URL(accepted.headers[name]).path
        known = httpx.URL(recorded["headers"][name]).path
        assert list(differences(known, path)) == []
        assert path.endswith(job)
    for name in ("cache-control", "content-length", "expires", "pragma"):
        assert accepted.headers[name] == recorded["headers"][name]
