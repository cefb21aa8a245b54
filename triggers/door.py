"""The one door of the HTTP API: who is calling, whether they may, how big, how fast; and no answer but a plain one."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import azure.durable_functions as df
import azure.functions as func

from domain.caller import Caller, Role
from domain.errors import StepError, Transient
from triggers.operation import Operation, operation_of
from triggers.pace import Pace
from triggers.web import BadBody, check_media_type, check_size, problem

Answers = Awaitable[func.HttpResponse]
Show = Callable[[func.HttpRequest, df.DurableOrchestrationClient], Answers]
Read = Callable[[func.HttpRequest], func.HttpResponse]
Act = Callable[[func.HttpRequest, df.DurableOrchestrationClient, Caller], Answers]
Guarded = TypeVar("Guarded", bound=Callable[..., Answers])
log = logging.getLogger("leeward.door")


class Tokens(Protocol):
    """Who can tell whom an access token speaks for."""

    def verify(self, token: str) -> Caller:
        """Return the caller; raises Permanent with the reason, or Transient when nobody can say now."""
        ...


# What every answer says to a browser that shows it; a page has a policy of its own.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
TRY_AGAIN_SECONDS = 10
# One may wait for the tenant's keys; the others go on with those that are known.
CHECKS_AT_ONCE = 4


class Refused(Exception):
    """The request goes no further; the answer says why."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.answer = problem(status, detail)
        for name, value in headers.items():
            self.answer.headers[name.replace("_", "-")] = value


@dataclass(frozen=True, slots=True)
class Door:
    """Lets a request through to its handler, or answers it here."""

    tokens: Tokens
    pace: Pace
    stance: str
    # Threads of its own: reads of a store that is silent may have taken every one that asyncio lends.
    checks: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(CHECKS_AT_ONCE, "door")
    )

    def shows(self, show: Show) -> Show:
        """Return the guarded form of a handler that changes nothing; its callers need the role to read."""

        async def guarded(
            req: func.HttpRequest, client: df.DurableOrchestrationClient
        ) -> func.HttpResponse:
            admitted = self._admit(req, Role.READ, lambda _: show(req, client))
            return self._stamped(await _plainly(admitted, show.__name__))

        return _named(guarded, show, Role.READ)

    def reads(self, read: Read) -> Callable[[func.HttpRequest], Answers]:
        """Return the guarded form of a handler that reads files: it needs no client, and runs in a thread."""

        async def guarded(req: func.HttpRequest) -> func.HttpResponse:
            admitted = self._admit(req, Role.READ, lambda _: asyncio.to_thread(read, req))
            return self._stamped(await _plainly(admitted, read.__name__))

        return _named(guarded, read, Role.READ)

    def acts(self, role: Role, act: Act) -> Show:
        """Return the guarded form of a handler that needs a role and is told who calls."""

        async def guarded(
            req: func.HttpRequest, client: df.DurableOrchestrationClient
        ) -> func.HttpResponse:
            admitted = self._admit(req, role, lambda caller: act(req, client, caller))
            return await _plainly(admitted, act.__name__)

        return _named(guarded, act, role)

    def opens(self, handle: Show) -> Show:
        """Return the guarded form of a handler that asks for no token: it has another proof of who sends."""

        async def sized(
            req: func.HttpRequest, client: df.DurableOrchestrationClient
        ) -> func.HttpResponse:
            check_size(req)
            answer = await handle(req, client)
            if answer.status_code >= HTTPStatus.BAD_REQUEST:
                # Of what is refused, as of bad tokens, an address gets no more than its share.
                self._slow_down(f"address {_address(req)}")
            return answer

        async def guarded(
            req: func.HttpRequest, client: df.DurableOrchestrationClient
        ) -> func.HttpResponse:
            return await _plainly(sized(req, client), handle.__name__)

        return _named(guarded, handle, None)

    def _stamped(self, shown: func.HttpResponse) -> func.HttpResponse:
        """Say with every view whether the app is active or stands by: of two apps, each shows its own runs alone."""
        shown.headers["Leeward-Stance"] = self.stance
        return shown

    async def _admit(
        self, req: func.HttpRequest, role: Role, then: Callable[[Caller], Answers]
    ) -> func.HttpResponse:
        caller = await self._admitted(req, role)
        check_size(req)
        check_media_type(req)
        return await then(caller)

    async def _admitted(self, req: func.HttpRequest, role: Role) -> Caller:
        try:
            # In a thread: now and then the tenant's keys have to be fetched first.
            loop, token = asyncio.get_running_loop(), _bearer(req)
            caller = await loop.run_in_executor(self.checks, self.tokens.verify, token)
        except Transient as error:
            after = math.ceil(error.after.total_seconds()) if error.after else 5
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, error.message, Retry_After=str(after)
            ) from error
        except StepError as error:
            self._slow_down(f"address {_address(req)}")
            log.warning("a token was refused: %s", error.message)
            challenge = 'Bearer error="invalid_token"'
            raise Refused(
                HTTPStatus.UNAUTHORIZED, error.message, WWW_Authenticate=challenge
            ) from error
        objection = caller.objection_to(role)
        if objection:
            log.warning("%s (%s) was refused: %s", caller.name, caller.id, objection)
            challenge = f'Bearer error="insufficient_scope", scope="{role.value}"'
            raise Refused(HTTPStatus.FORBIDDEN, objection, WWW_Authenticate=challenge)
        # An outage is a storm of alerts, and a sender that is turned away keeps silent for a quarter of an hour.
        if role is not Role.SIGNAL:
            self._slow_down(caller.id)
        return caller

    def _slow_down(self, whom: str) -> None:
        wait = self.pace.wait(whom, time.monotonic())
        if wait:
            detail = "too many requests; slow down"
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS, detail, Retry_After=str(max(1, math.ceil(wait)))
            )


