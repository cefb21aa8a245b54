"""Take an application home, and rehearse the whole journey: over, re-protect, back, re-protect.

A failback is the failover of the plan turned round. It waits until the way home is protected, and when the application
serves at home it protects the way out again.
"""

from __future__ import annotations

from orchestrators.asr_engine import assess_plans
from orchestrators.before import assess, clean_up_drills
from orchestrators.conduct import conduct
from orchestrators.decision import decide
from orchestrators.drain import drain, take_back_drain
from orchestrators.durable import Context, Steps
from orchestrators.failover import fence, move_tiers, move_users
from orchestrators.record import End, Record
from orchestrators.reprotect import reprotect_members
from orchestrators.window import commit, soak


def fail_back(context: Context) -> Steps[dict[str, object]]:
    """Protect the way home, go home as gracefully as a failover goes out, and protect the way out again."""
    steps = (
        assess_plans,
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
