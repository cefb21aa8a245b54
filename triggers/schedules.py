"""What comes by itself: the timer that keeps the plans' calendars, and the door that shows them."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import Any, Protocol

import azure.durable_functions as df
import azure.functions as func

from domain.period import DrillSchedule, period_in, periods_of
from domain.plan import Plan
from domain.schedule import blackout_at, following
from domain.verdict import verdict_in, verdict_on
from orchestrators.names import SWEEP, calendar_of
from triggers.answers import SchedulesShown, VerdictsShown
from triggers.operation import operation
from triggers.runs import ENDED, Plans, runtime_status
from triggers.web import answer

SHOWN_PERIODS = 12
SHOWN_NEXT = 3
INNER = {"claim", "told", "mark", "grants", "grants_at"}
log = logging.getLogger("leeward.schedules")


class Entries(Protocol):
    """The ledger that all apps share, to be read."""

    def read(self, key: str) -> dict[str, Any] | None:
        """Return an entry, None where there is none."""
        ...

    def keys(self, below: str) -> Sequence[str]:
        """Return the keys of the entries below a place, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Schedules:
    """Sees to it that every plan with a schedule has its calendar, and shows what calendars have come to."""

    plans: Plans
    ledger: Entries

    async def keep_calendars(
        self, timer: func.TimerRequest, client: df.DurableOrchestrationClient
    ) -> None:
        """Start the calendars that are not there; trouble with one plan holds no other up."""
        for plan in await asyncio.to_thread(self.plans.valid):
            if plan.drill is None or plan.drill.schedule is None:
                continue
            try:
                calendar = calendar_of(plan.name)
                if await runtime_status(client, calendar) in {None, *ENDED}:
                    page = {"plan": plan.name, "claim": uuid.uuid4().hex}
                    await client.start_new("keep_calendar", calendar, page)
            except Exception:
                log.exception("the calendar of %s could not be kept; it is tried again", plan.name)

    async def keep_sweep(
        self, timer: func.TimerRequest, client: df.DurableOrchestrationClient
    ) -> None:
        """Start the readiness sweep if it is not there."""
        if await runtime_status(client, SWEEP) in {None, *ENDED}:
            await client.start_new("keep_readiness", SWEEP, {"claim": uuid.uuid4().hex})

    @operation({HTTPStatus.OK: VerdictsShown})
    def show_verdicts(self, req: func.HttpRequest) -> func.HttpResponse:
        """Return the last verdict on every plan's readiness, and when it was read."""
        found = [verdict_in(self.ledger.read(verdict_on(name))) for name in self.plans.names()]
        verdicts = [v.model_dump(mode="json", by_alias=True, exclude=INNER) for v in found if v]
        return answer({"verdicts": verdicts})

    @operation({HTTPStatus.OK: SchedulesShown})
    async def show(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Return of every plan with a schedule what comes, what came, and which blackout is on."""
        shown = []
        for plan in await asyncio.to_thread(self.plans.valid):
            if plan.drill is not None and plan.drill.schedule is not None:
                status = await client.get_status(calendar_of(plan.name))
                custom = status.custom_status if status else None
                kept = custom if isinstance(custom, dict) else {}
                shown.append(await asyncio.to_thread(self._shown, plan, plan.drill.schedule, kept))
        return answer({"schedules": shown})

    def _shown(self, plan: Plan, schedule: DrillSchedule, kept: dict[str, Any]) -> dict[str, Any]:
        looked = kept.get("lookedAt")
        at = datetime.fromisoformat(looked) if looked else datetime.now(UTC)
        newest = reversed(self.ledger.keys(periods_of(plan.name))[-SHOWN_PERIODS:])
        periods = [period for key in newest if (period := period_in(self.ledger.read(key)))]
        closed = blackout_at(plan.policy.blackout, at)
        return {
            "plan": plan.name,
            **schedule.model_dump(mode="json"),
            "lookedAt": looked,
            "trouble": kept.get("trouble"),
            "blackout": str(closed) if closed else None,
            "next": [comes.isoformat() for comes in _coming(schedule, at)],
            "periods": [
                p.model_dump(mode="json", by_alias=True, exclude={"claim"}) for p in periods
            ],
        }


def _coming(schedule: DrillSchedule, at: datetime) -> list[datetime]:
    return list(islice(following(schedule.when, schedule.zone, at), SHOWN_NEXT))
