"""Where people and programs ask: start a failover, look at a run, decide, fetch the evidence."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal, Protocol

import azure.durable_functions as df
import azure.functions as func
from pydantic import Field

from domain.budget import objection_to_round_trip
from domain.caller import Caller
from domain.controls import STEP_WORDS, Control, ControlVerb
from domain.desk import EMPTY, standing_at, useless_word
from domain.desk import decide as lay
from domain.desk import objection_to as objection_to_decision
from domain.errors import Permanent, Transient
from domain.model import Model
from domain.plan import Engine, Plan
from domain.plan_rules import PlanRefused
from domain.policy import RecoveryPoint
from domain.request import TAKES_ALONG, USUAL_MODE, Kind, Mode, RunRequest
from domain.run import Decision, Verdict
from domain.umbrella import NotTogether
from orchestrators.names import bell, desk_of, run_id
from triggers.operation import example, operation
from triggers.run_answers import DecisionTaken, EvidenceShown, RunBegun, RunShown
from triggers.run_view import brief, view
from triggers.runs import Busy, Claims, Plans, entity_id, start_run
from triggers.together import objection_to_any, plans_together, umbrella_over
from triggers.web import answer, mistakes_of, problem, read_model

# What a plan may be asked for, as the URL spells it.
VERBS = {
    kind.value.replace("_", "-"): kind
    for kind in (
        Kind.FAILOVER,
        Kind.FAILBACK,
        Kind.DRILL,
        Kind.PROTECT,
        Kind.REPROTECT,
        Kind.COMMIT,
        Kind.ROUND_TRIP,
    )
}
# The one choke point for ids: the SDK puts them into URLs as they come.
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# The page brings its styles along, and nothing else runs or loads.
CSP = "Content-Security-Policy"
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
TAKING_OVER = "; wait until it ends, or take over if that app is gone: see docs/standby.md"
log = logging.getLogger("leeward.api")
FORMATS = {
    "json": "application/json",
    "html": "text/html",
    "md": "text/markdown",
}


class EvidenceShelf(Protocol):
    """Where the evidence of ended runs lies."""

    def text(self, run: str, name: str) -> str:
        """Return one file of a run's evidence; raises StepError."""
        ...


class RunAsked(Model):
    """The body of a request for a run; what is not given is as the plan and the kind of run have it.

    ``with_dependencies`` says whether the plans that this one depends on go along: what moves an application takes them
    along unless told not to, everything else never does. ``take_over`` is a person's word that the app whose run holds
    the application is gone; it needs a reason.
    """

    model_config = example(reason="East US is down, ticket 4711", mode="forced")

    reason: str = Field(default="asked for over HTTP", max_length=500)
    mode: Mode | None = None
    recovery_point: RecoveryPoint | None = None
    points: dict[str, str] = Field(default_factory=dict, max_length=1000)
    with_dependencies: bool | None = None
    take_over: bool = False


class EvidenceWanted(Model):
    """The query for evidence."""

    format: Annotated[
        Literal["json", "html", "md"], Field(description="The form that it is wanted in.")
    ] = "json"


class ControlGiven(Model):
    """The body of a word of control; retry, skip and stop name the step that waits for one."""

    model_config = example(verb="retry", step="db")

    verb: ControlVerb
    step: str | None = Field(default=None, max_length=100)
    recovery_point: RecoveryPoint | None = None
    points: dict[str, str] = Field(default_factory=dict, max_length=1000)


