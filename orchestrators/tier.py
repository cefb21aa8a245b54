"""A tier: what is done first, a wave of failovers, the gate that proves that it works, what is done then."""

from __future__ import annotations

from datetime import datetime

from domain.acting import Claim
from domain.controls import ControlVerb
from domain.gate import Gate
from domain.model import ArmId, Recorded, RunId
from domain.plan import Tier, Vault
from domain.policy import OnFailure, RecoveryPoint, Retry
from domain.replication import Verb
from domain.run import GateReport, MemberOutcome, MemberReport, TierReport
from pydantic import AwareDatetime, Field

from orchestrators.actions import run_actions
from orchestrators.durable import Context, StepFailed, Steps, now
from orchestrators.gate import pass_gate
from orchestrators.journal import Journal
from orchestrators.points import with_points
from orchestrators.stuck import Around, Aside, Log, aside, ask_for_word
from orchestrators.wave import run_wave, wave_of


class TierMove(Recorded):
    """A tier to be moved, with all that its move needs to know; ``verb`` is a failover's or a drill's."""

    run: RunId
    under: RunId | None = None
    vault: Vault
    tier: Tier
    items: dict[str, ArmId] = Field(default_factory=dict)
    verb: Verb = Verb.FAILOVER
    graceful: bool = False
    point: RecoveryPoint = RecoveryPoint.LATEST
    points: dict[str, str] = Field(default_factory=dict)
    network: ArmId | None = None
    retry: Retry
    around: Around | None = None
    claim: Claim | None = None
    run_started_at: AwareDatetime
    incident_at: AwareDatetime
    until: AwareDatetime

    @property
    def told(self) -> Around:
        """Return what its steps know of the run; a run that began under an older version asks nobody."""
        return self.around or Around(
            run=self.run, under=self.under, plan="", digest="", until=self.until
        )

    @property
    def gate(self) -> Gate | None:
        """Return the gate that proves the tier: a drill's machines have addresses of their own."""
        return self.tier.drill_gate if self.verb is Verb.DRILL else self.tier.gate


class TierMoved(Aside):
    """What became of a tier."""

    report: TierReport


def move_tier(context: Context) -> Steps[dict[str, object]]:
    """Bring a tier up and let it prove itself, again and again if a person says so when it does not arrive."""
    move = TierMove.model_validate(context.get_input())
    journal, log, name = Journal(context), Log(), move.tier.name
    report = yield from _attempt(context, journal, move, log, None)
    while not report.arrived and move.told.on_failure is OnFailure.ASK:
        if log.cancelled_by or log.let_be:
            break
        because = f"tier {name} did not arrive: {report.trouble}"
        word = yield from ask_for_word(context, journal, move.told, log, name, because)
        if word is None or word.verb is ControlVerb.STOP:
            break
        if word.verb is ControlVerb.SKIP:
            report = report.model_copy(update={"skipped_by": word.by})
            log.skip(f"{word.by} skipped tier {name}: {report.trouble}")
            break
        log.deviations.append(f"{word.by} had tier {name} tried again: {report.trouble}")
        report = yield from _attempt(context, journal, move, log, report)
    return TierMoved(report=report, facts=tuple(journal.facts), **aside(log)).wire()


def _attempt(
    context: Context, journal: Journal, move: TierMove, log: Log, former: TierReport | None
) -> Steps[TierReport]:
    """Do what is still to be done: what arrived, was proved or was done before stays as it is.

    actions before -> members -> gate -> actions after; a tier that lost a required member asks no gate.
    """
    turn = log.next_turn(move.tier.name)
    started = former.started_at if former else now(context)
    members = former.members if former else ()
    gate = former.gate if former and former.gate and former.gate.passed else None
    recovered = former is not None and former.recovered
    tier, around = move.tier, move.told
    halted = yield from run_actions(
        context, journal, around, log, tier.pre_actions, tier, moved=False
    )
    until = min(move.until, now(context) + tier.within)
    if halted is None and not recovered:
        members = yield from _move_members(context, journal, move, until, members, turn)
        recovered = all(m.outcome is MemberOutcome.ARRIVED for m in members if m.required)
    proved = recovered and (move.gate is None or gate is not None)
    if recovered and move.gate and not proved:
        gate = yield from _ask_gate(context, journal, move, move.gate, until)
        proved = gate is not None and gate.passed
    if proved:
        halted = yield from run_actions(context, journal, around, log, tier.post_actions, tier)
    report = TierReport(
        name=tier.name,
        started_at=started,
        ended_at=now(context),
        rto_seconds=int((now(context) - move.run_started_at).total_seconds()),
        arrived=proved and halted is None,
        members=members,
        gate=gate,
        recovered=recovered,
        halted=halted,
        attempts=turn,
    )
    journal.note(_verdict(report))
    return report


def _ask_gate(
    context: Context, journal: Journal, move: TierMove, gate: Gate, until: datetime
) -> Steps[GateReport | None]:
    """Let the tier prove itself; None where its gate cannot be asked."""
    journal.note(f"tier {move.tier.name} must answer: {', '.join(map(str, gate.probes))}")
    try:
        return (yield from pass_gate(context, gate, until, move.told.reach))
    except StepFailed as failed:
        journal.note(f"the gate of tier {move.tier.name} could not be asked: {failed}")
        return None


def _move_members(
    context: Context,
    journal: Journal,
    move: TierMove,
    until: datetime,
    former: tuple[MemberReport, ...],
    turn: int,
) -> Steps[tuple[MemberReport, ...]]:
    """Move the members that have not arrived; a recovery point that is not there moves nobody."""
    before = {report.name: report for report in former}
    there = [r.name for r in former if r.outcome is MemberOutcome.ARRIVED]
    whole = wave_of(move.vault, move.verb, move.tier, claim=move.claim, items=move.items)
    waiting = tuple(member for member in whole.members if member.name not in there)
    wave = whole.model_copy(
        update={"graceful": move.graceful, "network": move.network, "members": waiting}
    )
    started = now(context)
    try:
        wave = yield from with_points(context, journal, wave, move.point, move.points, until)
    except StepFailed as failed:
        journal.note(f"tier {move.tier.name} does not move: {failed.said}")
        reports: tuple[MemberReport, ...] = tuple(
            MemberReport(
                name=member.name,
                item_id=member.item,
                started_at=started,
                ended_at=now(context),
                outcome=MemberOutcome.REFUSED,
                required=member.required,
                error=failed.said,
            )
            for member in wave.members
        )
    else:
        runs = tuple(filter(None, (move.run, move.under)))
        reports = yield from run_wave(
            context, journal, wave, move.retry, until, move.incident_at, runs, mark=turn - 1
        )
    for report in reports:
        tried = before[report.name].attempts if report.name in before else 0
        before[report.name] = report.model_copy(update={"attempts": report.attempts + tried})
    return tuple(before[member.name] for member in whole.members)


def _verdict(report: TierReport) -> str:
    if not report.arrived:
        return f"tier {report.name} did not arrive: {report.trouble}"
    proof = f"; its gate passed after {report.gate.rounds} rounds" if report.gate else ""
    return f"tier {report.name} arrived{proof}"
