"""What the simulator remembers of what it was asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request that reached the TLS port; ``status`` is 0 where the answer was lost.

    ``identity`` is who asked, by name, and ``action`` what for, as Azure's permissions call it; both are empty where
    nobody was known yet.
    """

    ordinal: int
    at: datetime
    method: str
    path: str
    operation: str
    status: int
    accepted: bool
    item: str
    identity: str = ""
    action: str = ""

    def wire(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return {**asdict(self), "at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """One event that arrived at the topic."""

    at: datetime
    event: dict[str, Any]