class DecisionGiven(Model):
    """The body of a decision; ``gate`` and ``digest`` are those that the run's ``waitsFor`` names."""

    model_config = example(gate="approval", verdict="approve", digest="9f2c" * 16)

    gate: str = Field(max_length=100)
    verdict: Verdict
    digest: str = Field(max_length=64)
    reason: str | None = Field(default=None, max_length=500)


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API."""

    plans: Plans
    evidence: EvidenceShelf
    claims: Claims

    @operation(
        {HTTPStatus.ACCEPTED: RunBegun},
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        body=RunAsked,
        body_needed=False,
    )
    async def request_run(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Start a run of a plan: 202 with the run, 404, 409 with the holder, or 422 with the plan's mistakes."""
        kind = VERBS.get(req.route_params.get("verb", ""))
        if kind is None:
            return problem(HTTPStatus.NOT_FOUND, f"a plan can be asked for {', '.join(VERBS)}")
        asked = read_model(req, RunAsked, empty_is={})
        if asked.take_over and caller.is_app:
            return problem(
                HTTPStatus.FORBIDDEN,
                "only a person takes over: slow and dead look alike from outside, and somebody must answer for it",
            )
        if asked.take_over and not ("reason" in asked.model_fields_set and asked.reason.strip()):
            return problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "take_over needs a reason: how it is known that the other app does not act any more",
            )
        try:
            plan = await asyncio.to_thread(self.plans.plan, req.route_params.get("plan", ""))
        except Permanent as error:
            return problem(HTTPStatus.NOT_FOUND, error.message)
        except PlanRefused as error:
            return problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "the plan is not valid",
                mistakes=mistakes_of(error),
            )
        try:
            plans = await asyncio.to_thread(self._plans_for, kind, plan, asked)
        except NotTogether as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        request = RunRequest(
            plan=plan,
            kind=kind,
            mode=asked.mode or USUAL_MODE.get(kind, Mode.FORCED),
            requested_by=caller.name,
            requested_by_id=caller.id,
            reason=asked.reason,
            point=asked.recovery_point,
            points=asked.points,
        )
        if len(plans) > 1:
            request = umbrella_over(plans, request)
        run = run_id(request.kind, plan.name, datetime.now(UTC), uuid.uuid4().hex[:4])
        try:
            await start_run(client, self.claims, run, request, asked.take_over)
        except Busy as busy:
            mend = TAKING_OVER if busy.held else ""
            return problem(HTTPStatus.CONFLICT, f"{busy}{mend}", **_held(busy))
        except Transient as error:
            told = f"{error.message}; nothing can be taken over blind"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, told)
        href = f"/api/runs/{run}"
        return answer(RunBegun(run=run, href=href), HTTPStatus.ACCEPTED, location=href)

    def _plans_for(self, kind: Kind, plan: Plan, asked: RunAsked) -> tuple[Plan, ...]:
        """Return the plans that the run is about, in order; raises NotTogether with what stands against it."""
        if asked.with_dependencies and kind not in TAKES_ALONG:
            raise NotTogether(
                f"{kind.value} is asked for plan by plan: leave with_dependencies out; "
                f"{', '.join(TAKES_ALONG)} take dependencies along"
            )
        along = kind in TAKES_ALONG and asked.with_dependencies is not False
        if not along or not plan.depends_on:
            objection = objection_to(kind, plan, asked.points)
        else:
            plans = plans_together(self.plans, plan)
            objection = objection_to_any(plans, asked.points, partial(objection_to, kind))
            if objection is None:
                return plans
        if objection:
            raise NotTogether(objection)
        return (plan,)

    @operation({HTTPStatus.OK: RunShown}, HTTPStatus.NOT_FOUND)
    async def show_run(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient
    ) -> func.HttpResponse:
        """Return what a run shows of itself."""
        run = _run_id(req)
        shown = await view(client, run) if run else None
        return answer(shown) if shown else _unknown_run()

    @operation(
        {HTTPStatus.ACCEPTED: DecisionTaken},
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        body=DecisionGiven,
    )
    async def decide(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Lay a decision on the run's desk: 202 with what it came to, or 409 when it is late, foreign or one's own.

        One that does not count is laid there too: the run's evidence says who tried, and why it did not count.
        """
        run = _run_id(req)
        shown = await brief(client, run) if run else None
        if run is None or shown is None:
            return _unknown_run()
        given = read_model(req, DecisionGiven)
        decision = Decision(
            gate=given.gate,
            verdict=given.verdict,
            by=caller.name,
            by_id=caller.id,
            roles=tuple(sorted(caller.held)),
            digest=given.digest,
            reason=given.reason,
        )
        desk = entity_id(desk_of(run))
        found = await client.read_entity_state(desk)
        state = {**EMPTY, **(found.entity_state or {})}
        late = f"run {run} has ended" if shown["state"] == "ended" else None
        objection = late or objection_to_decision(state, decision.wire())
        if objection:
            kept = {**decision.wire(), "because": objection}
            await client.signal_entity(desk, "set_aside", kept)
            return problem(HTTPStatus.CONFLICT, objection)
        await client.signal_entity(desk, "decide", decision.wire())
        gate: dict[str, Any] = state["gates"][given.gate]
        then: dict[str, Any] = lay(state, decision.wire())["gates"][given.gate]
        try:
            await client.raise_event(gate["bell"], bell(given.gate, gate["rings"] + 1), {})
        except Exception:  # the decision lies on the desk; the run looks there by itself
            log.warning("the bell of gate %s of run %s did not ring", given.gate, run)
        href, stands = f"/api/runs/{run}", standing_at(then)
        taken = DecisionTaken(
            run=run, href=href, gate=given.gate, settled=not then["open"], **stands
        )
        return answer(taken, HTTPStatus.ACCEPTED, location=href)

    @operation(
        {HTTPStatus.ACCEPTED: RunBegun},
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        body=ControlGiven,
    )
    async def control(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Lay a word of control on the run's desk: 202, or 409 when it would change nothing."""
        run = _run_id(req)
        shown = await brief(client, run) if run else None
        if run is None or shown is None:
            return _unknown_run()
        given = read_model(req, ControlGiven)
        desk = entity_id(desk_of(run))
        found = await client.read_entity_state(desk)
        state = {**EMPTY, **(found.entity_state or {})}
        word = Control(
            verb=given.verb,
            by=caller.name,
            by_id=caller.id,
            point=given.recovery_point,
            points=given.points,
            step=given.step,
        )
        late = f"run {run} has ended" if shown["state"] == "ended" else None
        objection = late or useless_word(state, word.wire())
        if objection:
            return problem(HTTPStatus.CONFLICT, objection)
        await client.signal_entity(desk, "control", word.wire())
        try:
            if given.verb in STEP_WORDS:
                await client.raise_event(state["stuck"][given.step]["bell"], bell("word", 1), {})
            else:
                await client.raise_event(run, bell("control", len(state["controls"]) + 1), {})
        except Exception:  # the word lies on the desk; the run looks there by itself
            log.warning("the bell of run %s did not ring", run)
        href = f"/api/runs/{run}"
        return answer(RunBegun(run=run, href=href), HTTPStatus.ACCEPTED, location=href)

    @operation(
        {
            HTTPStatus.OK: {
                "application/json": EvidenceShown,
                "text/html": None,
                "text/markdown": None,
            }
        },
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        query=EvidenceWanted,
    )
    def show_evidence(self, req: func.HttpRequest) -> func.HttpResponse:
        """Return the evidence of an ended run as json, html or md."""
        run, kind = _run_id(req), req.params.get("format", "json")
        if kind not in FORMATS:
            return problem(
                HTTPStatus.BAD_REQUEST,
                f"format={kind[:20]} is not kept; ask for {', '.join(FORMATS)}",
            )
        if run is None:
            return _unknown_run()
        try:
            text = self.evidence.text(run, f"evidence.{kind}")
        except Permanent as error:
            return problem(HTTPStatus.NOT_FOUND, error.message)
        return func.HttpResponse(text, mimetype=FORMATS[kind], headers={CSP: PAGE_POLICY})


def objection_to(kind: Kind, plan: Plan, points: Mapping[str, str]) -> str | None:
    """Return why this kind of run cannot be had of this plan, or None if it can."""
    if kind is Kind.DRILL and plan.drill is None:
        return "the plan has no drill section: it must name an isolated network to rehearse in"
    if kind in (Kind.PROTECT, Kind.REPROTECT, Kind.ROUND_TRIP) and plan.protection is None:
        return "the plan has no protection section: it must name policy, cache storage and networks"
    if kind in (Kind.FAILBACK, Kind.ROUND_TRIP) and not plan.policy.fence.probes:
        return (
            "the plan's fence has no probes: they ask the source region, "
            "and so they are what must answer before users go home"
        )
    over_budget = objection_to_round_trip(plan) if kind is Kind.ROUND_TRIP else None
    if over_budget:
        return over_budget
    if points and plan.engine is Engine.ASR and kind in (Kind.FAILOVER, Kind.DRILL):
        return "engine: asr takes one recovery_point rule for all machines; leave points out"
    unknown = sorted(set(points) - {member.name for member in plan.members})
    if unknown:
        return f"points names {unknown[0][:60]!r}, which is no member of the plan"
    return None


def _held(busy: Busy) -> dict[str, Any]:
    entry = busy.held.entry if busy.held else None
    app = {"app": entry.app, "since": entry.at.isoformat()} if entry else {}
    return {"holder": busy.holder, **app}


def _run_id(req: func.HttpRequest) -> str | None:
    run = req.route_params.get("id", "")
    return run if RUN_ID.fullmatch(run) else None


def _unknown_run() -> func.HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, "there is no such run")
