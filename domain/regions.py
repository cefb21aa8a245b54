"""The names of Azure's public regions, as ARM and as people write them."""

from __future__ import annotations

from difflib import get_close_matches

_DISPLAY_NAMES = (
    "Australia Central",
    "Australia Central 2",
    "Australia East",
    "Australia Southeast",
    "Austria East",
    "Belgium Central",
    "Brazil South",
    "Brazil Southeast",
    "Canada Central",
    "Canada East",
    "Central India",
    "Central US",
    "Chile Central",
    "China East",
    "China East 2",
    "China East 3",
    "China North",
    "China North 2",
    "China North 3",
    "Denmark East",
    "East Asia",
    "East US",
    "East US 2",
    "France Central",
    "France South",
    "Germany North",
    "Germany West Central",
    "Indonesia Central",
    "Israel Central",
    "Italy North",
    "Japan East",
    "Japan West",
    "Jio India Central",
    "Jio India West",
    "Korea Central",
    "Korea South",
    "Malaysia West",
    "Mexico Central",
    "New Zealand North",
    "North Central US",
    "North Europe",
    "Norway East",
    "Norway West",
    "Poland Central",
    "Qatar Central",
    "South Africa North",
    "South Africa West",
    "South Central US",
    "South India",
    "Southeast Asia",
    "Spain Central",
    "Sweden Central",
    "Sweden South",
    "Switzerland North",
    "Switzerland West",
    "UAE Central",
    "UAE North",
    "UK South",
    "UK West",
    "US Gov Arizona",
    "US Gov Texas",
    "US Gov Virginia",
    "West Central US",
    "West Europe",
    "West India",
    "West US",
    "West US 2",
    "West US 3",
)


def region_key(name: str) -> str:
    """Return a region's name as ARM writes it: ``East US`` becomes ``eastus``."""
    return name.replace(" ", "").casefold()


KNOWN = {region_key(name): name for name in _DISPLAY_NAMES}


def known_region(name: str) -> str:
    """Return the ARM name of a region that Azure has; raises ValueError with the nearest names."""
    key = region_key(name)
    if key in KNOWN:
        return key
    near = get_close_matches(key, KNOWN, n=2)
    mend = f"did you mean {' or '.join(near)}?" if near else "use a name such as eastus or westus"
    raise ValueError(f"unknown region {name!r}; {mend}")


def display_name(region: str) -> str:
    """Return a region's name as people write it."""
    return KNOWN.get(region, region)


def regions_in(value: str) -> list[str]:
    """Return the regions that a host, an id or a path names, in order; where two names fit, the longer one counts."""
    flat = region_key(value)
    found: list[str] = []
    for region in sorted(KNOWN, key=len, reverse=True):
        if region in flat:
            found.append(region)
            flat = flat.replace(region, "|")
    return sorted(found)
