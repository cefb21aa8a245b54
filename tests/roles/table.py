"""The role files, who is given them where, and what is wrong with them in the light of what was asked of Azure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.grants import LISTING
from domain.route import EndpointType
from tests.infra.templates import INFRA

IDENTITIES = ("observe", "drill", "failover")
MODULES = {
    "vaultAccess": "vault",
    "profileAccess": "profile",
    "groupAccess": "group",
    "automationAccess": "automation",
}
PLACES = {
    "Microsoft.RecoveryServices/": "vault",
    "Microsoft.Network/trafficManagerProfiles/": "profile",
    "Microsoft.Automation/": "automation",
}
GRANT = re.compile(
    r"role: roles\.outputs\.names\.(\w+)\s+principal: identities\.outputs\.principalIds\.(\w+)"
)
# What the simulator cannot show: Azure looks at it by itself while it does what was asked.
UNSEEN = ("linked",)


@dataclass(frozen=True, slots=True)
class Role:
    """One role file: whose it is, where it is given, when, and each action with why it is needed."""

    key: str
    name: str
    description: str
    identity: str
    at: tuple[str, ...]
    only_when: str | None
    actions: Mapping[str, str]

    @property
    def file(self) -> str:
        """Return where it is written."""
        return f"infra/roles/{self.key}.json"


def read_roles() -> dict[str, Role]:
    """Return every role by the name of its file, in the order of their power."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (INFRA / "roles").iterdir()}
    order = (*IDENTITIES, "protect", *UNSEEN)
    return {key: _role(key, json.loads(texts[key])) for key in sorted(texts, key=order.index)}


def read_built_in() -> dict[str, dict[str, Any]]:
    """Return the built-in roles that the templates give, by their ids."""
    found: dict[str, dict[str, Any]] = json.loads(
        (INFRA / "built-in-roles.json").read_text(encoding="utf-8")
    )
    return found


def _role(key: str, told: Mapping[str, Any]) -> Role:
    return Role(
        key=key,
        name=told["name"],
        description=told["description"],
        identity=told["identity"],
        at=tuple(told["at"]),
        only_when=told.get("onlyWhen"),
        actions=told["actions"],
    )


def place_of(action: str) -> str:
    """Return where an action can be given: the vault, the profile, an Automation account, or a resource group."""
    return next((place for prefix, place in PLACES.items() if action.startswith(prefix)), "group")


def of_every_kind(actions: Iterable[str]) -> set[str]:
    """Return the actions with an endpoint's for every kind that a plan may name: the simulator has one kind."""
    external = EndpointType.EXTERNAL.value.lower()
    spelled = {kind.value[0].lower() + kind.value[1:] for kind in EndpointType}
    return {
        re.sub(external, kind, action, flags=re.IGNORECASE)
        for action in actions
        for kind in spelled
    }


def faults(roles: Mapping[str, Role], needed: Mapping[str, set[str]]) -> list[str]:
    """Return a sentence for every action that a role has for nothing, and for every one that it lacks."""
    said = []
    for key, role in roles.items():
        if key in UNSEEN:
            continue
        held = {action.lower(): action for action in role.actions}
        wanted = {action.lower(): action for action in needed.get(key, ())}
        said += [
            f"{role.file} holds {held[name]}, which nothing that Leeward does asks for; take it out"
            for name in sorted(held.keys() - wanted.keys())
        ]
        said += [
            f"{role.file} lacks {wanted[name]}, which Leeward asks for as {role.identity}; add it"
            for name in sorted(wanted.keys() - held.keys())
        ]
    return said


def misplaced(roles: Mapping[str, Role], main: str) -> list[str]:
    """Return where the templates give a role otherwise than its file says, or where it could do nothing."""
    blocks = {
        MODULES.get(block[1], block[1]): block[0]
        for block in re.finditer(r"^module (\w+) .*?^[\]}]$", main, re.DOTALL | re.MULTILINE)
    }
    given = {
        (role, who, place) for place, text in blocks.items() for role, who in GRANT.findall(text)
    }
    granted = re.search(r"^var (\w+) = union\(\n.*?^\)", main, re.DOTALL | re.MULTILINE)
    is_known = granted and f"subscriptionIds: {granted[1]}\n" in blocks["roles"]
    known = granted[0] if granted and is_known else ""
    granting = "".join(text for text in blocks.values() if GRANT.search(text))
    elsewhere = set(re.findall(r"scope: resourceGroup\((\w+\.subscription)\b", granting))
    elsewhere |= set(re.findall(r"for id in (\w+): \{", granting))
    meant = {(key, role.identity, place) for key, role in roles.items() for place in role.at}
    said = [
        f"main.bicep gives {r} to {w} at {p}, which its file does not say"
        for r, w, p in sorted(given - meant)
    ]
    said += [f"main.bicep does not give {r} to {w} at {p}" for r, w, p in sorted(meant - given)]
    said += [f"the roles are not known in {one}" for one in sorted(elsewhere) if one not in known]
    for key, role in roles.items():
        of_use = {place_of(action) for action in role.actions if action != LISTING}
        said += [f"{key} could do nothing at {place}" for place in sorted(set(role.at) - of_use)]
        said += [
            f"{key} is not given at {place}, where it has something to do"
            for place in sorted(of_use - set(role.at))
        ]
        guard = rf"{role.only_when}\s+\? \[\s+\{{\s+role: roles\.outputs\.names\.{key}\b"
        if role.only_when and not re.search(guard, main):
            said.append(f"main.bicep gives {key} unasked; it is for {role.only_when} alone")
    return said
