"""The one place that knows how Azure's libraries fail, and what each failure means for a step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from domain.errors import Permanent, StepError, Transient

AGENT = "leeward-"
"""What each identity's user agent begins with; its name follows."""

# ARM says "another operation is in progress" in these words; it is a matter of waiting, not a rate limit.
WAIT_CODES = {
    "RetryableErrorDueToAnotherOperation",
    "AnotherOperationInProgress",
    "OperationNotAllowedNow",
}
# No source tells Site Recovery's own code for it, so a 409 is waited out too, unless it is known to stay.
WAIT_STATUSES = {408, 409, 429, 500, 502, 503, 504}
STAYING_CODES = {"ScopeLocked"}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what azure-core raises inside into a StepError that says what was being done."""
    try:
        yield
    except AzureError as error:
        raise translate(error, doing) from error


def translate(error: AzureError, doing: str) -> StepError:
    """Return the StepError that an azure-core error amounts to."""
    if isinstance(error, ClientAuthenticationError):
        return _by_identity(error, doing)
    if isinstance(error, DecodeError) or (
        isinstance(error, HttpResponseError) and error.status_code is None
    ):
        return Transient("no_answer", f"{doing}: Azure's answer broke off: {error.message}")
    if isinstance(error, HttpResponseError):
        return _by_answer(error, doing)
    if isinstance(error, ServiceResponseError):
        return Transient(
            "no_answer", f"{doing}: Azure took the request but did not answer: {error.message}"
        )
    if isinstance(error, ServiceRequestError):
        return Transient("not_reached", f"{doing}: Azure could not be reached: {error.message}")
    return Permanent("azure_error", f"{doing}: {error.message}")


def _by_identity(error: ClientAuthenticationError, doing: str) -> StepError:
    """A refused token is final; an identity endpoint that gives none may be as ill as the region next door."""
    if getattr(error.response, "status_code", None) in (400, 401, 403):
        return Permanent(
            "not_authenticated",
            f"{doing}: Azure did not accept the app's identity: {error.message}",
        )
    return Transient("no_token", f"{doing}: no token could be had: {error.message}")


def _by_answer(error: HttpResponseError, doing: str) -> StepError:
    code, said = _said(error)
    text = f"{doing}: Azure answered {error.status_code} {code}: {said}"
    waits = error.status_code in WAIT_STATUSES and code not in STAYING_CODES
    if waits or code in WAIT_CODES:
        return Transient(_snake(code) or "azure_busy", text, retry_after(error))
    if error.status_code == 404:
        return Permanent("not_found", text)
    if error.status_code in (401, 403):
        return Permanent("not_allowed", f"{text}{_asked_as(error)}")
    return Permanent(_snake(code) or "refused", text)


def _asked_as(error: HttpResponseError) -> str:
    """Return which identity was refused and where its role is explained; Azure names it by a GUID alone."""
    request = getattr(error.response, "request", None)
    agent = getattr(request, "headers", {}).get("User-Agent", "")
    found = re.match(rf"{AGENT}(\w+) ", agent)
    return (
        f" (asked as the identity {found[1]}; docs/permissions.md lists its role)" if found else ""
    )


def _said(error: HttpResponseError) -> tuple[str, str]:
    """Return ARM's code and sentence; its detail says more than its top."""
    if error.error is None:
        return "", str(error.reason or error.message)
    detail = next(iter(error.error.details or ()), None)
    code = str(error.error.code or "")
    message = str((detail and detail.message) or error.error.message or error.message)
    return (str(detail.code) if detail and detail.code else code), message


def retry_after(error: AzureError) -> timedelta | None:
    """Return the server's wish, if it stated one; it does so in whole seconds."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    value = headers.get("Retry-After", "")
    return timedelta(seconds=int(value)) if value.isdecimal() else None


def _snake(code: str) -> str:
    return (
        "".join(f"_{c.lower()}" if c.isupper() else c for c in code).strip("_").replace("__", "_")
    )
