"""Write ``docs/permissions.md`` from the role files: ``python -m tests.roles.page``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.templates import ROOT
from tests.roles.table import Role, read_built_in, read_roles

PAGE = ROOT / "docs/permissions.md"
HEAD = """# Permissions

Leeward has three user-assigned managed identities: one looks (`OBSERVE_CLIENT_ID`), one rehearses
(`DRILL_CLIENT_ID`), one fails over (`FAILOVER_CLIENT_ID`). Which one a request goes out with follows from what the
request does, in `adapters/`; nobody who calls Leeward can choose. Each has a custom role of exactly the actions that it
asks for: a test runs everything that Leeward does against the simulated Azure, notes who asked for what, and fails on
an action too many or too few. Why it is so: [decision 25](decisions/0025-identities.md).

This page is written from `infra/roles/*.json` and `infra/built-in-roles.json` by `python -m tests.roles.page`.
"""
PLACES = {
    "vault": "the Recovery Services vault",
    "profile": "the Traffic Manager profile",
    "group": "each of `applicationResourceGroups`",
    "automation": "each of `automationAccountIds`",
}
LINKED = """
The simulator cannot show these: Azure looks at them by itself when it is asked to enable replication. They are what
Microsoft's page on role-based access for Site Recovery lists, without its `Microsoft.Resources/deployments/*`, which
the portal alone should need. A re-protection should do without: the same page lets the built-in Site Recovery Operator
re-protect, and that has of these only the reads of networks, storage accounts and resource groups (and the deployments
left out here). If it ends with `LinkedAuthorizationFailed` all the same, set `grantLinkedAccess`.
"""
BUILT_IN = """
## Built-in roles

What the Functions host and the events need is data, not a matter of Azure's resource manager; there are built-in roles
for it.

| role | who | where | why |
|---|---|---|---|
"""


def page(roles: Mapping[str, Role], built_in: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page."""
    parts = [HEAD, *(part for role in roles.values() for part in _section(role))]
    rows = (
        f"| {one['name']} | {one['holder']} | {one['at']} | {one['why']} |"
        for one in built_in.values()
    )
    return "".join((*parts, BUILT_IN, "\n".join(rows), "\n"))


def _section(role: Role) -> Iterator[str]:
    yield f"\n## {role.name}\n\n{role.description} Held by the identity `{role.identity}` on "
    yield f"{', '.join(PLACES[place] for place in role.at)}"
    yield f", only where `{role.only_when}` is set.\n" if role.only_when else ".\n"
    if role.key == "linked":
        yield LINKED
    yield "\n| action | why |\n|---|---|\n"
    for action, why in role.actions.items():
        yield f"| `{action}` | {why} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(read_roles(), read_built_in()), encoding="utf-8")
