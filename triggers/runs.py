"""Starting runs and reading them: the part that the doors for alerts and for people share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import azure.durable_functions as df

from domain.acting import Held
from domain.errors import StepError, Transient
from domain.plan import Plan
from domain.plan_rules import PlanRefused
from domain.request import RunRequest
from orchestrators.names import RUNBOOKS, EntityRef, lock_of

ENDED = {"Completed", "Failed", "Terminated", "Canceled"}
log = logging.getLogger("leeward.runs")


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

    def each(self) -> Sequence[tuple[str, Plan | PlanRefused | StepError]]:
        """Return every plan by its name as one look found it, or why it cannot be had; raises Transient."""
        ...


class Claims(Protocol):
    """Who acts on applications, over all apps."""

    @property
    def app(self) -> str:
        """Return what this app is called."""
        ...

    def holder(self, application: str) -> Held | None:
        """Return who acts on an application now, in whichever app; raises Transient."""
        ...

    def release(self, held: Held, at: datetime) -> None:
        """Release a claim that a run of this app left behind when it ended; raises Transient."""
        ...


class Busy(Exception):
    """The application is held by another run; ``held`` is its claim where it is another app's."""

    def __init__(self, application: str, holder: str, held: Held | None = None) -> None:
        super().__init__(f"{application} is held by {held or f'run {holder}'}")
        self.holder = holder
        self.held = held


async def start_run(
    client: df.DurableOrchestrationClient,
    claims: Claims,
    run: str,
    request: RunRequest,
    take_over: bool = False,
) -> None:
    """Start a run; raises Busy while another run holds its application, or one that goes along.

    With ``take_over`` what other apps hold is taken over, claim by claim as they stand now; raises Transient where
    they cannot be read.
    """
    over: dict[str, int] = {}
    for application in dict.fromkeys(
        (request.plan.app, *(part.application for part in request.parts))
    ):
        try:
            busy = await holder_for_certain(client, claims, application)
        except Transient as error:
            if take_over:
                raise
            log.warning("%s starts, and asks again before it acts: %s", run, error)
            continue
        if busy is not None and not (take_over and busy.held):
            raise busy
        if busy is not None and busy.held:
            over[application] = busy.held.claim.token
    request = request.model_copy(update={"over": over})
    await client.start_new(RUNBOOKS[request.kind], run, request.wire())


async def holder_of(
    client: df.DurableOrchestrationClient, claims: Claims, application: str
) -> Busy | None:
    """Return who holds an application, as far as it can be told; what an ended run of this app left is freed."""
    try:
        return await holder_for_certain(client, claims, application)
    except Transient as error:
        log.warning("whether another app holds %s cannot be told: %s", application, error)
        return None


async def holder_for_certain(
    client: df.DurableOrchestrationClient, claims: Claims, application: str
) -> Busy | None:
    """Return who holds an application; raises Transient where that cannot be told, for nobody acts blind."""
    holder = await _lock_holder(client, application)
    if holder is not None:
        return Busy(application, holder)
    held = await asyncio.to_thread(claims.holder, application)
    if held is None:
        return None
    if await was_left_behind(client, claims, held):
        await asyncio.to_thread(claims.release, held, datetime.now(UTC))
        return None
    return Busy(application, held.entry.run if held.entry else "", held)


async def _lock_holder(client: df.DurableOrchestrationClient, application: str) -> str | None:
    lock = entity_id(lock_of(application))
    found = await client.read_entity_state(lock)
    holder = (found.entity_state or {}).get("holder") if found.entity_exists else None
    if holder is None:
        return None
    if await runtime_status(client, holder) in {None, *ENDED}:
        await client.signal_entity(lock, "release", {"run": holder})
        return None
    return str(holder)


async def was_left_behind(
    client: df.DurableOrchestrationClient, claims: Claims, held: Held
) -> bool:
    """Say whether a claim is that of a run of this app which has ended; one that the hub does not know may be alive."""
    if held.entry is None or held.entry.app != claims.app:
        return False
    return await runtime_status(client, held.entry.run) in ENDED


async def runtime_status(client: df.DurableOrchestrationClient, run: str) -> str | None:
    """Return the engine's status of an instance, None where there is none."""
    status = await client.get_status(run)
    return status.runtime_status.name if status and status.runtime_status else None


def entity_id(ref: EntityRef) -> df.EntityId:
    """Return the SDK's id of an entity."""
    return df.EntityId(ref.name, ref.key)
