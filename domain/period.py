"""The drills that come by themselves: a schedule, its periods, and what each of them came to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, model_validator

from domain.model import Duration, Model, Reported
from domain.schedule import When, Zone
from domain.timetable import timetable


class Rehearsal(StrEnum):
    """What a schedule starts."""

    DRILL = "drill"
    ROUND_TRIP = "round_trip"


class Obstacle(StrEnum):
    """For what a drill that is due is left out.

    Without ``run`` it waits for the other run to end, as long as the grace lasts; the other two are then not looked at.
    """

    INCIDENT = "incident"
    RUN = "run"
    BLACKOUT = "blackout"


class DrillSchedule(Model):
    """When the plan is rehearsed by itself, at the local time of a zone.

    A period that nobody was there for is caught up within the ``grace``, once; after it the period is missed.
    """

    when: When
    zone: Zone = "UTC"
    kind: Rehearsal = Rehearsal.DRILL
    skip_when: Annotated[tuple[Obstacle, ...], Field(max_length=3)] = tuple(Obstacle)
    grace: Duration = timedelta(hours=6)

    @model_validator(mode="after")
    def _once_a_day(self) -> Self:
        times = timetable(self.when)
        if len(times.hours) * len(times.minutes) * len(times.seconds) > 1:
            raise ValueError(
                "drills come at one time of a day; name one hour, one minute and one second in `when`"
            )
        return self

    def __str__(self) -> str:
        return f"{self.when} {self.zone}"


class PeriodState(StrEnum):
    """What became of a period; one that is claimed with a run is still open, for that run did not begin its drill."""

    CLAIMED = "claimed"
    STARTED = "started"
    ENDED = "ended"
    SKIPPED = "skipped"
    MISSED = "missed"


class Period(Reported):
    """One time that a plan's drill was due, and what became of it.

    ``claim`` tells whose it is: of all calendars that look at one ledger, one gets each period.
    """

    plan: str
    kind: Rehearsal
    due: AwareDatetime
    state: PeriodState
    claim: str
    at: AwareDatetime
    run: str | None = None
    outcome: str | None = None
    because: str | None = None
    told: bool = False

    @property
    def fell_out(self) -> bool:
        """Say whether the drill did not come."""
        return self.state in (PeriodState.SKIPPED, PeriodState.MISSED)

    def goes_on_from(self, entry: Period) -> bool:
        """Say whether this is what comes after an entry: a note that comes late, or twice, tells of the past.

        A drill that was held is never taken back, one that was missed is once it turns out to have begun.
        """
        if entry.at > self.at:
            return False
        if entry.state is PeriodState.MISSED and self.state in (
            PeriodState.STARTED,
            PeriodState.ENDED,
        ):
            return True
        if entry.state is PeriodState.ENDED or entry.fell_out:
            return self.state is entry.state and self.told >= entry.told
        return True

    @property
    def key(self) -> str:
        """Return the name by which the period is claimed, the same in every app."""
        return f"{periods_of(self.plan)}/{self.due.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def period_in(entry: dict[str, Any] | None) -> Period | None:
    """Return the period that an entry of the ledger holds, None while it is just being made."""
    try:
        return Period.model_validate(entry)
    except ValueError:
        return None


def periods_of(plan: str) -> str:
    """Return where the periods of a plan are kept."""
    return f"periods/{plan}"


def split_due(
    due: list[datetime], at: datetime, grace: timedelta
) -> tuple[datetime | None, list[datetime]]:
    """Return the period to be caught up, the newest if it is within the grace, and those that are missed."""
    if not due:
        return None, []
    *older, newest = sorted(due)
    if at - newest <= grace:
        return newest, older
    return None, [*older, newest]
