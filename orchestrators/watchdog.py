"""Judge what the watchdog's timer saw: tell of runs that stand still, free the locks of ended ones, no more."""

from __future__ import annotations

from activities.acting import Acting, Leaving
from activities.findings import Findings
from activities.notices import Notice, Notices
from domain.model import Recorded
from domain.standstill import Finding, LockSeen, RunSeen, findings_on, orphaned

from orchestrators.durable import HASTY, Context, StepFailed, Steps, ask, call, now
from orchestrators.names import lock_of


class Sighting(Recorded):
    """What the timer saw: the runs that are open, and the locks whose holders are not."""

    runs: tuple[RunSeen, ...] = ()
    locks: tuple[LockSeen, ...] = ()


def judge_runs(context: Context) -> Steps[dict[str, object]]:
    """Tell of every standstill once; what could not be told is told after the next sighting."""
    sighting = Sighting.model_validate(context.get_input())
    at = now(context)
    found = [finding for run in sighting.runs for finding in findings_on(run, at)]
    for lock in sighting.locks:
        freed = yield from _free(context, lock)
        if freed:
            found.append(orphaned(lock, at))
    for finding in found:
        try:
            yield from _tell(context, finding)
        except StepFailed as failed:
            context.set_custom_status({"trouble": str(failed)})
    return {"found": [finding.wire() for finding in found]}


def _free(context: Context, lock: LockSeen) -> Steps[bool]:
    """Take lock and claim from a run that has ended, and say whether it held either still."""
    left = lock.claim is not None
    if lock.claim is not None:
        leaving = Leaving(claim=lock.claim, run=lock.holder, at=now(context))
        try:
            yield from call(context, Acting.leave_application, leaving, HASTY)
        except StepFailed as failed:
            context.set_custom_status({"trouble": str(failed)})
            left = False  # the next sighting sees it still
    said = yield from ask(context, lock_of(lock.application), "holder", {})
    if said["holder"] != lock.holder:
        return left
    yield from ask(context, lock_of(lock.application), "release", {"run": lock.holder})
    return True


def _tell(context: Context, finding: Finding) -> Steps[None]:
    known = yield from call(context, Findings.look_for_finding, finding, HASTY)
    if known.known:
        return
    data = {"standstill": finding.standstill.value, "because": finding.because}
    notice = Notice(kind="Leeward.RunStuck", run=finding.run, data=data)
    yield from call(context, Notices.announce, notice, HASTY)
    yield from call(context, Findings.enter_finding, finding, HASTY)
