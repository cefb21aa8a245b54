"""The door of ARM: finds the operation, checks token, api-version and budget, lets faults strike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from local.azure.buckets import GLOBAL_FACTOR, Buckets
from local.azure.estate import Estate
from local.azure.faults import AT_THE_DOOR, IN_THE_JOB, Fault, Faults
from local.azure.permissions import Permissions, action_of
from local.azure.refusals import Refusal
from local.azure.tokens import ARM_AUDIENCES, TokenOffice

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Call:
    """One request on its way through the simulator."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    raw_body: bytes
    now: datetime
    base: str
    operation: str = "unknown"
    identity: str = ""
    action: str = ""
    params: dict[str, str] = field(default_factory=dict)
    client_request_id: str = ""
    correlation_id: str = field(default_factory=lambda: str(uuid4()))
    accepted: bool = False
    lost: bool = False
    wait_seconds: float = 0.0
    job_fault: Callable[[str], Fault | None] = lambda item: None
    leftover: Callable[[str], tuple[str, ...] | None] = lambda item: None

    @property
    def item(self) -> str:
        """Return the name of the thing the request is about."""
        for name in ("item", "job", "plan", "endpoint", "profile", "vm"):
            if name in self.params:
                return self.params[name]
        return ""

    @property
    def api_version(self) -> str:
        """Return the api-version asked for."""
        return self.argument("api-version")

    def argument(self, name: str) -> str:
        """Return one query argument, or an empty text; names ignore case."""
        for key, values in parse_qs(self.query).items():
            if key.lower() == name.lower():
                return values[0]
        return ""

    def body(self) -> dict[str, Any]:
        """Return the JSON body; an absent one is an empty object."""
        if not self.raw_body.strip():
            return {}
        try:
            body = json.loads(self.raw_body)
        except ValueError as error:
            raise Refusal(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: '{error}'.",
            ) from error
        if not isinstance(body, dict):
            raise Refusal(400, "InvalidRequestContent", "The request content is not an object.")
        return body

    def body_list(self) -> list[dict[str, Any]]:
        """Return the JSON body of the event topic: an event, or a list of events."""
        try:
            body = json.loads(self.raw_body)
        except ValueError as error:
            raise Refusal(400, "BadRequest", f"The events are not JSON: {error}.") from error
        events = body if isinstance(body, list) else [body]
        if not all(isinstance(event, dict) for event in events):
            raise Refusal(400, "BadRequest", "Every event must be an object.")
        return events

    def as_matched(self) -> dict[str, str]:
        """Return what the patterns of a fault are held against."""
        return {
            "operation": self.operation,
            "item": self.item,
            "method": self.method,
            "path": self.path,
        }


@dataclass(slots=True)
class Answer:
    """A response: status, JSON body or plain text or none, and headers beyond the usual."""

    status: int
    body: Any = None
    headers: Headers = field(default_factory=list)
    accepted: bool = False
    text: str | None = None


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """An operation: its method and path, the api-versions it knows, and who answers."""

    method: str
    pattern: re.Pattern[str]
    operation: str
    versions: re.Pattern[str]
    handler: Handler


