"""Where a member stands seen from a run: ready for it, past it already, or in its way, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.plan import Engine, Plan, Way
from domain.regions import display_name
from domain.replication import Move, Phase, ProtectedItem, Verb, move_for
from domain.request import Kind

MOVES = (Kind.FAILOVER, Kind.FAILBACK, Kind.ROUND_TRIP)


@dataclass(slots=True)
class Findings:
    """What a look at the members found; ``settled`` names those for which nothing is left to do."""

    blockers: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    drills: list[str] = field(default_factory=list)
    to_reprotect: list[str] = field(default_factory=list)
    to_commit: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)


def judge(kind: Kind, plan: Plan, name: str, item: ProtectedItem, found: Findings) -> None:
    """Judge one member for a kind of run; ``plan`` is the plan as written, whatever the direction."""
    if item.health.casefold() == "critical":
        found.warnings.append(
            f"the replication of {name} is critical; its recovery point may be old"
        )
    if item.group and kind in MOVES and plan.engine is Engine.LEEWARD:
        found.blockers.append(
            f"{name} belongs to the consistency group {item.group}, whose machines Azure moves together or not at "
            "all; let an ASR recovery plan move them (engine: asr), or take them out of the group"
        )
    match kind:
        case Kind.FAILOVER | Kind.FAILBACK:
            way = Way.HOME if kind is Kind.FAILBACK else Way.OUT
            _judge_failover(plan.going(way), way, name, item, found)
        case Kind.ROUND_TRIP:
            _judge_round_trip(plan, name, item, found)
        case Kind.DRILL:
            _judge_drill(plan, name, item, found)
        case Kind.COMMIT:
            _judge_commit(name, item, found)
        case Kind.REPROTECT:
            _judge_reprotect(name, item, found)
        case _:
            pass


def replicates_from(item: ProtectedItem, region: str) -> bool:
    """Say whether the item replicates out of a region; one that does not tell is taken at its place's word."""
    return item.source_region in ("", region)


def _judge_failover(plan: Plan, way: Way, name: str, item: ProtectedItem, found: Findings) -> None:
    here, there = plan.source.region, plan.target.region
    if not replicates_from(item, here):
        _judge_turned(way, there, name, item, found)
        return
    if item.phase is Phase.REPLICATING and way is Way.HOME:
        found.to_reprotect.append(name)  # its way home is being made; the run waits for it
        return
    move = move_for(item, Verb.FAILOVER)
    if item.phase is Phase.COMMITTED:
        found.settled.append(name)
    if item.drill_pending:
        found.drills.append(name)
    elif move is Move.HAPPENED:
        found.warnings.append(
            f"{name} has failed over before ({item.state_description}); it is not moved again"
        )
    elif move is Move.RUNNING:
        found.warnings.append(f"a failover of {name} runs already; it is adopted")
    elif move is Move.BUSY:
        found.warnings.append(f"{item.scenario} runs on {name}; the run waits for it")
    elif move is Move.IMPOSSIBLE:
        found.blockers.append(
            f"{name} cannot fail over while it is {item.state} ({item.state_description}); "
            "wait until it is protected, or repair its replication"
        )


def _judge_turned(way: Way, there: str, name: str, item: ProtectedItem, found: Findings) -> None:
    """Judge a member whose item replicates the other way round: it runs there, or came here and was left so."""
    if item.phase is Phase.ARRIVED:
        found.blockers.append(
            f"the failover of {name} is not committed yet; commit it, or change its recovery point"
        )
    elif item.phase is Phase.COMMITTED and way is Way.HOME:
        found.to_reprotect.append(name)
    elif item.phase is Phase.COMMITTED:
        found.blockers.append(
            f"{name} came home and is not protected since; re-protect it before it can fail over"
        )
    else:
        found.settled.append(name)
        found.warnings.append(f"{name} runs in {display_name(there)} already")


def _judge_round_trip(plan: Plan, name: str, item: ProtectedItem, found: Findings) -> None:
    if not replicates_from(item, plan.source.region) or item.phase is not Phase.PROTECTED:
        found.blockers.append(
            f"{name} is {item.state} ({item.state_description}); a round trip begins with every machine "
            f"at home in {display_name(plan.source.region)} and protected"
        )
    elif item.drill_pending:
        found.drills.append(name)


def _judge_drill(plan: Plan, name: str, item: ProtectedItem, found: Findings) -> None:
    if item.drill_pending:
        found.drills.append(name)
    elif not replicates_from(item, plan.source.region):
        found.blockers.append(
            f"{name} runs in {display_name(item.source_region)} now; fail back before the way out is rehearsed"
        )
    elif item.phase is not Phase.PROTECTED:
        found.blockers.append(
            f"{name} cannot be rehearsed while it is {item.state} ({item.state_description}); "
            "wait until it is protected"
        )
    elif item.scenario is not None:
        found.warnings.append(f"{item.scenario} runs on {name}; the drill waits for it")


def _judge_commit(name: str, item: ProtectedItem, found: Findings) -> None:
    if item.phase is Phase.ARRIVED:
        found.to_commit.append(name)
    else:
        found.settled.append(name)


def _judge_reprotect(name: str, item: ProtectedItem, found: Findings) -> None:
    if item.phase is Phase.COMMITTED:
        found.to_reprotect.append(name)
    elif item.phase is Phase.ARRIVED:
        found.blockers.append(f"the failover of {name} is not committed yet; commit it first")
    elif item.phase is Phase.REPLICATING:
        found.to_reprotect.append(name)
    else:
        found.settled.append(name)
