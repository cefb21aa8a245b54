"""Azure's own recovery plan, and Leeward's plan as such plans: both ways, as plain values.

Three shapes are read: the REST resource, the portal's (that resource, alone or in a template's ``resources``, in
whatever case its keys are), and the one with ``groups[].order`` and the ids of each group's items. A group's name
becomes a tier's: lower case, with a first or last word ``tier``, ``group`` or ``layer`` dropped, so that ``DB_Tier`` is
``db``. The REST shape names no groups: there a tier is called as in the plan that the reader was told it is like, else
``group-1`` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.action import Action
from domain.asr_action import action_of, asr_action, distinct, slug
from domain.model import Recorded, last_segment, same_id
from domain.plan import Member, Plan, Tier
from domain.replication import ProtectedItem, locate

GROUPS_AT_MOST = 7
ITEMS_AT_MOST = 100
BOOT = "Boot"
PLAIN_WORDS = re.compile(r"^(tier|group|layer)[ _-]+|[ _-]+(tier|group|layer)$", re.IGNORECASE)

Json = dict[str, Any]


class NotAPlan(ValueError):
    """What was given is no recovery plan in any shape that is read."""


class PlanItem(Recorded):
    """A machine of a group: its protected item, and the machine where the plan tells it."""

    id: str
    vm: str | None = None

    @property
    def name(self) -> str:
        """Return the item's own name."""
        return last_segment(self.id)


class Group(Recorded):
    """Machines that start together, and the actions before and after, word for word as Azure has them."""

    kind: str = BOOT
    name: str = ""
    items: tuple[PlanItem, ...] = ()
    before: tuple[Json, ...] = ()
    after: tuple[Json, ...] = ()


class AsrPlan(Recorded):
    """A recovery plan of a vault."""

    name: str
    groups: tuple[Group, ...]
    primary_fabric: str | None = None
    recovery_fabric: str | None = None
    primary_region: str | None = None
    recovery_region: str | None = None

    @property
    def boots(self) -> tuple[Group, ...]:
        """Return the groups that hold machines."""
        return tuple(group for group in self.groups if group.kind == BOOT)


class CannotPush(ValueError):
    """Leeward's plan cannot be had as recovery plans of Azure's."""


def read(given: object) -> AsrPlan:
    """Return the recovery plan that a JSON value holds, in whichever of the three shapes; raises NotAPlan."""
    resource = _resource(given)
    properties = _get(resource, "properties")
    if not isinstance(properties, Mapping):
        raise NotAPlan("it has no properties; give the JSON of one recovery plan")
    groups = _get(properties, "groups")
    if (
        not isinstance(groups, list)
        or not groups
        or not all(isinstance(g, Mapping) for g in groups)
    ):
        raise NotAPlan("it has no properties.groups; give the JSON of one recovery plan")
    ordered = sorted(groups, key=_order)
    name = str(_get(properties, "friendlyName") or _get(resource, "name") or "").strip()
    read_groups = tuple(_group(group) for group in ordered)
    if not any(group.items for group in read_groups):
        raise NotAPlan("its groups hold no machines; a plan needs at least one")
    return AsrPlan(
        name=last_segment(name) or "plan",
        groups=read_groups,
        primary_fabric=_text(properties, "primaryFabricId"),
        recovery_fabric=_text(properties, "recoveryFabricId"),
        primary_region=_text(properties, "primaryFabricFriendlyName"),
        recovery_region=_text(properties, "recoveryFabricFriendlyName"),
    )


def tiers_of(asr: AsrPlan, like: Plan | None = None) -> tuple[tuple[Tier, ...], tuple[str, ...]]:
    """Return Azure's groups as tiers, and what could not be taken over; what only Leeward knows comes from ``like``."""
    known = {member.item_name.casefold(): member for member in (like.members if like else ())}
    tiers: list[Tier] = []
    named = {a.name for t in (like.tiers if like else ()) for a in _own(t)}
    notes = [
        f"the actions of group {group.kind} stay with Azure: Leeward has no step for them"
        for group in asr.groups
        if group.kind != BOOT and (group.before or group.after)
    ]
    for number, group in enumerate(asr.boots, start=1):
        if not group.items:
            notes.append(f"group {group.name or number} holds no machines and is left out")
            continue
        twin = _twin(group, like)
        name = distinct(tier_name(group, twin, number), [tier.name for tier in tiers])
        base = twin or next((t for t in (like.tiers if like else ()) if t.name == name), None)
        before, left_before = _taken(group.before, base.pre_actions if base else (), named)
        after, left_after = _taken(group.after, base.post_actions if base else (), named)
        notes += [f"tier {name}: {why}" for why in (*left_before, *left_after)]
        members = tuple(known.get(i.name.casefold()) or _member(i) for i in group.items)
        given = {"name": name, "members": members, "pre_actions": before, "post_actions": after}
        tiers.append(base.model_copy(update=given) if base else Tier(**given))
    return tuple(tiers), tuple(notes)


