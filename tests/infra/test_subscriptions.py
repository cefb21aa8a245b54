"""The groups of applications in azd's parameter file name their subscriptions, and may name a protected region."""

from __future__ import annotations

import json

import pytest

from tests.infra.checks import settings_in_protected_region
from tests.infra.subscriptions import group_ids
from tests.infra.templates import INFRA

PARAMETERS = (INFRA / "main.parameters.json").read_text(encoding="utf-8")


def with_group(group: str) -> str:
    given = json.loads(PARAMETERS)
    given["parameters"]["applicationResourceGroups"]["value"] = [group]
    return json.dumps(given)


def test_groups_named_by_their_ids_pass() -> None:
    assert group_ids(PARAMETERS) == []
    assert group_ids(with_group("/subscriptions/s/resourceGroups/rg-shop")) == []


@pytest.mark.parametrize(
    "group",
    [
        "rg-shop",
        "/resourceGroups/rg-shop",
        "/subscriptions//resourceGroups/rg-shop",
        "/subscriptions/s/resourceGroups/rg-shop/providers/x/y/z",
    ],
)
def test_a_group_that_names_no_subscription_is_seen(group: str) -> None:
    assert group_ids(with_group(group)) == [
        f"main.parameters.json: applicationResourceGroups: {group} is no id of a group; "
        "give /subscriptions/ID/resourceGroups/NAME"
    ]


def test_a_group_of_an_application_may_lie_in_the_protected_region() -> None:
    shop = with_group("/subscriptions/s/resourceGroups/rg-shop-eastus")
    assert settings_in_protected_region(shop, '{"Values": {}}') == []
