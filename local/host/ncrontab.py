"""NCRONTAB schedules of timer triggers: six or five fields, `hh:mm:ss`, and `%SETTING%`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from croniter import CroniterBadDateError, croniter

_MONTHS = "january february march april may june july august september october november december"
_DAYS = "sunday monday tuesday wednesday thursday friday saturday"
_INTERVAL = re.compile(r"(?:(\d+)[.:])?(\d{1,2}):(\d{1,2}):(\d{1,2})")
_SETTING = re.compile(r"%([^%\s]+)%")
_STEP = re.compile(r"(?P<range>[^/]+)(?:/(?P<every>\d+))?")


class BadSchedule(ValueError):
    """A schedule that cannot be understood, or that never comes."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a timer trigger fires: at the times of an expression, or at a steady interval."""

    text: str
    expression: str = ""
    interval: timedelta | None = None

    @classmethod
    def parse(cls, text: str, settings: Mapping[str, str] | None = None) -> Schedule:
        """Read a schedule, after replacing `%SETTING%` by its value; raises BadSchedule."""
        resolved = resolve_settings(text, os.environ if settings is None else settings).strip()
        interval = _INTERVAL.fullmatch(resolved)
        if interval:
            return cls(resolved, interval=_interval(resolved, interval))
        schedule = cls(resolved, expression=_expression(resolved))
        schedule.after(datetime(2000, 1, 1, tzinfo=UTC))
        return schedule

    def after(self, moment: datetime) -> datetime:
        """Return the first time to fire later than ``moment``; raises BadSchedule if never."""
        if self.interval is not None:
            return moment + self.interval
        times: Any = croniter(self.expression, moment, second_at_beginning=True, day_or=False)
        try:
            seconds = float(times.get_next(float))
        except CroniterBadDateError as error:
            raise BadSchedule(
                f"schedule {self.text!r} never comes: no date has that day, month and weekday"
            ) from error
        return datetime.fromtimestamp(seconds, UTC)


def resolve_settings(text: str, settings: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by the app setting of that name; raises BadSchedule where missing."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in settings:
            raise BadSchedule(
                f"schedule {text!r} names the app setting {found[1]!r}, which is not set:"
                " set it in local.settings.json or the environment"
            )
        return settings[found[1]]

    return _SETTING.sub(value, text)


def _interval(text: str, parts: re.Match[str]) -> timedelta:
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        raise BadSchedule(f"schedule {text!r}: write hh:mm:ss below 24:00:00, or d.hh:mm:ss")
    interval = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not interval:
        raise BadSchedule(f"schedule {text!r}: an interval must be longer than nothing")
    return interval


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS.split())),
    _Field("weekday", 0, 6, tuple(_DAYS.split())),
)


def _expression(text: str) -> str:
    """Return the expression with every field spelt out, so that nothing is left to dialects."""
    fields = text.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise BadSchedule(
            f"schedule {text!r} has {len(fields)} fields: write"
            " {second} {minute} {hour} {day} {month} {day-of-week}, or hh:mm:ss"
        )
    return " ".join(
        _spelt(value, field, text) for value, field in zip(fields, _FIELDS, strict=True)
    )


def _spelt(value: str, field: _Field, text: str) -> str:
    if value == "*":
        return value
    chosen: set[int] = set()
    for item in value.split(","):
        chosen.update(_numbers(item, field, text))
    return ",".join(str(number) for number in sorted(chosen))


def _numbers(item: str, field: _Field, text: str) -> range:
    parts = _STEP.fullmatch(item)
    if parts is None:
        raise _unclear(item, field, text)
    every = int(parts["every"] or 1)
    if parts["range"] == "*":
        low, high = field.low, field.high
    elif "-" in parts["range"]:
        low, high = (_number(end, field, text) for end in parts["range"].split("-", 1))
    else:
        low = _number(parts["range"], field, text)
        high = field.high if parts["every"] else low
    if every < 1 or low > high:
        raise _unclear(item, field, text)
    return range(low, high + 1, every)


def _number(word: str, field: _Field, text: str) -> int:
    if word.isascii() and word.isdigit() and field.low <= int(word) <= field.high:
        return int(word)
    if len(word) >= 3:
        for position, name in enumerate(field.names):
            if name.startswith(word.lower()):
                return field.low + position
    raise _unclear(word, field, text)


def _unclear(item: str, field: _Field, text: str) -> BadSchedule:
    names = f" or {field.names[0][:3]} to {field.names[-1][:3]}" if field.names else ""
    return BadSchedule(
        f"schedule {text!r}: {item!r} is no {field.name};"
        f" use {field.low} to {field.high}{names}, *, a-b, */n or a list with commas"
    )
