"""How Azure's recovery plans differ from what Leeward's plan would make of them: members, groups, order, actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from domain.asr_action import same_actions
from domain.asr_plan import AsrPlan, Group, read
from domain.model import Reported

Json = dict[str, Any]
# A group's place: the name of its recovery plan, and its number there.
Spot = tuple[str, int]


class DriftKind(StrEnum):
    """What is otherwise."""

    PLAN = "plan"
    MISSING = "missing"
    EXTRA = "extra"
    MOVED = "moved"
    ORDER = "order"
    ACTIONS = "actions"


class Drift(Reported):
    """One thing in Azure's recovery plan that is not as Leeward's plan has it."""

    kind: DriftKind
    plan: str
    what: str


def drift(
    wanted: Sequence[tuple[str, Json]], there: Mapping[str, AsrPlan | None]
) -> Iterator[Drift]:
    """Yield every difference between the plans that a push would make and those that are there."""
    want = {(name, n): g for name, body in wanted for n, g in _numbered(read(body))}
    seen = {(name, n): g for name, plan in there.items() if plan for n, g in _numbered(plan)}
    for name, _ in wanted:
        if there.get(name) is None:
            yield Drift(kind=DriftKind.PLAN, plan=name, what=f"recovery plan {name} is not there")
    homes, places = _homes(want), _homes(seen)
    for name in sorted(homes.keys() - places.keys()):
        where = homes[name]
        if there.get(where[0]) is not None:
            yield Drift(
                kind=DriftKind.MISSING, plan=where[0], what=f"{name} is missing from {_said(where)}"
            )
    for name in sorted(places.keys() - homes.keys()):
        where = places[name]
        yield Drift(
            kind=DriftKind.EXTRA,
            plan=where[0],
            what=f"{name} is in {_said(where)}, not in the plan",
        )
    match = _matched(want, homes, places)
    yield from _moved(homes, places, match)
    yield from _reordered(match)
    for spot, other in match.items():
        for what, ours, theirs in (
            ("before", want[spot].before, seen[other].before),
            ("after", want[spot].after, seen[other].after),
        ):
            if not same_actions(ours, theirs):
                told = f"the actions {what} {_said(other)} are {_named(theirs)}; the plan has {_named(ours)}"
                yield Drift(kind=DriftKind.ACTIONS, plan=other[0], what=told)


def _numbered(plan: AsrPlan) -> Iterator[tuple[int, Group]]:
    return iter(enumerate((group for group in plan.boots if group.items), start=1))


def _homes(groups: Mapping[Spot, Group]) -> dict[str, Spot]:
    return {item.name.casefold(): spot for spot, group in groups.items() for item in group.items}


def _matched(
    want: Mapping[Spot, Group], homes: Mapping[str, Spot], places: Mapping[str, Spot]
) -> dict[Spot, Spot]:
    """Return, for each group that is wanted, the group there that holds most of its machines; each once."""
    shared: dict[tuple[Spot, Spot], int] = {}
    for name, home in homes.items():
        if name in places:
            pair = (home, places[name])
            shared[pair] = shared.get(pair, 0) + 1
    match: dict[Spot, Spot] = {}
    for (home, place), _ in sorted(shared.items(), key=lambda one: (-one[1], one[0])):
        if home not in match and place not in match.values():
            match[home] = place
    return {spot: match[spot] for spot in want if spot in match}


def _moved(
    homes: Mapping[str, Spot], places: Mapping[str, Spot], match: Mapping[Spot, Spot]
) -> Iterator[Drift]:
    for name, home in homes.items():
        place = places.get(name)
        if place is not None and match.get(home) != place:
            told = f"{name} is in {_said(place)}; the plan has it in {_said(match.get(home, home))}"
            yield Drift(kind=DriftKind.MOVED, plan=place[0], what=told)


def _reordered(match: Mapping[Spot, Spot]) -> Iterator[Drift]:
    """Yield where the groups that belong together come in another order."""
    plans = list(dict.fromkeys(home[0] for home in match))
    rank = {name: number for number, name in enumerate(plans)}
    order = [match[home] for home in sorted(match, key=lambda spot: (rank[spot[0]], spot[1]))]
    as_there = sorted(order, key=lambda spot: (rank.get(spot[0], len(rank)), spot[1]))
    if order != as_there:
        told = ", then ".join(_said(spot) for spot in order)
        yield Drift(
            kind=DriftKind.ORDER,
            plan=order[0][0],
            what=f"the groups are in another order; the plan wants {told}",
        )


def _said(spot: Spot) -> str:
    return f"group {spot[1]} of {spot[0]}"


def _named(actions: Sequence[Json]) -> str:
    return ", ".join(str(action.get("actionName")) for action in actions) or "none"
