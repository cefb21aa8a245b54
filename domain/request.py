"""What a run is asked to do; frozen whole in its history when it starts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from domain.incident import Incident
from domain.model import Recorded, RunId
from domain.plan import Plan, Way
from domain.policy import CommitMode, RecoveryPoint
from domain.signals import Signal


class Kind(StrEnum):
    """What a run does."""

    FAILOVER = "failover"
    FAILBACK = "failback"
    DRILL = "drill"
    PROTECT = "protect"
    REPROTECT = "reprotect"
    COMMIT = "commit"
    ROUND_TRIP = "round_trip"
    UMBRELLA = "umbrella"


class Mode(StrEnum):
    """How a failover treats the source: drained and shut down first, or left alone as lost."""

    GRACEFUL = "graceful"
    FORCED = "forced"


# Home the source is at hand, so a failback drains it; a failover that nobody says more about treats it as lost.
USUAL_MODE: Mapping[Kind, Mode] = {Kind.FAILBACK: Mode.GRACEFUL, Kind.ROUND_TRIP: Mode.GRACEFUL}


class RunRequest(Recorded):
    """The whole input of a run.

    ``requested_by_id`` is the directory's own id of who asked, empty where a signal did. ``point`` and ``points`` say
    which state is recovered, for all members and by member; ``under`` is the run that holds the application's lock for
    this one, and by whose approval it moves; ``commit`` overrules the plan's mode.
    ``incident`` is what opened the run, if nobody asked for it, and ``signals`` are what it was concluded from.
    """

    plan: Plan
    kind: Kind = Kind.FAILOVER
    mode: Mode = Mode.FORCED
    requested_by: str
    requested_by_id: str = ""
    reason: str
    signals: tuple[Signal, ...] = ()
    incident: Incident | None = None
    point: RecoveryPoint | None = None
    points: dict[str, str] = Field(default_factory=dict)
    under: RunId | None = None
    commit: CommitMode | None = None

    @property
    def way(self) -> Way:
        """Return the direction of the run."""
        return Way.HOME if self.kind is Kind.FAILBACK else Way.OUT
