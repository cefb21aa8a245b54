"""Azure's own recovery plans and ours: import one, check a plan file, push a plan, show the drift."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import azure.durable_functions as df
import azure.functions as func
from pydantic import Field

from domain.asr_draft import draft
from domain.asr_drift import Drift, drift
from domain.asr_plan import AsrPlan, CannotPush, NotAPlan, own_actions, pushed, read
from domain.caller import Caller
from domain.errors import Permanent, StepError, Transient
from domain.model import Model, Slug, last_segment
from domain.plan import Plan
from domain.plan_rules import PlanRefused
from domain.replication import ProtectedItem
from triggers.answers import (
    DriftShown,
    Mistake,
    PlanChecked,
    PlanImported,
    PlanPushed,
    PushedPlan,
    TierNamed,
)
from triggers.operation import example, operation
from triggers.runs import Claims, Plans, holder_for_certain
from triggers.web import answer, mistakes_of, problem, read_model, unavailable

log = logging.getLogger("leeward.asr_plans")
PLAN_ID = re.compile(
    r"(/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.RecoveryServices/vaults/[^/]+)"
    r"/replicationRecoveryPlans/([^/?#\s]+)",
    re.IGNORECASE,
)
Wanted = tuple[tuple[str, dict[str, Any]], ...]
LOOK = "look whether it moves what was pushed, or what was there before"


class RecoveryPlans(Protocol):
    """Azure's recovery plans, to us."""

    def plan(self, vault: str, name: str) -> AsrPlan | None:
        """Return a recovery plan, None where there is none."""
        ...

    def save(self, vault: str, name: str, body: Mapping[str, Any]) -> str:
        """Create or update a recovery plan and return the job's name."""
        ...


class Vault(Protocol):
    """The vault, read only."""

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        ...


class ImportAsked(Model):
    """The body of an import: a recovery plan's JSON or its ARM id, one of both; ``like`` has what Azure's lacks."""

    model_config = example(
        id="/subscriptions/0/resourceGroups/dr/providers/Microsoft.RecoveryServices/vaults/shop"
        "/replicationRecoveryPlans/shop",
        like="shop",
    )

    plan: dict[str, Any] | None = None
    id: str | None = Field(default=None, max_length=500)
    like: Slug | None = None
    name: Slug | None = None


class PushAsked(Model):
    """The body of a push, which says nothing yet."""


class CheckAsked(Model):
    """The body of a check: the text of a plan file, and what it is called."""

    model_config = example(text="name: shop\napplication: shop\n", where="shop.yaml")

    text: str = Field(max_length=900_000)
    where: str = Field(default="the plan", max_length=300)


