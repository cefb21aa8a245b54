"""A storm of events: ``make storm EVENTS=100000``. Half are duplicates, all shuffled, some poison, and clocks are off.

Three regions are told of in one storm; two of them are down. Traffic Manager cannot be read, so that what the shuffled
events say of the machines decides, beside the probes.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.signal_record import FolderRecord
from domain.gate import Probe
from domain.plan import Plan
from local.demo import events
from tests.decisions.ground import Ground, Outside
from tests.decisions.suite import CANARY, POINTS, START
from tests.plan_samples import SUBSCRIPTION, plan, tier
from triggers.web import BadBody

LASTS = timedelta(minutes=30)
GOES_DARK = timedelta(minutes=5)
REGIONS = {"eastus": True, "westus2": True, "centralus": False}  # whether it goes down
VMS = ("db-01", "app-01", "web-01")
POISON = 0.01
MEMORY = Path(
    "/dev/shm"
)  # a disk that is asked to flush 100,000 times would be all that is measured
CLOCKS_OFF = 0.3


@dataclass(frozen=True)
class Storm:
    """What came of a storm."""

    runs: Counter[str]
    acknowledged: Counter[str]
    kept: Counter[str]
    refused: int
    largest_state: int
    megabytes: float
    seconds: float

    @property
    def lost(self) -> int:
        """Return how many events were acknowledged and are not in the record."""
        return sum((self.acknowledged - self.kept).values())

    @property
    def right(self) -> bool:
        """Say whether each outage opened one run, nothing else did, and nothing was lost."""
        expected = {f"shop-{region}": 1 for region, down in REGIONS.items() if down}
        return self.runs == expected and self.lost == 0

    def __str__(self) -> str:
        return (
            f"acknowledged={sum(self.acknowledged.values())} refused={self.refused} lost={self.lost} "
            f"incidents={sum(self.runs.values())} outages={sum(REGIONS.values())} "
            f"largest_state_bytes={self.largest_state} megabytes={self.megabytes:.0f} "
            f"seconds={self.seconds:.0f}"
        )


class Weather(Outside):
    """Two regions go dark; Traffic Manager cannot be read."""

    def __init__(self) -> None:
        self.ground: Ground | None = None

    def missed(self, point: str, probe: Probe) -> bool:
        assert self.ground is not None
        if probe == CANARY:
            return False
        down = any(name in str(probe) for name, goes in REGIONS.items() if goes)
        return down and self.ground.now >= START + GOES_DARK

    def monitor(self) -> str | None:
        return None


def blow(count: int, seed: int = 1) -> Storm:
    """Let a storm of that many events blow, and return what came of it."""
    began = time.monotonic()
    dice = random.Random(seed)
    weather = Weather()
    with tempfile.TemporaryDirectory(
        prefix="leeward-storm-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        ground = Ground(
            [_plan(r) for r in REGIONS], weather, START, POINTS, FolderRecord(Path(folder))
        )
        weather.ground = ground
        acknowledged: Counter[str] = Counter()
        refused = 0
        for at, event in _storm(count, dice):
            ground.run_until(max(ground.now, at))
            if _send(ground, event):
                acknowledged[_id(event)] += 1
            else:
                refused += 1
        ground.run_until(START + LASTS)
        ground.close()
        kept = Counter(
            _id(entry["event"])
            for file in Path(folder).iterdir()
            for entry in map(json.loads, file.read_text(encoding="utf-8").splitlines())
            if entry["what"] == "event"
        )
    return Storm(
        runs=Counter(given["plan"]["name"] for _, _, given in ground.runs),
        acknowledged=acknowledged,
        kept=kept,
        refused=refused,
        largest_state=ground.largest,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        seconds=time.monotonic() - began,
    )


def _plan(region: str) -> Plan:
    return plan(
        name=f"shop-{region}",
        source={"region": region, "resource_group": f"{SUBSCRIPTION}/resourceGroups/{region}"},
        tiers=[tier(vm.split("-")[0], vm) for vm in VMS],
        signals={
            "vantage": {
                "points": list(POINTS),
                "probes": [{"http": f"http://{region}.example.com/"}],
                "canary": {"http": CANARY.http},
            }
        },
    )


def _storm(count: int, dice: random.Random) -> Iterator[tuple[Any, Any]]:
    """Yield events with the time they are delivered at; each comes twice, somewhere in the storm."""
    once = [_event(number, dice) for number in range(count // 2)]
    every = once * 2
    dice.shuffle(every)
    for position, event in enumerate(every):
        yield START + LASTS * position / len(every), event


def _event(number: int, dice: random.Random) -> Any:
    if dice.random() < POISON:
        return _poison(number, dice)
    region = dice.choice(list(REGIONS))
    told = timedelta(seconds=dice.uniform(0, LASTS.total_seconds()))
    down = REGIONS[region] and told >= GOES_DARK
    off = dice.uniform(-3600, 3600) if dice.random() < CLOCKS_OFF else dice.uniform(-2, 2)
    at = START + told + timedelta(seconds=off)
    vm = (
        f"{SUBSCRIPTION}/resourceGroups/{region}/providers/Microsoft.Compute"
        f"/virtualMachines/{dice.choice(VMS)}"
    )
    make = dice.choice((events.grid_event, events.cloud_event))
    return {**make(vm, "Unavailable" if down else "Available", at), "id": f"event-{number}"}


def _poison(number: int, dice: random.Random) -> Any:
    whole: dict[str, Any] = events.grid_event("/subscriptions/x/vm", "Unavailable", START)
    whole["id"] = f"poison-{number}"
    spoilt: list[Any] = [
        {**whole, "data": dice.choice([None, [], "text", {"resourceInfo": 5}])},
        {**whole, "eventType": "Contoso.Items.ItemReceived"},
        whole,
        b"{",
        b'{"data": {"essentials": []}, "id": "poison-%d"}' % number,
    ]
    return dice.choice(spoilt)


def _send(ground: Ground, event: Any) -> bool:
    """Deliver one event and say whether it was acknowledged."""
    if isinstance(event, bytes):
        try:
            return ground.send_alert(event) == 202
        except BadBody:
            return False  # what guards the door makes a 400 of it
    ground.send_event(event)
    return True


def _id(event: Any) -> str:
    """Return an event's own id, as it was sent or as the record has it."""
    return str((json.loads(event) if isinstance(event, bytes) else event)["id"])


def main() -> int:
    """Let a storm blow; return 0 only if every outage was found once and nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    logging.disable(logging.CRITICAL)
    storm = blow(parser.parse_args().events)
    sys.stdout.write(f"{storm}\n")
    return 0 if storm.right else 1


if __name__ == "__main__":
    sys.exit(main())
