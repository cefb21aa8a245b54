"""An application and all that it depends on, in one run: a whole run for each, in the order of their dependencies.

    every application's lock -> one approval for all -> each begins once those it depends on serve -> what it came to

What has no order between it goes side by side. The first to fail stops what depends on it, and nothing else.
"""

from __future__ import annotations

from datetime import timedelta

from domain.approval import terms_of
from domain.controls import Standing
from domain.incident import Incident
from domain.model import Recorded, RunId
from domain.plan import Plan
from domain.policy import RecoveryPoint
from domain.reports import ChildRun
from domain.request import Kind, Mode
from domain.run import Outcome, RunEnd, RunRef
from domain.signals import Signal
from domain.umbrella import Part, sum_up, unpack, went_well
from pydantic import AwareDatetime, Field

from orchestrators.acting import Taken, leave, take, unlock
from orchestrators.chains import ARRIVED, FAILED, LOOK_AGAIN, LOOKS_PER_HISTORY
from orchestrators.conduct import conduct
from orchestrators.controls import read_standing
from orchestrators.decision import ask_for_approval
from orchestrators.durable import Context, Steps, ask, child, fan_out, in_short, now, sleep
from orchestrators.journal import Answered, Journal
from orchestrators.names import RUNBOOKS, desk_of, leg_id, mover_id
from orchestrators.record import End, Record

PAUSED_LOOK = timedelta(minutes=1)
UNTOUCHED = "; nothing was touched"


class PackedRequest(Recorded):
    """What one application's run is asked to do; it reads as a `RunRequest`, which unpacks the plan."""

    plan: str
    kind: Kind
    mode: Mode
    requested_by: str
    requested_by_id: str = ""
    reason: str
    signals: tuple[Signal, ...] = ()
    incident: Incident | None = None
    point: RecoveryPoint | None = None
    points: dict[str, str] = Field(default_factory=dict)
    under: RunId
    ends_by: AwareDatetime


class PartMove(Recorded):
    """One application to be moved once those ``after`` which it comes have arrived."""

    run: RunId
    name: str
    after: tuple[str, ...] = ()
    leg: RunId
    digest: str
    request: PackedRequest


class PartMoved(Answered):
    """What became of one application's run; None when it did not begin, for the reason given."""

    ended: ChildRun | None = None
    because: str = ""


def umbrella(context: Context) -> Steps[dict[str, object]]:
    """Move an application with all that it depends on, each by a run of its own."""
    whole = Whole()
    steps = (whole.hold, whole.decide, whole.move)
    return (yield from conduct(context, steps, closing=(whole.let_go,)))


class Whole:
    """The steps of an umbrella, and the locks that it holds besides that of its own plan."""

    def __init__(self) -> None:
        self.held: list[Taken] = []

    def hold(self, context: Context, run: Record) -> Steps[End | None]:
        """Take every application's lock or none: who waits for none cannot block another, nor be blocked."""
        run.step("locks")
        for application in sorted(part.application for part in run.request.parts):
            if application == run.plan.app:
                continue  # held since the run began
            taken = yield from take(context, run, application)
            if taken.refused:
                because = taken.refused.because.removesuffix(UNTOUCHED) + UNTOUCHED
                return End(taken.refused.outcome, because)
            self.held.append(taken)
        return None

    def decide(self, context: Context, run: Record) -> Steps[End | None]:
        """Ask once for the whole, where one plan asks for it; the question shows every plan's digest."""
        run.step("decision")
        parts = run.request.parts
        if not run.request.signals and not any(part.asks for part in parts):
            run.note("no plan asks for an approval")
            return None
        machines = sum(part.machines for part in parts)
        named = ", ".join(f"{part.plan} {part.digest[:12]}" for part in parts)
        says = f"{_verb(run)} of {len(parts)} applications with {machines} machines: {named}"
        terms = terms_of(_plan(part).policy.approval for part in parts if part.asks)
        if terms is None:
            return End(
                Outcome.DECLINED,
                "no role may approve every one of these plans; give them one in common, or run them apart",
            )
        return (yield from ask_for_approval(context, run, says, terms))

    def move(self, context: Context, run: Record) -> Steps[End | None]:
        """Let every application's run begin in its turn, and sum up what they came to."""
        run.step("applications")
        moves = {mover_id(run.id, n): _move(run, n, p) for n, p in enumerate(run.request.parts, 1)}
        refs = [RunRef(run=m.leg, plan=m.name, kind=m.request.kind.value) for m in moves.values()]
        run.journal.lead(*refs)
        run.touched = True
        started = now(context)
        run.journal.follow(*moves)
        answers = yield from fan_out(context, move_application, moves, PartMoved)
        run.journal.follow()
        facts = sorted((f for a in answers.values() for f in a.facts), key=lambda fact: fact.at)
        run.journal.take_over(tuple(facts))
        run.spent.recovery = now(context) - started
        run.children += [answer.ended for answer in answers.values() if answer.ended]
        left = [answer.because for answer in answers.values() if answer.ended is None]
        run.deviations += left
        standing = yield from read_standing(context, run.id)
        return End(*sum_up(run.children, left, standing.cancelled_by))

    def let_go(self, context: Context, run: Record, end: End) -> Steps[End]:
        """Give the claims and the locks back."""
        for taken in self.held:
            end = yield from leave(context, run, taken, end)
            yield from unlock(context, run, taken.application)
        return end


