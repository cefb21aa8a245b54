"""The plans there are: what each moves and who holds it, and whether it could move now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Annotated, Any, Protocol

import azure.durable_functions as df
import azure.functions as func
from pydantic import Field

from domain.errors import Permanent, StepError, Transient
from domain.model import Model
from domain.plan import Plan
from domain.plan_rules import PlanRefused
from domain.request import Kind
from domain.run import Readiness
from triggers.answers import PlanShown, PlansShown, ReadinessShown
from triggers.api import VERBS
from triggers.operation import operation
from triggers.runs import Claims, Plans, holder_of
from triggers.web import answer, mistakes_of, problem, unavailable

# Whoever asks waits at a screen, and App Service cuts every answer off at 230 s.
LOOK_WITHIN_SECONDS = 45.0
# A look holds a thread until Azure has answered, waited for or not: more at once would starve the other doors.
LOOKS_AT_ONCE = 4


class Lookout(Protocol):
    """Looks at a plan's machines and profile in Azure, as a run does before it touches anything."""

    def look(self, plan: Plan, kind: Kind) -> Readiness:
        """Return what stands in the way of a run; raises StepError."""
        ...


class ReadinessWanted(Model):
    """The query for readiness."""

    kind: Annotated[str, Field(description="For what.", json_schema_extra={"enum": [*VERBS]})] = (
        Kind.FAILOVER.value
    )


@dataclass(frozen=True, slots=True)
class PlanViews:
    """The doors through which plans are looked at; nothing is changed here."""

    plans: Plans
    lookout: Lookout
    claims: Claims
    within_seconds: float = LOOK_WITHIN_SECONDS
    _free: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(LOOKS_AT_ONCE))

    @operation({HTTPStatus.OK: PlansShown})
    def list_plans(self, req: func.HttpRequest) -> func.HttpResponse:
        """Return every plan in short; one that is not valid is there with its mistakes."""
        return answer({"plans": [_found(name, found) for name, found in self.plans.each()]})

    @operation({HTTPStatus.OK: PlanShown}, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
    async def show_plan(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Return a plan whole, its digest, and who holds its application: 404, 422 with the mistakes."""
        plan = await asyncio.to_thread(self._plan, req)
        if isinstance(plan, func.HttpResponse):
            return plan
        busy = await holder_of(client, self.claims, plan.app)
        entry = busy.held.entry if busy and busy.held else None
        held = {"heldBy": busy.holder if busy else None, "heldByApp": entry.app if entry else None}
        return answer({**_in_short(plan), **held, "plan": plan.wire()})

    @operation(
        {HTTPStatus.OK: ReadinessShown},
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.BAD_GATEWAY,
        query=ReadinessWanted,
    )
    async def show_readiness(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Look at the plan's machines and profile in Azure now, and return what stands in the way of a run."""
        plan = await asyncio.to_thread(self._plan, req)
        if isinstance(plan, func.HttpResponse):
            return plan
        kind = VERBS.get(req.params.get("kind", Kind.FAILOVER.value))
        if kind is None:
            return problem(HTTPStatus.BAD_REQUEST, f"kind is one of {', '.join(VERBS)}")
        if not self._free.acquire(blocking=False):
            return unavailable(f"{LOOKS_AT_ONCE} looks at Azure go on already; ask again later")
        looking = asyncio.to_thread(self._look, plan, kind)
        try:
            found = await asyncio.wait_for(looking, self.within_seconds)
        except TimeoutError:
            return unavailable(f"Azure has not answered within {self.within_seconds:g} s")
        except Transient as error:
            return unavailable(error.message)
        except StepError as error:
            return problem(HTTPStatus.BAD_GATEWAY, f"Azure refused the look: {error.message}")
        return answer({"plan": plan.name, "kind": kind.value, **found.wire()})

    def _look(self, plan: Plan, kind: Kind) -> Readiness:
        try:
            return self.lookout.look(plan, kind)
        finally:
            self._free.release()

    def _plan(self, req: func.HttpRequest) -> Plan | func.HttpResponse:
        try:
            return self.plans.plan(req.route_params.get("plan", ""))
        except Permanent as error:
            return problem(HTTPStatus.NOT_FOUND, error.message)
        except PlanRefused as error:
            return problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "the plan is not valid",
                mistakes=mistakes_of(error),
            )


def _found(name: str, found: Plan | PlanRefused | StepError) -> dict[str, Any]:
    match found:
        case Plan():
            return _in_short(found)
        case PlanRefused():
            return {"name": name, "valid": False, "mistakes": mistakes_of(found)}
        case _:
            return {"name": name, "valid": False, "mistakes": [{"line": 1, "what": found.message}]}


def _in_short(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "valid": True,
        "application": plan.app,
        "description": plan.description,
        "source": plan.source.region,
        "target": plan.target.region,
        "tiers": [tier.name for tier in plan.ordered_tiers()],
        "machines": len(plan.members),
        "dependsOn": list(plan.depends_on),
        "digest": plan.digest(),
        "href": f"/api/plans/{plan.name}",
    }
