"""A second opinion on schedules: every minute of ten years is shown by the zone's clock and looked up in a table.

It shares nothing with the code that it judges: the days are marked from sets of numbers and from the calendar's own
weeks; the zone's clock is read hour by hour, and by the quarter where it changes.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTES = 24 * 60
QUARTER = 15
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Chosen = Collection[int]


def minute_of(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds()) // 60


def occurrences(
    zone: str,
    first: int,
    years: int,
    day_fits: Callable[[date], bool],
    hours: Chosen,
    minutes: Chosen,
    seconds: Chosen,
) -> Iterator[datetime]:
    """Yield every time from 1 January of a year on, for some years, both by UTC."""
    start, end = datetime(first, 1, 1, tzinfo=UTC), datetime(first + years, 1, 1, tzinfo=UTC)
    origin = minute_of(start) - 3 * MINUTES
    table = _marked(start.date() - timedelta(days=3), years * 366 + 6, day_fits, hours, minutes)
    seen = 0
    for begins, ends, offset in _steady(zone, start - timedelta(days=1), end):
        shows, until = begins + offset - origin, ends + offset - origin
        if seen and shows > seen and table.find(1, seen, shows) >= 0:
            jumped = EPOCH + timedelta(minutes=begins)
            natural = table[shows] and 0 in seconds
            if jumped >= start and not natural:
                yield jumped
        at = table.find(1, max(shows, seen), until)
        while at >= 0:
            shown = EPOCH + timedelta(minutes=at - offset + origin)
            if shown >= start:
                yield from (shown + timedelta(seconds=second) for second in sorted(seconds))
            at = table.find(1, at + 1, until)
        seen = max(seen, until)


def _marked(
    first: date, count: int, fits: Callable[[date], bool], hours: Chosen, minutes: Chosen
) -> bytes:
    full = bytes(m // 60 in hours and m % 60 in minutes for m in range(MINUTES))
    empty = bytes(MINUTES)
    return b"".join(full if fits(first + timedelta(days=n)) else empty for n in range(count))


@cache
def _steady(zone: str, start: datetime, end: datetime) -> list[tuple[int, int, int]]:
    """Return the stretches of time in which a zone keeps its offset, and that offset, in minutes."""
    found: list[tuple[int, int, int]] = []
    for hour in range(minute_of(start), minute_of(end), 60):
        changes = _offset(zone, hour) != _offset(zone, hour + 60)
        step = QUARTER if changes else 60
        for minute in range(hour, hour + 60, step):
            offset = _offset(zone, minute)
            if found and found[-1][2] == offset:
                found[-1] = (found[-1][0], minute + step, offset)
            else:
                found.append((minute, minute + step, offset))
    return found


@cache
def _offset(zone: str, minute: int) -> int:
    shown = datetime.fromtimestamp(minute * 60, _zone(zone)).utcoffset()
    assert shown is not None
    return int(shown.total_seconds()) // 60


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def nth_of_month(
    day: date, ordinals: Collection[int], weekday: int | None, months: Collection[int]
) -> bool:
    """Say whether a day is one of its month's nth (-1 for the last) of a weekday, 0 for Sunday, or of all days."""
    column = _column(day.year, day.month, weekday)
    picked = {column[n - 1 if n > 0 else n] for n in ordinals if n <= len(column)}
    return day.month in months and day.day in picked


@cache
def _column(year: int, month: int, weekday: int | None) -> list[int]:
    weeks = calendar.Calendar(firstweekday=calendar.SUNDAY).monthdayscalendar(year, month)
    return [d for w in weeks for n, d in enumerate(w) if d and weekday in (None, n)]
