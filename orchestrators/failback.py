"""Take an application home, and rehearse the whole journey: over, re-protect, back, re-protect.

A failback is the failover of the plan turned round. It waits until the way home is protected, and when the application
serves at home it protects the way out again.
"""

from __future__ import annotations

from domain.policy import CommitMode
from domain.request import Kind, Mode, RunRequest
from domain.run import WELL, Outcome

from orchestrators.before import assess, clean_up_drills, decide
from orchestrators.conduct import conduct
from orchestrators.drain import drain, take_back_drain
from orchestrators.durable import Context, Steps, now
from orchestrators.failover import fence, move_tiers, move_users
from orchestrators.legs import run_leg
from orchestrators.record import End, Record
from orchestrators.reprotect import reprotect_members
from orchestrators.window import commit, soak


def fail_back(context: Context) -> Steps[dict[str, object]]:
    """Protect the way home, go home as gracefully as a failover goes out, and protect the way out again."""
    steps = (
        assess,
        decide,
        protect_the_way_home,
        clean_up_drills,
        drain,
        move_tiers,
        fence,
        move_users,
        soak,
        commit,
        protect_the_way_out,
    )
    return (yield from conduct(context, steps, closing=(take_back_drain,)))


def protect_the_way_home(context: Context, run: Record) -> Steps[End | None]:
    """Re-protect what is not protected homewards yet, and look again where the items live then."""
    for tier in run.plan.tiers:
        if tier.gate is None:
            run.deviations.append(f"tier {tier.name} has no home_gate: nothing proves it at home")
    if not run.readiness or not run.readiness.to_reprotect:
        return None
    end = yield from reprotect_members(context, run)
    return end or (yield from assess(context, run))


def protect_the_way_out(context: Context, run: Record) -> Steps[End | None]:
    """Re-protect what came home, so that the next bad night finds its way out."""
    if run.commit is None or not run.commit.committed:
        run.skips.append("the way out is not protected, for the failback is not committed")
        return None
    return (yield from reprotect_members(context, run))


def round_trip(context: Context) -> Steps[dict[str, object]]:
    """Rehearse the whole journey in earnest: out, protected homewards, home, protected outwards."""
    return (yield from conduct(context, (assess, decide, clean_up_drills, go_out, come_home)))


def go_out(context: Context, run: Record) -> Steps[End | None]:
    """Fail over gracefully, as one leg of the journey."""
    return (yield from _leg(context, run, Kind.FAILOVER, 1))


def come_home(context: Context, run: Record) -> Steps[End | None]:
    """Fail back gracefully, re-protecting before and after."""
    end = yield from _leg(context, run, Kind.FAILBACK, 2)
    if end is not None:
        return end
    run.note(f"the round trip took {now(context) - run.started_at}")
    skips = [child.because for child in run.children if child.outcome is not Outcome.COMPLETED]
    if skips:
        return End(Outcome.COMPLETED_WITH_SKIPS, f"there and back; {'; '.join(skips)}")
    return End(Outcome.COMPLETED, "there and back, and protected again")


def _leg(context: Context, run: Record, kind: Kind, position: int) -> Steps[End | None]:
    run.step(kind.value)
    run.touched = True
    request = RunRequest(
        plan=run.request.plan,
        kind=kind,
        mode=Mode.GRACEFUL,
        requested_by=run.request.requested_by,
        requested_by_id=run.request.requested_by_id,
        reason=f"leg {position} of run {run.id}: {run.request.reason}",
        point=run.request.point if kind is Kind.FAILOVER else None,
        points=run.request.points if kind is Kind.FAILOVER else {},
        under=run.id,
        commit=CommitMode.AUTO_AFTER,
    )
    leg = yield from run_leg(context, run, request, position)
    if leg.outcome in WELL:
        return None
    outcome = leg.outcome if leg.outcome is Outcome.CANCELLED else Outcome.NEEDS_HUMAN
    return End(outcome, f"the {kind.value} ended {leg.outcome.value}: {leg.because}")
