"""Who asked, what for, and whether they may: ARM's permissions, by the names of its providers' operations.

An action is named as the lists of provider operations name it: the kinds of resource in the path, then ``read``,
``write``, ``delete``, or what a POST asks for and ``action``.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from local.azure.estate import Estate, EstateError, Grant
from local.azure.refusals import Refusal

SYSTEM = "system"
"""Who asks for a token without saying as whom: the app's system-assigned identity."""
ENDINGS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
# As the lists of operations spell what paths spell otherwise; Azure ignores the case, people do not.
SPELLED = {
    name.lower(): name
    for name in (
        "Microsoft.Compute",
        "virtualMachines",
        "trafficManagerProfiles",
        "azureEndpoints",
        "externalEndpoints",
        "nestedEndpoints",
        "checkIpAddressAvailability",
    )
}
NAMELESS = "operationresults"
SEND_EVENTS = "Microsoft.EventGrid/events/send/action"


def action_of(method: str, path: str) -> tuple[str, str]:
    """Return the action of a request, and the scope that it is checked at.

    That is the resource itself, or for a list what holds it: a resource, a resource group, a subscription.
    """
    before, _, after = path.strip("/").rpartition("providers/")
    namespace, *parts = after.split("/")
    kinds: list[str] = [SPELLED.get(namespace.lower(), namespace)]
    named = True
    while parts:
        kinds.append(SPELLED.get(parts[0].lower(), parts[0]))
        named = len(parts) > 1
        goes_on = named and parts[1].lower() == NAMELESS
        parts = parts[1:] if goes_on else parts[2:]
    scope = f"/{path.strip('/')}"
    if not named:
        scope = scope.rpartition("/")[0]
        if len(kinds) == 2:
            scope = f"/{before.rstrip('/')}"
    ending = ENDINGS.get(method, "action")
    return "/".join((*kinds, ending)), scope


class Permissions:
    """The identities of an app, and what each was given; until one is given something, all may do everything."""

    def __init__(self, estate: Estate) -> None:
        self._clients = {
            str(uuid5(NAMESPACE_DNS, f"{identity.name}.{estate.subscription}")): identity.name
            for identity in estate.identities
        }
        self._given: dict[str, list[Grant]] = {}
        for identity in estate.identities:
            for grant in identity.may:
                self.give(identity.name, grant)

    @property
    def client_ids(self) -> dict[str, str]:
        """Return the client id of each identity by its name."""
        return {name: client for client, name in self._clients.items()}

    def name_of(self, client_id: str) -> str | None:
        """Return whose client id this is, None where it is nobody's."""
        return self._clients.get(client_id.lower()) if client_id else SYSTEM

    def give(self, identity: str, grant: Grant) -> None:
        """Let an identity do something somewhere; from the first time on, nobody may do what they were not given."""
        known = (*self._clients.values(), SYSTEM)
        if identity not in known:
            raise EstateError(f"there is no identity {identity!r}; use one of {', '.join(known)}")
        self._given.setdefault(identity, []).append(grant)

    def take(self, identity: str, scope: str) -> None:
        """Take back all that an identity was given at exactly this scope; raises EstateError where that is nothing."""
        kept = [g for g in self._given.get(identity, ()) if g.scope.lower() != scope.lower()]
        if len(kept) == len(self._given.get(identity, ())):
            raise EstateError(f"{identity!r} was given nothing at {scope}")
        self._given[identity] = kept

    def held(self, identity: str, scope: str) -> list[Grant]:
        """Return what an identity was given at a scope or above it; everything, until anybody is given something."""
        if not self._given:
            return [Grant(scope, ("*",))]
        return [g for g in self._given.get(identity, ()) if _within(scope, g.scope)]

    def clear(self) -> None:
        """Forget what was given: everybody may do everything again."""
        self._given.clear()

    def given(self) -> list[dict[str, Any]]:
        """Return what was given to whom."""
        return [
            {"identity": identity, "scope": grant.scope, "actions": list(grant.actions)}
            for identity, grants in self._given.items()
            for grant in grants
        ]

    def admit(self, client_id: str, method: str, path: str) -> None:
        """Let a request pass; raises Refusal (403) as ARM words it."""
        identity = self.name_of(client_id) or client_id
        action, scope = action_of(method, path)
        if self._may(identity, action, scope) or self._sees_some(identity, action, scope):
            return
        raise Refusal(
            403,
            "AuthorizationFailed",
            f"The client '{client_id or identity}' with object id '{client_id or identity}' does not have "
            f"authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials.",
        )

    def shown(self, identity: str, action: str, subscription: str, body: Any) -> Any:
        """Return a list of a whole subscription: what lies in it, without what the identity may not read."""
        if not (isinstance(body, dict) and isinstance(body.get("value"), list)):
            return body
        there = (one for one in body["value"] if _within(one["id"], subscription))
        return body | {"value": [one for one in there if self._may(identity, action, one["id"])]}

    def subscription_listed(self, method: str, path: str) -> str:
        """Return the id of the subscription that a request lists all of a kind of, empty where it does not."""
        scope = action_of(method, path)[1]
        return scope if method == "GET" and _is_subscription(scope) else ""

    def _may(self, identity: str, action: str, scope: str) -> bool:
        return any(_covers(grant.actions, action) for grant in self.held(identity, scope))

    def _sees_some(self, identity: str, action: str, scope: str) -> bool:
        """Say whether a list of the subscription has something to show; who may read nothing of it is refused."""
        return _is_subscription(scope) and any(
            _within(grant.scope, scope) and _covers(grant.actions, action)
            for grant in self._given.get(identity, ())
        )


def _is_subscription(scope: str) -> bool:
    return scope.lower().startswith("/subscriptions/") and scope.count("/") == 2


def _within(scope: str, holder: str) -> bool:
    return f"{scope}/".lower().startswith(f"{holder.rstrip('/')}/".lower())


def _covers(actions: Iterable[str], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in actions)
