"""``make chaos SEEDS=1000``: live through that many seeded nights and drills, and say which broke a promise."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from tests.chaos.night import live_through
from tests.chaos.rehearsal import TROUBLES, Verdict, rehearse

KINDS = ("nights", "drills")
TOLD_EVERY = 50


def main() -> int:
    """Run the seeds; the exit code is 0 only if no promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seeds", type=int, default=100, help="how many of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--kind", choices=KINDS, help="only nights of failover, or only drills")
    args = parser.parse_args()
    seeds = range(args.first, args.first + args.seeds)
    broken = 0
    with ProcessPoolExecutor(os.cpu_count(), initializer=_quietly) as pool:
        if args.kind != "drills":
            broken += _nights(pool, seeds)
        if args.kind != "nights":
            broken += _drills(pool, seeds)
    return 1 if broken else 0


def _nights(pool: ProcessPoolExecutor, seeds: range) -> int:
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    broken = 0
    for verdict in pool.map(live_through, seeds):
        outcomes[verdict.outcome] += 1
        broken += _told(verdict.seed, verdict.outcome, verdict.broken)
    _say(_in_words(outcomes))
    _say(f"nights={len(seeds)} broken={broken} seconds={time.monotonic() - began:.0f}")
    return broken


def _drills(pool: ProcessPoolExecutor, seeds: range) -> int:
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    lived: list[Verdict] = []
    broken = 0
    for verdict in pool.map(rehearse, seeds):
        lived.append(verdict)
        outcomes[verdict.outcome] += 1
        broken += _told(verdict.seed, verdict.outcome, verdict.broken)
        if len(lived) % TOLD_EVERY == 0 and len(lived) < len(seeds):
            _say(f"{len(lived)} drills so far, {broken} promises broken")
    _say(_in_words(outcomes))
    struck = {what for verdict in lived for what in verdict.struck}
    scripted = {f"{trouble['kind']} {trouble['operation']}" for trouble in TROUBLES}
    _say(
        f"faults struck: {len(struck)} of {len(scripted)}; "
        f"steps cancelled: {_in_words(Counter(v.cancelled_at for v in lived if v.cancelled_at))}; "
        f"steps killed: {_in_words(Counter(step for v in lived for step in v.died_at))}"
    )
    told = sum(verdict.told for verdict in lived)
    unasked = sum(verdict.left > 0 and not verdict.told for verdict in lived)
    _say(
        f"drills={len(seeds)} cancelled={sum(v.cancelled_at is not None for v in lived)} "
        f"killed={sum(bool(v.died_at) for v in lived)} told_to_leave={told} "
        f"left_untold={unasked} broken={broken} seconds={time.monotonic() - began:.0f}"
    )
    return broken


def _told(seed: int, outcome: str, broken: Iterable[str]) -> int:
    """Say what a seed broke, and how much."""
    lines = [f"seed {seed} ({outcome}): {what}" for what in broken]
    for line in lines:
        _say(line)
    return len(lines)


def _in_words(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counted.most_common())


def _quietly() -> None:
    logging.disable(logging.CRITICAL)  # refusals are the point of these nights


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
