from __future__ import annotations

import httpx
import pytest

from tests.local.azure.shop import EAST, FAILOVER, Arm, running


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_request_without_a_token_is_refused(arm: Arm) -> None:
    answer = arm.http.get(arm.vault, params={"api-version": "2025-08-01"})
    assert _code(answer) == (401, "AuthenticationFailed")
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_token_that_was_never_issued_is_refused(arm: Arm) -> None:
    arm.token = "made up"
    assert _code(arm.vault_get()) == (401, "InvalidAuthenticationToken")


def test_a_token_for_another_audience_is_refused(arm: Arm) -> None:
    arm.token = arm.fetch_token("https://eventgrid.azure.net")
    assert _code(arm.vault_get()) == (401, "InvalidAuthenticationTokenAudience")


def test_a_token_is_given_only_to_who_knows_the_header(arm: Arm) -> None:
    url = arm.simulator.environment()["IDENTITY_ENDPOINT"]
    query = {"resource": "https://management.azure.com", "api-version": "2019-08-01"}
    assert arm.http.get(url, params=query).status_code == 401
    header = {"X-IDENTITY-HEADER": arm.simulator.environment()["IDENTITY_HEADER"]}
    bad = {**query, "api-version": "2017-09-01"}
    assert arm.http.get(url, params=bad, headers=header).status_code == 400


def test_a_request_without_an_api_version_is_refused(arm: Arm) -> None:
    answer = arm.http.get(arm.vault, headers={"authorization": f"Bearer {arm.token}"})
    assert _code(answer) == (400, "MissingApiVersionParameter")


@pytest.mark.parametrize("version", ["2021-01-01", "2031-01-01", "latest"])
def test_an_api_version_that_is_not_known_is_refused(arm: Arm, version: str) -> None:
    answer = arm.send("GET", arm.vault, version=version)
    assert _code(answer) == (400, "NoRegisteredProviderFound")


def test_another_subscription_is_not_found(arm: Arm) -> None:
    path = arm.vault.replace(arm.simulator.estate.subscription, "0" * 8)
    assert _code(arm.send("GET", path)) == (404, "SubscriptionNotFound")


def test_another_vault_is_not_found(arm: Arm) -> None:
    path = arm.vault.replace("shop-vault", "other-vault")
    assert _code(arm.send("GET", path)) == (404, "ResourceNotFound")


def test_what_is_not_simulated_says_so(arm: Arm) -> None:
    status, code = _code(arm.vault_get("replicationVaultHealth"))
    assert (status, code) == (404, "InvalidResourceType")
    filtered = arm.vault_get("replicationJobs", **{"$filter": "x eq 'y'"})
    assert _code(filtered) == (501, "NotSimulated")


def test_paths_ignore_case(arm: Arm) -> None:
    assert arm.send("GET", arm.vault.upper()).json()["name"] == "shop-vault"
    assert arm.send("GET", arm.vault.lower()).json()["name"] == "shop-vault"


def test_a_body_that_is_not_json_is_refused(arm: Arm) -> None:
    answer = arm.http.post(
        f"{arm.vault}/{EAST}/replicationProtectedItems/db-prod-01/unplannedFailover",
        params={"api-version": "2025-08-01"},
        content=b"{nonsense",
        headers={"authorization": f"Bearer {arm.token}"},
    )
    assert _code(answer) == (400, "InvalidRequestContent")


def test_lists_come_in_pages_that_lead_to_each_other() -> None:
    with running(page_size=2) as arm:
        page = arm.vault_get("replicationProtectedItems").json()
        assert [item["name"] for item in page["value"]] == ["db-prod-01", "app-prod-01"]
        assert page["nextLink"].startswith(arm.simulator.arm_endpoint)
        headers = {"authorization": f"Bearer {arm.token}"}
        rest = arm.http.get(page["nextLink"], headers=headers).json()
        assert [item["name"] for item in rest["value"]] == ["web-prod-01"]
        assert rest["nextLink"] is None


def test_the_budget_of_writes_runs_out_and_fills_again(arm: Arm) -> None:
    left = [int(_try_to_commit(arm).headers[_LEFT]) for _ in range(200)]
    assert left[0] == 199
    assert left[-1] == 0
    refused = _try_to_commit(arm)
    assert _code(refused) == (429, "SubscriptionRequestsThrottled")
    assert refused.headers["retry-after"] == "1"
    assert arm.vault_get().status_code == 200
    arm.later(1)
    assert [_try_to_commit(arm).status_code for _ in range(11)] == [400] * 10 + [429]


def test_the_budget_of_reads_is_its_own(arm: Arm) -> None:
    answers = [arm.vault_get() for _ in range(251)]
    assert [answer.status_code for answer in answers] == [200] * 250 + [429]
    assert answers[0].headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert answers[0].headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3735"


def test_the_buckets_can_be_switched_off() -> None:
    with running(buckets=False) as arm:
        assert {arm.vault_get().status_code for _ in range(260)} == {200}


def test_every_request_is_recorded_with_what_it_did(arm: Arm) -> None:
    arm.act("db-prod-01", "unplannedFailover", FAILOVER)
    arm.act("db-prod-01", "unplannedFailover", FAILOVER)
    arm.item("db-prod-01")
    records = [
        (record.operation, record.status, record.accepted, record.item)
        for record in arm.simulator.requests
    ]
    assert records == [
        ("token/get", 200, False, ""),
        ("protectedItems/unplannedFailover", 202, True, "db-prod-01"),
        ("protectedItems/unplannedFailover", 409, False, "db-prod-01"),
        ("protectedItems/get", 200, False, "db-prod-01"),
    ]
    assert arm.simulator.arm_requests() == 3


def test_an_observer_sees_a_request_after_its_effect_and_before_its_answer(arm: Arm) -> None:
    seen: list[tuple[str, int]] = []
    answered: list[str] = []

    def look(record: object) -> None:
        assert not answered
        seen.append((arm.simulator.requests[-1].operation, len(arm.simulator.replication.jobs)))

    arm.simulator.observers.append(look)
    answered.append(arm.fail_over("db-prod-01"))
    assert seen == [("protectedItems/unplannedFailover", 1)]


_LEFT = "x-ms-ratelimit-remaining-subscription-writes"


def _try_to_commit(arm: Arm) -> httpx.Response:
    return arm.act("db-prod-01", "failoverCommit")


def test_a_port_that_is_taken_is_said_and_leaves_nothing_behind(arm: Arm) -> None:
    taken = int(arm.simulator.arm_endpoint.rpartition(":")[2])
    with pytest.raises(RuntimeError, match=r"could not start.*in use"), running(port=taken):
        pass


def test_two_simulators_are_two_worlds(arm: Arm) -> None:
    with running() as other:
        arm.fail_over("db-prod-01")
        assert other.vault_get("replicationJobs").json()["value"] == []


def test_a_token_past_its_time_is_refused(arm: Arm) -> None:
    arm.simulator.tokens.expire()
    assert _code(arm.vault_get()) == (401, "ExpiredAuthenticationToken")
    arm.token = arm.fetch_token("https://management.azure.com")
    assert arm.vault_get().status_code == 200
