"""A plan file made from Azure's recovery plan: what Azure's does not hold is marked as still to be filled in.

A mark is the whole value, in angle brackets: ``<the region of the machines, such as eastus>``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from domain.asr_action import slug
from domain.asr_plan import AsrPlan, tiers_of
from domain.model import Model, last_segment, segment_after
from domain.plan import Plan, Tier
from domain.regions import KNOWN, region_key
from domain.replication import ProtectedItem, locate

MARK = re.compile(r"<[^<>]+>|/subscriptions/(?=[^\s]*<)[^\s]*")

Json = dict[str, Any]


class Draft(Model):
    """A plan as data, what was taken over otherwise than one may think, and where it came from."""

    data: Json
    notes: tuple[str, ...] = ()


def is_mark(value: object) -> bool:
    """Say whether a value of a plan file is still to be filled in."""
    return isinstance(value, str) and MARK.fullmatch(value) is not None


def draft(
    asr: AsrPlan,
    like: Plan | None = None,
    name: str | None = None,
    items: Sequence[ProtectedItem] = (),
) -> Draft:
    """Return Azure's recovery plan as the data of a plan file.

    ``like`` is a plan that has what Azure's lacks; ``items`` are the vault's, where they could be read.
    """
    tiers, notes = tiers_of(asr, like)
    said = list(notes)
    data: Json = _terse(like) if like else {"schema": "leeward/plan/1"}
    data["name"] = name or slug(asr.name, "imported")
    data["recovery_plans"] = [asr.name]
    if like is None:
        data |= _skeleton(asr, items, _first_item(asr))
    elif _placeholder(asr):
        said.append(f"the ids hold placeholders, so the vault is that of plan {like.name}")
    else:
        data["vault"] |= _vault(asr, items)
    data["tiers"] = [_terse(tier) for tier in tiers]
    return Draft(data=_ordered(data), notes=tuple(said))


def _skeleton(asr: AsrPlan, items: Sequence[ProtectedItem], first: str) -> Json:
    found = _found(asr, items)
    machine = (found and found.vm) or _machine(asr)
    group = _group_of(machine) if machine else None
    probe = "<http:// or https:// and what the recovered application must answer at>"
    return {
        "reach": ["<a host, *.suffix or network that the plan may talk to; one entry for each>"],
        "source": {
            "region": _region(asr.primary_region, found.source_region if found else None)
            or "<the region of the machines, such as eastus>",
            "resource_group": group or "<the id of the resource group of the machines>",
        },
        "target": {
            "region": _region(asr.recovery_region, found.target_region if found else None)
            or "<the region to recover to, such as westus>",
            "resource_group": (found and found.recovery_group)
            or "<the id of the resource group to come up in>",
        },
        "vault": {
            "id": first.split("/replicationFabrics/")[0]
            if "/vaults/" in first
            else "<the vault's id>",
            "region": "<the region of the vault, never that of the machines>",
            "fabric": "<the fabric of the machines' region>",
            "container": "<the container of the machines>",
            **_vault(asr, items),
        },
        "traffic": {
            "profile": "<the id of the Traffic Manager profile>",
            "source": {"name": "<its endpoint in the machines' region>"},
            "target": {"name": "<its endpoint in the recovery region>"},
            "gate": {"probes": [{"http": probe}]},
            "verify": "<the URL that users open>",
        },
    }


def _vault(asr: AsrPlan, items: Sequence[ProtectedItem]) -> Json:
    """Return what the ids tell of the vault."""
    first, found = _first_item(asr), _found(asr, items)
    told: Json = {}
    for key, kind in (
        ("fabric", "replicationFabrics"),
        ("container", "replicationProtectionContainers"),
    ):
        if f"/{kind}/".casefold() in first.casefold():
            told[key] = segment_after(first, kind)
    if "/replicationFabrics/" in first:
        told["id"] = _plain(first.split("/replicationFabrics/")[0])
    if asr.recovery_fabric:
        told["recovery_fabric"] = last_segment(asr.recovery_fabric)
    if found and found.recovery_container:
        told["recovery_container"] = last_segment(found.recovery_container)
    return told


def _terse(part: Plan | Tier) -> Json:
    """Return a part of a plan as a person writes it: what is as usual is left out."""
    return part.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _ordered(data: Json) -> Json:
    """Return the keys in the order in which a plan is read."""
    order = [field.alias or name for name, field in Plan.model_fields.items()]
    return {key: data[key] for key in order if data.get(key) not in (None, [], "")}


def _first_item(asr: AsrPlan) -> str:
    return next(item.id for group in asr.groups for item in group.items)


def _placeholder(asr: AsrPlan) -> bool:
    return "<" in _first_item(asr)


def _found(asr: AsrPlan, items: Sequence[ProtectedItem]) -> ProtectedItem | None:
    return locate(items, _first_item(asr), "") if items else None


def _machine(asr: AsrPlan) -> str | None:
    """Return the id of a machine, where the plan tells one: Azure's answers have GUIDs there."""
    told = (item.vm for group in asr.groups for item in group.items)
    return next((vm for vm in told if vm and "/" in vm), None)


def _group_of(machine: str) -> str | None:
    if "/providers/" not in machine:
        return None
    return _plain(machine.split("/providers/")[0])


def _plain(arm_id: str) -> str:
    """Return an id as everybody but Site Recovery writes it."""
    return re.sub(r"^/subscriptions", "/subscriptions", arm_id, flags=re.IGNORECASE)


def _region(*names: str | None) -> str | None:
    return next((region_key(name) for name in names if name and region_key(name) in KNOWN), None)
