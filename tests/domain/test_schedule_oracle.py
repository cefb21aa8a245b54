"""Ten years of schedule, gaps, folds and leap days included, against every minute of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.schedule import between, latest, next_after
from tests.domain.wall_clock import nth_of_month, occurrences

NAMES = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
ALL = {
    "seconds": range(60),
    "minutes": range(60),
    "hours": range(24),
    "days": range(1, 32),
    "months": range(1, 13),
    "weekdays": range(7),
}
# Both hemispheres, half an hour of summer time, a date that never was, odd offsets, a winter that is "summer" time;
# each with a minute of its nights that a change of its clock leaves out or repeats.
ZONES = {
    "UTC": 30,
    "Europe/Berlin": 30,
    "America/New_York": 15,
    "America/Sao_Paulo": 45,
    "Australia/Lord_Howe": 45,
    "Australia/Sydney": 0,
    "Pacific/Apia": 30,
    "Asia/Kathmandu": 15,
    "Pacific/Chatham": 15,
    "Africa/Casablanca": 59,
    "Europe/Dublin": 30,
}
FIRST = 2006
Fits = Callable[[date], bool]


def same(
    when: str,
    zone: str,
    first: int,
    years: int,
    fits: Fits,
    hours: Iterable[int],
    minutes: Iterable[int],
    seconds: Iterable[int] = (0,),
) -> int:
    """Hold a schedule against every minute of some years, and return how often it came."""
    start = datetime(first, 1, 1, tzinfo=UTC)
    end = datetime(first + years, 1, 1, tzinfo=UTC)
    said = list(between(when, zone, start - timedelta(seconds=1), end - timedelta(microseconds=1)))
    shown = list(occurrences(zone, first, years, fits, set(hours), set(minutes), set(seconds)))
    assert said == shown
    return len(said)


@pytest.mark.parametrize(("zone", "minute"), ZONES.items())
def test_ten_years_of_nights_equal_every_minute_of_them(zone: str, minute: int) -> None:
    came = same(f"0 {minute} 0-3 * * *", zone, FIRST, 10, lambda _: True, range(4), {minute})
    assert came > 14_500


@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_of_monthly_drills_equal_every_minute_of_them(zone: str) -> None:
    def first_sunday(day: date) -> bool:
        return nth_of_month(day, {1}, 0, range(1, 13))

    def leap_day(day: date) -> bool:
        return (day.month, day.day) == (2, 29)

    assert same("first Sunday 02:30", zone, FIRST, 10, first_sunday, {2}, {30}) in (119, 120, 121)
    assert same("0 0 2 29 2 *", zone, FIRST, 10, leap_day, {2}, {0}) == 2


def test_the_date_that_samoa_left_out_comes_once_at_the_next_midnight() -> None:
    start = datetime(2011, 12, 29, 12, tzinfo=UTC)
    (came,) = between("0 0 10 30 12 *", "Pacific/Apia", start, start + timedelta(days=300))
    assert came == datetime(2011, 12, 30, 10, tzinfo=UTC)


@st.composite
def field(draw: st.DrawFn, kind: str) -> tuple[str, frozenset[int]]:
    """Return one field of an expression, and the numbers that it means."""
    numbers = ALL[kind]
    low, high = numbers[0], numbers[-1]
    names = {"months": MONTHS, "weekdays": NAMES}.get(kind)

    def written(number: int) -> str:
        if names and draw(st.booleans()):
            name = names[number - low]
            return draw(st.sampled_from([name, name.lower(), name.upper()]))
        return draw(st.sampled_from([str(number), f"{number:02}"]))

    if draw(st.integers(0, 2)) == 0 and kind != "seconds":
        return "*", frozenset(numbers)
    items, chosen = [], set()
    for _ in range(draw(st.integers(1, 3))):
        one, other = sorted(draw(st.tuples(st.sampled_from(numbers), st.sampled_from(numbers))))
        every = draw(st.integers(1, high + 3))
        text, meant = draw(
            st.sampled_from(
                [
                    (written(one), range(one, one + 1)),
                    (f"{written(one)}-{written(other)}", range(one, other + 1)),
                    (f"{written(one)}-{written(other)}/{every}", range(one, other + 1, every)),
                    (f"*/{every}", range(low, high + 1, every)),
                    (f"{written(one)}/{every}", range(one, high + 1, every)),
                ]
            )
        )
        items.append(text)
        chosen |= set(meant)
    return ",".join(items), frozenset(chosen)


Field = tuple[str, frozenset[int]]


@st.composite
def days(draw: st.DrawFn) -> tuple[str, Fits]:
    """Return the three last fields of an expression that comes at all, and the days that they mean."""
    (day, of), (month, months), (weekday, on) = (
        draw(field("days")),
        draw(field("months")),
        draw(field("weekdays")),
    )
    if min(of) > 29:
        month, months = "*", frozenset(range(1, 13))

    def fits(one: date) -> bool:
        return one.day in of and one.month in months and (one.weekday() + 1) % 7 in on

    return f"{day} {month} {weekday}", fits


@settings(max_examples=25, deadline=None)
@given(
    zone=st.sampled_from(list(ZONES)),
    first=st.integers(FIRST, FIRST + 9),
    days=days(),
    hour=field("hours"),
    minute=st.sampled_from(["0", "30", "7-9", "59"]),
    second=field("seconds"),
)
def test_any_expression_equals_every_minute_of_a_year(
    zone: str,
    first: int,
    days: tuple[str, Fits],
    hour: Field,
    minute: str,
    second: Field,
) -> None:
    low, _, high = minute.partition("-")
    text, fits = days
    minutes = range(int(low), int(high or low) + 1)
    seconds = sorted(second[1])[:2]
    chosen = ",".join(map(str, seconds))
    same(f"{chosen} {minute} {hour[0]} {text}", zone, first, 1, fits, hour[1], minutes, seconds)
    if seconds == [0]:
        same(f"{minute} {hour[0]} {text}", zone, first, 1, fits, hour[1], minutes)


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(list(ZONES)),
    ordinals=st.sets(st.sampled_from(sorted(ORDINALS)), min_size=1),
    weekday=st.sampled_from([None, *range(7)]),
    months=st.sets(st.integers(1, 12), min_size=1),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
)
def test_any_words_equal_every_minute_of_ten_years(
    zone: str,
    ordinals: set[str],
    weekday: int | None,
    months: set[int],
    hour: int,
    minute: int,
) -> None:
    name = "day" if weekday is None else NAMES[weekday]
    of = ",".join(MONTHS[month - 1] for month in months)
    when = f"{','.join(ordinals)} {name} of {of} {hour:02}:{minute:02}"
    numbers = {ORDINALS[ordinal] for ordinal in ordinals}

    def fits(day: date) -> bool:
        return nth_of_month(day, numbers, weekday, months)

    same(when, zone, FIRST, 10, fits, {hour}, {minute})


@settings(max_examples=200, deadline=None)
@given(
    zone=st.sampled_from(list(ZONES)),
    when=st.sampled_from(
        ["0 */10 0-3 * * *", "first Sunday 02:30", "last Sun 01:59", "0 0 0 * * *"]
    ),
    moment=st.datetimes(datetime.fromisoformat("2008-01-01"), datetime.fromisoformat("2034-01-01")),
)
def test_the_latest_time_is_the_last_before_the_next_one(
    zone: str, when: str, moment: datetime
) -> None:
    now = moment.replace(tzinfo=UTC)
    newest = latest(when, zone, now)
    assert newest is not None
    assert newest <= now
    following = next_after(when, zone, newest)
    assert following is not None
    assert following > now
    assert following == next_after(when, zone, now)


def test_the_latest_time_is_found_while_the_clock_shows_an_hour_again() -> None:
    again = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    assert latest("0 45 2 * * *", "Europe/Berlin", again) == datetime(
        2026, 10, 25, 0, 45, tzinfo=UTC
    )
    hour = [again + timedelta(minutes=m) for m in range(0, 120, 7)]
    found = [latest("0 */10 * * * *", "Europe/Berlin", moment) for moment in hour]
    assert all(a is not None and b is not None and a <= b for a, b in pairwise(found))
