"""What an activity says across the boundary: it is done, or it was refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from domain.model import Recorded


class Done(Recorded):
    """The step was done; ``value`` is the wire form of its answer."""

    kind: Literal["done"] = "done"
    value: Any


class Refused(Recorded):
    """The step was not done; ``retry_after`` is set where waiting may help."""

    kind: Literal["refused"] = "refused"
    code: str
    message: str
    transient: bool = False
    retry_after: timedelta | None = None


Reply: TypeAdapter[Done | Refused] = TypeAdapter(
    Annotated[Done | Refused, Field(discriminator="kind")]
)
