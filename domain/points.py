"""Recovery points: which state of a machine is recovered, by the plan's rule or by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import AwareDatetime

from domain.model import ArmId, Recorded, same_id
from domain.policy import RecoveryPoint

APP_CONSISTENT = "applicationconsistent"
CRASH_CONSISTENT = "crashconsistent"
KINDS: Mapping[RecoveryPoint, str] = {
    RecoveryPoint.LATEST_APP_CONSISTENT: APP_CONSISTENT,
    RecoveryPoint.LATEST_CRASH_CONSISTENT: CRASH_CONSISTENT,
}
SHOWN = 3


class Point(Recorded):
    """One recovery point of a machine."""

    id: ArmId
    name: str
    at: AwareDatetime
    kind: str


class NoPoint(Exception):
    """No recovery point fits; the text says which there are."""


def choose(points: Sequence[Point], rule: RecoveryPoint, named: str | None) -> Point:
    """Return the point that is named, or the newest that the rule allows; ``points`` are newest first.

    Raises NoPoint. ``latest`` names no point at all: Azure then processes what it has got and makes one.
    """
    if named is not None:
        for point in points:
            if same_id(point.name, named) or same_id(point.id, named):
                return point
        raise NoPoint(f"there is no recovery point {named}; {_there(points)}")
    kind = KINDS.get(rule)
    for point in points:
        if kind is None or point.kind.replace("-", "").casefold() == kind:
            return point
    raise NoPoint(f"there is no point for {rule.value}; {_there(points)}")


def _there(points: Sequence[Point]) -> str:
    newest = [f"{p.name} ({p.at:%Y-%m-%d %H:%M} UTC, {p.kind})" for p in points[:SHOWN]]
    return f"the newest are {', '.join(newest)}" if newest else "there is none at all"
