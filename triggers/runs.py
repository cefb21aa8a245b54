"""Starting runs and reading them: the part that the doors for alerts and for people share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

import azure.durable_functions as df

from domain.plan import Plan
from domain.request import RunRequest
from orchestrators.names import RUNBOOKS, EntityRef, lock_of

ENDED = {"Completed", "Failed", "Terminated", "Canceled"}
MOST_CHILDREN = 40


class Plans(Protocol):
    """Where the plans lie."""

    def plan(self, name: str) -> Plan:
        """Return one plan; raises Permanent or PlanRefused."""
        ...

    def valid(self) -> Sequence[Plan]:
        """Return every valid plan."""
        ...


class Busy(Exception):
    """The application is held by another run."""

    def __init__(self, application: str, holder: str) -> None:
        super().__init__(f"{application} is held by run {holder}")
        self.holder = holder


async def start_run(client: df.DurableOrchestrationClient, run: str, request: RunRequest) -> None:
    """Start a run; raises Busy while another run holds the application."""
    holder = await holder_of(client, request.plan.app)
    if holder is not None:
        raise Busy(request.plan.app, holder)
    await client.start_new(RUNBOOKS[request.kind], run, request.wire())


async def holder_of(client: df.DurableOrchestrationClient, application: str) -> str | None:
    """Return the run that holds an application; a lock that an ended run left behind is freed."""
    lock = entity_id(lock_of(application))
    found = await client.read_entity_state(lock)
    holder = (found.entity_state or {}).get("holder") if found.entity_exists else None
    if holder is None:
        return None
    if await runtime_status(client, holder) in {None, *ENDED}:
        await client.signal_entity(lock, "release", {"run": holder})
        return None
    return str(holder)


async def runtime_status(client: df.DurableOrchestrationClient, run: str) -> str | None:
    """Return the engine's status of an instance, None where there is none."""
    status = await client.get_status(run)
    return status.runtime_status.name if status and status.runtime_status else None


def entity_id(ref: EntityRef) -> df.EntityId:
    """Return the SDK's id of an entity."""
    return df.EntityId(ref.name, ref.key)


async def view(client: df.DurableOrchestrationClient, run: str) -> dict[str, Any] | None:
    """Return what a run shows of itself, its children's newest facts and members included."""
    status = await client.get_status(run, show_input=False)
    if not status or status.runtime_status is None or status.name not in RUNBOOKS.values():
        return None  # a run's children are instances too, and no runs
    progress = status.custom_status if isinstance(status.custom_status, dict) else {}
    below = await _below(client, progress)
    end = status.output if isinstance(status.output, dict) else None
    engine = status.runtime_status.name
    shown: dict[str, Any] = {
        "run": run,
        "kind": next(kind.value for kind, name in RUNBOOKS.items() if name == status.name),
        "state": _state(engine, progress, end),
        "startedAt": _iso(status.created_time),
        "updatedAt": _iso(status.last_updated_time),
        "step": progress.get("step", "start"),
        **_merged(progress, below.values()),
    }
    if engine in ENDED:
        shown["waitsFor"] = None
    if end is not None:
        shown |= {"outcome": end["outcome"], "because": end["because"]}
        shown["evidence"] = f"/api/runs/{run}/evidence" if end.get("evidenceSha256") else None
    elif engine in ENDED:
        shown |= {
            "outcome": "CANCELLED" if engine == "Terminated" else "FAILED",
            "because": f"engine: {engine}",
        }
    return shown


async def _below(
    client: df.DurableOrchestrationClient, progress: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return what the children show, theirs included, by instance id."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(progress.get("children", []))
    while waiting and len(found) < MOST_CHILDREN:
        child = waiting.pop(0)
        status = await client.get_status(child)
        shown = status.custom_status if status and isinstance(status.custom_status, dict) else {}
        found[child] = shown
        waiting += shown.get("children", [])
    return found


def _merged(progress: dict[str, Any], below: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return facts, members and tiers of a run and its children; a child knows better of its own tiers."""
    facts = list(progress.get("facts", []))
    tiers = {tier["name"]: tier for tier in progress.get("tiers", [])}
    members: dict[str, str] = {}
    waits = progress.get("waitsFor")
    for shown in below:
        facts += shown.get("facts", [])
        members |= shown.get("members", {})
        tiers |= {t["name"]: t for t in shown.get("tiers", []) if t["name"] in tiers}
    facts.sort(key=lambda fact: str(fact["at"]))
    return {"tiers": list(tiers.values()), "members": members, "waitsFor": waits, "facts": facts}


def _state(engine: str, progress: dict[str, Any], end: dict[str, Any] | None) -> str:
    if end is not None or engine in ENDED:
        return "ended"
    return "waiting" if progress.get("waitsFor") else "running"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
