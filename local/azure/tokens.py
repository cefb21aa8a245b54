"""Access tokens, as App Service hands them to a managed identity."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from local.azure.refusals import Refusal

LIFETIME_SECONDS = 3600
STORAGE_AUDIENCE = "https://storage.azure.com"
ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was issued: for what, to whom, and until which real (not story) time."""

    value: str
    audience: str
    client_id: str
    expires_on: int


class TokenOffice:
    """Issues tokens and knows the ones it issued; they expire in real time, as the SDK counts."""

    def __init__(self, name_of: Callable[[str], str | None]) -> None:
        """Take who knows the identities by their client ids; no client id is the system-assigned one's."""
        self._name_of = name_of
        self.header = secrets.token_hex(16)
        self._issued: dict[str, Token] = {}

    def grant(
        self, header: str, resource: str, api_version: str, client_id: str
    ) -> tuple[int, dict[str, Any]]:
        """Answer a request of a managed identity: status and body."""
        if header != self.header:
            return 401, {"statusCode": 401, "message": "X-IDENTITY-HEADER is wrong"}
        if not resource or api_version != "2019-08-01":
            why = "resource and api-version 2019-08-01 are required"
            return 400, {"statusCode": 400, "message": why}
        if self._name_of(client_id) is None:
            # simulated: no recording shows what App Service says to a client id that it does not have
            why = "No user-assigned managed identity has the client_id that was asked for"
            return 400, {"statusCode": 400, "message": why}
        token = self.issue(resource, client_id)
        return 200, {
            "access_token": token.value,
            "expires_on": str(token.expires_on),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client_id,
        }

    def issue(self, resource: str, client_id: str) -> Token:
        """Issue a token for a resource."""
        expires = int(time.time()) + LIFETIME_SECONDS
        audience = resource.rstrip("/")
        value = f"sim.{secrets.token_urlsafe(32)}"
        if audience == STORAGE_AUDIENCE:
            value = storage_token(client_id, expires)
        token = Token(value, audience, client_id, expires)
        self._issued[token.value] = token
        return token

    def expire(self) -> None:
        """Let every token that was issued so far be past its time."""
        self._issued = {
            value: replace(token, expires_on=0) for value, token in self._issued.items()
        }

    def admit(self, authorization: str, audiences: tuple[str, ...] | None) -> Token:
        """Return the token that a request carries; raises Refusal (401) without a good one."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value:
            raise _unauthorized(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            )
        token = self._issued.get(value)
        if token is None:
            raise _unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
        if token.expires_on <= time.time():
            raise _unauthorized("ExpiredAuthenticationToken", "The access token expiry is past.")
        if audiences is not None and token.audience not in audiences:
            raise _unauthorized(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for audience '{token.audience}', "
                f"use one of {', '.join(audiences)}.",
            )
        return token


def storage_token(client_id: str, expires: int) -> str:
    """Return a token that Azurite reads, version 1.0 as Storage gets it; Azurite verifies no signature."""
    began = expires - LIFETIME_SECONDS - 300
    claims = {
        "aud": STORAGE_AUDIENCE,
        "iss": f"https://sts.windows.net/{client_id}/",
        "iat": began,
        "nbf": began,
        "exp": expires,
        "appid": client_id,
        "ver": "1.0",
    }
    parts = [json.dumps(part).encode() for part in ({"typ": "JWT", "alg": "RS256"}, claims)]
    parts.append(secrets.token_bytes(32))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _unauthorized(code: str, message: str) -> Refusal:
    challenge = (
        'Bearer authorization_uri="https://login.windows.net/common", '
        f'error="invalid_token", error_description="{message}"'
    )
    return Refusal(401, code, message, headers=(("www-authenticate", challenge),))
