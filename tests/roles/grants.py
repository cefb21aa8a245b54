"""The shop's Azure with its identities holding what the templates give them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.roles.table import IDENTITIES, UNSEEN, read_roles

SUBSCRIPTION = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b"
VAULT = "resourceGroups/shop-dr/providers/Microsoft.RecoveryServices/vaults/shop-vault"
OPS = "resourceGroups/shop-ops/providers/Microsoft.Automation/automationAccounts/shop-ops"
PROFILE = "resourceGroups/shop-edge/providers/Microsoft.Network/trafficManagerProfiles/shop"
PLACES = {
    "vault": (VAULT,),
    "profile": (PROFILE,),
    "group": ("resourceGroups/shop-east", "resourceGroups/shop-west"),
    "automation": (OPS,),
}


def grant(estate: dict[str, Any], roles: Iterable[str] | None = None) -> None:
    """Write into an estate's file what each identity holds where; only some roles, if they are named."""
    found = {key: role for key, role in read_roles().items() if key not in UNSEEN}
    estate["identities"] = [
        {
            "name": name,
            "may": [
                {"scope": f"{SUBSCRIPTION}/{scope}", "actions": list(role.actions)}
                for key, role in found.items()
                if role.identity == name and key in (roles or found)
                for place in role.at
                for scope in PLACES[place]
            ],
        }
        for name in IDENTITIES
    ]
