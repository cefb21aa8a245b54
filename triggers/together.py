"""An umbrella over plans: the request for a run that takes along what its plan depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.errors import Permanent
from domain.plan import Plan
from domain.plan_rules import PlanRefused
from domain.request import Kind, RunRequest, time_for
from domain.umbrella import NotTogether, Part, gather, pack
from triggers.runs import Plans


def plans_together(plans: Plans, root: Plan) -> tuple[Plan, ...]:
    """Return the plan after all that it depends on; raises NotTogether with the mend."""

    def find(name: str) -> Plan:
        try:
            return plans.plan(name)
        except Permanent as error:
            raise NotTogether(
                f"a plan depends on {name!r}: {error.message}; mend depends_on"
            ) from error
        except PlanRefused as error:
            first = error.mistakes[0]
            told = f"line {first.line}: {first.what}"
            raise NotTogether(f"{name}, which is depended on, is not valid: {told}") from error

    return gather(root, find)


def umbrella_over(plans: tuple[Plan, ...], request: RunRequest) -> RunRequest:
    """Return the request for one run over all plans, each of which does what was asked of the last."""
    parts = tuple(_part(plan, request.kind) for plan in plans)
    return request.model_copy(update={"kind": Kind.UMBRELLA, "each": request.kind, "parts": parts})


def objection_to_any(
    plans: tuple[Plan, ...],
    points: Mapping[str, str],
    objection: Callable[[Plan, Mapping[str, str]], str | None],
) -> str | None:
    """Return the first plan's objection, by its name; a named point has to be one machine's alone."""
    owners = {
        name: [p.name for p in plans if name in {m.name for m in p.members}] for name in points
    }
    for name, owning in owners.items():
        if len(owning) != 1:
            known = (
                f"machines of {' and '.join(owning)}" if owning else "no member of any of the plans"
            )
            return f"points names {name!r}, which is {known}"
    for plan in plans:
        own = {name: point for name, point in points.items() if owners[name] == [plan.name]}
        said = objection(plan, own)
        if said:
            return f"{plan.name}: {said}"
    return None


def _part(plan: Plan, kind: Kind) -> Part:
    drilled = plan.drill.approval if kind is Kind.DRILL and plan.drill else None
    return Part(
        plan=plan.name,
        application=plan.app,
        digest=plan.digest(),
        after=tuple(dict.fromkeys(plan.depends_on)),
        machines=len(plan.members),
        asks=plan.policy.approval.required if drilled is None else drilled,
        within=time_for(kind, plan),
        packed=pack(plan),
    )
