"""The shop in a subscription apart from its vault's, its identities holding what the templates give them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.roles.table import IDENTITIES, UNSEEN, read_roles

SUBSCRIPTION = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b"
APART = "7a20e9f6-41c5-4b62-9f0e-2f1f6f3f8b21"
APPLICATIONS = f"/subscriptions/{APART}"
VAULT = "resourceGroups/shop-dr/providers/Microsoft.RecoveryServices/vaults/shop-vault"
OPS = "resourceGroups/shop-ops/providers/Microsoft.Automation/automationAccounts/shop-ops"
PROFILE = "resourceGroups/shop-edge/providers/Microsoft.Network/trafficManagerProfiles/shop"
GROUPS = ("shop-east", "shop-west")
PLACES = {
    "vault": (f"{SUBSCRIPTION}/{VAULT}",),
    "profile": (f"{SUBSCRIPTION}/{PROFILE}",),
    "group": tuple(f"{APPLICATIONS}/resourceGroups/{group}" for group in GROUPS),
    "automation": (f"{SUBSCRIPTION}/{OPS}",),
}


def plan_apart(plan: dict[str, Any]) -> None:
    """Name a plan's machines, networks and cache accounts in another subscription than its vault and profile."""
    text = json.dumps(plan)
    for group in GROUPS:
        lies = f"/resourceGroups/{group}"
        text = text.replace(f"{SUBSCRIPTION}{lies}", f"{APPLICATIONS}{lies}")
    plan.update(json.loads(text))


def estate_apart(estate: dict[str, Any]) -> None:
    """Put them there."""
    estate["other_subscriptions"] = [{"id": APART, "resource_groups": [*GROUPS]}]


def grants(identity: str, roles: Iterable[str] | None = None) -> Iterator[tuple[str, list[str]]]:
    """Yield where an identity may do what; only by some roles, if they are named."""
    for key, role in read_roles().items():
        if key not in UNSEEN and role.identity == identity and (roles is None or key in roles):
            for place in role.at:
                yield from ((scope, list(role.actions)) for scope in PLACES[place])


def grant(estate: dict[str, Any], roles: Iterable[str] | None = None) -> None:
    """Write into an estate's file what each identity holds where, and put the shop apart from the vault."""
    estate_apart(estate)
    estate["identities"] = [
        {
            "name": name,
            "may": [{"scope": scope, "actions": actions} for scope, actions in grants(name, roles)],
        }
        for name in IDENTITIES
    ]
