"""What a run of a plan asks of Azure, as which identity, on what: ``tests/roles`` holds it against ``infra/roles``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from domain.action import Action, Occasion, OnError
from domain.grants import Identity, Need, Role
from domain.plan import Engine, Plan
from domain.policy import CommitMode
from domain.request import Kind

VAULTS = "Microsoft.RecoveryServices/vaults"
FABRICS = f"{VAULTS}/replicationFabrics"
CONTAINERS = f"{FABRICS}/replicationProtectionContainers"
ITEMS = f"{CONTAINERS}/replicationProtectedItems"
MAPPINGS = f"{CONTAINERS}/replicationProtectionContainerMappings"
NETWORKS = f"{FABRICS}/replicationNetworks/replicationNetworkMappings"
POLICIES = f"{VAULTS}/replicationPolicies"
PLANS = f"{VAULTS}/replicationRecoveryPlans"
JOBS = f"{VAULTS}/replicationJobs"
# A list of all items is asked of the vault, and has a name of its own.
ALL_ITEMS = f"{VAULTS}/replicationProtectedItems/read"
PROFILES = "Microsoft.Network/trafficManagerProfiles"
RUNBOOKS = "Microsoft.Automation/automationAccounts/jobs"

LEGS = {Kind.ROUND_TRIP: (Kind.FAILOVER, Kind.REPROTECT, Kind.FAILBACK)}


def needs_of(plan: Plan, kind: Kind, cleans: bool = False, turns: bool = False) -> tuple[Need, ...]:
    """Return what a run needs where a drill waits for its clean-up, or machines for their re-protection."""
    needs = [need for leg in LEGS.get(kind, (kind,)) for need in _leg(plan, leg, turns)]
    if cleans:
        needs.append(_drill(plan, f"{ITEMS}/testFailoverCleanup/action"))
    return _once(needs)


def needs_by_day(
    plan: Plan, kind: Kind, cleans: bool = False, turns: bool = False
) -> tuple[Need, ...]:
    """Return what a run needs, and besides a failover what the way home and the plan's drills would need."""
    needs = needs_of(plan, kind, cleans, turns)
    others = (Kind.REPROTECT, Kind.FAILBACK, *((Kind.DRILL,) if plan.drill else ()))
    after = [need for other in others for need in needs_of(plan, other)]
    after = after if kind is Kind.FAILOVER else []
    return _once((*needs, *(replace(need, vital=False) for need in after)))


def _once(needs: Iterable[Need]) -> tuple[Need, ...]:
    """Return each action of an identity on a resource once, as vital as the strictest of them."""
    known: dict[tuple[Identity, str, str], Need] = {}
    for need in needs:
        key = (need.identity, need.scope.casefold(), need.action)
        if key not in known or need.vital:
            known[key] = need if key not in known else replace(known[key], vital=True)
    return tuple(known.values())


def _leg(plan: Plan, kind: Kind, turns: bool) -> Iterator[Need]:
    by_plan = plan.engine is Engine.ASR and kind in (Kind.FAILOVER, Kind.DRILL)
    yield _seen(plan, ALL_ITEMS)
    match kind:
        case Kind.FAILOVER:
            yield from _move(plan, by_plan)
            yield from _users(plan)
            yield from _runbooks(plan, Occasion.FAILOVER, by_plan)
        case Kind.FAILBACK:
            yield from _move(plan, by_plan)
            yield from _turn(plan, vital=turns)
            yield from _users(plan)
            yield from _runbooks(plan, Occasion.FAILBACK, by_plan)
        case Kind.DRILL:
            yield from _rehearse(plan, by_plan)
            yield from _runbooks(plan, Occasion.DRILL, by_plan)
        case Kind.REPROTECT:
            yield from _turn(plan, vital=True)
        case Kind.COMMIT:
            yield from _commit(plan, vital=True)
        case Kind.PROTECT:
            yield from _set_up(plan)
        case _:
            pass


def _move(plan: Plan, by_plan: bool) -> Iterator[Need]:
    yield _acts(plan, f"{PLANS if by_plan else ITEMS}/unplannedFailover/action")
    yield from _commit(plan, vital=plan.policy.commit.mode is not CommitMode.NEVER)
    if by_plan:
        yield from _by_plan(plan, Occasion.FAILOVER)
    yield _acts(plan, f"{JOBS}/cancel/action", vital=False)
    yield _seen(plan, f"{JOBS}/read", vital=False)
    yield _seen(plan, f"{ITEMS}/recoveryPoints/read", vital=False)


