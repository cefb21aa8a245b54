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


class Signal(Reported):
    """One accepted event, reduced to what a decision needs."""

    id: str
    witness: Witness
    verdict: Verdict
    resource: str
    region: str | None = None
    at: AwareDatetime
    summary: str
    via: str

    @property
    def qualifies(self) -> bool:
        """Say whether this signal alone may open a run that then waits for a person."""
        return self.verdict is Verdict.UNHEALTHY