def route(method: str, template: str, operation: str, versions: str, handler: Handler) -> Route:
    """Make a route from a path template; paths ignore case, as in ARM."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template.rstrip("/"))
    return Route(
        method,
        re.compile(f"{pattern}/?", re.IGNORECASE),
        operation,
        re.compile(versions),
        handler,
    )


class Arm:
    """Answers every request to the management endpoint."""

    def __init__(
        self,
        estate: Estate,
        routes: Iterable[Route],
        tokens: TokenOffice,
        permissions: Permissions,
        buckets: Buckets,
        faults: Faults,
        set_region: Callable[[str, bool, datetime], None],
        settle: Callable[[datetime], None],
    ) -> None:
        self._estate = estate
        self._routes = list(routes)
        self._tokens = tokens
        self._permissions = permissions
        self._buckets = buckets
        self._faults = faults
        self._set_region = set_region
        self._settle = settle

    def answer(self, call: Call) -> Answer:
        """Answer one request; never raises for what a client can do wrong."""
        call.client_request_id = call.headers.get("x-ms-client-request-id", "")
        found = self._find(call)
        budget: Headers = []
        try:
            budget = self._admit(call, found)
            answer = self._strike(call)
            if answer is None:
                assert found is not None
                self._settle(call.now)
                call.job_fault = lambda item: self._job_fault(call, item)
                call.leftover = lambda item: self._leftover(call, item)
                answer = found.handler(call)
                whole = self._permissions.subscription_listed(call.method, call.path)
                if whole:
                    shown = self._permissions.shown(call.identity, call.action, whole, answer.body)
                    answer.body = shown
                call.lost = answer.status < 300 and self._lose(call)
        except Refusal as refusal:
            body = refusal.body(call.client_request_id, call.correlation_id)
            answer = Answer(refusal.status, body, list(refusal.headers))
        call.accepted = answer.accepted
        answer.headers = [*self._usual(call, answer), *answer.headers, *budget]
        return answer

    def _find(self, call: Call) -> Route | None:
        for candidate in self._routes:
            match = candidate.pattern.fullmatch(call.path)
            if match and candidate.method == call.method:
                call.operation = candidate.operation
                call.params = match.groupdict()
                return candidate
        return None

    def _admit(self, call: Call, found: Route | None) -> Headers:
        token = self._tokens.admit(call.headers.get("authorization", ""), ARM_AUDIENCES)
        call.identity = self._permissions.name_of(token.client_id) or token.client_id
        if not call.api_version:
            raise Refusal(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        if found is None:
            raise Refusal(
                404,
                "InvalidResourceType",
                f"The resource type could not be found for '{call.method} {call.path}'. "
                "The simulator answers only what docs/local.md lists.",
            )
        named = call.params.get("subscription", self._estate.subscription)
        if named.lower() not in (one.lower() for one in self._estate.subscriptions):
            raise Refusal(
                404, "SubscriptionNotFound", f"The subscription '{named}' could not be found."
            )
        call.action, _ = action_of(call.method, call.path)
        self._permissions.admit(token.client_id, call.method, call.path)
        group = call.params.get("group", "")
        if group and self._estate.subscription_of(group).lower() != named.lower():
            raise Refusal(
                404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found."
            )
        if not found.versions.fullmatch(call.api_version):
            raise Refusal(
                400,
                "NoRegisteredProviderFound",
                f"No registered resource provider found for API version '{call.api_version}' "
                f"and operation '{found.operation}'.",
            )
        return self._spend(call, named, token.client_id)

    def _spend(self, call: Call, subscription: str, principal: str) -> Headers:
        kind = "reads" if call.method == "GET" else "writes"
        wait, left = self._buckets.take(subscription, principal, kind, call.now)
        budget = [
            (f"x-ms-ratelimit-remaining-subscription-{kind}", str(left)),
            (f"x-ms-ratelimit-remaining-subscription-global-{kind}", str(left * GLOBAL_FACTOR)),
        ]
        if wait:
            raise Refusal(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of {kind} for subscription '{subscription}' exceeded the limit. "
                f"Please try again after '{wait}' seconds.",
                headers=(("retry-after", str(wait)), *budget),
            )
        return budget

    def _strike(self, call: Call) -> Answer | None:
        for fault in self._faults.striking(AT_THE_DOOR, call.as_matched()):
            if fault.kind == "slow":
                call.wait_seconds += fault.seconds
            elif fault.kind == "region_down":
                self._set_region(fault.region, True, call.now)
            else:
                raise _scripted(fault)
        return None

    def _leftover(self, call: Call, item: str) -> tuple[str, ...] | None:
        request = call.as_matched() | {"item": item}
        for fault in self._faults.striking(frozenset({"leftover"}), request):
            return fault.what
        return None

    def _job_fault(self, call: Call, item: str) -> Fault | None:
        request = call.as_matched() | {"item": item}
        return next(iter(self._faults.striking(IN_THE_JOB, request)), None)

    def _lose(self, call: Call) -> bool:
        return bool(self._faults.striking(frozenset({"lost"}), call.as_matched()))

    def _usual(self, call: Call, answer: Answer) -> Headers:
        headers: Headers = [
            ("cache-control", "no-cache"),
            ("date", format_datetime(call.now, usegmt=True)),
            ("expires", "-1"),
            ("pragma", "no-cache"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("x-ms-correlation-request-id", call.correlation_id),
            (
                "x-ms-routing-request-id",
                f"SIMULATOR:{call.now:%Y%m%dT%H%M%SZ}:{call.correlation_id}",
            ),
        ]
        if call.client_request_id:
            headers.append(("x-ms-client-request-id", call.client_request_id))
        if not any(name == "x-ms-request-id" for name, _ in answer.headers):
            headers.append(("x-ms-request-id", str(uuid4())))
        if answer.text is not None:
            headers.append(("content-type", "text/plain; charset=utf-8"))
        if answer.body is not None:
            headers += [
                ("content-type", "application/json; charset=utf-8"),
                ("server", "Kestrel"),
                ("vary", "Accept-Encoding"),
            ]
        return headers


def _scripted(fault: Fault) -> Refusal:
    retry = (("retry-after", str(fault.retry_after)),) if fault.retry_after is not None else ()
    if fault.kind == "throttle":
        return Refusal(
            429,
            fault.code or "SubscriptionRequestsThrottled",
            fault.message or "Number of requests exceeded the limit.",
            headers=retry,
        )
    return Refusal(
        fault.status,
        fault.code or "ServerUnavailable",
        fault.message or "The server is temporarily unable to service the request.",
        headers=retry,
    )
