"""Guardrails: what the app's settings and the plan's calendar say about moving by itself, read when it matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import AwareDatetime

from domain.model import Recorded
from domain.schedule import Blackout, blackout_at


class KillSetting(Protocol):
    """The kill switch among the app's settings: it works when nothing else can be reached."""

    def pulled(self) -> str | None:
        """Return what the setting says while it is on, None while it is off."""
        ...


class GuardQuestion(Recorded):
    """The plan's blackouts, and the time that is asked about."""

    blackout: tuple[Blackout, ...] = ()
    at: AwareDatetime


class GuardSeen(Recorded):
    """What the setting says, and which blackout is on; None where nothing stands in the way."""

    killed: str | None = None
    blackout: str | None = None


@dataclass(frozen=True, slots=True)
class Guardrails:
    """Reads what costs no request."""

    setting: KillSetting

    def look_at_guardrails(self, question: GuardQuestion) -> GuardSeen:
        """Return what the setting and the calendar say."""
        closed = blackout_at(question.blackout, question.at)
        return GuardSeen(killed=self.setting.pulled(), blackout=str(closed) if closed else None)
