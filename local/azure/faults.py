"""Trouble, scripted: what goes wrong with which request, after how many, and how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

KINDS = (
    "throttle",
    "error",
    "lost",
    "job_failed",
    "job_stuck",
    "capacity_refused",
    "slow",
    "region_down",
    "leftover",
)
LEFTOVERS = ("vm", "nic", "disk", "publicip")
AT_THE_DOOR = frozenset({"throttle", "error", "slow", "region_down"})
IN_THE_JOB = frozenset({"job_failed", "job_stuck", "capacity_refused"})


@dataclass(slots=True, kw_only=True)
class Fault:
    """One scripted trouble; patterns are shell-style and ignore case, ``times`` None is for ever."""

    kind: str
    operation: str = "*"
    item: str = "*"
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    after: int = 0
    status: int = 503
    code: str = ""
    message: str = ""
    retry_after: int | None = None
    at: float = 0.5
    seconds: float = 0.0
    region: str = ""
    what: tuple[str, ...] = ()
    seen: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Refuse a fault that could never do what it says."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; use one of {', '.join(KINDS)}")
        if not 0 <= self.at <= 1:
            raise ValueError(f"fault {self.kind}: at is {self.at}; give a fraction from 0 to 1")
        if self.kind == "error" and not 500 <= self.status <= 599:
            raise ValueError(f"fault error: status is {self.status}; give one from 500 to 599")
        self.what = tuple(self.what)
        if self.kind == "leftover" and (not self.what or not set(self.what) <= set(LEFTOVERS)):
            raise ValueError(
                f"fault leftover: what is left is {self.what}; use {', '.join(LEFTOVERS)}"
            )
        if self.kind == "region_down" and not self.region:
            raise ValueError("fault region_down: name the region")

    def strikes(self, request: Mapping[str, str]) -> bool:
        """Count a request that matches, and return whether it is one to strike."""
        if self.times is not None and self.struck >= self.times:
            return False
        for name in ("operation", "item", "method", "path"):
            if not fnmatchcase(request[name].lower(), str(getattr(self, name)).lower()):
                return False
        self.seen += 1
        if self.seen <= self.after:
            return False
        self.struck += 1
        return True


class Faults:
    """The script of one simulator."""

    def __init__(self) -> None:
        self._script: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, kind: str, **details: Any) -> Fault:
        """Add a fault; see `Fault` for the details it takes."""
        known = {entry.name for entry in fields(Fault) if entry.init} - {"kind"}
        unknown = sorted(set(details) - known)
        if unknown:
            there = ", ".join(sorted(known))
            raise ValueError(f"fault {kind}: {unknown[0]!r} is not known; use one of {there}")
        fault = Fault(kind=kind, **details)
        with self._lock:
            self._script.append(fault)
        return fault

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._script.clear()

    def script(self) -> list[Fault]:
        """Return the faults in the order they were added."""
        with self._lock:
            return list(self._script)

    def striking(self, kinds: frozenset[str], request: Mapping[str, str]) -> list[Fault]:
        """Return the faults of these kinds that strike a request."""
        with self._lock:
            return [f for f in self._script if f.kind in kinds and f.strikes(request)]
