"""``make fuzz CASES=10000``: that many cases for every operation of the API's document, and what came of them."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.contract import contract
from tests.fuzz.asked import Source
from tests.fuzz.ground import ground
from tests.fuzz.judged import Figures, fuzz


def main() -> int:
    """Fuzz every operation; the exit code is 0 only if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--cases", type=int, default=1000, help="how many for each operation")
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same cases")
    parser.add_argument("--only", default="", help="operations with this in their label alone")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz.json"))
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    oracle = contract()
    source = Source(oracle.document)
    kept: list[dict[str, Any]] = []
    findings = 0
    for label in source.labels():
        if args.only not in label:
            continue
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="leeward-fuzz-") as folder,
            ground(Path(folder) / "ground") as here,
        ):
            figures = fuzz(label, args.cases, here, source, oracle, args.seed)
        seconds = time.monotonic() - began
        findings += figures.statuses["findings"]
        kept.append(_kept(figures, seconds))
        _tell(figures, seconds)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"seed": args.seed, "operations": kept}, indent=2) + "\n")
    total = sum(each["cases"] for each in kept)
    _say(f"operations={len(kept)} cases={total} findings={findings}; kept in {args.out}")
    return 1 if findings or not kept else 0


def _kept(figures: Figures, seconds: float) -> dict[str, Any]:
    return {
        "operation": figures.label,
        "cases": figures.cases,
        "requests": figures.requests,
        "answers": dict(sorted(figures.statuses.items())),
        "slowestSeconds": round(figures.slowest_seconds, 3),
        "seconds": round(seconds),
        "findings": figures.findings,
    }


def _tell(figures: Figures, seconds: float) -> None:
    answers = " ".join(f"{status}:{count}" for status, count in sorted(figures.statuses.items()))
    rate = figures.cases / max(seconds, 0.001)
    _say(
        f"{figures.label}: {figures.cases} cases, {rate:.0f}/s, slowest {figures.slowest_seconds:.2f} s; {answers}"
    )
    for finding in figures.findings:
        _say(f"  FOUND {finding}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
