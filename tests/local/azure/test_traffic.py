from __future__ import annotations

import time
from typing import Any

import pytest

from tests.local.azure.shop import Arm


def _monitor(arm: Arm) -> str:
    status: str = arm.traffic().json()["properties"]["monitorConfig"]["profileMonitorStatus"]
    return status


def _answered(arm: Arm) -> str | None:
    arm.simulator.settle()
    found = arm.simulator.traffic.profiles["shop"].answer()
    return found.name if found else None


def test_at_first_the_east_is_online_and_the_west_disabled(arm: Arm) -> None:
    assert arm.endpoint_states() == {"east": "Online", "west": "Disabled"}
    assert _monitor(arm) == "Online"
    assert _answered(arm) == "east"


def test_an_endpoint_degrades_after_more_failures_than_are_tolerated(arm: Arm) -> None:
    arm.simulator.set_region("eastus", down=True)
    arm.later(24)
    assert arm.endpoint_states()["east"] == "Online"
    arm.later(1)
    assert arm.endpoint_states()["east"] == "Degraded"
    assert _monitor(arm) == "Degraded"


def test_one_good_probe_brings_an_endpoint_back(arm: Arm) -> None:
    arm.simulator.set_region("eastus", down=True)
    arm.later(60)
    arm.simulator.set_region("eastus", down=False)
    arm.later(10)
    assert arm.endpoint_states()["east"] == "Online"


def test_a_short_outage_that_is_tolerated_is_never_shown(arm: Arm) -> None:
    arm.later(5)
    arm.simulator.set_region("eastus", down=True)
    arm.later(10)
    arm.simulator.set_region("eastus", down=False)
    arm.later(100)
    arm.endpoint_states()
    assert len(arm.simulator.traffic_history) == 1


def test_an_enabled_endpoint_is_checked_before_it_is_online(arm: Arm) -> None:
    arm.bring_west_up()
    assert arm.enable("west").json()["properties"]["endpointMonitorStatus"] == "CheckingEndpoint"
    assert _monitor(arm) == "CheckingEndpoints"
    arm.later(9)
    assert arm.endpoint_states()["west"] == "CheckingEndpoint"
    arm.later(1)
    assert arm.endpoint_states()["west"] == "Online"


def test_an_enabled_endpoint_that_does_not_answer_becomes_degraded(arm: Arm) -> None:
    arm.enable("west")
    arm.later(25)
    assert arm.endpoint_states()["west"] == "Degraded"
    assert _answered(arm) == "east"


def test_the_next_endpoint_answers_when_the_first_degrades(arm: Arm) -> None:
    arm.bring_west_up()
    arm.enable("west")
    arm.later(20)
    arm.simulator.set_region("eastus", down=True)
    arm.later(30)
    assert arm.endpoint_states() == {"east": "Degraded", "west": "Online"}
    assert _answered(arm) == "west"


def test_when_all_are_degraded_they_are_served_as_if_online(arm: Arm) -> None:
    arm.enable("west")
    arm.simulator.set_region("eastus", down=True)
    arm.later(60)
    assert arm.endpoint_states() == {"east": "Degraded", "west": "Degraded"}
    assert _answered(arm) == "east"


def test_with_every_endpoint_disabled_the_name_does_not_exist(arm: Arm) -> None:
    arm.enable("east", "Disabled")
    assert _answered(arm) is None
    assert _monitor(arm) == "Inactive"


def test_a_disabled_profile_does_not_answer(arm: Arm) -> None:
    changed = arm.traffic("PATCH", body={"properties": {"profileStatus": "Disabled"}})
    assert changed.json()["properties"]["monitorConfig"]["profileMonitorStatus"] == "Disabled"
    assert _answered(arm) is None


def test_a_disabled_endpoint_is_not_probed(arm: Arm) -> None:
    arm.enable("east", "Disabled")
    arm.simulator.set_region("eastus", down=True)
    arm.later(300)
    assert arm.endpoint_states() == {"east": "Disabled", "west": "Disabled"}


