"""Sweep the plans' readiness, again and again, and tell each change once.

There is one sweep per task hub; which plans are due for a look, the activity knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from activities.notices import Notices, PlanNotice
from activities.sweep import Round, Sweep
from domain.model import Recorded
from domain.signals import Signal
from domain.verdict import Verdict

from orchestrators.durable import HASTY, Context, StepFailed, Steps, ask, call, now, sleep
from orchestrators.names import region_of

# A changed plan and news of a region are noticed by then.
SWEEP_EVERY = timedelta(minutes=5)
SWEEPS_PER_HISTORY = 12


class Beat(Recorded):
    """Whose sweep it is, and the regions that it listens to; ``claim`` is another for every sweep."""

    claim: str
    regions: tuple[str, ...] = ()


def keep_readiness(context: Context) -> Steps[dict[str, object] | None]:
    """Look at every plan that is due for it, tell what has changed, sleep, and again."""
    beat = Beat.model_validate(context.get_input())
    for _ in range(SWEEPS_PER_HISTORY):
        began = now(context)
        trouble = None
        marks = {}
        for region in beat.regions:
            said = yield from ask(context, region_of(region), "since", {"at": began.isoformat()})
            marks[region] = _mark(said["signals"])
        asked = Round(at=began, claim=beat.claim, marks=marks)
        try:
            swept = yield from call(context, Sweep.sweep_readiness, asked, HASTY)
            beat = beat.model_copy(update={"regions": swept.regions})
            for change in swept.untold:
                yield from _tell(context, change)
        except StepFailed as failed:
            trouble = str(failed)
        context.set_custom_status({"lookedAt": began.isoformat(), "trouble": trouble})
        yield from sleep(context, max(timedelta(seconds=1), began + SWEEP_EVERY - now(context)))
    context.continue_as_new(beat.wire())
    return None


def _mark(signals: Iterable[dict[str, object]]) -> str:
    """Return a mark that changes when what the region's witnesses say does: a signal that repeats itself is no news."""
    heard = [Signal.model_validate(wire) for wire in signals]
    words = sorted({f"{s.witness.value} {s.resource.casefold()} {s.verdict.value}" for s in heard})
    # A silent region is as good as one that has not been listened to yet.
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16] if words else ""


def _tell(context: Context, change: Verdict) -> Steps[None]:
    """Announce a change, and note that it was; what could not be told is told at a later sweep."""
    notice = PlanNotice(
        kind="Leeward.ReadinessChanged",
        plan=change.plan,
        data={
            "from": change.before.value if change.before else None,
            "to": change.colour.value,
            "because": "; ".join(change.reasons),
            "reasons": list(change.reasons),
            "since": change.since.isoformat(),
        },
    )
    yield from call(context, Notices.tell_of_plan, notice, HASTY)
    yield from call(context, Sweep.note_change, change.model_copy(update={"told": True}), HASTY)
