"""What a person may do to a run that goes: hold it, let it go on, end it, force it, use its commit window."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydantic import Field

from domain.model import Recorded, Reported
from domain.policy import RecoveryPoint


class ControlVerb(StrEnum):
    """The words of control."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    FORCE = "force"
    CHANGE_POINT = "change_point"
    ROLL_BACK = "roll_back"
    RETRY = "retry"
    SKIP = "skip"
    STOP = "stop"


STEP_WORDS = (ControlVerb.RETRY, ControlVerb.SKIP, ControlVerb.STOP)
WISHES = (ControlVerb.CHANGE_POINT, ControlVerb.ROLL_BACK)


class Control(Reported):
    """One word of control, as the desk holds it.

    ``point`` and ``points`` go with a change of point; ``step`` is what a retry, skip or stop is about.
    """

    verb: ControlVerb
    by: str
    by_id: str = ""
    point: RecoveryPoint | None = None
    points: dict[str, str] = Field(default_factory=dict)
    step: str | None = None


class Standing(Recorded):
    """What all words of control so far add up to; ``seen`` counts them."""

    paused_by: str | None = None
    cancelled_by: str | None = None
    forced_by: str | None = None
    seen: int = 0
    wishes: tuple[Control, ...] = ()

    def and_above(self, above: Standing) -> Standing:
        """Return what a run has to heed that goes on under another one: either may hold or end it."""
        return self.model_copy(
            update={
                "paused_by": self.paused_by or above.paused_by,
                "cancelled_by": self.cancelled_by or above.cancelled_by,
                "forced_by": self.forced_by or above.forced_by,
            }
        )


def standing_of(controls: Sequence[dict[str, Any]]) -> Standing:
    """Add up the words of control in the order they were laid down; a cancel is final."""
    paused = cancelled = forced = None
    wishes: list[Control] = []
    for control in map(Control.model_validate, controls):
        match control.verb:
            case ControlVerb.PAUSE:
                paused = control.by
            case ControlVerb.RESUME:
                paused = None
            case ControlVerb.CANCEL:
                cancelled = cancelled or control.by
            case ControlVerb.FORCE:
                forced = forced or control.by
            case verb if verb in WISHES:
                wishes.append(control)
    return Standing(
        paused_by=paused,
        cancelled_by=cancelled,
        forced_by=forced,
        seen=len(controls),
        wishes=tuple(wishes),
    )


def objection_to_control(controls: Sequence[dict[str, Any]], verb: ControlVerb) -> str | None:
    """Return why a word of control would change nothing, or None if it would."""
    told = standing_of(controls)
    if told.cancelled_by:
        return f"{told.cancelled_by} has cancelled the run; nothing can be asked of it any more"
    if verb is ControlVerb.PAUSE and told.paused_by:
        return f"{told.paused_by} has paused the run already"
    if verb is ControlVerb.RESUME and not told.paused_by:
        return "the run is not paused"
    if verb is ControlVerb.FORCE and told.forced_by:
        return f"{told.forced_by} has forced the run already"
    return None
