"""What is wrong with a plan whose parts are each in order: every problem with its place and its mend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from domain.model import Model
from domain.reach_rules import outside

if TYPE_CHECKING:
    from domain.plan import Plan, Tier

Place = tuple[str | int, ...]


class Problem(Model):
    """One thing wrong with a plan: where it stands, what it is, and the mend."""

    place: Place
    what: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a plan file."""

    line: int
    what: str


class PlanRefused(Exception):
    """A plan file that does not hold a valid plan; ``mistakes`` are in the order of the file."""

    def __init__(self, where: str, mistakes: list[Mistake]) -> None:
        self.where = where
        self.mistakes = sorted(mistakes, key=lambda mistake: mistake.line)
        super().__init__("\n".join(f"{where}, line {m.line}: {m.what}" for m in self.mistakes))


def problems_of(plan: Plan) -> Iterator[Problem]:
    """Yield what is wrong with a plan whose parts are each in order."""
    if plan.source.region == plan.target.region:
        yield Problem(
            place=("target", "region"),
            what=f"source and target are both {plan.target.region}; recover to another region",
        )
    if plan.vault.region == plan.source.region:
        yield Problem(
            place=("vault", "region"),
            what=f"the vault lies in {plan.vault.region}, the region it must survive; "
            f"use a vault in {plan.target.region}",
        )
    yield from _repeats(
        ((("tiers", index, "name"), tier.name) for index, tier in enumerate(plan.tiers)),
        "tier {name!r} is there twice; give each tier its own name",
    )
    members = [
        (("tiers", t, "members", m), member)
        for t, tier in enumerate(plan.tiers)
        for m, member in enumerate(tier.members)
    ]
    twice = "member {name!r} is there twice; a machine moves once, so keep it in one tier"
    repeated = list(_repeats(((place, member.name) for place, member in members), twice))
    yield from repeated or _repeats(
        ((place, member.item_name) for place, member in members),
        "protected item {name!r} is there twice; each member has an item of its own",
    )
    yield from _order_problems(plan.tiers)
    yield from _action_problems(plan)
    yield from _engine_problems(plan)
    yield from _signal_problems(plan)
    yield from _schedule_problems(plan)
    for place, what in outside(plan):
        yield Problem(place=place, what=what)
    if plan.protection:
        yield from _protection_problems(plan)


def waits(tiers: tuple[Tier, ...]) -> dict[str, tuple[str, ...]]:
    """Return what each tier waits for: what it says, else the tier written before it."""
    found: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for tier in tiers:
        found[tier.name] = before if tier.after is None else tier.after
        before = (tier.name,)
    return found


def _engine_problems(plan: Plan) -> Iterator[Problem]:
    if plan.engine == "asr" and not plan.recovery_plans:
        yield Problem(
            place=("engine",),
            what="engine: asr needs recovery_plans, the names of the vault's recovery plans in order; "
            "`leeward plan push` makes them",
        )
    around = (action for tier in plan.tiers for action in (*tier.pre_actions, *tier.post_actions))
    for action in around if plan.engine == "asr" else ():
        if action.http or action.wait:
            yield Problem(
                place=("engine",),
                what=f"engine: asr cannot take action {action.name!r}: Azure's plans know runbooks and manual "
                "steps alone; use engine: leeward, or make it a runbook",
            )
    if plan.name in plan.depends_on:
        yield Problem(
            place=("depends_on",),
            what=f"plan {plan.name} depends on itself; name other applications' plans",
        )


