"""The names by which triggers reach orchestrators and entities, and how ids are built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from domain.request import Kind

# The orchestrator that conducts each kind of run.
RUNBOOKS: Mapping[Kind, str] = {
    Kind.FAILOVER: "fail_over",
    Kind.FAILBACK: "fail_back",
    Kind.DRILL: "drill",
    Kind.PROTECT: "protect",
    Kind.REPROTECT: "reprotect",
    Kind.COMMIT: "commit_failover",
    Kind.ROUND_TRIP: "round_trip",
    Kind.UMBRELLA: "umbrella",
}

# Azure takes a custom status of 16 KB, counted as UTF-16: this many of a run's newest facts are shown at once, and this
# much of each; its evidence has them whole.
SHOWN_FACTS = 12
SHOWN_CHARACTERS = 300
SHOWN_QUESTION = 2000
BEGUN = re.compile(r"-(\d{8}-\d{6})(?![^-.])")


class EntityRef(NamedTuple):
    """An entity's name and key; the SDK asks no more of an entity id than these two."""

    name: str
    key: str

    def __str__(self) -> str:
        return f"@{self.name}@{self.key}"


def lock_of(application: str) -> EntityRef:
    """Return the lock of an application."""
    return EntityRef("lock", application)


def desk_of(run: str) -> EntityRef:
    """Return the desk on which the decisions of a run are laid."""
    return EntityRef("desk", run)


def region_of(region: str) -> EntityRef:
    """Return the entity that folds the signals of a region."""
    return EntityRef("region", region)


KILL_SWITCH = EntityRef("kill_switch", "estate")
ESTATE = EntityRef("estate", "all")
UNPLACED = region_of("unplaced")
BOOK = EntityRef("book", "runs")


def lookout_of(region: str) -> str:
    """Return the id of the one lookout that watches a region."""
    return f"lookout-{region}"


SWEEP = "sweep"
WATCHDOG = "watchdog"


def calendar_of(plan: str) -> str:
    """Return the id of the one calendar of a plan."""
    return f"calendar-{plan}"


def run_id(kind: Kind, plan: str, at: datetime, mark: str = "") -> str:
    """Return the id of a run; ``mark`` tells runs of one second apart."""
    verb = kind.value.replace("_", "-")
    return f"{verb}-{plan}-{at:%Y%m%d-%H%M%S}" + (f"-{mark}" if mark else "")


def begun_of(run: str) -> str:
    """Return when a run began to the second, as its id tells, so that later sorts after; empty where it does not."""
    return next(reversed(BEGUN.findall(run)), "")


def leg_id(run: str, position: int) -> str:
    """Return the id of a run that goes on under another one."""
    return f"{run}.{position}"


def lineage(run: str) -> tuple[str, ...]:
    """Return a run and those it goes on under, as its id tells: nearest first."""
    names = run.split(".")
    return tuple(".".join(names[:count]) for count in range(len(names), 0, -1))


def mover_id(run: str, position: int) -> str:
    """Return the id of the child that waits for one application's turn, and lets its run go on."""
    return f"{run}.m{position}"


def chain_id(run: str, position: int) -> str:
    """Return the id of the child that moves a chain of tiers."""
    return f"{run}.c{position}"


def tier_id(run: str, position: int) -> str:
    """Return the id of the child that moves a tier: by position, for ids have 100 characters and names may have 40."""
    return f"{run}.tier{position}"


def watch_id(parent: str, attempt: int) -> str:
    """Return the id of the child that watches one attempt of a wave."""
    return f"{parent}.watch{attempt}"


def bell(gate: str, ring: int) -> str:
    """Return the name of a doorbell: single use, because the SDK hands an early event to every later wait."""
    return f"decision.{gate}.{ring}"