class Refusal(Exception):
    """An answer that ends a request early."""

    def __init__(self, response: func.HttpResponse) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class AsrPlans:
    """The doors between Azure's recovery plans and Leeward's."""

    plans: Plans
    recovery_plans: RecoveryPlans
    vault: Vault
    read_text: Callable[[str, str], Plan]
    write_text: Callable[[Mapping[str, Any]], str]
    claims: Claims

    @operation(
        {HTTPStatus.OK: PlanImported},
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.BAD_GATEWAY,
        body=ImportAsked,
    )
    def import_plan(self, req: func.HttpRequest) -> func.HttpResponse:
        """Return the plan file that a recovery plan makes, and what is still to be filled in; nothing is kept."""
        try:
            asked = read_model(req, ImportAsked)
            like = self._plan(asked.like) if asked.like else None
            asr, items = self._given(asked)
            made = draft(asr, like, asked.name, items)
        except Refusal as refusal:
            return refusal.response
        except (NotAPlan, ValueError) as error:
            return problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, f"this recovery plan cannot be read: {error}"
            )
        text = self.write_text(made.data)
        return answer(
            PlanImported(
                name=made.data["name"],
                text=text,
                to_fill_in=self._mistakes(text, f"{made.data['name']}.yaml"),
                notes=list(made.notes),
            )
        )

    @operation({HTTPStatus.OK: PlanChecked}, HTTPStatus.UNPROCESSABLE_ENTITY, body=CheckAsked)
    def check_plan_file(self, req: func.HttpRequest) -> func.HttpResponse:
        """Say whether a plan file is valid: 422 with every mistake and what is still to be filled in."""
        try:
            asked = read_model(req, CheckAsked)
            plan = self.read_text(asked.text, asked.where)
        except Refusal as refusal:
            return refusal.response
        except PlanRefused as error:
            return problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "the plan is not valid",
                mistakes=mistakes_of(error),
            )
        tiers = [
            TierNamed(name=tier.name, members=[m.name for m in tier.members])
            for tier in plan.ordered_tiers()
        ]
        return answer(PlanChecked(plan=plan.name, digest=plan.digest(), tiers=tiers))

    @operation(
        {HTTPStatus.OK: PlanPushed},
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.BAD_GATEWAY,
        body=PushAsked,
        body_needed=False,
    )
    async def push_plan(
        self, req: func.HttpRequest, client: df.DurableOrchestrationClient, caller: Caller
    ) -> func.HttpResponse:
        """Make Azure's recovery plans what the plan says: the job of each that was otherwise; 409 during a run."""
        try:
            read_model(req, PushAsked, empty_is={})
            plan = await asyncio.to_thread(self._plan, req.route_params.get("plan", ""))
            await self._nobody_acts(client, plan)
            wanted, stale = await asyncio.to_thread(self._to_push, plan)
            await self._nobody_acts(client, plan)  # what was read took its time
        except Refusal as refusal:
            return refusal.response
        except Transient as error:
            return unavailable(f"nothing was pushed: {error.message}")
        told, cut = await asyncio.to_thread(self._save, plan, wanted, stale)
        begun = await self._begun(client, plan)
        if cut:
            return _cut_short(cut, told, wanted[len(told)][0], begun)
        names = [name for name, _ in wanted]
        return answer(
            PlanPushed(
                plan=plan.name,
                recovery_plans=told,
                not_of_azure=list(own_actions(plan)),
                to_name=names if list(plan.recovery_plans) != names else [],
                begun=begun,
            )
        )

    @operation(
        {HTTPStatus.OK: DriftShown},
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.BAD_GATEWAY,
    )
    def show_drift(self, req: func.HttpRequest) -> func.HttpResponse:
        """Return how Azure's recovery plans differ from what a push would make of them."""
        try:
            plan = self._plan(req.route_params.get("plan", ""))
            wanted = self._wanted(plan)
            found = self._drift(plan, wanted)
        except Refusal as refusal:
            return refusal.response
        return answer(
            DriftShown(
                plan=plan.name,
                recovery_plans=[name for name, _ in wanted],
                drift=found,
                not_of_azure=list(own_actions(plan)),
            )
        )

    async def _nobody_acts(self, client: df.DurableOrchestrationClient, plan: Plan) -> None:
        busy = await holder_for_certain(client, self.claims, plan.app)
        if busy:
            held = f"{busy}; its recovery plans stay as they are"
            raise Refusal(problem(HTTPStatus.CONFLICT, held, holder=busy.holder))

    async def _begun(self, client: df.DurableOrchestrationClient, plan: Plan) -> str | None:
        """Say who began to act while recovery plans were saved: a push holds no claim that would have kept them out."""
        try:
            busy = await holder_for_certain(client, self.claims, plan.app)
        except Exception as error:
            # What was pushed is told all the same: nobody learns of it otherwise.
            return f"whether a run began meanwhile cannot be told: {_said(error)}"
        return f"{busy}, which began meanwhile: {LOOK}" if busy else None

    def _to_push(self, plan: Plan) -> tuple[Wanted, set[str]]:
        wanted = self._wanted(plan)
        return wanted, {one.plan for one in self._drift(plan, wanted)}

    def _save(
        self, plan: Plan, wanted: Wanted, stale: set[str]
    ) -> tuple[list[PushedPlan], Exception | None]:
        """Return what was saved, in order, and what kept it from the rest, None where nothing did."""
        told: list[PushedPlan] = []
        for name, body in wanted:
            try:
                save = self.recovery_plans.save
                job = save(plan.vault.id, name, body) if name in stale else None
            except Exception as error:
                return told, error
            told.append(PushedPlan(name=name, job=job, was="pushed" if job else "as wanted"))
        return told, None

    def _wanted(self, plan: Plan) -> Wanted:
        items = self._azure(self.vault.items, plan.vault.id)
        try:
            return pushed(plan, items)
        except CannotPush as error:
            raise Refusal(problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))) from error

    def _drift(self, plan: Plan, wanted: Wanted) -> list[Drift]:
        there = {
            name: self._azure(self.recovery_plans.plan, plan.vault.id, name) for name, _ in wanted
        }
        return list(drift(wanted, there))

    def _given(self, asked: ImportAsked) -> tuple[AsrPlan, Sequence[ProtectedItem]]:
        """Return the recovery plan that the body holds or names, and the vault's items where it is read."""
        if (asked.plan is None) == (asked.id is None):
            raise Refusal(
                problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "give either plan, the JSON, or id, the ARM id",
                )
            )
        if asked.plan is not None:
            return read(asked.plan), ()
        match = PLAN_ID.fullmatch(asked.id or "")
        if match is None:
            form = ".../Microsoft.RecoveryServices/vaults/VAULT/replicationRecoveryPlans/NAME"
            raise Refusal(
                problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY, f"id is not a recovery plan's; give {form}"
                )
            )
        vault, name = match[1], match[2]
        found = self._azure(self.recovery_plans.plan, vault, name)
        if found is None:
            where = f"vault {last_segment(vault)} has no recovery plan {name}"
            raise Refusal(problem(HTTPStatus.NOT_FOUND, where))
        return found, self._azure(self.vault.items, vault)

    def _mistakes(self, text: str, where: str) -> list[Mistake]:
        try:
            self.read_text(text, where)
        except PlanRefused as error:
            return [Mistake(line=each.line, what=each.what) for each in error.mistakes]
        return []

    def _plan(self, name: str) -> Plan:
        try:
            return self.plans.plan(name)
        except Permanent as error:
            raise Refusal(problem(HTTPStatus.NOT_FOUND, error.message)) from error
        except PlanRefused as error:
            said = f"plan {name} is not valid"
            refused = problem(HTTPStatus.UNPROCESSABLE_ENTITY, said, mistakes=mistakes_of(error))
            raise Refusal(refused) from error

    def _azure(self, do: Callable[..., Any], *given: Any) -> Any:
        """Ask Azure; what it refuses ends the request, what may pass is told as such."""
        try:
            return do(*given)
        except StepError as error:
            raise Refusal(_refused(error, error.message)) from error


def _cut_short(
    error: Exception, told: Sequence[PushedPlan], at: str, begun: str | None
) -> func.HttpResponse:
    """Refuse the rest of a push with what was saved before, and who began meanwhile: no other answer tells it."""
    before = ", ".join(f"{one.name} (job {one.job})" for one in told if one.job)
    said = [_said(error), f"pushed before that: {before or 'nothing'}"]
    if not isinstance(error, Permanent):
        said.append(f"whether {at} was saved cannot be told: compare before you push again")
    return _refused(error, "; ".join([*said, *([begun] if begun else [])]))


def _refused(error: Exception, said: str) -> func.HttpResponse:
    """Return what may pass as such, and what Azure refused."""
    if isinstance(error, Permanent):
        return problem(HTTPStatus.BAD_GATEWAY, f"Azure refused: {said}")
    return unavailable(said)


def _said(error: Exception) -> str:
    """Return what is told of an error: what was not foreseen is in the log alone."""
    if isinstance(error, StepError):
        return error.message
    log.error("a push did not come to its end", exc_info=error)
    return "something went wrong here, the log tells more"
