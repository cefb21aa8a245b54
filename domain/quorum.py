"""What must hold before an outage is believed, and before it is believed to be over: a plan's words for it."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from domain.gate import Probe
from domain.model import Duration, Model, Slug
from domain.signals import Witness

HERE = "here"


class Vantage(Model):
    """Leeward's own probes of what users see: from which vantage points, and how many of those must miss it.

    ``canary`` is something well known in a region apart: a vantage point that does not see it either is cut off itself,
    and its word counts for nothing. ``here`` is where the app runs; the app's settings say how others are reached.
    """

    probes: Annotated[tuple[Probe, ...], Field(min_length=1, max_length=10)]
    canary: Probe
    points: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=10)] = (HERE,)
    share: Annotated[float, Field(gt=0, le=1)] = 2 / 3

    @property
    def needed(self) -> int:
        """Return how many vantage points must miss the application."""
        return max(1, math.ceil(self.share * len(self.points) - 0.05))


class Flaps(Model):
    """How many incidents within a time are too many: from then on, for that time, a person decides."""

    limit: Annotated[int, Field(ge=2, le=20)] = 3
    within: Duration = timedelta(days=1)


class Quorum(Model):
    """When an outage is believed: ``needed`` classes of witness of those that count, all through ``sustained``.

    It is over once the quorum was not met all through ``clear``. For ``cooldown`` after that, a person decides.
    ``machines`` is the share of the plan's machines that must be unavailable for Resource Health to say so.
    """

    classes: Annotated[tuple[Witness, ...], Field(min_length=1)] = (
        Witness.SYNTHETIC,
        Witness.TRAFFIC_MANAGER,
        Witness.RESOURCE_HEALTH,
        Witness.SERVICE_HEALTH,
    )
    needed: Annotated[int, Field(ge=1, le=6)] = 2
    machines: Annotated[float, Field(gt=0, le=1)] = 0.5
    sustained: Duration = timedelta(minutes=5)
    clear: Duration = timedelta(minutes=15)
    cooldown: Duration = timedelta(hours=6)
    flaps: Flaps = Flaps()
    vantage: Vantage | None = None

    @property
    def counted(self) -> tuple[Witness, ...]:
        """Return the classes that can speak: without vantage points nobody probes."""
        return tuple(
            dict.fromkeys(c for c in self.classes if c is not Witness.SYNTHETIC or self.vantage)
        )
