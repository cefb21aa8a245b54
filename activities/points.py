"""Choosing recovery points: read what each machine has, and take what the plan or a person wants."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from pydantic import AwareDatetime, Field

from domain.errors import Permanent
from domain.model import ArmId, Recorded
from domain.points import NoPoint, Point, choose
from domain.policy import RecoveryPoint

LOOKS_AT_ONCE = 8


class Shelf(Protocol):
    """The recovery points of the vault."""

    def points(self, item_id: str) -> Sequence[Point]:
        """Return the recovery points of an item, newest first."""
        ...


class PointQuestion(Recorded):
    """Which points are wanted: by rule for all, by name for some; ``items`` is each member's item."""

    items: dict[str, ArmId]
    rule: RecoveryPoint
    named: dict[str, str] = Field(default_factory=dict)


class Chosen(Recorded):
    """One member's point, or why it has none; no point and no reason means Azure's latest."""

    point: ArmId | None = None
    at: AwareDatetime | None = None
    refused: str | None = None


class PointsChosen(Recorded):
    """The points of all members."""

    members: dict[str, Chosen]


@dataclass(frozen=True, slots=True)
class Points:
    """Reads the points of those machines alone for which one has to be chosen."""

    shelf: Shelf

    def choose_points(self, question: PointQuestion) -> PointsChosen:
        """Return a point for every member: one request for each whose point is not simply the latest."""

        def look(name: str) -> Chosen:
            return self._choose(name, question)

        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            chosen = list(pool.map(look, question.items))
        return PointsChosen(members=dict(zip(question.items, chosen, strict=True)))

    def _choose(self, name: str, question: PointQuestion) -> Chosen:
        named = question.named.get(name)
        if named is None and question.rule is RecoveryPoint.LATEST:
            return Chosen()
        try:
            point = choose(self.shelf.points(question.items[name]), question.rule, named)
        except NoPoint as none:
            return Chosen(refused=f"{name}: {none}")
        except Permanent as error:
            return Chosen(refused=f"{name}: {error.message} ({error.code})")
        return Chosen(point=point.id, at=point.at)
