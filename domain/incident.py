"""An incident: an outage of a region that is believed, as one plan sees it."""

from __future__ import annotations

from pydantic import AwareDatetime

from domain.model import Recorded
from domain.policy import AutomationMode


class Incident(Recorded):
    """What was believed, since when, and why; frozen into the run that it opened.

    ``automation`` is what it may set off: the plan's word, or ``manual`` where the cooldown or the flap lock, said in
    ``held_back``, takes the plan's word away. ``verdict`` is the paragraph that a person reads.
    """

    id: str
    plan: str
    region: str
    since: AwareDatetime
    opened_at: AwareDatetime
    automation: AutomationMode
    held_back: str | None = None
    verdict: str
