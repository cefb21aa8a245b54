"""Conduct a run: lock, go through its steps, always close, seal the evidence, tell the world, unlock.

    lock and claim -> steps -> closing -> claim given back -> evidence -> notices -> unlock

A step is a small generator that returns None to go on, or the `End` of the run. Closing steps run whatever the steps
came to, and may only make the end worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from activities.evidence import Archive, Draft
from domain.run import Outcome, RunEnd, SetAside

from orchestrators.acting import leave, take, unlock
from orchestrators.controls import heed
from orchestrators.durable import Context, StepFailed, Steps, ask, call, in_short, now
from orchestrators.names import BOOK, desk_of, region_of
from orchestrators.question import TELL_WITHIN, tell
from orchestrators.record import End, Record

Step = Callable[[Context, Record], Steps[End | None]]
Closing = Callable[[Context, Record, End], Steps[End]]


def conduct(
    context: Context, steps: Sequence[Step], closing: Sequence[Closing] = ()
) -> Steps[dict[str, object]]:
    """Go through the steps of a run under its application's lock, and end it in a named outcome."""
    run = Record(context)
    yield from _enter(context, run)
    taken = yield from take(context, run, run.plan.app)
    run.claim = taken.claim
    if taken.refused:
        end = taken.refused
    else:
        try:
            heard = yield from _started(context, run)
            end = yield from _go_through(context, run, steps, heard)
        except StepFailed as failed:
            end = run.broken_off(str(failed))
        except Exception as bug:
            end = run.broken_off(f"a fault of Leeward's own: {in_short(bug)}")
        for close in closing:
            end = yield from _close(context, run, close, end)
        end = yield from leave(context, run, taken, end)
    answer = yield from _conclude(context, run, end, began=taken.refused is None)
    if taken.own:
        yield from unlock(context, run, taken.application)
    return answer.wire()


def _enter(context: Context, run: Record) -> Steps[None]:
    """Enter the run in the book from which runs are listed; no run fails for the want of it."""
    entry = {
        "run": run.id,
        "plan": run.plan.name,
        "kind": run.kind.value,
        "requestedBy": run.request.requested_by,
        "under": run.request.under,
        "startedAt": run.started_at.isoformat(),
    }
    try:
        yield from ask(context, BOOK, "enter", entry)
    except Exception as bug:
        run.deviations.append(f"the run is not in the book of runs: {in_short(bug)}")


def _started(context: Context, run: Record) -> Steps[bool]:
    """Announce the run once, and say whether anybody listens."""
    incident = run.request.incident
    facts = {
        "kind": run.kind.value,
        "requestedBy": run.request.requested_by,
        "under": run.request.under,
        "incident": incident.id if incident else None,
    }
    return (yield from tell(context, run, "Leeward.RunStarted", facts, patience=()))


def _go_through(context: Context, run: Record, steps: Sequence[Step], heard: bool) -> Steps[End]:
    """Go through the steps; each is announced when it has ended, for as long as somebody hears it."""
    for step in steps:
        end = yield from heed_words(context, run)
        if end is None:
            before = run.journal.at
            end = yield from step(context, run)
            if heard and run.journal.at != before:
                ended = {"step": run.journal.at, "outcome": end.outcome.value if end else None}
                heard = yield from tell(context, run, "Leeward.StepEnded", ended, patience=())
        if end is not None:
            return end
    return run.completed()


def heed_words(context: Context, run: Record) -> Steps[End | None]:
    """Wait while the run is paused; return its end if somebody cancelled it, or its time is up."""
    standing = yield from heed(context, run.until, run.id, run.request.under)
    if standing.cancelled_by:
        return run.cancelled(standing.cancelled_by)
    if standing.forced_by:
        run.force(standing.forced_by)
    if now(context) >= run.until:
        return run.too_late()
    return None


def _close(context: Context, run: Record, close: Closing, end: End) -> Steps[End]:
    try:
        end = yield from close(context, run, end)
    except StepFailed as failed:
        end = End(Outcome.NEEDS_HUMAN, f"{end.outcome.value}: {end.because}; but {failed}")
    except Exception as bug:
        text = f"a fault of Leeward's own: {in_short(bug)}"
        end = End(Outcome.NEEDS_HUMAN, f"{end.outcome.value}: {end.because}; but {text}")
    return end


def _gather_minutes(context: Context, run: Record) -> Steps[None]:
    """Take the decisions that did not count into the record, with the reasons why not."""
    if not run.gates_asked:
        return
    try:
        at = {"at": now(context).isoformat()}
        kept = yield from ask(context, desk_of(run.id), "minutes", at)
        run.set_aside = [SetAside.model_validate(each) for each in kept["refused"]]
    except Exception as bug:
        run.deviations.append(f"the desk's minutes could not be read: {in_short(bug)}")


def _conclude(context: Context, run: Record, end: End, *, began: bool) -> Steps[RunEnd]:
    """Gather the signals, seal the evidence, tell the world; what fails here is said, not raised."""
    run.step("evidence")
    region = region_of(run.plan.source.region)
    try:
        kept = yield from ask(context, region, "since", {"at": run.started_at.isoformat()})
        run.add_signals(kept["signals"])
    except Exception as bug:
        run.deviations.append(f"the region's signals could not be read: {in_short(bug)}")
    yield from _gather_minutes(context, run)
    sha256 = None
    try:
        draft = Draft(evidence=run.evidence(end), facts=tuple(run.journal.facts))
        kept_by = run.ends_by - TELL_WITHIN
        sha256 = (yield from call(context, Archive.seal_evidence, draft, until=kept_by)).sha256
    except StepFailed as failed:
        end = End(Outcome.NEEDS_HUMAN, f"{end.outcome.value}: {end.because}; but {failed}")
    ending = {"outcome": end.outcome.value, "because": end.because, "evidenceSha256": sha256}
    told = yield from tell(context, run, "Leeward.RunEnded", ending)
    run.step("ended")
    return RunEnd(
        run=run.id,
        outcome=end.outcome,
        because=end.because,
        evidence_sha256=sha256,
        told=told,
        settled=run.readiness is not None and run.readiness.settled,
        served=run.traffic is not None and run.traffic.verified,
        downtime_seconds=run.downtime_seconds,
        hurried=run.hurried,
        began=began,
    )
