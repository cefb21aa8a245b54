"""A tenant of Microsoft Entra ID: its people and apps, and the tokens it signs for them.

Tokens, discovery document and keys have the shape of version 2.0. Simulated: any password and any secret is right, and
tokens are to be had without either over the control API.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from uuid import NAMESPACE_DNS, UUID, uuid4, uuid5

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.azure.arm import Answer, Call
from local.azure.estate import Account, Estate

LIFETIME_SECONDS = 3600
KEY_BITS = 2048
JSON = ("content-type", "application/json; charset=utf-8")


class UnknownAccount(Exception):
    """The tenant has nobody of that name."""


def new_private_key() -> rsa.RSAPrivateKey:
    """Return a key of the size that tenants sign with; making one takes a tenth of a second."""
    return rsa.generate_private_key(65537, KEY_BITS)


class _SigningKey:
    """One key pair of the tenant."""

    def __init__(self, private: rsa.RSAPrivateKey | None = None) -> None:
        self._private = private or new_private_key()
        self.id = secrets.token_urlsafe(20)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return the claims as a signed token."""
        header = {"typ": "JWT", "alg": "RS256", "kid": self.id}
        signed = f"{_base64(json.dumps(header))}.{_base64(json.dumps(claims))}"
        signature = self._private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"

    def public(self, issuer: str) -> dict[str, str]:
        """Return the public half as the tenant shows it."""
        numbers = self._private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.id,
            "n": _base64(numbers.n.to_bytes(KEY_BITS // 8)),
            "e": _base64(numbers.e.to_bytes(3)),
            "issuer": issuer,
        }


class Directory:
    """The tenant of one simulated Azure; its tokens expire in real time."""

    def __init__(self, estate: Estate, first_key: rsa.RSAPrivateKey | None = None) -> None:
        self._first_key = first_key
        self.tenant = str(uuid5(NAMESPACE_DNS, f"tenant.{estate.subscription}"))
        self.audience = str(uuid5(NAMESPACE_DNS, f"leeward.{estate.subscription}"))
        self.authority = ""
        self._accounts = estate.accounts
        self._keys: list[_SigningKey] = []
        self._lock = threading.Lock()

    @property
    def issuer(self) -> str:
        """Return the issuer of the tenant's tokens."""
        return f"{self.authority}/{self.tenant}/v2.0"

    def rotate(self) -> None:
        """Sign with a new key from now on; the old ones are shown no longer."""
        self._keys = [_SigningKey()]

    def token(self, name: str, /, **changes: Any) -> str:
        """Return a token for an account, by its name or what stands before the @; claims may be changed.

        A claim that is changed to None is left out.
        """
        claims = {**self._claims(self._account(name)), **changes}
        kept = {key: value for key, value in claims.items() if value is not None}
        return self._key().sign(kept)

    def serve(self, call: Call) -> Answer:
        """Answer one request to the tenant: discovery, keys or token."""
        below = call.path.removeprefix(f"/{self.tenant}/")
        routes = {
            ("GET", "v2.0/.well-known/openid-configuration"): ("discovery", self._discovery),
            ("GET", "discovery/v2.0/keys"): ("keys", self._shown_keys),
            ("POST", "oauth2/v2.0/token"): ("token", self._granted),
        }
        name, answer = routes.get((call.method, below), ("unknown", _not_found))
        call.operation = f"directory/{name}"
        answered = answer(call)
        answered.headers.append(JSON)
        return answered

    def _discovery(self, call: Call) -> Answer:
        at = f"{self.authority}/{self.tenant}"
        return Answer(
            200,
            {
                "token_endpoint": f"{at}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "jwks_uri": f"{at}/discovery/v2.0/keys",
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["token"],
                "issuer": self.issuer,
            },
        )

    def _shown_keys(self, call: Call) -> Answer:
        self._key()
        return Answer(200, {"keys": [key.public(self.issuer) for key in self._keys]})

    def _granted(self, call: Call) -> Answer:
        form = {k: v[0] for k, v in parse_qs(call.raw_body.decode("utf-8", "replace")).items()}
        names = {"password": "username", "client_credentials": "client_id"}
        name = names.get(form.get("grant_type", ""))
        if name is None:
            return _refused(400, "unsupported_grant_type", "AADSTS70003", "the grant type")
        scope = form.get("scope", "")
        if self.audience not in scope:
            return _refused(400, "invalid_scope", "AADSTS70011", f"the scope {scope[:80]!r}")
        try:
            account = self._account(form.get(name, ""))
        except UnknownAccount:
            return _refused(400, "invalid_grant", "AADSTS50034", "the account")
        if account.is_app is (name == "username"):
            return _refused(400, "invalid_grant", "AADSTS50034", "the kind of account")
        return Answer(
            200,
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME_SECONDS,
                "ext_expires_in": LIFETIME_SECONDS,
                "access_token": self.token(account.name),
            },
        )

    def _claims(self, account: Account) -> dict[str, Any]:
        now = int(time.time())
        oid = str(self._id(account))
        claims: dict[str, Any] = {
            "aud": self.audience,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
            "oid": oid,
            "roles": list(account.roles),
            "sub": oid,
            "tid": self.tenant,
            "uti": secrets.token_urlsafe(16),
            "ver": "2.0",
        }
        if account.is_app:
            return claims | {"azp": account.name, "azpacr": "1", "idtyp": "app"}
        return claims | {
            "azp": str(uuid5(UUID(self.tenant), "a public client")),
            "azpacr": "0",
            "name": account.name.partition("@")[0].capitalize(),
            "preferred_username": account.name,
            "scp": "access_as_user",
        }

    def _id(self, account: Account) -> UUID:
        return uuid5(UUID(self.tenant), account.name.lower())

    def _account(self, name: str) -> Account:
        for account in self._accounts:
            wanted = name.lower()
            if wanted in (account.name.lower(), account.name.lower().partition("@")[0]):
                return account
        known = ", ".join(account.name for account in self._accounts) or "nobody"
        raise UnknownAccount(f"{name!r} is not in the tenant; the estate names {known}")

    def _key(self) -> _SigningKey:
        """Return the key that signs; it is made when first needed, because that takes a while."""
        with self._lock:
            if not self._keys:
                self._keys = [_SigningKey(self._first_key)]
            return self._keys[-1]


def _refused(status: int, error: str, code: str, what: str) -> Answer:
    said = f"{code}: {what} is not known here."
    body = {"error": error, "error_description": said, "error_codes": [int(code[6:])]}
    return Answer(status, body | {"correlation_id": str(uuid4())})


def _not_found(call: Call) -> Answer:
    return Answer(404, {"error": "not_found", "error_description": f"{call.method} {call.path}"})


def _base64(value: str | bytes) -> str:
    content = value.encode() if isinstance(value, str) else value
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
