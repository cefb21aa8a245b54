"""``make decisions``: play the whole suite; the last line says how good the decisions were."""

from __future__ import annotations

import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.decisions.suite import PLAN, p95, play, read, summary

ALLOWED_SECONDS = 60


def main() -> int:
    """Play the suite and return 0 only if every case was decided as it should be, in time."""
    began = time.monotonic()
    quiet = partial(logging.disable, logging.CRITICAL)
    with ProcessPoolExecutor(2, initializer=quiet) as pool:
        decided = list(pool.map(play, read(), chunksize=8))
    for case in decided:
        if not case.right:
            sys.stdout.write(f"{case.name}: wrong, {len(case.runs)} runs were opened\n")
    latest = PLAN.signals.sustained.total_seconds() + ALLOWED_SECONDS
    in_time = p95(decided) <= latest
    if not in_time:
        sys.stdout.write(f"detection took longer than the {latest:.0f} s that are allowed\n")
    sys.stdout.write(f"{len(decided)} stories took {time.monotonic() - began:.1f} s of wall time\n")
    sys.stdout.write(f"{summary(decided)}\n")
    return 0 if in_time and all(case.right for case in decided) else 1


if __name__ == "__main__":
    sys.exit(main())
