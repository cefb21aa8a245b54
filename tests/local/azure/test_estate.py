from __future__ import annotations

from collections.abc import Callable

import pytest

from local.azure.estate import EstateError
from local.azure.estate_file import load_estate, parse_estate
from local.azure.fleet import make_estate
from tests.local.azure.shop import SHOP


def _broken(mend: Callable[[str], str]) -> str:
    text = SHOP.read_text(encoding="utf-8")
    changed = mend(text)
    assert changed != text
    with pytest.raises(EstateError) as caught:
        parse_estate(changed, "shop.yaml")
    return str(caught.value)


def test_the_shop_is_three_tiers_in_two_regions() -> None:
    estate = load_estate(SHOP)
    assert [item.name for item in estate.items] == ["db-prod-01", "app-prod-01", "web-prod-01"]
    assert [machine.boot_seconds for machine in estate.machines][:3] == [35, 25, 15]
    assert estate.machine("web-prod-01").needs == ("app-prod-01",)
    assert estate.mapping_from("shop-westus").target == "shop-eastus"


def test_an_unknown_field_is_named_with_its_line_and_the_known_ones() -> None:
    said = _broken(lambda text: text.replace("boot_seconds: 35", "bootseconds: 35"))
    assert said.startswith("shop.yaml:52: virtual_machines[0].bootseconds is not known here")
    assert "boot_seconds" in said


def test_a_missing_field_is_named_with_its_place() -> None:
    said = _broken(lambda text: text.replace("    private_ip: 10.1.1.4\n", ""))
    assert "virtual_machines[0].private_ip is missing" in said


def test_a_value_of_the_wrong_kind_is_shown() -> None:
    said = _broken(lambda text: text.replace("ttl: 30", "ttl: soon"))
    assert "traffic_profiles[0].ttl is 'soon'; give a whole number" in said


def test_a_value_outside_its_choices_is_refused() -> None:
    said = _broken(lambda text: text.replace("routing: Priority", "routing: Weighted"))
    assert "traffic_profiles[0].routing must be one of Priority" in said


def test_a_field_given_twice_is_refused() -> None:
    said = _broken(lambda text: text.replace("ttl: 30", "ttl: 30\n    ttl: 31"))
    assert "ttl is given twice" in said


def test_a_name_that_leads_nowhere_is_refused_with_what_there_is() -> None:
    said = _broken(lambda text: text.replace("needs: [db-prod-01]", "needs: [db-prod-02]"))
    assert "'db-prod-02' is not among the machines" in said
    assert "db-prod-01" in said


def test_a_file_that_is_not_yaml_is_refused_with_the_line() -> None:
    said = _broken(lambda text: text.replace("vault: {name", "vault: {{name"))
    assert said.startswith("shop.yaml:")


def test_a_missing_file_is_refused_in_words() -> None:
    with pytest.raises(EstateError, match=r"nowhere\.yaml: cannot be read"):
        load_estate(SHOP.with_name("nowhere.yaml"))


def test_a_fleet_has_as_many_members_as_wanted_spread_over_the_tiers() -> None:
    estate = make_estate(7, 3)
    assert [item.name for item in estate.items] == [
        "t01-m001",
        "t01-m002",
        "t01-m003",
        "t02-m001",
        "t02-m002",
        "t03-m001",
        "t03-m002",
    ]
    addresses = {machine.private_ip for machine in make_estate(1000, 4).machines}
    assert len(addresses) == 1000


def test_a_fleet_with_more_tiers_than_members_is_refused() -> None:
    with pytest.raises(EstateError, match="2 members in 3 tiers"):
        make_estate(2, 3)
