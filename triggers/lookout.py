"""What comes of incidents: the timer that keeps the lookouts watching and opens runs, and the door that shows why.

However many apps and restarts do this at one time, an incident opens one run: its id follows from the incident's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import azure.durable_functions as df
import azure.functions as func

from domain.incident import Incident
from domain.plan import Plan
from domain.policy import AutomationMode
from domain.regions import region_key
from domain.request import Kind, RunRequest
from domain.signals import Signal
from domain.stance import Stance
from domain.umbrella import NotTogether
from orchestrators.names import lookout_of, region_of, run_id
from triggers.alerts import Ledger
from triggers.answers import SignalsShown
from triggers.operation import operation
from triggers.runs import ENDED, Busy, Claims, Plans, entity_id, runtime_status, start_run
from triggers.together import plans_together, umbrella_over
from triggers.web import answer, problem

log = logging.getLogger("leeward.lookout")
INCIDENT_OPENED = "Leeward.IncidentOpened"
ONLY_TOLD = "none: the plan only wants to be told"


class Teller(Protocol):
    """Tells programs and people, each where they want to be told."""

    def tell(self, kind: str, subject: str, data: dict[str, Any]) -> object:
        """Publish an event, and post it where people talk."""
        ...


@dataclass(frozen=True, slots=True)
class Incidents:
    """Keeps one lookout per region at work, and lets every incident have the one run that it calls for."""

    plans: Plans
    ledger: Ledger
    teller: Teller
    claims: Claims

    async def on_watch(
        self, timer: func.TimerRequest, client: df.DurableOrchestrationClient
    ) -> None:
        """See to every region; trouble with one of them holds nobody else up."""
        plans = await asyncio.to_thread(self.plans.valid)
        for region in sorted({plan.source.region for plan in plans}):
            try:
                await self._see_to(region, plans, client)
            except Exception:
                log.exception("region %s could not be seen to; it is tried again", region)

    @operation({HTTPStatus.OK: SignalsShown}, HTTPStatus.NOT_FOUND)
    async def show_signals(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Return what a region's signals are, what they add up to for each plan, and why."""
        region = region_key(req.route_params.get("region", ""))
        plans = await asyncio.to_thread(self.plans.valid)
        if region not in {plan.source.region for plan in plans}:
            return problem(HTTPStatus.NOT_FOUND, "no plan protects anything in that region")
        state = await _state(client, region)
        signals = [Signal.model_validate(wire) for wire in state.get("signals", {}).values()]
        shown = {
            "region": region,
            "lookedAt": state.get("looked_at"),
            "plans": {plan: _shown(stance) for plan, stance in _stances(state).items()},
            "signals": [
                s.wire() for s in sorted(signals, key=lambda s: (s.at, s.id), reverse=True)
            ],
            "setAside": list(reversed(state.get("aside", []))),
        }
        return answer(shown)

    async def _see_to(
        self, region: str, plans: Sequence[Plan], client: df.DurableOrchestrationClient
    ) -> None:
        lookout = lookout_of(region)
        if await runtime_status(client, lookout) in {None, *ENDED}:
            await client.start_new("watch_region", lookout, {"region": region})
        for name, stance in _stances(await _state(client, region)).items():
            note: dict[str, Any] = {}
            for said in stance.unkept:
                told = {"plan": name, "region": region, **said.wire()}
                await asyncio.to_thread(self.ledger.keep, "verdict", told)
                note["kept"] = said.seq
            plan = next((p for p in plans if p.name == name), None)
            if stance.incident and stance.pending and plan:
                run = await self._answer_to(stance.incident, stance, plan, client)
                if run:
                    note |= {"incident": stance.incident.id, "run": run}
            if note:
                entity = entity_id(region_of(region))
                await client.signal_entity(entity, "note", {"plan": name, **note})

    async def _answer_to(
        self,
        incident: Incident,
        stance: Stance,
        plan: Plan,
        client: df.DurableOrchestrationClient,
    ) -> str | None:
        """Return the run that an incident opened, now or before; None where it has to be tried again."""
        run = ONLY_TOLD
        if incident.automation in (AutomationMode.MANUAL, AutomationMode.AUTO_AFTER):
            run = run_id(Kind.FAILOVER, plan.name, incident.opened_at, "incident")
            request = RunRequest(
                plan=plan,
                requested_by=f"incident {incident.id}",
                reason=incident.verdict,
                signals=stance.signals,
                incident=incident,
            )
            request = self._with_dependencies(plan, request)
            if not await _open(client, self.claims, run, request):
                return None
        told = {"plan": plan.name, "region": incident.region, "run": run, "why": incident.verdict}
        opened = {**incident.wire(), "run": run}
        await asyncio.to_thread(self.ledger.keep, "incident", opened)
        try:
            about = f"incidents/{incident.id}"
            await asyncio.to_thread(self.teller.tell, INCIDENT_OPENED, about, told)
        except Exception:
            log.exception("incident %s was not announced", incident.id)
        return run

    def _with_dependencies(self, plan: Plan, request: RunRequest) -> RunRequest:
        """Return the request with what the plan depends on; what cannot go along leaves the plan to go alone."""
        if not plan.depends_on:
            return request
        try:
            return umbrella_over(plans_together(self.plans, plan), request)
        except NotTogether as error:
            log.error("an incident moves %s without what it depends on: %s", plan.name, error)
            return request


async def _open(
    client: df.DurableOrchestrationClient, claims: Claims, run: str, request: RunRequest
) -> bool:
    """Open a run if it was not opened before, even if it has ended since; say whether it is there."""
    if await runtime_status(client, run) is not None:
        return True
    try:
        await start_run(client, claims, run, request)
    except Busy as busy:
        log.warning("%s waits: %s", run, busy)
        return False
    except Exception:
        if await runtime_status(client, run) is None:
            raise
        return True  # another app has just opened it
    log.warning("opened run %s: %s", run, request.reason)
    return True


async def _state(client: df.DurableOrchestrationClient, region: str) -> dict[str, Any]:
    found = await client.read_entity_state(entity_id(region_of(region)))
    return dict(found.entity_state or {}) if found.entity_exists else {}


def _stances(state: dict[str, Any]) -> dict[str, Stance]:
    return {name: Stance.model_validate(wire) for name, wire in state.get("stances", {}).items()}


def _shown(stance: Stance) -> dict[str, Any]:
    wire = stance.wire()
    return {
        "verdict": stance.verdict,
        "quorumSince": wire["quorum_since"],
        "incident": wire["incident"],
        "run": stance.run if stance.run != ONLY_TOLD else None,
        "said": list(reversed(wire["said"])),
    }