def tier_name(group: Group, twin: Tier | None, number: int) -> str:
    """Return what the tier of a group is called."""
    if not group.name:
        return twin.name if twin else f"group-{number}"
    short = PLAIN_WORDS.sub("", group.name.strip())
    return slug(short if short else group.name, f"group-{number}")


def pushed(plan: Plan, items: Sequence[ProtectedItem]) -> tuple[tuple[str, Json], ...]:
    """Return Azure's recovery plans for Leeward's plan: each one's name, and the body that makes it.

    Raises CannotPush with the mend.
    """
    if plan.vault.recovery_fabric is None:
        raise CannotPush(
            "vault.recovery_fabric is not given; Azure's plan goes from fabric to fabric"
        )
    parts = tuple(_parts(plan))
    names = plan_names(plan, len(parts))
    fabrics = f"{plan.vault.id}/replicationFabrics"
    bodies = [
        {
            "properties": {
                "primaryFabricId": f"{fabrics}/{plan.vault.fabric}",
                "recoveryFabricId": f"{fabrics}/{plan.vault.recovery_fabric}",
                "failoverDeploymentModel": "ResourceManager",
                "groups": [_boot(plan, tier, items) for tier in part],
            }
        }
        for part in parts
    ]
    return tuple(zip(names, bodies, strict=True))


def plan_names(plan: Plan, count: int) -> tuple[str, ...]:
    """Return the names of the recovery plans: those that the plan names, else its own with a number."""
    if len(plan.recovery_plans) == count:
        return plan.recovery_plans
    if plan.recovery_plans:
        raise CannotPush(
            f"recovery_plans names {len(plan.recovery_plans)}, but {count} are needed: "
            f"at most {GROUPS_AT_MOST} tiers and {ITEMS_AT_MOST} machines go into one"
        )
    return (plan.name,) if count == 1 else tuple(f"{plan.name}-{n}" for n in range(1, count + 1))


def own_actions(plan: Plan) -> tuple[str, ...]:
    """Return the actions that Azure's plans cannot hold, by name."""
    return tuple(action.name for tier in plan.tiers for action in _own(tier))


def _parts(plan: Plan) -> Iterator[tuple[Tier, ...]]:
    """Yield the tiers of each recovery plan: as many as fit, a tier too large for the rest goes on in the next."""
    part: list[Tier] = []
    room = ITEMS_AT_MOST
    for tier in plan.ordered_tiers():
        left = list(tier.members)
        first = True
        while left:
            fits = len(tier.members) <= ITEMS_AT_MOST and len(left) > room
            if part and (fits or not room or len(part) == GROUPS_AT_MOST):
                yield tuple(part)
                part, room = [], ITEMS_AT_MOST
            here, left = left[:room], left[room:]
            changes = {
                "members": tuple(here),
                "pre_actions": tier.pre_actions if first else (),
                "post_actions": () if left else tier.post_actions,
            }
            part.append(tier.model_copy(update=changes))
            room, first = room - len(here), False
    if part:
        yield tuple(part)


def _boot(plan: Plan, tier: Tier, items: Sequence[ProtectedItem]) -> Json:
    return {
        "groupType": BOOT,
        "replicationProtectedItems": [_item(plan, member, items) for member in tier.members],
        "startGroupActions": _told(tier.pre_actions),
        "endGroupActions": _told(tier.post_actions),
    }


def _item(plan: Plan, member: Member, items: Sequence[ProtectedItem]) -> Json:
    found = locate(items, plan.vault.item_id(member.item_name), plan.vm_id(member))
    if found is None:
        raise CannotPush(f"the vault has no protected item of {member.name}; protect it first")
    if f"/{plan.vault.fabric}/".casefold() not in found.id.casefold():
        raise CannotPush(
            f"{member.name} lives in another fabric than {plan.vault.fabric} now; "
            "take the application home before its plan is pushed"
        )
    return {"id": found.id, "virtualMachineId": found.vm or plan.vm_id(member)}


