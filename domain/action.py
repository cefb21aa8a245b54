"""What a plan has done before or after a tier: an HTTP call, an Automation runbook, a person's step, a wait."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from domain.gate import Url
from domain.model import ArmId, Duration, Model, Slug

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
    """One HTTP request, and the status codes that count as done."""

    url: Url
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    body: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    expect: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(min_length=1)] = (
        200,
        201,
        202,
        204,
    )


class Runbook(Model):
    """A runbook of an Azure Automation account in the vault's subscription, and its parameters."""

    account: ArmId
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
    parameters: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _an_account(self) -> Self:
        if ACCOUNT_KIND not in f"{self.account.casefold()}/":
            raise ValueError(
                "account is not an Automation account's id; "
                "give .../Microsoft.Automation/automationAccounts/NAME"
            )
        return self


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
