"""Readiness: what stands in the way of a run, read before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.model import Recorded
from domain.plan import Plan
from domain.policy import CommitMode
from domain.regions import display_name
from domain.replication import Move, Phase, ProtectedItem, Verb, move_for
from domain.run import ProfileState, Readiness


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


class Question(Recorded):
    """Which plan is to be looked at."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Preflight:
    """Looks at a plan's machines and its profile in two requests."""

    vault: Vault
    traffic: Profiles

    def assess_readiness(self, question: Question) -> Readiness:
        """Return what blocks a failover of the plan, what is odd, and which drills are pending."""
        plan = question.plan
        found = {item.id.casefold(): item for item in self.vault.items(plan.vault.id)}
        blockers: list[str] = []
        warnings: list[str] = []
        drills: list[str] = []
        for member in plan.members:
            item = found.get(plan.vault.item_id(member.item_name).casefold())
            if item is None:
                blockers.append(
                    f"{member.name} has no protected item {member.item_name} in {plan.vault.container}; "
                    "protect it, or mend the plan"
                )
            elif item.drill_pending:
                drills.append(member.name)
            else:
                _judge(member.name, item, blockers, warnings)
        profile = self.traffic.profile(plan.traffic.profile)
        _judge_profile(plan, profile, blockers, warnings)
        return Readiness(
            ready=not blockers,
            settled=_all_moved(plan, found) and _users_moved(plan, profile),
            blockers=tuple(blockers),
            warnings=tuple(warnings),
            pending_drills=tuple(drills),
        )


def _all_moved(plan: Plan, found: Mapping[str, ProtectedItem]) -> bool:
    items = [found.get(plan.vault.item_id(m.item_name).casefold()) for m in plan.members]
    done = {Phase.COMMITTED}
    if plan.policy.commit.mode is CommitMode.NEVER:
        done.add(Phase.ARRIVED)
    return all(item and item.scenario is None and item.phase in done for item in items)


def _users_moved(plan: Plan, profile: ProfileState) -> bool:
    source = profile.endpoint(plan.traffic.source.name)
    target = profile.endpoint(plan.traffic.target.name)
    return bool(source and target and target.enabled and not source.enabled)


def _judge(name: str, item: ProtectedItem, blockers: list[str], warnings: list[str]) -> None:
    move = move_for(item, Verb.FAILOVER)
    if move is Move.HAPPENED:
        warnings.append(
            f"{name} has failed over before ({item.state_description}); it is not moved again"
        )
    elif move is Move.RUNNING:
        warnings.append(f"a failover of {name} runs already; it is adopted")
    elif move is Move.BUSY:
        warnings.append(f"{item.scenario} runs on {name}; the run waits for it")
    elif move is Move.IMPOSSIBLE:
        blockers.append(
            f"{name} cannot fail over while it is {item.state} ({item.state_description}); "
            "wait until it is protected, or repair its replication"
        )
    if item.health.casefold() == "critical":
        warnings.append(f"the replication of {name} is critical; its recovery point may be old")


def _judge_profile(
    plan: Plan, profile: ProfileState, blockers: list[str], warnings: list[str]
) -> None:
    for end in (plan.traffic.source, plan.traffic.target):
        if profile.endpoint(end.name) is None:
            has = ", ".join(endpoint.name for endpoint in profile.endpoints) or "none"
            blockers.append(f"the profile {profile.fqdn} has no endpoint {end.name}; it has {has}")
    target = profile.endpoint(plan.traffic.target.name)
    if target is not None and target.enabled:
        warnings.append(
            f"endpoint {target.name} is enabled already; users may reach {display_name(plan.target.region)} now"
        )
