"""Starting runs and reading them: the part that the doors for alerts and for people share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import azure.durable_functions as df

from domain.plan import Plan
from domain.request import RunRequest
from orchestrators.names import RUNBOOKS, EntityRef, lock_of

ENDED = {"Completed", "Failed", "Terminated", "Canceled"}


class Plans(Protocol):
    """Where the plans lie."""

    def plan(self, name: str) -> Plan:
        """Return one plan; raises Permanent or PlanRefused."""
        ...

    def names(self) -> Sequence[str]:
        """Return the names of all plans, valid or not."""
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
    """Start a run; raises Busy while another run holds its application, or one that goes along."""
    for application in dict.fromkeys(
        (request.plan.app, *(part.application for part in request.parts))
    ):
        holder = await holder_of(client, application)
        if holder is not None:
            raise Busy(application, holder)
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
