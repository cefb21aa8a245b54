"""An application with all that it depends on: which plans go together, in which order, and what it came to.

Every plan is frozen whole in the run's input, packed: twenty plans of a hundred machines would fill a history that has
to stay small, once as the input and once more for each run under it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from domain.model import Recorded, Slug
from domain.plan import Plan
from domain.reports import ChildRun
from domain.run import WELL, Outcome

MOST_PLANS = 50


class Part(Recorded):
    """One application of an umbrella: whom it waits for, how long its run may take, and its plan, packed."""

    plan: Slug
    application: Slug
    digest: str
    after: tuple[Slug, ...] = ()
    machines: int
    asks: bool = True
    within: timedelta
    packed: str


class NotTogether(Exception):
    """Plans that cannot go together; the text names the mend."""


def pack(plan: Plan) -> str:
    """Return a plan as a short text that holds all of it."""
    text = json.dumps(plan.wire(), separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpack(packed: str) -> dict[str, Any]:
    """Return the data of a packed plan."""
    data: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return data


def gather(root: Plan, find: Callable[[str], Plan]) -> tuple[Plan, ...]:
    """Return the plan and all that it depends on, each after those it waits for.

    Raises NotTogether for a circle, for plans that share an application, and for too many of them.
    """
    gathered: dict[str, Plan] = {}

    def visit(plan: Plan, path: tuple[str, ...]) -> None:
        if plan.name in path:
            circle = [*path[path.index(plan.name) :], plan.name]
            raise NotTogether(
                f"the plans depend on each other in a circle: {' depends on '.join(circle)}; "
                "drop one of these depends_on"
            )
        if plan.name in gathered:
            return
        if len(gathered) + len(path) >= MOST_PLANS:
            raise NotTogether(
                f"{root.name} depends on more than {MOST_PLANS - 1} plans; move them in several runs"
            )
        for name in plan.depends_on:
            visit(root if name == root.name else find(name), (*path, plan.name))
        gathered[plan.name] = plan

    visit(root, ())
    plans = tuple(gathered.values())
    _one_plan_each(plans)
    return plans


def _one_plan_each(plans: Iterable[Plan]) -> None:
    moved_by: dict[str, str] = {}
    for plan in plans:
        other = moved_by.setdefault(plan.app, plan.name)
        if other != plan.name:
            raise NotTogether(
                f"plans {other} and {plan.name} both move application {plan.app}, which one run holds at a time; "
                "drop one of them from depends_on, or make one plan of them"
            )


def digest_of(parts: Sequence[Part]) -> str:
    """Return the SHA-256 over the digests of all plans; one decision binds to all of them."""
    bound = json.dumps(sorted((part.plan, part.digest) for part in parts), separators=(",", ":"))
    return hashlib.sha256(bound.encode()).hexdigest()


def longest_path(parts: Sequence[Part]) -> timedelta:
    """Return how long all parts may take: each waits for those it comes after, the rest goes side by side."""
    ends: dict[str, timedelta] = {}
    for part in parts:
        begins = max((ends[name] for name in part.after), default=timedelta(0))
        ends[part.plan] = begins + part.within
    return max(ends.values())


def went_well(child: ChildRun) -> bool:
    """Say whether others may build on the application: it moved, or had nothing left to do."""
    return child.settled or child.outcome in WELL


def sum_up(
    children: Sequence[ChildRun], left: Sequence[str], cancelled_by: str | None = None
) -> tuple[Outcome, str]:
    """Return what a whole came to, never better than its worst part; ``left`` says who did not begin, and why."""
    well = [child for child in children if went_well(child)]
    ill = [child for child in children if not went_well(child)]
    said = [f"{len(well)} of {len(children) + len(left)} applications went well"]
    settled = [child.plan for child in well if child.settled]
    if settled:
        said.append(f"nothing was left to do for {', '.join(settled)}")
    said += [f"{child.plan} ended {child.outcome.value}: {child.because}" for child in ill]
    if cancelled_by:
        said.append(f"{cancelled_by} cancelled it")
    return _outcome(well, ill, left, cancelled_by), "; ".join([*said, *left])


def _outcome(
    well: Sequence[ChildRun], ill: Sequence[ChildRun], left: Sequence[str], cancelled_by: str | None
) -> Outcome:
    outcomes = {child.outcome for child in ill}
    if Outcome.NEEDS_HUMAN in outcomes:
        return Outcome.NEEDS_HUMAN
    if cancelled_by and (ill or left):
        return Outcome.CANCELLED
    if not ill and not left:
        if all(child.settled for child in well):
            return Outcome.DECLINED
        skipped = any(child.outcome is Outcome.COMPLETED_WITH_SKIPS for child in well)
        return Outcome.COMPLETED_WITH_SKIPS if skipped else Outcome.COMPLETED
    moved = any(not child.settled for child in well)
    if moved or outcomes & {Outcome.PARTIAL, Outcome.ROLLED_BACK}:
        return Outcome.PARTIAL
    return outcomes.pop() if len(outcomes) == 1 else Outcome.FAILED
