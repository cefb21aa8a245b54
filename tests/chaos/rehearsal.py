"""One seeded drill: trouble from Azure, people who interfere, and a host that dies, each at chosen moments.

A seed walks the table of troubles in order and draws the rest, so that any thousand seeds meet every trouble of
`TROUBLES`, and a cancel, a pause and the host's death at every moment of a drill.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.interrupted import Interrupted
from tests.chaos.judged import judge, was_told
from tests.journeys.world import BOB, Json, World, world

MACHINES = ("db-prod-01", "app-prod-01", "web-prod-01")
START, CLEAN_UP = "protectedItems/testFailover", "protectedItems/testFailoverCleanup"
LISTS = ("virtualMachines", "disks", "networkInterfaces", "publicIPAddresses")
ASKED = (
    START,
    CLEAN_UP,
    "protectedItems/list",
    "virtualNetworks/get",
    "jobs/get",
    "jobs/cancel",
    "permissions/list",
    *(f"{kind}/list" for kind in LISTS),
)
"""Every operation that a drill uses."""
MOMENTS = 40
"""Jumps of virtual time that an untroubled drill takes, and a few more for a troubled one."""

LIVES = 5
UNREACHABLE = "the keys of the tenant cannot be fetched"
"""What the app says when loopback takes more than three seconds of the wall."""

Trouble = dict[str, Any]


def _at_the_door() -> Iterator[Trouble]:
    for operation in ASKED:
        yield {"kind": "throttle", "operation": operation}
        yield {"kind": "throttle", "operation": operation, "retry_after": 60}
        yield {"kind": "error", "operation": operation, "status": 500}
        yield {"kind": "error", "operation": operation, "status": 503, "retry_after": 30}
        yield {"kind": "lost", "operation": operation}
        yield {"kind": "region_down", "operation": operation, "region": "eastus"}
        yield {"kind": "region_down", "operation": operation, "region": "westus"}
    yield {"kind": "slow", "operation": "*", "seconds": 0.01}


def _in_the_job() -> Iterator[Trouble]:
    for operation in (START, CLEAN_UP):
        for at in (0.1, 0.7, 1.0):
            yield {"kind": "job_failed", "operation": operation, "at": at}
            yield {"kind": "capacity_refused", "operation": operation, "at": at}
            yield {"kind": "job_stuck", "operation": operation, "at": at}


def _left_behind() -> Iterator[Trouble]:
    for what in (("vm", "nic", "disk"), ("nic",), ("disk",), ("publicip",), ("nic", "publicip")):
        yield {"kind": "leftover", "operation": CLEAN_UP, "what": what}


TROUBLES: tuple[Trouble, ...] = (*_at_the_door(), *_in_the_job(), *_left_behind())


@dataclass
class Rehearsal:
    """What a seed makes of a drill."""

    seed: int
    faults: list[Trouble] = field(default_factory=list)
    words: list[tuple[int, str]] = field(default_factory=list)
    deaths: list[int] = field(default_factory=list)
    approval: bool = False
    hold: str | None = None
    within: str = "PT2H"
    deadline: str = "PT4H"
    attempts: int = 2

    @classmethod
    def of(cls, seed: int) -> Rehearsal:
        """Draw the drill of a seed."""
        dice = random.Random(seed)
        drill = cls(seed)
        drill.faults = [_placed(dice, TROUBLES[seed % len(TROUBLES)])]
        drill.faults += [
            _placed(dice, dice.choice(TROUBLES)) for _ in range(dice.choice((0, 0, 1, 2)))
        ]
        moment = seed * 7 % MOMENTS + 1
        match seed // len(TROUBLES) % 4:
            case 0:
                drill.words = [(moment, "cancel")]
            case 1:
                drill.deaths = [moment]
            case 2:
                drill.words = [
                    (moment, "pause"),
                    (moment + dice.randint(1, 9), dice.choice(("resume", "cancel"))),
                ]
            case _:
                drill.words = [(dice.randint(1, MOMENTS), "cancel")]
                drill.deaths = sorted({dice.randint(1, MOMENTS) for _ in range(3)})
        if drill.faults[0].get("region") == "westus" and dice.random() < 0.7:
            drill.words.append((dice.randint(10, MOMENTS), "lights"))
        drill.approval = dice.random() < 0.2
        drill.hold = dice.choice((None, "PT15M", "PT2H"))
        drill.within = dice.choice(("PT5M", "PT30M", "PT2H", "PT2H"))
        drill.deadline = dice.choice(("PT1H", "PT4H", "PT6H")[drill.hold == "PT2H" :])
        drill.attempts = dice.randint(1, 3)
        return drill

    def plan(self, shop: Json) -> None:
        """Write into the shop's plan what the seed drew."""
        shop["drill"] |= {"approval": self.approval, "deadline": self.deadline}
        shop["drill"].pop("hold")
        if self.hold:
            shop["drill"]["hold"] = self.hold
        for tier in shop["tiers"]:
            tier["within"] = self.within
        shop["policy"]["retry"]["attempts"] = self.attempts


def _placed(dice: random.Random, trouble: Trouble) -> Trouble:
    """Say when in the drill a trouble strikes, how often, and whom."""
    placed: Trouble = {
        "after": dice.choice((0, 0, 1, 2, 5)),
        "times": dice.randint(1, 4),
        **trouble,
    }
    if trouble["kind"] in ("throttle", "error") and dice.random() < 0.15:
        placed["times"] = None  # to the end of the night
    if trouble["kind"] in ("job_failed", "capacity_refused", "job_stuck", "leftover"):
        placed |= {"item": dice.choice(MACHINES), "after": 0, "times": dice.choice((1, 1, 2, None))}
    return placed


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a drill ended, what it met on the way, and which promises it broke."""

    seed: int
    outcome: str
    broken: tuple[str, ...]
    struck: frozenset[str] = frozenset()
    cancelled_at: str | None = None
    died_at: tuple[str, ...] = ()
    left: int = 0
    told: bool = False


def rehearse(seed: int) -> Verdict:
    """Live through the drill of a seed and judge it; anew, where the machine was too busy to tell its story."""
    for _ in range(LIVES):
        try:
            return _rehearse(seed)
        except (TimeoutError, httpx.TimeoutException):
            continue
        except AssertionError as error:
            if UNREACHABLE not in str(error):
                raise
    return Verdict(seed, "UNTOLD", ("the machine was too busy to live through it",))


def _rehearse(seed: int) -> Verdict:
    drill = Rehearsal.of(seed)
    with (
        tempfile.TemporaryDirectory(prefix="leeward-drill-") as folder,
        world(Path(folder), plan=drill.plan, region_down=False) as w,
    ):
        for fault in drill.faults:
            w.azure.faults.add(**fault)
        night = Interrupted(w, w.ask("shop", "drill"), drill.words, drill.deaths)
        night.play(approve)
        outcome, broken = judge(night, timedelta(hours=int(drill.deadline[2:-1])))
        struck = frozenset(f"{f.kind} {f.operation}" for f in w.azure.faults.script() if f.struck)
        left, told = len(night.test_resources()), was_told(night)
    return Verdict(
        seed,
        outcome,
        tuple(broken),
        struck,
        night.cancelled_at,
        tuple(night.died_at),
        left,
        told,
    )


def approve(w: World, run: str, asked: Json) -> None:
    """Say yes to whatever the run asks."""
    body = {"gate": asked["gate"], "verdict": "approve", "digest": asked["digest"]}
    w.http.post(f"/api/runs/{run}/decisions", json=body, headers=w.by(BOB))