def _signal_problems(plan: Plan) -> Iterator[Problem]:
    quorum = plan.signals
    counted = quorum.counted
    if quorum.needed > len(counted):
        names = ", ".join(counted) or "none"
        unseen = "synthetic" in quorum.classes and not quorum.vantage
        yield Problem(
            place=("signals", "needed"),
            what=f"needed: {quorum.needed} classes can never agree, {len(counted)} can speak ({names}); lower needed"
            + (
                ", or add signals.vantage, so that synthetic counts"
                if unseen
                else ", or add classes"
            ),
        )
    yield from _repeats(
        ((("signals", "classes", at), name.value) for at, name in enumerate(quorum.classes)),
        "class {name!r} is there twice; two witnesses of one class are one witness",
    )
    if quorum.vantage:
        yield from _repeats(
            (
                (("signals", "vantage", "points", at), name)
                for at, name in enumerate(quorum.vantage.points)
            ),
            "vantage point {name!r} is there twice; it has one voice",
        )
    if quorum.clear < quorum.sustained:
        yield Problem(
            place=("signals", "clear"),
            what="clear is shorter than sustained, so a flapping region would open one incident after "
            "the other; make it longer, three times sustained is usual",
        )
    if plan.policy.automation.mode != "auto_after":
        return
    if quorum.vantage is None or "synthetic" not in quorum.classes:
        yield Problem(
            place=("policy", "automation", "mode"),
            what="auto_after acts on what Leeward has seen itself; give signals.vantage with probes and a "
            "canary and count class synthetic, or let a person decide with mode: manual",
        )
    elif quorum.needed < 2:
        yield Problem(
            place=("signals", "needed"),
            what="auto_after on the word of one class would fail over on one false alarm; needed: 2 or more",
        )


def _action_problems(plan: Plan) -> Iterator[Problem]:
    twice = "action {name!r} is there twice; what a run did once must be told apart by its name"
    for index, tier in enumerate(plan.tiers):
        yield from _repeats(
            (
                (("tiers", index, key, position, "name"), action.name)
                for key in ("pre_actions", "post_actions")
                for position, action in enumerate(getattr(tier, key))
            ),
            twice,
        )
    hooks = plan.drill.hooks if plan.drill else ()
    places = ((("drill", "hooks", n, "name"), hook.name) for n, hook in enumerate(hooks))
    yield from _repeats(places, twice)


def _schedule_problems(plan: Plan) -> Iterator[Problem]:
    schedule = plan.drill.schedule if plan.drill else None
    if schedule is None or schedule.kind != "round_trip":
        return
    missing = []
    if plan.protection is None:
        missing.append("a protection section, to replicate home again")
    if not plan.policy.fence.probes:
        missing.append("policy.fence.probes, to prove the source before users go home")
    if missing:
        yield Problem(
            place=("drill", "schedule", "kind"),
            what=f"a round trip needs {' and '.join(missing)}; add it, or schedule kind: drill",
        )


def _protection_problems(plan: Plan) -> Iterator[Problem]:
    missing = [
        key
        for key, value in (
            ("vault.recovery_fabric", plan.vault.recovery_fabric),
            ("vault.recovery_container", plan.vault.recovery_container),
            ("target.resource_group", plan.target.resource_group),
        )
        if value is None
    ]
    if missing:
        yield Problem(
            place=("protection",),
            what=f"protection needs {', '.join(missing)}: machines replicate there, and back from there",
        )


def _repeats(names: Iterable[tuple[Place, str]], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, name in names:
        if name.casefold() in seen:
            yield Problem(place=place, what=what.format(name=name))
        seen.add(name.casefold())


def _order_problems(tiers: tuple[Tier, ...]) -> Iterator[Problem]:
    names = [tier.name for tier in tiers]
    unknown = False
    for index, tier in enumerate(tiers):
        for position, other in enumerate(tier.after or ()):
            if other not in names:
                unknown = True
                yield Problem(
                    place=("tiers", index, "after", position),
                    what=f"tier {tier.name!r} comes after {other!r}, which is no tier of this plan; "
                    f"use one of {', '.join(names)}",
                )
    if unknown or len(set(names)) < len(names):
        return
    try:
        TopologicalSorter(waits(tiers)).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        yield Problem(
            place=("tiers", names.index(circle[0]), "after"),
            what=f"the tiers wait for each other in a circle: {' after '.join(circle)}; "
            "drop one of these `after`",
        )
