from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local.host.ncrontab import BadSchedule, Schedule

SUNDAY = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/15 * * * * *", "2026-11-22T12:00:15"),
        ("0 */5 * * * *", "2026-11-22T12:05:00"),
        ("0 0 * * * *", "2026-11-22T13:00:00"),
        ("0 30 9 * * *", "2026-11-23T09:30:00"),
        ("0 30 9 * * Mon-Fri", "2026-11-23T09:30:00"),
        ("0 0 9 * * 6", "2026-11-28T09:00:00"),
        ("0 0 9 * * saturday", "2026-11-28T09:00:00"),
        ("0 0 9 * Jan,Mar *", "2027-01-01T09:00:00"),
        ("0 5/20 * * * *", "2026-11-22T12:05:00"),
        ("30 10-12 13 * * *", "2026-11-22T13:10:30"),
        ("0 9 * * *", "2026-11-23T09:00:00"),
        ("0 0 3 29 2 *", "2028-02-29T03:00:00"),
        ("00:00:30", "2026-11-22T12:00:30"),
        ("06:00:00", "2026-11-22T18:00:00"),
        ("1.00:00:00", "2026-11-23T12:00:00"),
    ],
)
def test_the_next_time_is(schedule: str, expected: str) -> None:
    assert Schedule.parse(schedule).after(SUNDAY) == datetime.fromisoformat(expected + "+00:00")


def test_day_and_weekday_must_both_hold() -> None:
    friday_the_thirteenth = Schedule.parse("0 0 0 13 * Fri")

    assert friday_the_thirteenth.after(SUNDAY) == datetime(2027, 8, 13, tzinfo=UTC)


def test_seconds_come_first() -> None:
    times = [SUNDAY]
    schedule = Schedule.parse("10,40 0 12 * * *")
    for _ in range(3):
        times.append(schedule.after(times[-1]))

    assert [time - SUNDAY for time in times[1:]] == [
        timedelta(seconds=10),
        timedelta(seconds=40),
        timedelta(days=1, seconds=10),
    ]


def test_the_next_time_is_later_than_a_moment_within_a_second() -> None:
    moment = SUNDAY + timedelta(seconds=59, microseconds=999_999)

    assert Schedule.parse("0 * * * * *").after(moment) == SUNDAY + timedelta(minutes=1)


def test_a_setting_is_looked_up() -> None:
    assert Schedule.parse("%DRILL_AT%", {"DRILL_AT": "0 0 3 * * Sun"}).after(SUNDAY) == datetime(
        2026, 11, 29, 3, tzinfo=UTC
    )


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(BadSchedule, match="app setting 'DRILL_AT', which is not set"):
        Schedule.parse("%DRILL_AT%", {})


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("* * * * * * *", "has 7 fields"),
        ("60 * * * * *", "'60' is no second"),
        ("0 0 24 * * *", "'24' is no hour"),
        ("0 0 0 0 * *", "'0' is no day"),
        ("0 0 0 * 13 *", "'13' is no month"),
        ("0 0 0 * * 7", "'7' is no weekday"),
        ("0 0 0 * * Sun#1", "'Sun#1' is no weekday"),
        ("0 0 0 L * *", "'L' is no day"),
        ("0 0 0 ? * *", r"'\?' is no day"),
        ("0 5-1 * * * *", "'5-1' is no minute"),
        ("0 */0 * * * *", r"'\*/0' is no minute"),
        ("0 1,,2 * * * *", "'' is no minute"),
        ("@daily", "has 1 fields"),
        ("24:00:00", "below 24:00:00"),
        ("00:00:00", "longer than nothing"),
        ("0 0 0 31 2 *", "never comes"),
    ],
)
def test_a_bad_schedule_is_refused_with_the_reason(schedule: str, reason: str) -> None:
    with pytest.raises(BadSchedule, match=reason):
        Schedule.parse(schedule)
