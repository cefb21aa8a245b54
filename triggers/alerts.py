"""Where Azure tells of trouble: the Event Grid trigger and the webhook for Azure Monitor's alerts.

Every event is answered quickly and none is lost: it goes to the record, then its signals to their regions; anything
else is set aside with the reason. What the signals add up to is judged elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel, ConfigDict

from domain.caller import Caller
from domain.plan import Plan
from domain.signals import Signal
from orchestrators.names import UNPLACED, region_of
from triggers.answers import AlertTaken
from triggers.operation import operation
from triggers.payloads import Ignored, Read, common_alert, health_event
from triggers.runs import Plans, entity_id
from triggers.web import answer, problem, read_object

log = logging.getLogger("leeward.alerts")


class Ledger(Protocol):
    """Where everything that came in is written down before it is acknowledged."""

    def keep(self, what: str, entry: dict[str, Any]) -> None:
        """Append one entry; raises Transient when it cannot be kept."""
        ...


class AlertSent(BaseModel):
    """An alert in Azure Monitor's common alert schema; whatever else comes is taken, and ignored with the reason."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "schemaId": "azureMonitorCommonAlertSchema",
                    "data": {
                        "essentials": {
                            "alertId": "/subscriptions/0/providers/Microsoft.AlertsManagement/alerts/1",
                            "monitoringService": "Platform",
                            "monitorCondition": "Fired",
                            "severity": "Sev0",
                            "firedDateTime": "2026-11-28T02:00:00Z",
                            "alertTargetIDs": [
                                "/subscriptions/0/resourceGroups/shop-east/providers/"
                                "Microsoft.Compute/virtualMachines/vm-1"
                            ],
                        }
                    },
                }
            ]
        },
    )


@dataclass(frozen=True, slots=True)
class Alerts:
    """Takes events in, and lets none be lost."""

    plans: Plans
    ledger: Ledger

    async def on_health_event(
        self, event: func.EventGridEvent, client: df.DurableOrchestrationClient
    ) -> None:
        """Take one Event Grid event, of either schema: a CloudEvent arrives with a ``type``."""
        kind = getattr(event, "type", None) or getattr(event, "event_type", None) or ""
        data = event.get_json()
        arrived = {"id": event.id, "type": kind, "data": data}
        await self._take(health_event(kind, event.id, data), arrived, client)

    @operation({HTTPStatus.ACCEPTED: AlertTaken}, body=AlertSent)
    async def on_alert(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Take one alert; trouble of our own answers 503, so that the sender tries again."""
        body = read_object(req)
        try:
            taken = await self._take(common_alert(body), body, client)
        except Exception:
            log.exception("an alert could not be taken in")
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "the alert could not be kept; send it again"
            )
        return answer(taken, HTTPStatus.ACCEPTED)

    async def _take(
        self, read: Read, arrived: dict[str, Any], client: df.DurableOrchestrationClient
    ) -> AlertTaken:
        """Write down what arrived, and what was made of it; then tell the regions that it concerns."""
        ignored, placed = await asyncio.to_thread(self._placed, read)
        wires = {region: [s.wire() for s in signals] for region, signals in placed.items()}
        because = ignored.because if ignored else None
        kept = {"ignored": because, "signals": wires, "event": arrived}
        await asyncio.to_thread(self.ledger.keep, "event", kept)
        for region, signals in wires.items():
            for signal in signals:
                await client.signal_entity(entity_id(region_of(region)), "observe", signal)
        if ignored:
            log.info("set aside %s: %s", ignored.id, ignored.because)
            record = {"id": ignored.id[:500], "because": ignored.because}
            await client.signal_entity(entity_id(UNPLACED), "set_aside", record)
        return AlertTaken(ignored=because, regions=sorted(placed))

    def _placed(self, read: Read) -> tuple[Ignored | None, dict[str, list[Signal]]]:
        """Return the signals by the region of the plans that they concern, each once, or why they are ignored."""
        if isinstance(read, Ignored):
            return read, {}
        plans = self.plans.valid()
        placed: dict[str, list[Signal]] = {}
        for signal in read:
            for region in sorted({p.source.region for p in plans if _concerns(p, signal)}):
                seen = signal.model_copy(update={"region": region})
                placed.setdefault(region, []).append(seen)
        nobody = Ignored(read[0].id, "no plan protects what it is about")
        return None if placed else nobody, placed


def _concerns(plan: Plan, signal: Signal) -> bool:
    if signal.region is not None:
        return signal.region == plan.source.region
    return plan.protects(signal.resource)
