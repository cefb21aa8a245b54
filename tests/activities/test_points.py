"""Choosing recovery points: by rule, by name, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from activities.points import Chosen, PointQuestion, Points
from domain.errors import Permanent, StepError, Transient
from domain.points import Point
from domain.policy import RecoveryPoint
from tests.activities.ports import CONTAINER

NEWEST = datetime(2026, 3, 14, 2, 40, tzinfo=UTC)
APP, CRASH = "ApplicationConsistent", "CrashConsistent"


def point(minutes: int, kind: str = CRASH) -> Point:
    """Return a point of so many minutes ago, named after them."""
    return Point(
        id=f"{CONTAINER.item_id('a')}/recoveryPoints/P{minutes}",
        name=f"P{minutes}",
        at=NEWEST - timedelta(minutes=minutes),
        kind=kind,
    )


SHELF = (point(0, APP), point(5), point(10), point(60, APP))


@dataclass
class ShelfInMemory:
    """Points by item, and which were asked for."""

    shelves: dict[str, Sequence[Point] | StepError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def points(self, item_id: str) -> Sequence[Point]:
        name = item_id.rsplit("/", 1)[-1]
        self.asked.append(name)
        found = self.shelves.get(name, SHELF)
        if isinstance(found, StepError):
            raise found
        return found


def chosen(
    rule: RecoveryPoint, shelf: ShelfInMemory | None = None, **named: str
) -> dict[str, Chosen]:
    """Choose for the machines a and b."""
    items = {name: CONTAINER.item_id(name) for name in ("a", "b")}
    question = PointQuestion(items=items, rule=rule, named=named)
    return Points(shelf or ShelfInMemory()).choose_points(question).members


@pytest.mark.parametrize(
    ("rule", "minutes"),
    [
        (RecoveryPoint.LATEST_PROCESSED, 1),
        (RecoveryPoint.LATEST_APP_CONSISTENT, 60),
        (RecoveryPoint.LATEST_CRASH_CONSISTENT, 5),
    ],
)
def test_the_newest_point_of_the_wanted_kind_is_taken(rule: RecoveryPoint, minutes: int) -> None:
    shelves = {"a": (point(1, "Other"), point(5), point(10), point(60, "Application-Consistent"))}
    found = chosen(rule, ShelfInMemory(dict(shelves)))["a"]
    wanted = point(minutes)
    assert (found.point, found.at, found.refused) == (wanted.id, wanted.at, None)


def test_azures_latest_names_no_point_and_asks_nobody() -> None:
    shelf = ShelfInMemory()
    assert chosen(RecoveryPoint.LATEST, shelf)["a"] == Chosen()
    assert shelf.asked == []


def test_a_named_point_outranks_the_rule_and_only_its_machine_is_asked() -> None:
    shelf = ShelfInMemory()
    found = chosen(RecoveryPoint.LATEST, shelf, b="p10")
    assert found["a"] == Chosen()
    assert found["b"].point == point(10).id
    assert shelf.asked == ["b"]
    by_id = chosen(RecoveryPoint.LATEST_APP_CONSISTENT, a=point(5).id.upper().replace("/S", "/s"))
    assert by_id["a"].point == point(5).id


def test_a_point_that_is_gone_is_refused_with_those_that_are_there() -> None:
    refused = chosen(RecoveryPoint.LATEST, a="P95")["a"].refused
    assert refused is not None
    assert refused.startswith(
        "a: there is no recovery point P95; the newest are P0 (2026-03-14 02:40"
    )
    assert "P10" in refused and "P60" not in refused


def test_a_machine_without_a_point_of_the_kind_or_without_any_is_refused() -> None:
    shelf = ShelfInMemory({"a": (point(5),), "b": ()})
    found = chosen(RecoveryPoint.LATEST_APP_CONSISTENT, shelf)
    assert "no point for latest_app_consistent" in str(found["a"].refused)
    assert str(found["b"].refused).endswith("there is none at all")


def test_one_machine_that_cannot_be_asked_refuses_and_a_busy_azure_is_waited_for() -> None:
    denied = ShelfInMemory({"a": Permanent("forbidden", "no")})
    assert chosen(RecoveryPoint.LATEST_PROCESSED, denied)["a"].refused == "a: no (forbidden)"
    with pytest.raises(Transient):
        chosen(RecoveryPoint.LATEST_PROCESSED, ShelfInMemory({"a": Transient("throttled", "slow")}))
