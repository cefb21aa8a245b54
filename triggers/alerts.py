"""Where Azure tells of trouble: the Event Grid trigger and the webhook for Azure Monitor's alerts.

Every event is answered quickly and none is lost: a signal goes to its region, anything else is set aside with the
reason. For now one qualifying signal opens a run, and that run waits for a person.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from domain.caller import Caller
from domain.plan import Plan
from domain.request import Kind, RunRequest
from domain.signals import Signal
from orchestrators.names import UNPLACED, region_of, run_id
from triggers.payloads import Ignored, Read, common_alert, health_event
from triggers.runs import Busy, Plans, entity_id, runtime_status, start_run
from triggers.web import answer, problem, read_object

log = logging.getLogger("leeward.alerts")


@dataclass(frozen=True, slots=True)
class Alerts:
    """Takes events in and opens the runs they call for."""

    plans: Plans

    async def on_health_event(
        self, event: func.EventGridEvent, client: df.DurableOrchestrationClient
    ) -> None:
        """Take one Event Grid event, of either schema: a CloudEvent arrives with a ``type``."""
        kind = getattr(event, "type", None) or getattr(event, "event_type", None) or ""
        await self._take(health_event(kind, event.id, event.get_json()), client)

    async def on_alert(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Take one alert; trouble of our own answers 503, so that the sender tries again."""
        read = common_alert(read_object(req))
        try:
            taken = await self._take(read, client)
        except Exception:
            log.exception("an alert could not be taken in")
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "the alert could not be kept; send it again"
            )
        return answer(taken, HTTPStatus.ACCEPTED)

    async def _take(self, read: Read, client: df.DurableOrchestrationClient) -> dict[str, Any]:
        if isinstance(read, Ignored):
            await _set_aside(client, read)
            return {"ignored": read.because, "runs": []}
        plans = self.plans.valid()
        runs: list[str] = []
        placed = False
        for signal in read:
            for plan in plans:
                if not _concerns(plan, signal):
                    continue
                placed = True
                seen = signal.model_copy(update={"region": plan.source.region})
                await client.signal_entity(
                    entity_id(region_of(plan.source.region)), "observe", seen.wire()
                )
                if seen.qualifies:
                    runs.append(await _open(client, plan, seen))
        if not placed:
            nobody = Ignored(read[0].id, "no plan protects what it is about")
            await _set_aside(client, nobody)
            return {"ignored": nobody.because, "runs": []}
        return {"ignored": None, "runs": sorted(set(runs))}


def _concerns(plan: Plan, signal: Signal) -> bool:
    if signal.region is not None:
        return signal.region == plan.source.region
    return plan.protects(signal.resource)


async def _open(client: df.DurableOrchestrationClient, plan: Plan, signal: Signal) -> str:
    """Open the run that a signal calls for, or return the one that is open; a signal opens one run at most."""
    mark = hashlib.sha256(signal.id.encode()).hexdigest()[:8]
    run = run_id(Kind.FAILOVER, plan.name, signal.at, mark)
    if await runtime_status(client, run) is not None:
        return run
    request = RunRequest(
        plan=plan, requested_by=f"signal via {signal.via}", reason=signal.summary, signals=(signal,)
    )
    try:
        await start_run(client, run, request)
    except Busy as busy:
        return busy.holder
    except Exception:
        if await runtime_status(client, run) is None:
            raise
        return run  # the same event, delivered twice at one time, has just opened it
    log.warning("opened run %s: %s", run, signal.summary)
    return run


async def _set_aside(client: df.DurableOrchestrationClient, ignored: Ignored) -> None:
    log.info("set aside %s: %s", ignored.id, ignored.because)
    record = {"id": ignored.id[:500], "because": ignored.because}
    await client.signal_entity(entity_id(UNPLACED), "set_aside", record)
