from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.model import (
    Duration,
    Model,
    Recorded,
    Reported,
    in_words,
    last_segment,
    same_id,
    segment_after,
)


class Written(Model):
    wait: Duration = timedelta(seconds=1)
    note: str = ""


class Kept(Recorded):
    wait_seconds: int = 0


class Told(Reported):
    wait_seconds: int = 0
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


def test_what_people_write_has_no_unknown_key() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Written.model_validate({"wiat": "PT1S"})


def test_what_history_wrote_may_know_more() -> None:
    assert Kept.model_validate({"wait_seconds": 1, "since": "later"}) == Kept(wait_seconds=1)


def test_what_is_told_outside_is_camel_case_and_is_read_either_way() -> None:
    assert Told(wait_seconds=3).wire() == {"waitSeconds": 3, "at": "2026-01-01T00:00:00Z"}
    assert Told.model_validate({"waitSeconds": 3}) == Told.model_validate({"wait_seconds": 3})


def test_a_value_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Written().note = "x"  # type: ignore[misc]  # the point of the test


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=3650)))
def test_a_duration_survives_its_wire_form(wait: timedelta) -> None:
    assert Written.model_validate(Written(wait=wait).wire()).wait == wait


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT30S", 30),
        ("PT1M", 60),
        ("PT2H30M", 9000),
        ("P1D", 86400),
        ("P1DT1S", 86401),
        ("P2W", 1209600),
    ],
)
def test_a_duration_is_iso_8601(text: str, seconds: int) -> None:
    assert Written.model_validate({"wait": text}).wait == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "wrong",
    [30, 1.5, True, None, "30", "30s", "10:00", "1 day", "P", "PT", "P1M", "-PT1M", "PT-1M", "PT0S",
     "P1H", "PT1M ", "pt1m", "PT٣M", "", [], {}, "P99999999999999D"],
)  # fmt: skip
def test_what_is_no_duration_or_an_ambiguous_one_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Written.model_validate({"wait": wrong})


ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/Vm"


def test_ids_are_compared_whatever_their_case() -> None:
    assert same_id(ID, ID.upper())
    assert not same_id(ID, ID + "2")


def test_the_parts_of_an_id_are_found() -> None:
    assert last_segment(ID) == "Vm"
    assert last_segment(ID + "/") == "Vm"
    assert segment_after(ID, "RESOURCEGROUPS") == "g"
    with pytest.raises(ValueError, match="has no part 'vaults'"):
        segment_after(ID, "vaults")
    with pytest.raises(ValueError, match="has no part 'Vm'"):
        segment_after(ID, "Vm")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (600, "10 min"),
        (5400, "1 h 30 min"),
        (3661, "1 h 1 min 1 s"),
        (90_000, "25 h"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
