"""The local times that a schedule names: NCRONTAB as Azure Functions reads it, and "first Sunday 03:00"."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache

EVERY_WEEKDAY = frozenset(range(7))
WEEK = 7
LAST = -1
# 29 February falls on a given weekday every 28 years, and every 40 where a century comes between.
YEARS_AHEAD = 41
_MONTHS = "january february march april may june july august september october november december"
_WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday"
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": LAST}
_STEP = re.compile(r"([^/]+)(?:/(\d{1,4}))?", re.A)
_PHRASE = re.compile(r"(\S+)\s+([a-z]+)(?:\s+of\s+(\S+))?\s+(?:at\s+)?([\d:]+)", re.A | re.I)
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.A)


class Unclear(ValueError):
    """A schedule that cannot be understood, or that never comes; it says the mend."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Every combination of hour, minute and second on each day that fits.

    Of ``ordinals`` (1 to 5, or `LAST`) a day must be one among its month's days of the same weekday, or with a
    ``stride`` of 1 among all days of its month; without ordinals every day of these weekdays fits.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    ordinals: frozenset[int] = frozenset()
    stride: int = WEEK

    def fits(self, day: date) -> bool:
        """Say whether the times come on this day."""
        if not (day.month in self.months and day.day in self.days):
            return False
        if day.isoweekday() % WEEK not in self.weekdays:
            return False
        if not self.ordinals:
            return True
        ends = day.day + self.stride > monthrange(day.year, day.month)[1]
        return (day.day - 1) // self.stride + 1 in self.ordinals or (ends and LAST in self.ordinals)

    def after(self, local: datetime) -> Iterator[datetime]:
        """Yield the local times later than one, in order."""
        for day in self._days(local.date(), forward=True):
            for at in self._times():
                if (moment := datetime.combine(day, at)) > local:
                    yield moment

    def until(self, local: datetime) -> Iterator[datetime]:
        """Yield the local times up to and including one, the latest first."""
        for day in self._days(local.date(), forward=False):
            for at in reversed(list(self._times())):
                if (moment := datetime.combine(day, at)) <= local:
                    yield moment

    def _times(self) -> Iterator[time]:
        return (time(h, m, s) for h in self.hours for m in self.minutes for s in self.seconds)

    def _days(self, start: date, forward: bool) -> Iterator[date]:
        step = 1 if forward else -1
        year, month = start.year, start.month
        while abs(year - start.year) < YEARS_AHEAD and date.min.year <= year <= date.max.year:
            if month in self.months:
                for number in range(1, monthrange(year, month)[1] + 1)[::step]:
                    day = date(year, month, number)
                    if (day >= start if forward else day <= start) and self.fits(day):
                        yield day
            year, month = divmod(year * 12 + month - 1 + step, 12)
            month += 1


@lru_cache(maxsize=512)
def timetable(text: str) -> Timetable:
    """Return the timetable that a schedule's text names; raises Unclear with the mend."""
    words = text.split()
    numbers = words and (words[0][0].isdigit() or words[0][0] == "*")
    found = _ncrontab(text, words) if numbers else _phrase(text)
    if not any(monthrange(2024, m)[1] >= min(found.days) for m in found.months):
        raise Unclear(f"{text!r} never comes: no such month has that day; mend day or month")
    return found


def _ncrontab(text: str, words: list[str]) -> Timetable:
    if len(words) == 5:
        words = ["0", *words]
    if len(words) != 6:
        raise Unclear(
            f"{text!r} has {len(words)} fields; write `second minute hour day month weekday`, "
            'five of them without the second, or words as in "first Sunday 03:00"'
        )
    second, minute, hour, day, month, weekday = (
        _chosen(word, field, text) for word, field in zip(words, _FIELDS, strict=True)
    )
    return Timetable(
        seconds=tuple(sorted(second)),
        minutes=tuple(sorted(minute)),
        hours=tuple(sorted(hour)),
        days=day,
        months=month,
        weekdays=weekday,
    )


def _phrase(text: str) -> Timetable:
    parts = _PHRASE.fullmatch(text.strip())
    if parts is None:
        raise Unclear(
            f"{text!r} is no schedule; write NCRONTAB as in `0 0 3 * * Sun`, "
            'or words as in "first Sunday 03:00" or "second Tuesday of Jan,Jul 02:30"'
        )
    ordinals = set()
    for word in parts[1].lower().split(","):
        if word not in _ORDINALS:
            raise Unclear(f"{text!r}: {word!r} is none of {', '.join(_ORDINALS)}; use one of these")
        ordinals.add(_ORDINALS[word])
    any_day = parts[2].lower() == "day"
    weekdays = EVERY_WEEKDAY if any_day else frozenset({_number(parts[2], _WEEKDAY, text)})
    clock = _TIME.fullmatch(parts[4])
    if clock is None or int(clock[1]) > 23 or max(int(clock[2]), int(clock[3] or 0)) > 59:
        raise Unclear(f"{text!r}: {parts[4]!r} is no time of day; write it as in 03:00 or 23:30")
    return Timetable(
        seconds=(int(clock[3] or 0),),
        minutes=(int(clock[2]),),
        hours=(int(clock[1]),),
        days=frozenset(range(1, 32)),
        months=_chosen(parts[3] or "*", _MONTH, text),
        weekdays=weekdays,
        ordinals=frozenset(ordinals),
        stride=1 if any_day else WEEK,
    )


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTH = _Field("month", 1, 12, tuple(_MONTHS.split()))
_WEEKDAY = _Field("weekday", 0, 6, tuple(_WEEKDAYS.split()))
_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _MONTH,
    _WEEKDAY,
)


def _chosen(word: str, field: _Field, text: str) -> frozenset[int]:
    return frozenset(number for item in word.split(",") for number in _numbers(item, field, text))


def _numbers(item: str, field: _Field, text: str) -> range:
    parts = _STEP.fullmatch(item)
    if parts is None:
        raise _unclear(item, field, text)
    span, every = parts[1], int(parts[2] or 1)
    if span == "*":
        low, high = field.low, field.high
    elif "-" in span:
        low, high = (_number(end, field, text) for end in span.split("-", 1))
    else:
        low = _number(span, field, text)
        high = field.high if parts[2] else low
    if every < 1 or low > high:
        raise _unclear(item, field, text)
    return range(low, high + 1, every)


def _number(word: str, field: _Field, text: str) -> int:
    if word.isascii() and word.isdigit() and len(word) < 5 and field.low <= int(word) <= field.high:
        return int(word)
    if len(word) >= 3:
        for position, name in enumerate(field.names):
            if name.startswith(word.lower()):
                return field.low + position
    raise _unclear(word, field, text)


def _unclear(item: str, field: _Field, text: str) -> Unclear:
    names = f" or {field.names[0][:3]} to {field.names[-1][:3]}" if field.names else ""
    return Unclear(
        f"{text!r}: {item!r} is no {field.name}; "
        f"use {field.low} to {field.high}{names}, *, a-b, */n, or several with commas"
    )
