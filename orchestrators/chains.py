"""Tiers in the order of their graph: what has no order between it moves side by side.

The SDK cannot add a task to those it waits for already, so all chains of tiers start at once and each waits for the
tiers before it by asking the run's desk, where every chain notes what its tiers came to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain.graph import Chain, chains_of
from domain.model import Recorded
from domain.plan import Tier
from domain.plan_rules import waits
from domain.run import TierReport
from pydantic import AwareDatetime

from orchestrators.actions import around_of
from orchestrators.controls import heed
from orchestrators.durable import Context, Steps, ask, child, fan_out, now, sleep
from orchestrators.journal import Journal
from orchestrators.names import chain_id, desk_of, tier_id
from orchestrators.record import Record
from orchestrators.stuck import Aside
from orchestrators.tier import TierMove, TierMoved, move_tier

ARRIVED, SKIPPED, FAILED = "arrived", "skipped", "failed"
LOOK_AGAIN = timedelta(seconds=15)
LOOKS_PER_HISTORY = 40


class ChainMove(Recorded):
    """A chain of tiers to be moved once the tiers ``after`` which it comes have arrived."""

    run: str
    under: str | None = None
    after: tuple[str, ...] = ()
    moves: tuple[TierMove, ...]
    positions: tuple[int, ...]
    until: AwareDatetime


class ChainMoved(Aside):
    """What became of the tiers of a chain; those that did not begin are missing."""

    reports: tuple[TierReport, ...] = ()


def tier_move(run: Record, tier: Tier) -> TierMove:
    """Return what a run asks of one of its tiers; a drill says beside it where to and that it is one."""
    return TierMove(
        run=run.id,
        under=run.request.under,
        vault=run.plan.vault,
        tier=tier,
        items={m.name: run.items[m.name] for m in tier.members if m.name in run.items},
        graceful=run.graceful,
        point=run.request.point or run.plan.policy.recovery_point,
        points={m.name: p for m in tier.members if (p := run.request.points.get(m.name))},
        retry=run.plan.policy.retry,
        around=around_of(run, run.until),
        claim=run.claim,
        run_started_at=run.started_at,
        incident_at=run.incident_at,
        until=run.until,
    )


def move_in_order(
    context: Context,
    journal: Journal,
    run: str,
    under: str | None,
    moves: dict[str, TierMove],
    tiers: tuple[Tier, ...],
    until: datetime,
) -> Steps[ChainMoved]:
    """Move tiers as their graph allows; the first to fail stops all that have not begun."""
    order = [tier.name for tier in tiers]
    chains = chains_of(order, waits(tiers))
    asked = {
        chain_id(run, n): _chain_move(run, under, chain, order, moves, until)
        for n, chain in enumerate(chains, start=1)
    }
    if len(chains) == 1:
        return (yield from _move_tiers(context, journal, next(iter(asked.values())), alone=True))
    journal.note(f"{len(chains)} chains of tiers move side by side")
    journal.follow(*asked)
    answers = yield from fan_out(context, move_chain, asked, ChainMoved)
    journal.follow()
    _show_tiers(journal, asked, answers)
    facts = sorted((f for a in answers.values() for f in a.facts), key=lambda fact: fact.at)
    journal.take_over(tuple(facts))
    reports = sorted(
        (report for answer in answers.values() for report in answer.reports),
        key=lambda report: order.index(report.name),
    )
    return _together(tuple(answers.values()), reports)


def _together(each: Sequence[Aside], reports: Iterable[TierReport]) -> ChainMoved:
    """Return what several tiers or chains came to as one."""
    return ChainMoved(
        reports=tuple(reports),
        actions=tuple(action for one in each for action in one.actions),
        decisions=tuple(decision for one in each for decision in one.decisions),
        skips=tuple(skip for one in each for skip in one.skips),
        deviations=tuple(deviation for one in each for deviation in one.deviations),
        waited=sum((one.waited for one in each), timedelta(0)),
        stopped=next((one.stopped for one in each if one.stopped), None),
    )


def keep(run: Record, moved: ChainMoved) -> None:
    """Write down in a run's record what its tiers came to."""
    run.tiers.extend(moved.reports)
    run.actions.extend(moved.actions)
    run.decisions.extend(moved.decisions)
    run.skips.extend(moved.skips)
    run.deviations.extend(moved.deviations)
    run.spent.decision += moved.waited


