"""Fail an application over, or back: the runbook of the worst night, from the lock to the evidence.

    readiness -> decision -> pending drills -> drain -> tiers in order -> fence -> traffic -> soak -> commit

A failback is the same runbook of the plan turned round; it re-protects first, where that is still to be done, and
protects the way out again at its end.
"""

from __future__ import annotations

from activities.health import Health, SourceQuestion
from domain.policy import Reaction
from domain.replication import Verb
from domain.run import Outcome, Silence, judge_fence

from orchestrators.asr_engine import assess_plans, by_plans, move_by_plans
from orchestrators.before import clean_up_drills
from orchestrators.chains import ARRIVED, keep, move_in_order, tier_move
from orchestrators.conduct import conduct
from orchestrators.decision import decide
from orchestrators.drain import drain, take_back_drain
from orchestrators.durable import Context, Steps, call, child, now
from orchestrators.legs import tell_above
from orchestrators.record import End, Record
from orchestrators.traffic import TrafficShift, TrafficShifted, shift_traffic
from orchestrators.window import commit, soak


def fail_over(context: Context) -> Steps[dict[str, object]]:
    """Move tiers in order, prove each, then switch traffic, then commit. The first tier to fail stops the rest."""
    steps = (
        assess_plans,
        decide,
        clean_up_drills,
        drain,
        move_tiers,
        fence,
        move_users,
        soak,
        commit,
    )
    return (yield from conduct(context, steps, closing=(take_back_drain,)))


def move_tiers(context: Context, run: Record) -> Steps[End | None]:
    """Move the tiers as their graph allows; the first that does not arrive stops the rest."""
    started = now(context)
    tiers = run.plan.ordered_tiers()
    run.touched = True
    run.down_since = run.down_since or now(context)
    if by_plans(run):
        moved = yield from move_by_plans(context, run, Verb.FAILOVER)
    else:
        moves = {tier.name: tier_move(run, tier) for tier in tiers}
        moved = yield from move_in_order(
            context, run.journal, run.id, run.request.under, moves, tiers, run.until
        )
    keep(run, moved)
    run.spent.recovery = now(context) - started
    reports = moved.reports
    if moved.stopped:
        return run.cancelled(moved.stopped)
    failed = [tier for tier in reports if not tier.passed]
    if failed:
        what = "; ".join(f"tier {tier.name} did not arrive: {tier.trouble}" for tier in failed)
        return End(Outcome.PARTIAL, f"{what}; {run.users_stay}")
    if len(reports) < len(tiers):
        return run.too_late()
    # Nobody can skip what users need: no word sends them to a tier whose machines are not there.
    behind = [tier for tier in reports if not (tier.arrived or tier.recovered)]
    if behind:
        what = "; ".join(
            f"{tier.skipped_by} skipped tier {tier.name}, which did not arrive: {tier.trouble}"
            for tier in behind
        )
        return End(Outcome.PARTIAL, f"{what}; {run.users_stay}")
    run.skips += [
        f"{member.name}, which is optional, stayed behind"
        for tier in reports
        for member in tier.lost
    ]
    return None


def fence(context: Context, run: Record) -> Steps[End | None]:
    """Prove that the source is down, or say that it could not be proved and follow the plan's policy."""
    run.step("fence")
    policy = run.plan.policy.fence
    question = SourceQuestion(vms=run.machines, probes=policy.probes, reach=run.plan.reach)
    seen = yield from call(context, Health.look_at_source, question, until=run.until)
    run.fence = seen_now = judge_fence(seen.machines, seen.answers, now(context))
    run.note(f"fence: {seen_now.explanation}")
    reaction = {
        Silence.DOWN: Reaction.PROCEED,
        Silence.SILENT: policy.silent,
        Silence.ANSWERING: policy.answering,
    }[seen_now.verdict]
    if reaction is Reaction.STOP:
        return End(Outcome.NEEDS_HUMAN, f"{run.users_stay}: {seen_now.explanation}")
    if not seen_now.proved:
        run.deviations.append(f"the plan goes on with an unproved fence: {seen_now.explanation}")
    return None


def move_users(context: Context, run: Record) -> Steps[End | None]:
    """Send users to the recovered application, and prove that they get there."""
    run.step("traffic")
    started = now(context)
    shift = TrafficShift(
        traffic=run.plan.traffic,
        reach=run.plan.reach,
        until=run.until,
        put_back_until=run.put_back_until,
        drained=run.drained is not None,
        claim=run.claim,
    )
    run.journal.follow(f"{run.id}.traffic")
    shifted = yield from child(context, shift_traffic, shift, f"{run.id}.traffic", TrafficShifted)
    run.journal.follow()
    run.traffic = shifted.report
    run.journal.take_over(shifted.facts)
    run.spent.traffic = now(context) - started
    if not shifted.report.verified:
        users = "users may be at either end" if shifted.report.left_open else "users did not"
        return End(Outcome.NEEDS_HUMAN, f"the application moved, {users}: {shifted.report.trouble}")
    yield from tell_above(context, run, ARRIVED)
    return None
