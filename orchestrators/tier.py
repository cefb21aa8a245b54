"""A tier: a wave of failovers, and the gate that proves that it works."""

from __future__ import annotations

from domain.model import Recorded
from domain.plan import Tier, Vault
from domain.policy import Retry
from domain.replication import Verb
from domain.run import GateReport, MemberOutcome, TierReport
from pydantic import AwareDatetime

from orchestrators.durable import Context, StepFailed, Steps, now
from orchestrators.gate import pass_gate
from orchestrators.journal import Answered, Journal
from orchestrators.wave import run_wave, wave_of


class TierMove(Recorded):
    """A tier to be moved, with all that its move needs to know."""

    vault: Vault
    tier: Tier
    retry: Retry
    run_started_at: AwareDatetime
    incident_at: AwareDatetime
    until: AwareDatetime


class TierMoved(Answered):
    """What became of a tier."""

    report: TierReport


def move_tier(context: Context) -> Steps[dict[str, object]]:
    """Move the members of a tier, then let the tier prove itself; a tier that lost a member asks no gate."""
    move = TierMove.model_validate(context.get_input())
    journal = Journal(context)
    started = now(context)
    until = min(move.until, started + move.tier.within)
    wave = wave_of(move.vault, Verb.FAILOVER, move.tier)
    members = yield from run_wave(context, journal, wave, move.retry, until, move.incident_at)
    gate: GateReport | None = None
    arrived = all(member.outcome is MemberOutcome.ARRIVED for member in members)
    if arrived and move.tier.gate:
        journal.note(
            f"tier {move.tier.name} must answer: {', '.join(map(str, move.tier.gate.probes))}"
        )
        try:
            gate = yield from pass_gate(context, move.tier.gate, until)
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


def _verdict(report: TierReport) -> str:
    if not report.arrived:
        return (
            f"tier {report.name} did not arrive: {report.trouble or 'its gate could not be asked'}"
        )
    proof = f"; its gate passed after {report.gate.rounds} rounds" if report.gate else ""
    return f"tier {report.name} arrived{proof}"
