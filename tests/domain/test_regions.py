from __future__ import annotations

import pytest

from domain.regions import KNOWN, display_name, known_region, region_key, regions_in


@pytest.mark.parametrize("name", ["eastus", "East US", "EastUS", "EAST US"])
def test_a_region_is_known_however_it_is_written(name: str) -> None:
    assert known_region(name) == "eastus"


def test_every_region_reads_back() -> None:
    assert len(KNOWN) > 60
    for key, name in KNOWN.items():
        assert known_region(name) == key == region_key(key)
        assert display_name(key) == name


@pytest.mark.parametrize(
    ("wrong", "mend"),
    [
        ("eatsus", "did you mean eastus"),
        ("west-us-2", "did you mean westus2"),
        ("xx", "use a name such as eastus or westus"),
        ("", "use a name such as"),
    ],
)
def test_an_unknown_region_is_refused_with_the_nearest_names(wrong: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend) as refused:
        known_region(wrong)
    assert repr(wrong) in str(refused.value)


def test_a_region_nobody_knows_is_shown_as_it_is() -> None:
    assert display_name("atlantis") == "atlantis"


def test_a_region_is_found_in_a_host_and_in_an_id_and_the_longer_name_counts() -> None:
    assert regions_in("rg-eastus2-WestUS") == ["eastus2", "westus"]
    assert regions_in("https://stleewardeastus.blob.core.windows.net") == ["eastus"]
    assert regions_in("East US") == ["eastus"]
    assert regions_in("https://leeward.example.com") == []
