"""Times that come again at the local time of a zone, and the windows in which nothing may begin.

The zone's clock is what counts. A time that the clock jumps over comes once, right after the gap; a time that the
clock shows twice comes once, the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import takewhile
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from domain.model import Duration, Terse
from domain.timetable import timetable

LONGEST_BLACKOUT = timedelta(days=31)
_SECOND = timedelta(seconds=1)


def _known_zone(name: str) -> str:
    if name in _zones():
        return name
    near = get_close_matches(name, sorted(_zones()), n=2)
    mend = f"did you mean {' or '.join(near)}?" if near else "use an IANA name as in Europe/Berlin"
    raise ValueError(f"unknown time zone {name!r}; {mend}")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # A machine's own zone is another one on the next machine.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _clear(text: str) -> str:
    timetable(text)
    return text


def _text(value: object) -> object:
    """Let a local time through as text alone: YAML and JSON numbers would be read as seconds since 1970."""
    if isinstance(value, datetime | str):
        return value
    raise ValueError("it is no local time; write it as in 2026-11-27T18:00")


def _naive(moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        raise ValueError("it is a local time: drop the offset and name the zone")
    return moment


Zone = Annotated[str, AfterValidator(_known_zone)]
When = Annotated[str, StringConstraints(max_length=200), AfterValidator(_clear)]
LocalTime = Annotated[datetime, BeforeValidator(_text), AfterValidator(_naive)]


def next_after(when: str, zone: str, moment: datetime) -> datetime | None:
    """Return the first time of a schedule later than a moment, in UTC; None where forty years hold none."""
    return next(following(when, zone, moment), None)


def between(when: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the times of a schedule later than one moment, up to and including another, in UTC."""
    return takewhile(lambda comes: comes <= until, following(when, zone, after))


def following(when: str, zone: str, moment: datetime) -> Iterator[datetime]:
    """Yield the times of a schedule later than a moment, in order, in UTC."""
    newest = moment
    local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    for named in timetable(when).after(local):
        comes = instant(named, zone)
        if comes > newest:
            yield comes
            newest = comes


def latest(when: str, zone: str, moment: datetime) -> datetime | None:
    """Return the newest time of a schedule up to and including a moment, in UTC."""
    shown = moment.astimezone(ZoneInfo(zone))
    local = shown.replace(tzinfo=None)
    if shown.fold:
        # The clock was put back: times that it shows later came before it was.
        local += timedelta(days=1)
    for named in timetable(when).until(local):
        if (came := instant(named, zone)) <= moment:
            return came
    return None


def instant(local: datetime, zone: str) -> datetime:
    """Return when a zone's clock shows a local time, in UTC: the first time of two, or right after the gap."""
    tz = ZoneInfo(zone)
    shown = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if shown.astimezone(tz).replace(tzinfo=None) == local:
        return shown
    # In a gap the two folds lie on either side of the jump.
    before = local.replace(tzinfo=tz, fold=1).astimezone(UTC)
    offset = shown.astimezone(tz).utcoffset()
    while shown - before > _SECOND:
        middle = before + (shown - before) // 2 // _SECOND * _SECOND
        if middle.astimezone(tz).utcoffset() == offset:
            shown = middle
        else:
            before = middle
    return shown


class Blackout(Terse):
    """A window in which nothing begins by itself.

    It comes again (``when`` and for how long it ``lasts``), or it is a single one, ``from`` and ``until`` local times.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    zone: Zone = "UTC"
    when: When | None = None
    lasts: Duration | None = None
    from_: LocalTime | None = Field(default=None, alias="from")
    until: LocalTime | None = None

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        again, single = (self.when, self.lasts), (self.from_, self.until)
        whole = [pair for pair in (again, single) if None not in pair]
        given = sum(part is not None for part in (*again, *single))
        if len(whole) != 1 or given != 2:
            raise ValueError(
                "a blackout has either `when` and `lasts`, or `from` and `until`; give one of the pairs"
            )
        if self.lasts is not None and self.lasts > LONGEST_BLACKOUT:
            raise ValueError("lasts is beyond 31 days; give a single window with from and until")
        if self.from_ and self.until and self.until <= self.from_:
            raise ValueError("until is not later than from; let the window end after it begins")
        return self

    def closes(self, moment: datetime) -> datetime | None:
        """Return when the window that a moment lies in is over, None where it lies in none."""
        if self.when is not None and self.lasts is not None:
            began = latest(self.when, self.zone, moment)
            ends = began + self.lasts if began is not None else moment
            return ends if ends > moment else None
        if self.from_ is not None and self.until is not None:
            ends = instant(self.until, self.zone)
            return ends if instant(self.from_, self.zone) <= moment < ends else None
        return None


@dataclass(frozen=True, slots=True)
class Closed:
    """A blackout that is on, and when it is over."""

    name: str
    until: datetime

    def __str__(self) -> str:
        return f"blackout {self.name} until {self.until:%Y-%m-%d %H:%M} UTC"


def blackout_at(windows: Iterable[Blackout], moment: datetime) -> Closed | None:
    """Return the blackout that a moment lies in, of several the one that ends last; None where there is none."""
    closed = [
        Closed(window.name, ends)
        for window in windows
        if (ends := window.closes(moment)) is not None
    ]
    return max(closed, key=lambda one: one.until, default=None)