def _show_tiers(
    journal: Journal, asked: dict[str, ChainMove], answers: dict[str, ChainMoved]
) -> None:
    """Show what chains that have ended came to: nobody asks them any more."""
    for name, answer in answers.items():
        for position, report in zip(asked[name].positions, answer.reports, strict=False):
            journal.tier(report.name, _state_of(report), tier_id(name, position))


def _chain_move(
    run: str,
    under: str | None,
    chain: Chain,
    order: list[str],
    moves: dict[str, TierMove],
    until: datetime,
) -> ChainMove:
    return ChainMove(
        run=run,
        under=under,
        after=chain.after,
        moves=tuple(moves[name] for name in chain.names),
        positions=tuple(order.index(name) + 1 for name in chain.names),
        until=until,
    )


def move_chain(context: Context) -> Steps[dict[str, object] | None]:
    """Wait for the tiers that come before the chain, then move its tiers one after the other."""
    asked = ChainMove.model_validate(context.get_input())
    journal = Journal(context, tuple(move.tier.name for move in asked.moves))
    if asked.after:
        states = yield from await_states(context, asked.run, asked.after, asked.until)
        if states is None:
            context.continue_as_new(asked.wire())
            return None
        if not _all_arrived(states, asked.after):
            return ChainMoved().wire()
    moved = yield from _move_tiers(context, journal, asked, alone=False)
    return moved.model_copy(update={"facts": tuple(journal.facts)}).wire()


def _move_tiers(
    context: Context, journal: Journal, asked: ChainMove, alone: bool
) -> Steps[ChainMoved]:
    tiers: list[TierMoved] = []
    stopped: str | None = None
    for position, move in zip(asked.positions, asked.moves, strict=True):
        standing = yield from heed(context, asked.until, asked.run, asked.under)
        stopped = standing.cancelled_by
        if stopped:
            break
        if not alone and (yield from _has_failed(context, asked.run)):
            break
        if now(context) >= asked.until:
            break
        name = move.tier.name
        journal.step(f"tier {name}")
        mover = tier_id(context.instance_id, position)
        journal.tier(name, "moving", mover)
        journal.follow(mover)
        graceful = move.graceful and not standing.forced_by
        turn = move.model_copy(update={"graceful": graceful})
        moved = yield from child(context, move_tier, turn, mover, TierMoved)
        tiers.append(moved)
        journal.follow()
        state = _state_of(moved.report)
        journal.tier(name, state, mover)
        journal.take_over(moved.facts)
        if not alone:
            word = {"name": name, "state": state}
            yield from ask(context, desk_of(asked.run), "report", word)
        if not moved.report.passed:
            break
    whole = _together(tiers, [moved.report for moved in tiers])
    return whole.model_copy(update={"stopped": whole.stopped or stopped})


def _state_of(report: TierReport) -> str:
    if report.arrived:
        return ARRIVED
    return SKIPPED if report.passed else FAILED


def _has_failed(context: Context, run: str) -> Steps[bool]:
    said = yield from ask(context, desk_of(run), "standing", {})
    return FAILED in said["states"].values()


def _all_arrived(states: dict[str, str], names: Iterable[str]) -> bool:
    return all(states.get(name) in (ARRIVED, SKIPPED) for name in names)


def await_states(
    context: Context, run: str, names: Iterable[str], until: datetime
) -> Steps[dict[str, str] | None]:
    """Wait until all of these have arrived, anything failed, the run was cancelled or the time is up.

    Returns where everything stands, or None when the history has grown long and is to begin anew.
    """
    for _ in range(LOOKS_PER_HISTORY):
        said = yield from ask(context, desk_of(run), "standing", {})
        states: dict[str, str] = said["states"]
        over = FAILED in states.values() or said["standing"]["cancelled_by"]
        if _all_arrived(states, names) or over or now(context) >= until:
            return states
        yield from sleep(context, min(LOOK_AGAIN, until - now(context)))
    return None
