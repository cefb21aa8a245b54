from __future__ import annotations

import pytest

from tests.conformance.compare import differences
from tests.conformance.wire import TRAFFIC_MANAGER, example, problems
from tests.local.azure.shop import Arm


@pytest.mark.parametrize("version", ["2022-04-01", "2026-09-01"])
def test_a_profile_looks_as_in_the_examples(arm: Arm, version: str) -> None:
    body = arm.traffic(version=version).raise_for_status().json()
    known = example("Profile-GET-WithEndpoints.json")["responses"]["200"]["body"]
    assert list(differences(known, body)) == []
    assert problems(TRAFFIC_MANAGER, "Profile", body) == []


def test_an_endpoint_looks_as_in_the_examples(arm: Arm) -> None:
    body = arm.traffic(path="/ExternalEndpoints/east").raise_for_status().json()
    known = example("Endpoint-GET-External-WithLocation.json")["responses"]["200"]["body"]
    assert list(differences(known, body)) == []
    assert problems(TRAFFIC_MANAGER, "Endpoint", body) == []


def test_a_patched_endpoint_answers_as_in_the_examples(arm: Arm) -> None:
    found = example("Endpoint-PATCH-External-Target.json")
    answer = arm.traffic("PATCH", "/ExternalEndpoints/east", found["parameters"]["parameters"])
    known = found["responses"]["200"]["body"]
    assert answer.status_code == 200
    assert list(differences(known, answer.json())) == []
    assert answer.json()["properties"]["target"] == known["properties"]["target"]
    state = answer.json()["properties"]["endpointMonitorStatus"]
    assert state == known["properties"]["endpointMonitorStatus"]


def test_a_list_of_profiles_satisfies_the_openapi(arm: Arm) -> None:
    path = arm.profile.rpartition("/")[0]
    body = arm.send("GET", path, version="2026-09-01").raise_for_status().json()
    assert [profile["name"] for profile in body["value"]] == ["shop"]
    assert problems(TRAFFIC_MANAGER, "ProfileListResult", body) == []


def test_a_profile_can_be_put_twice_as_in_the_examples(arm: Arm) -> None:
    found = example("Profile-PUT-WithEndpoints.json")
    wish = found["parameters"]["parameters"]
    wish["properties"]["trafficRoutingMethod"] = "Priority"
    path = arm.profile.replace("/shop", "/azsmnet")
    for status in (201, 200):
        answer = arm.send("PUT", path, wish, version="2022-04-01")
        assert answer.status_code == status
        known = found["responses"][str(status)]["body"] | {"tags": {}}
        assert list(differences(known, answer.json())) == []


def test_an_endpoint_can_be_put(arm: Arm) -> None:
    wish = {"properties": {"target": "shop-westus.example.com", "priority": 3}}
    for status in (201, 200):
        answer = arm.traffic("PUT", "/ExternalEndpoints/third", wish)
        assert answer.status_code == status
        assert problems(TRAFFIC_MANAGER, "Endpoint", answer.json()) == []
