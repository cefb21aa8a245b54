"""Readiness: what stands in the way of a run, read before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from activities.grants import Hearing, Permissions
from domain.approval import MOVES_USERS
from domain.grants import Grants
from domain.landing import drift_in, foreign_machines
from domain.model import Recorded
from domain.needs import needs_by_day, needs_of
from domain.plan import Plan, Way
from domain.policy import CommitMode
from domain.regions import display_name, regions_in
from domain.replication import Phase, ProtectedItem, locate
from domain.request import Kind
from domain.run import ProfileState, Readiness
from domain.standing import Findings, judge


class Vault(Protocol):
    """The vault, read only."""

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        ...


class Profiles(Protocol):
    """Traffic Manager, read only."""

    def profile(self, profile: str) -> ProfileState:
        """Return the profile as it stands."""
        ...


class Asking(StrEnum):
    """Who is asked what they may do: for a run those who act, so that it can say what it would fail on; by day all."""

    RUN = "run"
    DAY = "day"
    NOBODY = "nobody"


class Question(Recorded):
    """Which plan is to be looked at, as written, for which kind of run, and who is asked what they may do."""

    plan: Plan
    kind: Kind = Kind.FAILOVER
    asking: Asking = Asking.RUN


@dataclass(frozen=True, slots=True)
class Preflight:
    """Looks at a plan's machines and its profile in two requests, and asks the identities what they may do.

    ``places`` are the places that Leeward itself needs, by the setting that names each; a ``hearing`` is what was heard
    in looks before this one.
    """

    vault: Vault
    traffic: Profiles
    permissions: Permissions
    places: Mapping[str, str] = field(default_factory=dict)
    hearing: Hearing | None = None

    def assess_readiness(self, question: Question) -> Readiness:
        """Return what blocks a run of the plan, what is odd, what is pending, and where each member was found."""
        plan, kind = question.plan, question.kind
        items = self.vault.items(plan.vault.id)
        found = Findings()
        located: dict[str, ProtectedItem] = {}
        for member in plan.members:
            item = locate(items, plan.vault.item_id(member.item_name), plan.vm_id(member))
            if item is not None:
                located[member.name] = item
                judge(kind, plan, member.name, item, found)
                continue
            missing = (
                f"{member.name} has no protected item {member.item_name} in {plan.vault.container}; "
                "protect it, or mend the plan"
            )
            (found.blockers if member.required else found.warnings).append(missing)
        found.blockers += foreign_machines(plan, located)
        found.warnings += drift_in(plan, located)
        found.warnings += _leans_on(plan.source.region, self.places)
        moved = _all_settled(plan, kind, located, found)
        profile = None
        if kind in MOVES_USERS:
            profile = self.traffic.profile(plan.traffic.profile)
            moved = _judge_users(plan, kind, profile, found) and moved
        grants = self._grants(question, found, moved)
        lacking = question.asking is Asking.DAY and grants is not None and grants.missing
        return Readiness(
            ready=not (found.blockers or lacking),
            settled=moved,
            blockers=tuple(found.blockers),
            warnings=tuple(found.warnings),
            pending_drills=tuple(found.drills),
            to_reprotect=tuple(found.to_reprotect),
            to_commit=tuple(found.to_commit),
            items={name: item.id for name, item in located.items()},
            machines={name: item.vm for name, item in located.items() if item.vm},
            points={n: at for n, item in located.items() if (at := item.latest_point_at)},
            profile=profile,
            grants=grants,
        )

    def look(self, plan: Plan, kind: Kind) -> Readiness:
        """Assess outside of any run, for whoever wants to know before the bad night."""
        return self.assess_readiness(Question(plan=plan, kind=kind, asking=Asking.DAY))

    def _grants(self, question: Question, found: Findings, moved: bool) -> Grants | None:
        """Ask who may do what; a run that ends here anyway asks nobody."""
        ahead = (question.plan, question.kind, bool(found.drills), bool(found.to_reprotect))
        hearing = self.hearing or Hearing(self.permissions)
        words = question.kind.value.replace("_", " ")
        match question.asking:
            case Asking.DAY:
                return hearing.of_all(needs_by_day(*ahead), words)
            case Asking.RUN if not (moved or found.blockers):
                return hearing.of_acting(needs_of(*ahead), words)
            case _:
                return None


def _leans_on(region: str, places: Mapping[str, str]) -> list[str]:
    """Say which of the places that Leeward needs lie in the region that it must survive, as far as their names tell."""
    return [
        f"Leeward's own {key} lies in {display_name(region)}, the region that the plan protects: move it out of there"
        for key, place in places.items()
        if region in regions_in(place)
    ]


def _all_settled(
    plan: Plan, kind: Kind, located: dict[str, ProtectedItem], found: Findings
) -> bool:
    """Say whether nothing is left to do with any member; an uncommitted end counts where the plan wants it so."""
    if any(item.scenario is not None for item in located.values()):
        return False
    done = set(found.settled)
    if kind is Kind.FAILOVER and plan.policy.commit.mode is CommitMode.NEVER:
        done |= {name for name, item in located.items() if item.phase is Phase.ARRIVED}
    return bool(located) and done >= {m.name for m in plan.members if m.required} | set(located)


def _judge_users(plan: Plan, kind: Kind, profile: ProfileState, found: Findings) -> bool:
    """Judge the profile, and say whether users are at the target already."""
    turned = plan.going(Way.HOME if kind is Kind.FAILBACK else Way.OUT)
    _judge_profile(turned, profile, found)
    source = profile.endpoint(turned.traffic.source.name)
    target = profile.endpoint(turned.traffic.target.name)
    return bool(source and target and target.enabled and not source.enabled)


def _judge_profile(plan: Plan, profile: ProfileState, found: Findings) -> None:
    ends = [plan.traffic.source, plan.traffic.target]
    if plan.traffic.maintenance:
        ends.append(plan.traffic.maintenance)
    for end in ends:
        if profile.endpoint(end.name) is None:
            has = ", ".join(endpoint.name for endpoint in profile.endpoints) or "none"
            found.blockers.append(
                f"the profile {profile.fqdn} has no endpoint {end.name}; it has {has}"
            )
    target = profile.endpoint(plan.traffic.target.name)
    if target is not None and target.enabled:
        found.warnings.append(
            f"endpoint {target.name} is enabled already; users may reach {display_name(plan.target.region)} now"
        )
