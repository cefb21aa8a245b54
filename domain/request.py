"""What a run is asked to do; frozen whole in its history when it starts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field, field_validator

from domain.incident import Incident
from domain.model import Recorded, RunId
from domain.plan import Plan, Way
from domain.policy import CommitMode, RecoveryPoint
from domain.signals import Signal
from domain.umbrella import Part, digest_of, longest_path, unpack


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


# What takes along the applications that its plan depends on: what moves an application, and its rehearsal.
TAKES_ALONG = (Kind.FAILOVER, Kind.FAILBACK, Kind.DRILL)
# Home the source is at hand, so a failback drains it; a failover that nobody says more about treats it as lost.
USUAL_MODE: Mapping[Kind, Mode] = {Kind.FAILBACK: Mode.GRACEFUL, Kind.ROUND_TRIP: Mode.GRACEFUL}


class RunRequest(Recorded):
    """The whole input of a run.

    ``requested_by_id`` is the directory's own id of who asked, empty where a signal did. ``point`` and ``points`` say
    which state is recovered, for all members and by member; ``under`` is the run that holds the application's lock for
    this one, and by whose approval it moves; ``commit`` overrules the plan's mode.
    ``incident`` is what opened the run, if nobody asked for it, and ``signals`` are what it was concluded from.
    ``ends_by`` is when it has to have ended, should that be before the plan's deadline. An umbrella has ``parts``, the
    plan's own among them, and says what ``each`` of them does. ``soak_until`` cuts a soak short, so that a round trip
    comes home in time. ``over`` are the claims, by application, that a person lets this run take over from apps that
    are gone.
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
    ends_by: AwareDatetime | None = None
    soak_until: AwareDatetime | None = None
    each: Kind | None = None
    parts: tuple[Part, ...] = ()
    over: dict[str, int] = Field(default_factory=dict)

    @field_validator("plan", mode="before")
    @classmethod
    def _unpacked(cls, plan: Any) -> Any:
        return unpack(plan) if isinstance(plan, str) else plan

    @property
    def way(self) -> Way:
        """Return the direction of the run."""
        return Way.HOME if Kind.FAILBACK in (self.kind, self.each) else Way.OUT

    @property
    def digest(self) -> str:
        """Return what a decision about the run binds to: the plan's digest, an umbrella's over all of its plans."""
        return digest_of(self.parts) if self.parts else self.plan.digest()

    @property
    def deadline(self) -> timedelta:
        """Return how long the run may take."""
        if self.parts:
            return longest_path(self.parts) + self.plan.policy.approval.within + CLOSING
        return time_for(self.kind, self.plan)


# Kept free before the deadline, a tenth of it at most: to put traffic back if need be, to seal and to tell.
CLOSING = timedelta(minutes=30)


def time_for(kind: Kind, plan: Plan) -> timedelta:
    """Return how long a run may take: replication, where it has to wait for it, comes on top of the plan's deadline."""
    deadline = plan.policy.deadline
    replication = plan.protection.within if plan.protection else timedelta(0)
    match kind:
        case Kind.DRILL:
            return plan.drill.deadline if plan.drill else deadline
        case Kind.PROTECT | Kind.REPROTECT:
            return deadline + replication
        case Kind.FAILBACK:
            return deadline + 2 * replication
        case Kind.ROUND_TRIP:
            return 2 * deadline + 2 * replication
        case _:
            return deadline
