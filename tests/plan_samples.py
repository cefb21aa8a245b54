"""Plans for tests: the smallest one that is valid, as the data that a plan file holds."""

from __future__ import annotations

import copy
from typing import Any

from domain.plan import Plan

SUBSCRIPTION = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b"
VAULT = f"{SUBSCRIPTION}/resourceGroups/dr/providers/Microsoft.RecoveryServices/vaults/v"
PROFILE = f"{SUBSCRIPTION}/resourceGroups/edge/providers/Microsoft.Network/trafficManagerProfiles/p"
SMALLEST: dict[str, Any] = {
    "schema": "leeward/plan/1",
    "name": "shop",
    "reach": ["*.example.com", "10.0.0.0/8", "ops.example.com"],
    "source": {"region": "eastus", "resource_group": f"{SUBSCRIPTION}/resourceGroups/east"},
    "target": {"region": "westus"},
    "vault": {"id": VAULT, "region": "westus", "fabric": "f", "container": "c"},
    "tiers": [{"name": "db", "members": [{"name": "db-01"}]}],
    "traffic": {
        "profile": PROFILE,
        "source": {"name": "east"},
        "target": {"name": "west"},
        "gate": {"probes": [{"http": "http://west.example.com/"}]},
        "verify": "http://shop.example.com/",
    },
}


def plan_data(**changes: Any) -> dict[str, Any]:
    """Return the smallest plan's data with some of its keys replaced."""
    return {**copy.deepcopy(SMALLEST), **changes}


def plan(**changes: Any) -> Plan:
    """Return the smallest plan with some of its keys replaced."""
    return Plan.model_validate(plan_data(**changes))


def tier(name: str, *members: str, after: list[str] | None = None) -> dict[str, Any]:
    """Return one tier's data."""
    data: dict[str, Any] = {
        "name": name,
        "members": [{"name": m} for m in members or (f"{name}-1",)],
    }
    return data if after is None else {**data, "after": after}


def protected_plan(*members: dict[str, Any], **changes: Any) -> Plan:
    """Return a plan of one tier that says how its members are protected."""
    group = f"{SUBSCRIPTION}/resourceGroups/net/providers"
    ends: dict[str, Any] = {
        "policy": {"name": "day"},
        "cache": {
            "source": f"{group}/Microsoft.Storage/storageAccounts/east",
            "target": f"{group}/Microsoft.Storage/storageAccounts/west",
        },
        "networks": {
            "source": f"{group}/Microsoft.Network/virtualNetworks/east",
            "target": f"{group}/Microsoft.Network/virtualNetworks/west",
        },
    }
    return plan(
        **{
            "target": {"region": "westus", "resource_group": f"{SUBSCRIPTION}/resourceGroups/west"},
            "vault": {
                **SMALLEST["vault"],
                "recovery_fabric": "rf",
                "recovery_container": "rc",
            },
            "protection": ends,
            "tiers": [{"name": "db", "members": list(members) or [{"name": "db-01"}]}],
            **changes,
        }
    )
