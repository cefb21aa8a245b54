"""A tier: a wave of failovers, and the gate that proves that it works."""

from __future__ import annotations

from datetime import datetime

from activities.recovery import Wave
from domain.gate import Gate
from domain.model import ArmId, Recorded, RunId
from domain.plan import Tier, Vault
from domain.policy import RecoveryPoint, Retry
from domain.replication import Verb
from domain.run import GateReport, MemberOutcome, MemberReport, TierReport
from pydantic import AwareDatetime, Field

from orchestrators.durable import Context, StepFailed, Steps, now
from orchestrators.gate import pass_gate
from orchestrators.journal import Answered, Journal
from orchestrators.points import with_points
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
    run_started_at: AwareDatetime
    incident_at: AwareDatetime
    until: AwareDatetime

    @property
    def gate(self) -> Gate | None:
        """Return the gate that proves the tier: a drill's machines have addresses of their own."""
        return self.tier.drill_gate if self.verb is Verb.DRILL else self.tier.gate


class TierMoved(Answered):
    """What became of a tier."""

    report: TierReport


def move_tier(context: Context) -> Steps[dict[str, object]]:
    """Move the members of a tier, then let the tier prove itself; a tier that lost a required member asks no gate."""
    move = TierMove.model_validate(context.get_input())
    journal = Journal(context)
    started = now(context)
    until = min(move.until, started + move.tier.within)
    wave = wave_of(move.vault, move.verb, move.tier, items=move.items).model_copy(
        update={"graceful": move.graceful, "network": move.network}
    )
    runs = tuple(filter(None, (move.run, move.under)))
    members = yield from _move_members(context, journal, move, wave, until, runs)
    gate: GateReport | None = None
    arrived = all(m.outcome is MemberOutcome.ARRIVED for m in members if m.required)
    if arrived and move.gate:
        journal.note(f"tier {move.tier.name} must answer: {', '.join(map(str, move.gate.probes))}")
        try:
            gate = yield from pass_gate(context, move.gate, until)
        except StepFailed as failed:
            journal.note(f"the gate of tier {move.tier.name} could not be asked: {failed}")
            arrived = False
        else:
            arrived = gate.passed
    report = TierReport(
        name=move.tier.name,
        started_at=started,
        ended_at=now(context),
        rto_seconds=int((now(context) - move.run_started_at).total_seconds()),
        arrived=arrived,
        members=members,
        gate=gate,
    )
    journal.note(_verdict(report))
    return TierMoved(report=report, facts=tuple(journal.facts)).wire()


def _move_members(
    context: Context,
    journal: Journal,
    move: TierMove,
    wave: Wave,
    until: datetime,
    runs: tuple[str, ...],
) -> Steps[tuple[MemberReport, ...]]:
    """Choose the recovery points, then move; a point that is not there moves nobody."""
    started = now(context)
    try:
        wave = yield from with_points(context, journal, wave, move.point, move.points, until)
    except StepFailed as failed:
        journal.note(f"tier {move.tier.name} does not move: {failed.said}")
        return tuple(
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
    return (yield from run_wave(context, journal, wave, move.retry, until, move.incident_at, runs))


def _verdict(report: TierReport) -> str:
    if not report.arrived:
        return f"tier {report.name} did not arrive: {report.trouble}"
    proof = f"; its gate passed after {report.gate.rounds} rounds" if report.gate else ""
    return f"tier {report.name} arrived{proof}"
