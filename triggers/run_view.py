"""What a run shows of itself: in short for lists, and whole with its tiers, members and the runs under it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import azure.durable_functions as df

from domain.desk import standing_at
from orchestrators.names import RUNBOOKS, desk_of
from triggers.runs import ENDED, entity_id

MOST_CHILDREN = 40
Shown = dict[str, Any]
KINDS = {name: kind for kind, name in RUNBOOKS.items()}


async def brief(client: df.DurableOrchestrationClient, run: str) -> Shown | None:
    """Return where a run stands, None where the id is no run's: a run's children are instances too."""
    status = await client.get_status(run, show_input=False)
    if not status or status.runtime_status is None or status.name not in KINDS:
        return None
    progress = _custom(status)
    below = {} if status.runtime_status.name in ENDED else await _below(client, progress)
    return _brief(run, status, progress, below)


async def view(client: df.DurableOrchestrationClient, run: str) -> Shown | None:
    """Return all that a run shows: what its children know better of its tiers and members is taken from them."""
    status = await client.get_status(run, show_input=False)
    if not status or status.runtime_status is None or status.name not in KINDS:
        return None
    progress = _custom(status)
    below = await _below(client, progress)
    shown = _brief(run, status, progress, below) | _merged(progress, below)
    shown["budgetEndsAt"] = progress.get("budgetEndsAt")
    shown["tiers"] = await asyncio.gather(*(_tier(client, tier, below) for tier in shown["tiers"]))
    shown["members"] = {
        m["name"]: m["state"] for tier in shown["tiers"] for m in tier["members"]
    } | shown["members"]
    if shown["waitsFor"]:
        shown["waitsFor"] = shown["waitsFor"] | await _so_far(client, run, shown["waitsFor"])
    shown["children"] = await asyncio.gather(
        *(_child(client, ref) for ref in progress.get("runs", []))
    )
    return shown


async def _so_far(client: df.DurableOrchestrationClient, run: str, asked: Shown) -> Shown:
    """Return who has agreed so far, as the run's desk has it."""
    found = await client.read_entity_state(entity_id(desk_of(run)))
    gate = (found.entity_state or {}).get("gates", {}).get(asked["gate"])
    if gate is None or gate["digest"] != asked["digest"]:
        return {"got": 0, "approvedBy": []}
    return standing_at(gate)


def _brief(run: str, status: Any, progress: Shown, below: dict[str, Shown]) -> Shown:
    """Return where a run stands; a question of its own comes before one that a tier of it asks."""
    asked = [each["waitsFor"] for each in (progress, *below.values()) if each.get("waitsFor")]
    waits = asked[0] if asked else None
    end = status.output if isinstance(status.output, dict) else None
    engine = status.runtime_status.name if status.runtime_status else ""
    shown: Shown = {
        "run": run,
        "kind": KINDS[status.name].value,
        "state": _state(engine, waits, end),
        "startedAt": _iso(status.created_time),
        "updatedAt": _iso(status.last_updated_time),
        "step": progress.get("step", "start"),
        "waitsFor": None if engine in ENDED else waits,
    }
    if end is not None:
        shown |= {"outcome": end["outcome"], "because": end["because"]}
        shown["evidence"] = f"/api/runs/{run}/evidence" if end.get("evidenceSha256") else None
    elif engine in ENDED:
        shown |= {
            "outcome": "CANCELLED" if engine == "Terminated" else "FAILED",
            "because": f"engine: {engine}",
        }
    return shown


async def _below(client: df.DurableOrchestrationClient, progress: Shown) -> dict[str, Shown]:
    """Return what the children show, theirs included, by instance id."""
    found: dict[str, Shown] = {}
    waiting = list(progress.get("children", []))
    while waiting and len(found) < MOST_CHILDREN:
        turn = waiting[: MOST_CHILDREN - len(found)]
        statuses = await asyncio.gather(*(client.get_status(child) for child in turn))
        shown = [_custom(status) for status in statuses]
        found |= dict(zip(turn, shown, strict=True))
        waiting = waiting[len(turn) :] + [
            child for each in shown for child in each.get("children", [])
        ]
    return found


async def _tier(
    client: df.DurableOrchestrationClient, tier: Shown, below: dict[str, Shown]
) -> Shown:
    """Return a tier with its members: as its mover reported them, or as they stand while they move."""
    mover = tier.get("mover")
    shown = {"name": tier["name"], "state": tier["state"], "members": []}
    if mover is None:
        return shown
    if mover in below:
        states = {
            name: state
            for child in below[mover].get("children", [])
            for name, state in below.get(child, {}).get("members", {}).items()
        }
        return shown | {"members": [{"name": n, "state": s} for n, s in states.items()]}
    status = await client.get_status(mover)
    output = status.output if status and isinstance(status.output, dict) else {}
    report = output.get("report")
    if not report:
        return shown
    kept = ("startedAt", "endedAt", "rtoSeconds")
    return (
        shown
        | {key: report[key] for key in kept}
        | {"members": [_member(m) for m in report["members"]]}
    )


def _member(report: Shown) -> Shown:
    kept = ("name", "startedAt", "endedAt", "attempts", "rpoSeconds", "error")
    return {"state": report["outcome"]} | {key: report.get(key) for key in kept}


async def _child(client: df.DurableOrchestrationClient, ref: Shown) -> Shown:
    """Return where a run under this one stands; one that has not begun waits."""
    begun = await brief(client, ref["run"])
    head = {"plan": ref["plan"], "href": f"/api/runs/{ref['run']}"}
    return head | (begun or {"run": ref["run"], "kind": ref["kind"], "state": "not begun"})


def _merged(progress: Shown, below: dict[str, Shown]) -> Shown:
    """Return facts, members and tiers of a run and its children; a child knows better of its own tiers."""
    facts = list(progress.get("facts", []))
    tiers = {tier["name"]: tier for tier in progress.get("tiers", [])}
    members: dict[str, str] = {}
    for shown in below.values():
        facts += shown.get("facts", [])
        members |= shown.get("members", {})
        tiers |= {t["name"]: t for t in shown.get("tiers", []) if t["name"] in tiers}
    facts.sort(key=lambda fact: str(fact["at"]))
    return {"tiers": list(tiers.values()), "members": members, "facts": facts}


def _custom(status: Any) -> Shown:
    return status.custom_status if status and isinstance(status.custom_status, dict) else {}


def _state(engine: str, waits: Shown | None, end: Shown | None) -> str:
    if end is not None or engine in ENDED:
        return "ended"
    return "waiting" if waits else "running"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