def test_priorities_are_unique(arm: Arm) -> None:
    wish = {"properties": {"priority": 1}}
    answer = arm.traffic("PATCH", "/ExternalEndpoints/west", wish)
    assert answer.status_code == 400
    assert "already used by endpoint 'east'" in answer.json()["error"]["message"]


def test_a_patch_changes_only_what_it_names(arm: Arm) -> None:
    before = arm.traffic(path="/externalendpoints/WEST").json()["properties"]
    after = arm.enable("west").json()["properties"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"endpointStatus", "endpointMonitorStatus"}


def test_the_audit_list_shows_every_change_with_its_time(arm: Arm) -> None:
    arm.bring_west_up()
    began = arm.simulator.clock.now()
    arm.enable("west")
    arm.later(30)
    arm.enable("east", "Disabled")
    history = [
        ((change.at - began).total_seconds(), {n: s.monitor for n, s in change.endpoints.items()})
        for change in arm.simulator.traffic_history[1:]
    ]
    assert history == [
        (0, {"east": "Online", "west": "CheckingEndpoint"}),
        (10, {"east": "Online", "west": "Online"}),
        (30, {"east": "Disabled", "west": "Online"}),
    ]
    assert all(change.enabled() for change in arm.simulator.traffic_history)


def test_years_of_probing_are_caught_up_in_a_moment(arm: Arm) -> None:
    arm.later(3 * 365 * 86_400)
    began = time.monotonic()
    assert arm.endpoint_states()["east"] == "Online"
    assert time.monotonic() - began < 0.5


def test_what_traffic_manager_can_and_the_simulator_cannot_is_said(arm: Arm) -> None:
    wish = {"properties": {"trafficRoutingMethod": "Weighted"}}
    assert arm.traffic("PATCH", body=wish).status_code == 501
    wish = {"properties": {"alwaysServe": "Enabled"}}
    assert arm.traffic("PATCH", "/ExternalEndpoints/west", wish).status_code == 501
    assert arm.traffic(path="/AzureEndpoints/west").status_code == 501
    assert arm.traffic(path="/ExternalEndpoints/north").status_code == 404


def test_a_change_that_nobody_watched_is_dated_when_it_happened(arm: Arm) -> None:
    arm.enable("west")
    arm.later(60)
    assert arm.endpoint_states()["west"] == "Degraded"
    began = arm.simulator.clock.now()
    for name in ("db-prod-01", "app-prod-01", "web-prod-01"):
        arm.fail_over(name)
    arm.later(5000)
    assert arm.endpoint_states()["west"] == "Online"
    assert 150 < (arm.simulator.traffic_history[-1].at - began).total_seconds() < 240


def test_a_profile_that_is_enabled_again_is_probed_afresh(arm: Arm) -> None:
    for status in ("Disabled", "Enabled"):
        arm.traffic("PATCH", body={"properties": {"profileStatus": status}})
        arm.later(25)
    assert arm.endpoint_states()["east"] == "Online"
    arm.traffic("PATCH", body={"properties": {"profileStatus": "Disabled"}})
    arm.traffic("PATCH", body={"properties": {"profileStatus": "Enabled"}})
    assert arm.endpoint_states()["east"] == "CheckingEndpoint"


@pytest.mark.parametrize(
    "wish",
    [
        {"monitorConfig": {"intervalInSeconds": 20}},
        {"monitorConfig": {"intervalInSeconds": 10, "timeoutInSeconds": 10}},
        {"monitorConfig": {"intervalInSeconds": 30, "timeoutInSeconds": 4}},
        {"monitorConfig": {"toleratedNumberOfFailures": 10}},
        {"monitorConfig": {"port": "eighty"}},
        {"dnsConfig": {"ttl": -1}},
    ],
)
def test_a_profile_takes_no_number_that_azure_would_not(arm: Arm, wish: dict[str, Any]) -> None:
    answer = arm.traffic("PATCH", "", {"properties": wish})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "BadRequest"


@pytest.mark.parametrize("priority", [0, 1001, "first"])
def test_an_endpoint_takes_no_priority_that_azure_would_not(arm: Arm, priority: Any) -> None:
    wish = {"properties": {"priority": priority}}
    assert arm.traffic("PATCH", "/ExternalEndpoints/east", wish).status_code == 400
