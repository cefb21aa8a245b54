"""What a plan has done before or after a tier: an HTTP call, an Automation runbook, a person's step, a wait."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from domain.gate import Url
from domain.model import ArmId, Duration, Model, Recorded, Slug

# What hooks after a drill belong to, where an action's tier is named: the capital says that it is none.
AFTER_DRILL = "After-drill"
KEPT_OUTPUT = 4000
ACCOUNT_KIND = "/providers/microsoft.automation/automationaccounts/"
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[^\r\n]{0,1000}$")]


class Occasion(StrEnum):
    """In which kind of run an action takes place."""

    DRILL = "drill"
    FAILOVER = "failover"
    FAILBACK = "failback"


class OnError(StrEnum):
    """What a failed action does to the run."""

    STOP = "stop"
    CONTINUE = "continue"
    ASK = "ask"


class HttpCall(Model):
    """One HTTP request, and the status codes that count as done.

    ``secrets`` are headers whose values the app's settings keep under these names.
    """

    url: Url
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    secrets: dict[HeaderName, Slug] = Field(default_factory=dict)
    body: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    expect: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(min_length=1)] = (
        200,
        201,
        202,
        204,
    )

    @model_validator(mode="after")
    def _kept_secret(self) -> Self:
        if self.secrets and not self.url.startswith("https://"):
            raise ValueError("secrets go over https:// alone; mend the URL, or drop them")
        twice = {name.casefold() for name in self.headers} & {
            name.casefold() for name in self.secrets
        }
        if twice:
            raise ValueError(f"{min(twice)} is among headers and secrets; keep it in secrets")
        return self

    @model_serializer(mode="wrap")
    def _told(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What people approved before there were secrets keeps its digest.
        return {key: value for key, value in handler(self).items() if key != "secrets" or value}


class Runbook(Model):
    """A runbook of an Azure Automation account in the vault's subscription, and its parameters.

    With ``context`` it gets the ``RecoveryPlanContext`` that Azure's own recovery plans give their runbooks.
    """

    account: ArmId
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
    parameters: dict[str, str] = Field(default_factory=dict)
    context: bool = False

    @model_validator(mode="after")
    def _an_account(self) -> Self:
        if ACCOUNT_KIND not in f"{self.account.casefold()}/":
            raise ValueError(
                "account is not an Automation account's id; "
                "give .../Microsoft.Automation/automationAccounts/NAME"
            )
        return self


class HttpAnswered(Recorded):
    """What a call was answered: its status, whether the action takes that as done, and the body as far as it fits."""

    status: int
    ok: bool
    said: str = ""


class RunbookJob(Recorded):
    """An Automation job as the service tells of it: its status and, where it failed, why."""

    status: str
    exception: str | None = None


class AsrScope(Model):
    """What Azure's own recovery plan says of an action beyond Leeward's words; kept word for word."""

    failover_types: tuple[str, ...]
    directions: tuple[str, ...]
    location: str | None = None
    script: str | None = None
    name: str | None = None
    timeout: str | None = None


class Action(Model):
    """One thing to be done around a tier; exactly one of http, runbook, manual and wait says what."""

    name: Slug
    http: HttpCall | None = None
    runbook: Runbook | None = None
    manual: Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None = None
    wait: Duration | None = None
    on: Annotated[tuple[Occasion, ...], Field(min_length=1)] = tuple(Occasion)
    within: Duration = timedelta(minutes=10)
    on_error: OnError = OnError.STOP
    asr: AsrScope | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [self.http, self.runbook, self.manual, self.wait]
        if sum(one is not None for one in given) != 1:
            raise ValueError("an action does one thing; give one of http, runbook, manual, wait")
        return self

    @property
    def kind(self) -> str:
        """Return which of the four the action is."""
        kinds = {
            "http": self.http,
            "runbook": self.runbook,
            "manual": self.manual,
            "wait": self.wait,
        }
        return next(kind for kind, what in kinds.items() if what is not None)

    @property
    def wants_context(self) -> bool:
        """Say whether the runbook gets a recovery plan's context; one that Azure's own plan ran expects it."""
        return self.runbook is not None and (self.runbook.context or self.asr is not None)


def step_of(tier: str, action: str) -> str:
    """Return the name of an action's step in its run: no tier and no action has a dot in its own."""
    return f"{tier}.{action}"


def mark_of(run: str, step: str, turn: int) -> str:
    """Return the UUID of one turn of a step, the same for every delivery of it: whoever gets it twice can tell."""
    text = hashlib.sha256(f"{run}/{step}/{turn}".encode()).hexdigest()
    return "-".join((text[:8], text[8:12], f"5{text[13:16]}", f"8{text[17:20]}", text[20:32]))


def fitted(text: str) -> str | None:
    """Return as much of a text as is kept, None for nothing: its end, where a script says what it came to."""
    text = text.strip()
    if len(text) > KEPT_OUTPUT:
        return f"... {text[-KEPT_OUTPUT:]}"
    return text or None