def _told(actions: Sequence[Action]) -> list[Json]:
    return [told for told in map(asr_action, actions) if told is not None]


def _taken(
    given: Sequence[Json], there: Sequence[Action], named: set[str]
) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    """Return Azure's actions as Leeward's after those that only Leeward has, and why some are left out."""
    actions = [action for action in there if asr_action(action) is None]
    left = []
    for one in given:
        name = distinct(slug(str(one.get("actionName") or ""), "action"), named)
        action = action_of(one, name)
        if isinstance(action, str):
            left.append(action)
        else:
            actions.append(action)
            named.add(name)
    return tuple(actions), tuple(left)


def _own(tier: Tier) -> list[Action]:
    """Return the actions of a tier that Leeward alone can do."""
    every = (*tier.pre_actions, *tier.post_actions)
    return [action for action in every if asr_action(action) is None]


def _member(item: PlanItem) -> Member:
    """Return a machine by its item's name; where the plan tells that the machine is called otherwise, by that."""
    machine = last_segment(item.vm) if item.vm and "/" in item.vm else item.name
    if same_id(machine, item.name):
        return Member(name=item.name)
    return Member(name=machine, item=item.name)


def _twin(group: Group, like: Plan | None) -> Tier | None:
    """Return the tier that holds most of a group's machines, if one does."""
    names = {item.name.casefold() for item in group.items}
    tiers = like.tiers if like else ()
    shared = {t.name: len(names & {m.item_name.casefold() for m in t.members}) for t in tiers}
    best = max(tiers, key=lambda tier: shared[tier.name], default=None)
    return best if best and shared[best.name] else None


def _resource(given: object) -> Mapping[str, Any]:
    """Return the recovery plan itself, out of a template where it lies in one."""
    if not isinstance(given, Mapping):
        raise NotAPlan("it is no JSON object; give the JSON of one recovery plan")
    resources = _get(given, "resources")
    if not isinstance(resources, list):
        return given
    plans = [
        resource
        for resource in resources
        if isinstance(resource, Mapping)
        and str(_get(resource, "type")).casefold().endswith("/replicationrecoveryplans")
    ]
    if len(plans) != 1:
        raise NotAPlan(f"the template holds {len(plans)} recovery plans; give one with exactly one")
    return plans[0]


def _order(group: Mapping[str, Any]) -> float:
    order = _get(group, "order")
    return float(order) if isinstance(order, int | float) else 0.0


def _group(group: Mapping[str, Any]) -> Group:
    listed = _get(group, "replicationProtectedItems") or ()
    ids = _get(group, "replicationProtectedItemIds") or ()
    items = [
        PlanItem(id=str(_get(item, "id")), vm=_text(item, "virtualMachineId"))
        for item in listed
        if isinstance(item, Mapping)
    ]
    items += [PlanItem(id=str(item)) for item in ids]
    return Group(
        kind=str(_get(group, "groupType") or BOOT),
        name=str(_get(group, "name") or ""),
        items=tuple(items),
        before=_actions(_get(group, "startGroupActions")),
        after=_actions(_get(group, "endGroupActions")),
    )


def _actions(given: object) -> tuple[Json, ...]:
    """Return actions with the keys of the REST shape, whatever the case they came in."""
    listed = given if isinstance(given, list) else []
    keys = ("actionName", "failoverTypes", "failoverDirections", "customDetails")
    inner = ("instanceType", "path", "timeout", "fabricLocation", "runbookId", "description")
    found = []
    for action in listed:
        if isinstance(action, Mapping):
            one = {key: _get(action, key) for key in keys}
            details = one["customDetails"] if isinstance(one["customDetails"], Mapping) else {}
            said = {key: _get(details, key) for key in inner}
            one["customDetails"] = {k: value for k, value in said.items() if value is not None}
            found.append(one)
    return tuple(found)


def _get(value: Mapping[str, Any], key: str) -> Any:
    """Return what stands under a key, whatever its case."""
    return next((v for k, v in value.items() if str(k).casefold() == key.casefold()), None)


def _text(value: Mapping[str, Any], key: str) -> str | None:
    found = _get(value, key)
    return str(found) if found else None
