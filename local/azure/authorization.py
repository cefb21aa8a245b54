"""Microsoft.Authorization as far as it is simulated: what the caller may do, on a resource group or a resource."""

from __future__ import annotations

from dataclasses import dataclass

from local.azure.arm import Answer, Call, Route, route
from local.azure.permissions import Permissions, action_of

VERSIONS = r"2015-07-01|2018-0[157]-01(-preview)?|2022-04-01|2022-05-01-preview"
OWN = "providers/Microsoft.Authorization/permissions"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_RESOURCE = f"{_GROUP}/providers/{{namespace}}/{{kind}}/{{name}}"


@dataclass(frozen=True, slots=True)
class Authorization:
    """Answers who asks for their own permissions."""

    permissions: Permissions

    def routes(self) -> list[Route]:
        """Return the operations that are simulated."""
        return [
            route("GET", f"{scope}/{OWN}", "permissions/list", VERSIONS, self.own)
            for scope in (_GROUP, _RESOURCE)
        ]

    def own(self, call: Call) -> Answer:
        """List what the caller may do here: one entry for each grant at this scope or above it."""
        _, scope = action_of(call.method, call.path)
        entries = [
            {
                "actions": list(grant.actions),
                "notActions": [],
                "dataActions": [],
                "notDataActions": [],
            }
            for grant in self.permissions.held(call.identity, scope)
        ]
        return Answer(200, {"value": entries})
