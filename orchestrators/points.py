"""Which recovery point each machine comes up with, and how it is put on another one before the commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from activities.points import PointQuestion, Points
from activities.recovery import Wave
from domain.policy import RecoveryPoint
from domain.replication import Verb
from domain.reply import Refused
from domain.run import MemberReport

from orchestrators.durable import Context, StepFailed, Steps, call, now
from orchestrators.journal import Journal
from orchestrators.record import Record
from orchestrators.wave import run_wave, wave_of


def with_points(
    context: Context,
    journal: Journal,
    wave: Wave,
    rule: RecoveryPoint,
    named: Mapping[str, str],
    until: datetime,
) -> Steps[Wave]:
    """Return the wave with a point for each member; nobody is asked where Azure's latest is wanted of all.

    Raises StepFailed when a point that is wanted is not there: no machine then moves to a state nobody asked for.
    """
    ours = {m.name: m.item for m in wave.members}
    wanted = {name: point for name, point in named.items() if name in ours}
    if rule is RecoveryPoint.LATEST:
        ours = {name: item for name, item in ours.items() if name in wanted}
    if not ours:
        return wave
    question = PointQuestion(items=ours, rule=rule, named=wanted)
    chosen = (yield from call(context, Points.choose_points, question, until=until)).members
    refused = [one.refused for one in chosen.values() if one.refused]
    if refused:
        raise StepFailed("choose_points", Refused(code="no_such_point", message="; ".join(refused)))
    for name, one in chosen.items():
        if one.at:
            journal.note(f"{name}: recovery point of {one.at:%Y-%m-%d %H:%M:%S} UTC")
    members = tuple(
        m.model_copy(update={"point": chosen[m.name].point, "point_at": chosen[m.name].at})
        if m.name in chosen
        else m
        for m in wave.members
    )
    return wave.model_copy(update={"members": members})


def change_points(
    context: Context, run: Record, rule: RecoveryPoint, named: Mapping[str, str]
) -> Steps[tuple[MemberReport, ...]]:
    """Put the machines that arrived on other points, all by the rule, or those alone that are named.

    Raises StepFailed when a point that is wanted is not there.
    """
    wave = wave_of(
        run.plan.vault,
        Verb.CHANGE_POINT,
        *run.plan.ordered_tiers(),
        claim=run.claim,
        items=run.items,
    )
    behind = {member.name for tier in run.tiers for member in tier.lost}
    members = tuple(
        m for m in wave.members if m.name not in behind and (not named or m.name in named)
    )
    wave = wave.model_copy(update={"members": members})
    if rule is RecoveryPoint.LATEST:  # a change is to a point that is there
        rule = RecoveryPoint.LATEST_PROCESSED
    wave = yield from with_points(context, run.journal, wave, rule, named, run.until)
    tier_until = min(run.until, now(context) + max(tier.within for tier in run.plan.tiers))
    return (
        yield from run_wave(
            context,
            run.journal,
            wave,
            run.plan.policy.retry,
            tier_until,
            run.incident_at,
            mark=run.wishes_seen,
        )
    )
