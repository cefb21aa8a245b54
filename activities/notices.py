"""Notices: tell those who asked to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from domain.model import Recorded, RunId, Slug


class Topic(Protocol):
    """Where Leeward's own events go."""

    def publish(self, kind: str, subject: str, data: dict[str, Any]) -> bool:
        """Publish one event and say whether anybody is there to be told."""
        ...


class Notice(Recorded):
    """One thing worth telling: its event type, its run, and what there is to say."""

    kind: str
    run: RunId
    data: dict[str, Any]


class PlanNotice(Recorded):
    """One thing worth telling of a plan, whether or not it has a run."""

    kind: str
    plan: Slug
    data: dict[str, Any]


class Told(Recorded):
    """Whether there was anybody to tell."""

    told: bool


@dataclass(frozen=True, slots=True)
class Notices:
    """Tells; what it says was decided elsewhere."""

    topic: Topic

    def announce(self, notice: Notice) -> Told:
        """Publish one notice."""
        return Told(told=self.topic.publish(notice.kind, f"runs/{notice.run}", notice.data))

    def tell_of_plan(self, notice: PlanNotice) -> Told:
        """Publish one notice about a plan."""
        return Told(told=self.topic.publish(notice.kind, f"plans/{notice.plan}", notice.data))
