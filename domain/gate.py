"""A gate: what must answer, and how often, before a plan goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from domain.model import Duration, Model

Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$")]


class Probe(Model):
    """One question that only a working machine can answer: a TCP connect or an HTTP GET."""

    tcp: Address | None = None
    http: Url | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.tcp is None) == (self.http is None):
            raise ValueError("a probe asks one thing; give either tcp: host:port or http: URL")
        return self

    def __str__(self) -> str:
        return f"tcp {self.tcp}" if self.tcp else f"GET {self.http}"


class Gate(Model):
    """What must answer before the plan goes on: every probe, ``needed`` of the last ``of`` rounds."""

    probes: Annotated[tuple[Probe, ...], Field(min_length=1)]
    needed: Annotated[int, Field(ge=1, le=20)] = 2
    of: Annotated[int, Field(ge=1, le=20)] = 3
    every: Duration = timedelta(seconds=10)
    within: Duration = timedelta(minutes=10)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.needed > self.of:
            raise ValueError(f"needed: {self.needed} of: {self.of} can never pass; lower needed")
        return self
