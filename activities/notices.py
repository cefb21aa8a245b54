"""Notices: tell those who asked to be told."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Protocol

from domain.chat import Message, notice_of
from domain.errors import StepError
from domain.model import Recorded, RunId, Slug

log = logging.getLogger("leeward.notices")


class Topic(Protocol):
    """Where Leeward's own events go."""

    def publish(self, kind: str, subject: str, data: dict[str, Any]) -> bool:
        """Publish one event and say whether anybody is there to be told."""
        ...


class Channel(Protocol):
    """A chat that people read."""

    def post(self, message: Message) -> bool:
        """Post a message and say whether there is anybody to read it; raises StepError."""
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
    channels: tuple[Channel, ...] = ()

    def announce(self, notice: Notice) -> Told:
        """Publish one notice, and post it where people talk."""
        return self.tell(notice.kind, f"runs/{notice.run}", notice.data)

    def tell_of_plan(self, notice: PlanNotice) -> Told:
        """Publish one notice about a plan, and post it where people talk."""
        return self.tell(notice.kind, f"plans/{notice.plan}", notice.data)

    def tell(self, kind: str, subject: str, data: dict[str, Any]) -> Told:
        """Publish an event, and post it where people talk: a chat that is ill holds nobody up."""
        told = self.topic.publish(kind, subject, data)
        message = notice_of(kind, subject, data)
        if message is None:
            return Told(told=told)
        for channel in self.channels:
            try:
                told = channel.post(message) or told
            except StepError as error:
                log.warning("%s of %s was not posted: %s", kind, subject, error.message)
        return Told(told=told)