def _plan(part: Part) -> Plan:
    return Plan.model_validate(unpack(part.packed))


def _verb(run: Record) -> str:
    return (run.request.each or Kind.FAILOVER).value


def _move(run: Record, position: int, part: Part) -> PartMove:
    request = PackedRequest(
        plan=part.packed,
        kind=run.request.each or Kind.FAILOVER,
        mode=run.mode,
        requested_by=run.request.requested_by,
        requested_by_id=run.request.requested_by_id,
        reason=run.request.reason,
        signals=run.request.signals,
        incident=run.request.incident,
        point=run.request.point,
        points=run.request.points,
        under=run.id,
        ends_by=run.until,
    )
    return PartMove(
        run=run.id,
        name=part.plan,
        after=part.after,
        leg=leg_id(run.id, position),
        digest=part.digest,
        request=request,
    )


def move_application(context: Context) -> Steps[dict[str, object] | None]:
    """Wait until what the application depends on serves, then let its run go on; a failure is its answer."""
    move = PartMove.model_validate(context.get_input())
    journal = Journal(context)
    turn = yield from _await_turn(context, move)
    if turn is None:
        context.continue_as_new(move.wire())
        return None
    if turn.because:
        journal.note(turn.because)
        yield from _report(context, move, FAILED)
        return turn.model_copy(update={"facts": tuple(journal.facts)}).wire()
    journal.note(f"{move.name} begins: run {move.leg}")
    runbook = RUNBOOKS[move.request.kind]
    try:
        end = yield from child(context, runbook, move.request, move.leg, RunEnd)
    except Exception as bug:  # an operator may have ended it through the engine
        told = f"the run broke off: {in_short(bug)}"
        end = RunEnd(run=move.leg, outcome=Outcome.NEEDS_HUMAN, because=told)
    ended = ChildRun(
        run=end.run,
        plan=move.name,
        plan_digest=move.digest,
        kind=move.request.kind.value,
        outcome=end.outcome,
        because=end.because,
        evidence_sha256=end.evidence_sha256,
        settled=end.settled,
    )
    serves = end.served and end.outcome is not Outcome.ROLLED_BACK
    yield from _report(context, move, ARRIVED if went_well(ended) or serves else FAILED)
    journal.note(f"{move.name} ended {end.outcome.value}: {end.because}")
    return PartMoved(ended=ended, facts=tuple(journal.facts)).wire()


def _await_turn(context: Context, move: PartMove) -> Steps[PartMoved | None]:
    """Wait for those that come before; say why the application does not begin, if so.

    Returns None when the history has grown long and is to begin anew.
    """
    until = move.request.ends_by
    for _ in range(LOOKS_PER_HISTORY):
        said = yield from ask(context, desk_of(move.run), "standing", {})
        standing = Standing.model_validate(said["standing"])
        states: dict[str, str] = said["states"]
        failed = [name for name in move.after if states.get(name) == FAILED]
        waits = [name for name in move.after if states.get(name) != ARRIVED]
        if standing.cancelled_by:
            return PartMoved(
                because=f"{move.name} did not begin: {standing.cancelled_by} cancelled the run"
            )
        if failed:
            return PartMoved(
                because=f"{move.name} did not begin: {', '.join(failed)} did not arrive"
            )
        if now(context) >= until:
            return PartMoved(because=f"{move.name} did not begin: no time was left for it")
        if not waits and not standing.paused_by:
            return PartMoved()
        pause = PAUSED_LOOK if standing.paused_by else LOOK_AGAIN
        yield from sleep(context, min(pause, until - now(context)))
    return None


def _report(context: Context, move: PartMove, state: str) -> Steps[None]:
    yield from ask(context, desk_of(move.run), "report", {"name": move.name, "state": state})
