"""A signal: somebody's word that a part of a region is ill or well again."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from domain.model import Reported


class Witness(StrEnum):
    """Independent classes of witness; two of one class are one witness."""

    SYNTHETIC = "synthetic"
    TRAFFIC_MANAGER = "traffic_manager"
    RESOURCE_HEALTH = "resource_health"
    SERVICE_HEALTH = "service_health"
    METRIC = "metric"
    REPLICATION = "replication"


class Verdict(StrEnum):
    """What the witness says. Unknown is not unhealthy."""

    UNHEALTHY = "unhealthy"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


ON_PURPOSE = "on purpose"


class Signal(Reported):
    """One accepted event, reduced to what a decision needs.

    ``aspect`` tells words about one resource apart that do not replace each other: that somebody stopped a machine on
    purpose is no word on how it is.
    """

    id: str
    witness: Witness
    verdict: Verdict
    resource: str
    region: str | None = None
    at: AwareDatetime
    summary: str
    via: str
    aspect: str = ""

    @property
    def key(self) -> str:
        """Return what a newer signal takes the place of: the witness's word on one aspect of one resource."""
        return " ".join(filter(None, (self.witness.value, self.resource.casefold(), self.aspect)))
