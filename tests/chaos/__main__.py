"""``make chaos SEEDS=1000``: live through that many seeded nights and say which broke an invariant."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.chaos.night import live_through


def main() -> int:
    """Run the seeds; the exit code is 0 only if no invariant was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seeds", type=int, default=100, help="how many nights")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    args = parser.parse_args()
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    broken = 0
    with ProcessPoolExecutor(os.cpu_count(), initializer=_quietly) as pool:
        for verdict in pool.map(live_through, range(args.first, args.first + args.seeds)):
            outcomes[verdict.outcome] += 1
            for what in verdict.broken:
                broken += 1
                _say(f"seed {verdict.seed} ({verdict.outcome}): {what}")
    _say(", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    _say(f"nights={args.seeds} broken={broken} seconds={time.monotonic() - began:.0f}")
    return 1 if broken else 0


def _quietly() -> None:
    logging.disable(logging.CRITICAL)  # refusals are the point of these nights


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
