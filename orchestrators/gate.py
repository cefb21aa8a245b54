"""A gate: own probes, asked round after round, until enough of the last rounds were answered in full."""

from __future__ import annotations

from datetime import datetime, timedelta

from activities.health import Health, Round
from domain.gate import Gate
from domain.reach import Places
from domain.run import GateReport

from orchestrators.durable import HASTY, Context, Steps, call, now, sleep

# A gate that takes long is asked less often, so that it does not make the history long.
OFTEN = 60
SELDOM = timedelta(minutes=1)


def pass_gate(
    context: Context, gate: Gate, until: datetime, reach: Places | None
) -> Steps[GateReport]:
    """Ask until ``needed`` of the last ``of`` rounds were answered, or the gate's time is up.

    Raises StepFailed when the probes cannot be asked at all.
    """
    started = now(context)
    closes = min(until, started + gate.within)
    rounds: list[bool] = []
    while True:
        asked = Round(probes=gate.probes, reach=reach)
        heard = yield from call(context, Health.probe_round, asked, HASTY, closes)
        rounds.append(heard.ok)
        passed = sum(rounds[-gate.of :]) >= gate.needed
        every = gate.every if len(rounds) < OFTEN else max(gate.every, SELDOM)
        pause = min(every, closes - now(context))
        if passed or pause <= timedelta(0):
            return GateReport(
                passed=passed,
                needed=gate.needed,
                of=gate.of,
                rounds=len(rounds),
                started_at=started,
                ended_at=now(context),
                answers=heard.answers,
            )
        yield from sleep(context, pause)
