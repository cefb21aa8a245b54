"""The two bases of every value that crosses a wire."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any

from annotated_types import Gt
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

# One choke point for names that end up in instance ids, and so in URLs the SDK does not escape.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


def _iso_duration(value: object) -> object:
    """Let ISO 8601 durations through alone: 30 may mean anything, and P1M is a month that PT1M was meant by."""
    if isinstance(value, timedelta) or (isinstance(value, str) and _DURATION.fullmatch(value)):
        return value
    raise PydanticCustomError("time_delta_parsing", "it is no ISO 8601 duration such as PT30M")


_DURATION = re.compile(r"P(?=\d|T\d)(\d+Y)?(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.A)
Duration = Annotated[timedelta, Gt(timedelta(0)), BeforeValidator(_iso_duration)]
ArmId = Annotated[str, StringConstraints(pattern=r"^/subscriptions/[^/?#\s]+/[^?#\s]+[^/?#\s]$")]


class Model(BaseModel):
    """What people write: an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        populate_by_name=True,
    )

    def wire(self) -> dict[str, Any]:
        """Return the plain JSON value that crosses a boundary."""
        return self.model_dump(mode="json", by_alias=True)


class Terse(Model):
    """A part of a plan that leaves out of the wire what was not given: plans travel through every history."""

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value not in (None, [], ())}


class Recorded(Model):
    """What history wrote: a key that this version does not know is left aside."""

    model_config = ConfigDict(extra="ignore")


class Reported(Recorded):
    """What an auditor or a program outside reads: its keys are camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel)


def same_id(one: str, other: str) -> bool:
    """Say whether two ARM ids name the same resource: Azure changes their case on the way."""
    return one.casefold() == other.casefold()


def last_segment(arm_id: str) -> str:
    """Return the resource's own name, the last part of its ARM id."""
    return arm_id.rstrip("/").rsplit("/", 1)[-1]


def segment_after(arm_id: str, kind: str) -> str:
    """Return the part of an ARM id that follows ``kind``, whatever its case.

    Raises ValueError when the id has no such part.
    """
    parts = arm_id.strip("/").split("/")
    for name, value in pairwise(parts):
        if name.casefold() == kind.casefold():
            return value
    raise ValueError(f"{arm_id!r} has no part {kind!r}")


def in_words(duration: timedelta) -> str:
    """Return a duration as people say it: ``1 h 30 min``, ``45 s``."""
    seconds = round(duration.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
