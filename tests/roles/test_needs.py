"""What readiness says that a run needs is what the role files give: neither can change without the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from domain.grants import LISTING, Identity, Need, Role
from domain.needs import needs_of
from domain.plan import Plan
from domain.request import Kind
from tests.domain.test_needs import ACCOUNT, NETWORK, with_runbook
from tests.plan_samples import PROFILE, SMALLEST, VAULT, plan
from tests.roles.table import Role as RoleFile
from tests.roles.table import place_of, read_roles

PLACES = {VAULT: "vault", PROFILE: "profile", ACCOUNT: "automation"}


def every_need() -> list[Need]:
    """Return what every kind of run needs of plans that have all there is."""
    ends = ("source", "target", "maintenance")
    kinds = ("AzureEndpoints", "ExternalEndpoints", "NestedEndpoints")
    named = {e: {"name": e, "type": k} for e, k in zip(ends, kinds, strict=True)}
    everything: dict[str, Any] = {
        "tiers": [with_runbook(["failover", "failback", "drill"])],
        "drill": {"network": NETWORK},
        "traffic": {**SMALLEST["traffic"], **named},
    }
    plans: list[Plan] = [
        plan(**everything),
        plan(**everything, engine="asr", recovery_plans=["shop"]),
    ]
    return [need for of in plans for kind in Kind for need in needs_of(of, kind, cleans=True)]


def strays(needs: Iterable[Need], roles: Mapping[str, RoleFile]) -> list[str]:
    """Return where needs and role files differ; a resource group's grants nobody asks after."""
    by_name = {role.name: role for role in roles.values()}
    given = {
        (role.name, action)
        for role in by_name.values()
        for action in role.actions
        if role.name in set(Role) and action != LISTING and place_of(action) != "group"
    }
    found = list(needs)
    said = [
        f"{n.role} is no role of {n.identity} at {PLACES[n.scope]}"
        for n in found
        if by_name[n.role].identity != n.identity
        or PLACES[n.scope] not in by_name[n.role].at
        or place_of(n.action) != PLACES[n.scope]
    ]
    named = {(str(n.role), n.action) for n in found}
    said += [f"{role} lacks {action}" for role, action in sorted(named - given)]
    said += [f"no run needs {action} of {role}" for role, action in sorted(given - named)]
    return said


def test_what_runs_need_is_what_the_roles_give() -> None:
    roles, needs = read_roles(), every_need()
    assert strays(needs, roles) == []
    for key in ("observe", "drill", "failover", "protect"):
        wanted = next(n for n in needs if n.role == roles[key].name)
        some = {k: v for k, v in roles[key].actions.items() if k != wanted.action}
        short = {**roles, key: replace(roles[key], actions=some)}
        assert strays(needs, short) == [f"{wanted.role} lacks {wanted.action}"]
        fewer = [n for n in needs if n.action != wanted.action]
        assert strays(fewer, roles) == [f"no run needs {wanted.action} of {wanted.role}"]
    strange = replace(needs[0], identity=Identity.DRILL)
    assert strays([*needs, strange], roles) == ["Leeward Observer is no role of drill at vault"]


def test_every_identity_may_ask_what_it_may_do() -> None:
    roles = read_roles()
    assert {role.identity for role in roles.values() if LISTING in role.actions} == set(Identity)
    assert {role.name for role in roles.values()} > set(Role)
