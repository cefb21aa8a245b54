"""Resource groups of another subscription than the vault's: found there alone, with a budget of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.azure.estate import EstateError, Grant, Subscription
from tests.local.azure.shop import SUBSCRIPTION, Arm, running, shop_estate

APART = "7a20e9f6-41c5-4b62-9f0e-2f1f6f3f8b21"
ELSEWHERE = f"/subscriptions/{APART}"
MACHINES = "providers/Microsoft.Compute/virtualMachines"
READS = ("Microsoft.Compute/virtualMachines/read", "Microsoft.Network/networkInterfaces/read")


@pytest.fixture
def arm() -> Iterator[Arm]:
    apart = (Subscription(APART, ("shop-east", "shop-west")),)
    with running(replace(shop_estate(), other_subscriptions=apart)) as client:
        yield client


def names(arm: Arm, path: str) -> set[str]:
    listed = arm.send("GET", path, version="2024-07-01").raise_for_status().json()["value"]
    assert all(one["id"].startswith(path.partition("/providers")[0]) for one in listed)
    return {one["name"] for one in listed}


def test_a_subscription_lists_what_lies_in_it(arm: Arm) -> None:
    shop = {"db-prod-01", "app-prod-01", "web-prod-01"}
    assert names(arm, f"{ELSEWHERE}/{MACHINES}") == shop
    assert names(arm, f"{SUBSCRIPTION}/{MACHINES}") == {"canary"}
    nics = "providers/Microsoft.Network/networkInterfaces"
    assert names(arm, f"{ELSEWHERE}/{nics}") == {f"{name}-nic" for name in shop}


def test_a_group_is_found_in_its_own_subscription_alone(arm: Arm) -> None:
    there = arm.send("GET", f"{ELSEWHERE}/resourceGroups/shop-east/{MACHINES}/db-prod-01")
    assert there.status_code == 200
    astray = arm.send("GET", f"{SUBSCRIPTION}/resourceGroups/shop-east/{MACHINES}/db-prod-01")
    assert (astray.status_code, astray.json()["error"]["code"]) == (404, "ResourceGroupNotFound")
    unknown = arm.send("GET", f"/subscriptions/{'0' * 8}/{MACHINES}")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "SubscriptionNotFound")


def test_an_item_of_the_vault_names_its_machine_where_it_lies(arm: Arm) -> None:
    item = arm.item("db-prod-01")
    assert item["id"].lower().startswith(SUBSCRIPTION)
    details = item["properties"]["providerSpecificDetails"]
    east = f"{ELSEWHERE}/resourceGroups/shop-east/{MACHINES}/db-prod-01"
    assert details["fabricObjectId"].lower() == east.lower()
    west = f"{ELSEWHERE}/resourceGroups/shop-west"
    assert details["recoveryAzureResourceGroupId"] == west


def test_who_may_read_something_in_one_subscription_may_not_list_the_other(arm: Arm) -> None:
    arm.simulator.permissions.give("system", Grant(f"{ELSEWHERE}/resourceGroups/shop-east", READS))
    assert len(names(arm, f"{ELSEWHERE}/{MACHINES}")) == 3
    assert arm.send("GET", f"{SUBSCRIPTION}/{MACHINES}", version="2024-07-01").status_code == 403


def test_each_subscription_has_a_budget_of_its_own(arm: Arm) -> None:
    paths = (f"{SUBSCRIPTION}/{MACHINES}", f"{ELSEWHERE}/{MACHINES}")
    left = [arm.send("GET", path, version="2024-07-01").headers for path in (*paths, *paths)]
    assert [one["x-ms-ratelimit-remaining-subscription-reads"] for one in left] == [
        "249",
        "249",
        "248",
        "248",
    ]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((Subscription(APART, ("shop-dr",)),), "the vault's group lies in another"),
        (
            (Subscription(APART, ("a",)), Subscription("0", ("A",))),
            "resource groups of other subscriptions: 'a' occurs twice",
        ),
    ],
)
def test_a_group_lies_in_one_subscription(others: tuple[Subscription, ...], said: str) -> None:
    with pytest.raises(EstateError, match=said):
        replace(shop_estate(), other_subscriptions=others)