async def _plainly(work: Answers, where: str) -> func.HttpResponse:
    """Return what the work answers; what it raises becomes an answer, too."""
    try:
        answer = await work
    except Refused as refused:
        answer = refused.answer
    except BadBody as error:
        answer = problem(error.status, str(error))
    except Exception:
        answer = _trouble(where)
    for name, value in HEADERS.items():
        if name not in answer.headers:
            answer.headers[name] = value
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" not in answer.headers:
        answer.headers["Retry-After"] = str(TRY_AGAIN_SECONDS)
    return answer


@dataclass(frozen=True, slots=True)
class Guard:
    """What the door knows of a handler that it guards: who may come in, None for another proof, and to what."""

    role: Role | None
    operation: Operation | None


def guard_of(guarded: Callable[..., Any]) -> Guard | None:
    """Return what the door knows of a handler; None of one that it does not guard."""
    return getattr(guarded, "guard", None)


def _named(guarded: Guarded, handler: Callable[..., Any], role: Role | None) -> Guarded:
    # Not functools.wraps: through __wrapped__ the worker would see the inner signature.
    guarded.__name__ = handler.__name__
    guarded.__doc__ = handler.__doc__
    guarded.guard = Guard(role, operation_of(handler))  # type: ignore[attr-defined]
    return guarded


def _bearer(req: func.HttpRequest) -> str:
    scheme, _, token = req.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not token.strip():
        raise Refused(
            HTTPStatus.UNAUTHORIZED,
            "send an access token: Authorization: Bearer ...",
            WWW_Authenticate="Bearer",
        )
    return str(token.strip())


def _address(req: func.HttpRequest) -> str:
    """Return where the request came in from: the last hop is the platform's own word, the rest is the sender's."""
    hop = req.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()[:60]
    # App Service writes the port along, and each connection has another.
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+", hop)
    return (found[1] or found[2] if found else hop) or "unknown"


def _trouble(where: str) -> func.HttpResponse:
    """Answer for what nobody foresaw: the log has it all, the caller gets the number to look it up by."""
    number = uuid.uuid4().hex
    log.exception("%s failed; the caller was told number %s", where, number)
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "something went wrong here; the log tells more under the number",
        number=number,
    )
