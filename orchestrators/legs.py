"""Runs that go on under another one: by its approval, under its lock where they share the application."""

from __future__ import annotations

from domain.reports import ChildRun
from domain.request import RunRequest
from domain.run import RunEnd, RunRef

from orchestrators.durable import Context, Steps, ask, child
from orchestrators.names import RUNBOOKS, desk_of, leg_id
from orchestrators.record import Record


def run_leg(context: Context, run: Record, request: RunRequest, position: int) -> Steps[RunEnd]:
    """Let another run go on under this one, and keep what it came to."""
    name = leg_id(run.id, position)
    run.journal.lead(RunRef(run=name, plan=request.plan.name, kind=request.kind.value))
    run.journal.follow(name)
    leg = yield from child(context, RUNBOOKS[request.kind], request, name, RunEnd)
    run.journal.follow()
    run.children.append(
        ChildRun(
            run=leg.run,
            plan=request.plan.name,
            kind=request.kind.value,
            outcome=leg.outcome,
            because=leg.because,
            evidence_sha256=leg.evidence_sha256,
        )
    )
    run.note(f"run {leg.run} ended {leg.outcome.value}: {leg.because}")
    return leg


def tell_above(context: Context, run: Record, state: str) -> Steps[None]:
    """Note on the desk of the run above where this application stands: others may wait for it, and not for its end."""
    if run.request.under:
        word = {"name": run.plan.name, "state": state}
        yield from ask(context, desk_of(run.request.under), "report", word)
