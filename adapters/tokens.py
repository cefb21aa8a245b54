"""Access tokens of Microsoft Entra ID: who sent a request, proved by the tenant's signature."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import jwt
import requests
from jwt.algorithms import RSAAlgorithm
from urllib3.exceptions import HTTPError

from domain.caller import Caller, Role
from domain.errors import Permanent, Transient

ALGORITHMS = ("RS256",)
LEEWAY_SECONDS = 60
LONGEST_TOKEN = 16_384
LONGEST_NAME = 200
LONGEST_ID = 100
LEAST_KEY_BITS = 2048
MOST_KEYS = 100

FETCH_TIMEOUT = (3.05, 5)
LARGEST_DOCUMENT = 1_000_000
# Entra announces keys well before it signs with them; an unknown one is looked for at once, but not for every forgery.
FRESH_SECONDS = 3600.0
FETCH_AGAIN_SECONDS = 30.0

log = logging.getLogger("leeward.tokens")
Keys = Mapping[str, Any]


class SigningKeys:
    """The public keys that a tenant signs with; those once fetched serve for as long as none newer can be had."""

    def __init__(self, issuer: str, now: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._now = now
        self._keys: Keys = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching = threading.Lock()

    def key(self, kid: str) -> Any:
        """Return a key by its id; raises Permanent for one there is not, Transient where nobody can say."""
        known = self._keys.get(kid)
        if known is not None:
            if self._stale():
                self.refresh_soon()
            return known
        sure = self.refresh()
        if kid in self._keys:
            return self._keys[kid]
        if sure:
            raise Permanent("token-refused", "the tenant has no such key as the token names")
        after = timedelta(seconds=FETCH_AGAIN_SECONDS)
        raise Transient("keys-unreachable", "the keys of the tenant cannot be fetched now", after)

    def refresh(self) -> bool:
        """Fetch the keys unless that was tried just now; say whether the last try went well.

        What was fetched before stays when the tenant does not answer.
        """
        # Whoever has no keys at all waits for the one that fetches; others need not.
        if not self._fetching.acquire(blocking=not self._keys):
            return False
        try:
            at = self._now()
            if self._tried_at is None or at - self._tried_at >= FETCH_AGAIN_SECONDS:
                self._tried_at = at
                self._keys = _fetched(self._issuer)
                self._fetched_at = at
        except (OSError, HTTPError, ValueError) as error:
            log.warning("the keys of %s could not be fetched: %s", self._issuer, error)
        finally:
            self._fetching.release()
        return self._fetched_at is not None and self._fetched_at == self._tried_at

    def refresh_soon(self) -> None:
        """Fetch the keys in the background."""
        at = self._now()
        if self._tried_at is None or at - self._tried_at >= FETCH_AGAIN_SECONDS:
            threading.Thread(target=self.refresh, name="tenant-keys", daemon=True).start()

    def _stale(self) -> bool:
        return self._fetched_at is None or self._now() - self._fetched_at > FRESH_SECONDS


class EntraTokens:
    """Verifies the access tokens (version 2.0) that a tenant issues for this app."""

    def __init__(self, authority: str, tenant: str, audience: str) -> None:
        self._issuer = f"{authority.rstrip('/')}/{tenant}/v2.0"
        self._tenant = tenant
        self._audience = audience
        self._keys = SigningKeys(self._issuer)

    def warm(self) -> None:
        """Begin to fetch the keys: the first caller of a bad night must not depend on that."""
        self._keys.refresh_soon()

    def verify(self, token: str) -> Caller:
        """Return who a token speaks for; raises Permanent with the reason, or Transient without keys."""
        if len(token) > LONGEST_TOKEN:
            raise Permanent("token-refused", "the token is too long")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise Permanent("token-refused", f"the token is not signed with {ALGORITHMS[0]}")
            claims = jwt.decode(
                token,
                self._keys.key(str(header.get("kid"))),
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "nbf", "iss", "aud"], "strict_aud": True},
            )
        except jwt.PyJWTError as error:
            raise Permanent("token-refused", _reason(error)) from error
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            raise Permanent("token-refused", "the token is malformed") from error
        return self._caller(claims)

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        if claims.get("tid") != self._tenant:
            raise Permanent("token-refused", "the token is of another tenant")
        oid = claims.get("oid")
        if not isinstance(oid, str) or not 0 < len(oid) <= LONGEST_ID:
            raise Permanent("token-refused", "the token does not say whom it speaks for")
        # Only a person's token carries scopes: what may be either counts as an app, which can never approve.
        is_app = claims.get("idtyp") == "app" or not claims.get("scp")
        held = claims.get("roles")
        return Caller(
            id=oid.casefold(),
            name=_name(claims, is_app) or oid,
            roles=frozenset(role for role in Role if isinstance(held, list) and role.value in held),
            is_app=is_app,
            held=frozenset(map(str, held)) if isinstance(held, list) else frozenset(),
        )


def _fetched(issuer: str) -> Keys:
    """Return the keys that the tenant's discovery document leads to; raises OSError, HTTPError or ValueError."""
    document = _json(f"{issuer}/.well-known/openid-configuration")
    if document.get("issuer") != issuer:
        raise ValueError(f"the discovery document is of issuer {document.get('issuer')!r}")
    found = _json(str(document.get("jwks_uri"))).get("keys")
    keys = dict(_rsa_keys(found if isinstance(found, list) else []))
    if not keys:
        raise ValueError("the tenant names no RSA key to verify with")
    return keys


def _json(url: str) -> Mapping[str, Any]:
    if not url.startswith("https://"):
        raise ValueError(f"{url[:200]!r} is not reached over https")
    with requests.get(url, timeout=FETCH_TIMEOUT, allow_redirects=False, stream=True) as answer:
        answer.raise_for_status()
        content = answer.raw.read(LARGEST_DOCUMENT + 1, decode_content=True)
    if answer.status_code != requests.codes.ok or len(content) > LARGEST_DOCUMENT:
        raise ValueError(f"{url} was answered with {answer.status_code}, {len(content)} bytes")
    value = json.loads(content)
    return value if isinstance(value, dict) else {}


def _rsa_keys(entries: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    for entry in list(entries)[:MOST_KEYS]:
        if not isinstance(entry, dict) or entry.get("kty") != "RSA" or "d" in entry:
            continue
        if entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = RSAAlgorithm.from_jwk(entry)
        except (jwt.InvalidKeyError, ValueError, TypeError):
            continue
        if key.key_size >= LEAST_KEY_BITS:
            yield entry["kid"], key


def _reason(error: jwt.PyJWTError) -> str:
    """Return what is wrong with a token, in words that give nothing away."""
    reasons: dict[type[jwt.PyJWTError], str] = {
        jwt.ExpiredSignatureError: "the token has expired; get a new one",
        jwt.ImmatureSignatureError: "the token is not valid yet",
        jwt.InvalidAudienceError: "the token is made out to another app",
        jwt.InvalidIssuerError: "the token is of another issuer; version 2.0 tokens are taken",
        jwt.InvalidSignatureError: "the signature of the token does not fit",
        jwt.MissingRequiredClaimError: "the token lacks a claim it must have",
    }
    return reasons.get(type(error), "the token is malformed")


def _name(claims: Mapping[str, Any], is_app: bool) -> str:
    keys = ("app_displayname", "azp") if is_app else ("preferred_username", "upn", "name")
    for key in keys:
        value = claims.get(key)
        if isinstance(value, str) and value.strip():
            plain = "".join(char if char.isprintable() else " " for char in value)
            return plain.strip()[:LONGEST_NAME]
    return ""
