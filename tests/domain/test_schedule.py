from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.schedule import Blackout, Closed, between, blackout_at, instant, next_after
from domain.timetable import Unclear, timetable

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first_after(when: str, zone: str, moment: str) -> str:
    found = next_after(when, zone, utc(moment))
    assert found is not None
    return f"{found:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("when", "comes"),
    [
        ("first Sunday 03:00", "2026-12-06 02:00:00"),
        ("FIRST sun AT 3:00", "2026-12-06 02:00:00"),
        ("last Friday 18:30:15", "2026-11-27 17:30:15"),
        ("second Tuesday of Jan,Apr,Jul,Oct 02:30", "2027-01-12 01:30:00"),
        ("first,third Mon of Nov-Dec 02:30", "2026-12-07 01:30:00"),
        ("fifth Sunday of Feb 00:00", "2032-02-28 23:00:00"),
        ("last day 23:59", "2026-11-30 22:59:00"),
        ("0 0 3 1-7 * Sun", "2026-12-06 02:00:00"),
        ("0 3 * * 5", "2026-11-27 02:00:00"),
        ("*/20 59 23 31 12 *", "2026-12-31 22:59:00"),
        ("0 0 0 29 2 Mon", "2044-02-28 23:00:00"),
    ],
)
def test_a_schedule_comes_at_its_zone_s_time(when: str, comes: str) -> None:
    assert first_after(when, BERLIN, "2026-11-26T12:00") == comes


def test_day_and_weekday_must_both_fit_as_in_ncrontab() -> None:
    assert first_after("0 0 0 13 * Fri", "UTC", "2026-01-01T00:00") == "2026-02-13 00:00:00"


def test_a_time_in_the_gap_comes_once_right_after_it() -> None:
    night = (utc("2026-03-28T12:00"), utc("2026-03-29T12:00"))
    assert list(between("0 30 2 * * *", BERLIN, *night)) == [utc("2026-03-29T01:00")]
    assert list(between("0 */15 2 * * *", BERLIN, *night)) == [utc("2026-03-29T01:00")]
    assert list(between("0 0 2,3 * * *", BERLIN, *night)) == [utc("2026-03-29T01:00")]


def test_a_time_in_the_fold_comes_once_the_first_time() -> None:
    night = (utc("2026-10-24T12:00"), utc("2026-10-25T12:00"))
    assert list(between("0 30 2 * * *", BERLIN, *night)) == [utc("2026-10-25T00:30")]
    assert instant(datetime.fromisoformat("2026-10-25T03:00"), BERLIN) == utc("2026-10-25T02:00")


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("", "is no schedule; write NCRONTAB"),
        ("@daily", "is no schedule; write NCRONTAB"),
        ("first Sunday 3", "'3' is no time of day; write it as in 03:00"),
        ("first Sunday 24:00", "'24:00' is no time of day"),
        ("forst Sunday 03:00", "'forst' is none of first, second"),
        ("first Sunny 03:00", "'Sunny' is no weekday; use 0 to 6 or sun to sat"),
        ("first Sunday of Foo 03:00", "'Foo' is no month; use 1 to 12 or jan to dec"),
        ("00:05:00", "has 1 fields; write `second minute hour day month weekday`"),
        ("* * * *", "has 4 fields"),
        ("0 0 3 * * 7", "'7' is no weekday"),
        ("60 * * * * *", "'60' is no second; use 0 to 59, *, a-b, */n"),
        ("0 0 3 9-5 * *", "'9-5' is no day"),
        ("*/0 * * * * *", "'*/0' is no second"),
        ("0 0 3 31 2,4,6 *", "never comes: no such month has that day"),
        ("0 0 3 30 2 Mon", "never comes"),
        ("٣ * * * * *", "is no second"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_mend(when: str, said: str) -> None:
    with pytest.raises(Unclear, match=said.replace("*", r"\*")):
        timetable(when)


def window(**given: Any) -> Blackout:
    return Blackout.model_validate({"name": "freeze", **given})


def test_a_recurring_blackout_holds_from_its_beginning_to_its_end() -> None:
    weekend = window(when="last Friday of Mar,Dec 18:00", lasts="PT54H", zone=BERLIN)
    began, ends = utc("2026-03-27T17:00"), utc("2026-03-29T23:00")
    assert weekend.closes(began - timedelta(seconds=1)) is None
    assert weekend.closes(began) == ends
    assert weekend.closes(ends - timedelta(seconds=1)) == ends
    assert weekend.closes(ends) is None


def test_a_dated_blackout_is_local_to_its_zone() -> None:
    sale = window(**{"from": "2026-11-27", "until": "2026-12-01T06:00", "zone": "America/New_York"})
    assert sale.closes(utc("2026-11-27T04:59")) is None
    assert sale.closes(utc("2026-11-27T05:00")) == utc("2026-12-01T11:00")
    assert sale.closes(utc("2026-12-01T11:00")) is None
    assert Blackout.model_validate(sale.wire()) == sale


def test_of_several_blackouts_the_one_that_ends_last_counts() -> None:
    windows = [
        window(name="short", when="0 0 0 * * *", lasts="PT2H"),
        window(name="long", when="0 0 0 * * *", lasts="PT3H"),
    ]
    assert blackout_at(windows, utc("2026-01-01T01:00")) == Closed("long", utc("2026-01-01T03:00"))
    assert str(blackout_at(windows, utc("2026-01-01T01:00"))) == (
        "blackout long until 2026-01-01 03:00 UTC"
    )
    assert blackout_at(windows, utc("2026-01-01T03:00")) is None
    assert blackout_at((), utc("2026-01-01T03:00")) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give one of the pairs"),
        ({"when": "0 0 0 * * *"}, "give one of the pairs"),
        ({"when": "0 0 0 * * *", "until": "2026-01-01"}, "give one of the pairs"),
        ({"when": "0 0 0 * * *", "lasts": "PT1H", "until": "2026-01-01"}, "give one of the pairs"),
        ({"when": "0 0 0 * * *", "lasts": "P32D"}, "beyond 31 days"),
        ({"from": "2026-01-02", "until": "2026-01-02"}, "until is not later than from"),
        ({"from": "2026-01-02", "until": "2026-01-03T00:00Z"}, "drop the offset"),
        ({"from": 2026, "until": "2026-01-03"}, "it is no local time"),
        ({"from": "2026-01-02", "until": "2026-01-03", "zone": "Europe/Berln"}, "Europe/Berlin"),
        ({"from": "2026-01-02", "until": "2026-01-03", "zone": "localtime"}, "unknown time zone"),
    ],
)
def test_a_blackout_that_is_none_is_refused_with_the_mend(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        window(**given)
