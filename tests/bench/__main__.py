"""``make bench``: print what a failover costs, and keep the figures in ``out/bench.json``."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.bench.fleet import FleetFigures, fail_over_a_fleet

SIZES = ((3, 3), (100, 10))


def main() -> int:
    """Run every benchmark and say what it found."""
    figures: list[FleetFigures] = []
    for members, tiers in SIZES:
        with tempfile.TemporaryDirectory(prefix="leeward-bench-") as folder:
            fleet = fail_over_a_fleet(Path(folder), members, tiers)
        figures.append(fleet)
        _say(f"{members} members in {tiers} tiers: {fleet.outcome}")
        _say(
            f"  ARM requests            {fleet.arm_requests} = {fleet.requests_per_member} per member (floor 2)"
        )
        _say(
            f"  largest history         {fleet.largest_history_bytes:,} bytes, {fleet.largest_history}"
        )
        _say(
            f"  story                   {fleet.story_seconds} s, of which Leeward's own {fleet.own_seconds} s"
        )
        _say(f"  wall                    {fleet.wall_seconds} s")
        for operation, count in fleet.by_operation.items():
            _say(f"    {count:5d}  {operation}")
    out = Path("out/bench.json")
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps({"failover": [asdict(fleet) for fleet in figures]}, indent=2) + "\n")
    _say(f"kept in {out}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
