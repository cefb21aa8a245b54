"""Plans: look whether the plan that a run carries is still the one that its owner keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.errors import Permanent
from domain.model import Recorded, Slug
from domain.plan import Plan
from domain.plan_rules import PlanRefused


class PlanStore(Protocol):
    """Where the plans lie."""

    def plan(self, name: str) -> Plan:
        """Return one plan; raises Permanent or PlanRefused."""
        ...


class PlanQuestion(Recorded):
    """Which plan is looked for, and the digest it had when the run began."""

    name: Slug
    digest: str


class PlanSeen(Recorded):
    """What became of the plan since; ``changed`` is None where it is the same still."""

    changed: str | None = None


@dataclass(frozen=True, slots=True)
class PlanShelf:
    """Looks plans up; a run never takes up what it finds, it only learns that its owner thinks otherwise now."""

    store: PlanStore

    def look_up_plan(self, question: PlanQuestion) -> PlanSeen:
        """Return what became of the plan."""
        try:
            plan = self.store.plan(question.name)
        except Permanent as error:
            return PlanSeen(changed=f"plan {question.name} was withdrawn: {error.message}")
        except PlanRefused:
            return PlanSeen(changed=f"plan {question.name} was changed and is not valid now")
        if plan.digest() != question.digest:
            return PlanSeen(changed=f"plan {question.name} was changed")
        return PlanSeen()