def _commit(plan: Plan, vital: bool) -> Iterator[Need]:
    """A commit that Azure's plan does not make is made machine by machine; so it may lack the plan's."""
    yield _acts(plan, f"{ITEMS}/failoverCommit/action", vital)
    yield _acts(plan, f"{ITEMS}/applyRecoveryPoint/action", vital=False)
    if plan.engine is Engine.ASR:
        yield _acts(plan, f"{PLANS}/failoverCommit/action", vital=False)


def _by_plan(plan: Plan, occasion: Occasion) -> Iterator[Need]:
    steps = any(a.manual and occasion in a.on for a in _around(plan))
    yield _acts(plan, f"{JOBS}/resume/action", vital=steps)
    yield _seen(plan, f"{PLANS}/read")


def _rehearse(plan: Plan, by_plan: bool) -> Iterator[Need]:
    """Only who fails over may cancel a drill's jobs; a drill that it cannot cancel waits for them instead."""
    yield _drill(plan, f"{PLANS if by_plan else ITEMS}/testFailover/action")
    yield _drill(plan, f"{ITEMS}/testFailoverCleanup/action")
    if by_plan:
        yield replace(_drill(plan, f"{PLANS}/testFailoverCleanup/action"), vital=False)
        yield from _by_plan(plan, Occasion.DRILL)
    yield _acts(plan, f"{JOBS}/cancel/action", vital=False)
    yield _seen(plan, f"{JOBS}/read", vital=False)


def _turn(plan: Plan, vital: bool) -> Iterator[Need]:
    yield _acts(plan, f"{CONTAINERS}/switchprotection/action", vital)
    yield _seen(plan, f"{MAPPINGS}/read", vital)


def _set_up(plan: Plan) -> Iterator[Need]:
    """What is there already is left alone, so none of it is sure to be needed."""
    made = (FABRICS, CONTAINERS, POLICIES, MAPPINGS, NETWORKS)
    for part in (*made, ITEMS, PLANS):
        need = _acts(plan, f"{part}/write", vital=False)
        yield replace(need, role=Role.PROTECTION_SET_UP)
    for part in (VAULTS, *made, PLANS):
        yield _seen(plan, f"{part}/read", vital=False)


def _users(plan: Plan) -> Iterator[Need]:
    ends = (plan.traffic.source, plan.traffic.target, plan.traffic.maintenance)
    profile = plan.traffic.profile
    yield Need(Identity.OBSERVE, profile, f"{PROFILES}/read", Role.OBSERVER)
    for end in filter(None, ends):
        kind = end.type.value[0].lower() + end.type.value[1:]
        action = f"{PROFILES}/{kind}/write"
        yield Need(Identity.FAILOVER, profile, action, Role.FAILOVER_OPERATOR)


def _runbooks(plan: Plan, occasion: Occasion, by_plan: bool) -> Iterator[Need]:
    """Azure's own plan starts the runbooks of its groups by itself; those after a drill are Leeward's always."""
    hooks = plan.drill.hooks if plan.drill and occasion is Occasion.DRILL else ()
    for action in (*(() if by_plan else _around(plan)), *hooks):
        if action.runbook is None or occasion not in action.on:
            continue
        account, vital = action.runbook.account, action.on_error is not OnError.CONTINUE
        for name, matters in (("write", vital), ("stop/action", False)):
            asked = f"{RUNBOOKS}/{name}"
            yield Need(Identity.FAILOVER, account, asked, Role.FAILOVER_OPERATOR, matters)
        for name, matters in (("read", vital), ("output/read", False)):
            yield Need(Identity.OBSERVE, account, f"{RUNBOOKS}/{name}", Role.OBSERVER, matters)


def _around(plan: Plan) -> Iterator[Action]:
    return (action for tier in plan.tiers for action in (*tier.pre_actions, *tier.post_actions))


def _seen(plan: Plan, action: str, vital: bool = True) -> Need:
    return Need(Identity.OBSERVE, plan.vault.id, action, Role.OBSERVER, vital)


def _drill(plan: Plan, action: str) -> Need:
    return Need(Identity.DRILL, plan.vault.id, action, Role.DRILL_RUNNER)


def _acts(plan: Plan, action: str, vital: bool = True) -> Need:
    return Need(Identity.FAILOVER, plan.vault.id, action, Role.FAILOVER_OPERATOR, vital)
