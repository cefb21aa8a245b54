"""The watchdog's timer: it gathers which runs are open and which locks are left, and lets them be judged."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from domain.errors import Transient
from domain.request import RunRequest
from domain.standstill import FINDINGS, LockSeen, RunSeen, silence_of
from orchestrators.names import RUNBOOKS, WATCHDOG, begun_of, lock_of
from triggers.answers import FindingsShown
from triggers.operation import operation
from triggers.pages import Misread, PageWanted, limit_of, next_page
from triggers.runs import ENDED, Claims, Plans, entity_id, runtime_status, was_left_behind
from triggers.schedules import Entries
from triggers.web import answer, problem

PATH = "/api/findings"
OPEN = [
    df.OrchestrationRuntimeStatus.Running,
    df.OrchestrationRuntimeStatus.Pending,
    df.OrchestrationRuntimeStatus.Suspended,
]
log = logging.getLogger("leeward.watchdog")


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Looks for runs that stand still; what it finds is judged, told and freed by an orchestrator."""

    plans: Plans
    ledger: Entries
    claims: Claims

    async def watch_runs(
        self, timer: func.TimerRequest, client: df.DurableOrchestrationClient
    ) -> None:
        """Gather what is open and have it judged, unless the last sighting is being judged still."""
        if await runtime_status(client, WATCHDOG) not in {None, *ENDED}:
            return
        statuses = await client.get_status_by(runtime_status=OPEN)
        plans = await asyncio.to_thread(self.plans.valid)
        runs, applications = [], {plan.app for plan in plans}
        for status in statuses:
            if status.instance_id is None or status.name not in RUNBOOKS.values():
                continue
            try:
                request = await _request_of(client, status.instance_id)
            except ValueError:
                log.exception("what run %s was asked could not be read", status.instance_id)
                continue
            if request is None:
                continue
            applications.add(request.plan.app)
            runs.append(_seen(status, statuses, request))
        locks = [lock for each in sorted(applications) if (lock := await self._left(client, each))]
        if runs or locks:
            sighting = {"runs": [r.wire() for r in runs], "locks": [each.wire() for each in locks]}
            await client.start_new("judge_runs", WATCHDOG, sighting)

    async def _left(
        self, client: df.DurableOrchestrationClient, application: str
    ) -> LockSeen | None:
        """Return what a run that has ended left held of an application: the lock, the claim, or both."""
        lock = await _orphan(client, application)
        try:
            held = await asyncio.to_thread(self.claims.holder, application)
        except Transient as error:
            log.warning("who holds %s cannot be told: %s", application, error)
            return lock
        if (
            held is None
            or held.entry is None
            or not await was_left_behind(client, self.claims, held)
        ):
            return lock
        run = held.entry.run
        if lock is None:
            engine = await runtime_status(client, run)
            return LockSeen(application=application, holder=run, engine=engine, claim=held.claim)
        return lock.model_copy(update={"claim": held.claim}) if lock.holder == run else lock

    @operation({HTTPStatus.OK: FindingsShown}, HTTPStatus.BAD_REQUEST, query=PageWanted)
    def show_findings(self, req: func.HttpRequest) -> func.HttpResponse:
        """Return a page of what the watchdog has found, the newest runs first, and where the next page is."""
        try:
            limit = limit_of(req, PageWanted, "findings")
        except Misread as error:
            return problem(HTTPStatus.BAD_REQUEST, str(error))
        # The names alone say which come first: what was found is kept for good, and a page of it is read.
        names = sorted((key.rpartition("/")[2] for key in self.ledger.keys(FINDINGS)), key=_rank)
        after = req.params.get("after")
        left = [name for name in reversed(names) if after is None or _rank(name) < _rank(after)]
        page = left[:limit]
        found = [self.ledger.read(f"{FINDINGS}/{name}") for name in page]
        more = next_page(PATH, limit=limit, after=page[-1]) if left[limit:] else None
        return answer({"findings": [each for each in found if each], "next": more})


def _rank(name: str) -> tuple[str, str]:
    return begun_of(name), name


def _seen(status: Any, statuses: Sequence[Any], request: RunRequest) -> RunSeen:
    run = status.instance_id
    moves = [s.last_updated_time for s in statuses if (s.instance_id + ".").startswith(f"{run}.")]
    return RunSeen(
        run=run,
        engine=status.runtime_status.name,
        moved_at=max(map(_utc, moves)),
        ends_by=request.ends_by or _utc(status.created_time) + request.deadline,
        silence=silence_of(request.plan),
    )


async def _request_of(client: df.DurableOrchestrationClient, run: str) -> RunRequest | None:
    """Return what a run was asked; None where it has gone meanwhile."""
    status = await client.get_status(run, show_input=True)
    value = status.input_ if status else None
    while isinstance(value, str):
        value = json.loads(value)
    return None if value is None else RunRequest.model_validate(value)


async def _orphan(client: df.DurableOrchestrationClient, application: str) -> LockSeen | None:
    """Return the lock of an application if its holder has ended or is nowhere."""
    found = await client.read_entity_state(entity_id(lock_of(application)))
    holder = (found.entity_state or {}).get("holder") if found.entity_exists else None
    if holder is None:
        return None
    engine = await runtime_status(client, holder)
    if engine not in {None, *ENDED}:
        return None
    return LockSeen(application=application, holder=holder, engine=engine)


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
