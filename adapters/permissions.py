"""What each identity may do in Azure, asked of Azure by that identity itself.

``GET {scope}/providers/Microsoft.Authorization/permissions`` tells the caller's own permissions at a scope, those from
above it included, one entry per role (Authorization REST, "Permissions - List For Resource", 2022-04-01). No SDK of
Authorization is among what ships, so the requests go through the pipeline of a client that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from adapters.azure_errors import translated
from adapters.identity import Identities
from domain.errors import Transient
from domain.grants import Grant, Identity
from domain.model import last_segment, segment_after

API_VERSION = "2022-04-01"
# It is asked beside the way of a failover, which must not wait for what it can do without.
BRIEFLY: dict[str, Any] = {"connection_timeout": 3, "read_timeout": 5}
MOST_PAGES = 10


class AzurePermissions:
    """The permissions that the app's identities have."""

    def __init__(self, identities: Identities) -> None:
        self._as = identities

    def granted(self, identity: Identity, scope: str) -> Sequence[Grant] | None:
        """Return what an identity may do on a resource, None where it may not even ask; raises StepError."""
        doing = f"listing what the identity {identity} may do on {last_segment(scope)}"
        client = self._as.itself(identity).site_recovery(segment_after(scope, "subscriptions"))
        where = f"{quote(scope)}/providers/Microsoft.Authorization/permissions"
        url = f"{where}?api-version={API_VERSION}"
        found: list[Grant] = []
        for _ in range(MOST_PAGES):
            with translated(doing):
                answer = client.send_request(HttpRequest("GET", url), **BRIEFLY)
                if _not_even_asked(answer):
                    return None
                if answer.status_code != 200:
                    raise HttpResponseError(response=answer)
            try:
                page = answer.json()
                found += [_grant(entry) for entry in page["value"]]
                url = page.get("nextLink") or ""
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise _unreadable(doing) from error
            if not url:
                return found
        raise _unreadable(doing)


def _not_even_asked(answer: Any) -> bool:
    if answer.status_code != 403:
        return False
    error = HttpResponseError(response=answer).error
    return error is not None and error.code == "AuthorizationFailed"


def _grant(entry: dict[str, Any]) -> Grant:
    return Grant(
        actions=tuple(entry.get("actions") or ()), excluded=tuple(entry.get("notActions") or ())
    )


def _unreadable(doing: str) -> Transient:
    return Transient("answer_unreadable", f"{doing}: the answer cannot be read")
