"""What the steps around a failover came to: actions, drills, protection, re-protection, other runs."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from domain.model import Reported, RunId
from domain.run import MemberReport, Outcome


class ActionOutcome(StrEnum):
    """What became of an action."""

    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    REJECTED = "rejected"


class ActionReport(Reported):
    """One action around a tier, or after a drill; ``output`` is kept as far as it fits.

    ``job`` is the runbook's job, ``by`` who did a manual step, ``attempts`` counts what a person had tried again.
    """

    name: str
    kind: str
    tier: str | None = None
    started_at: AwareDatetime
    ended_at: AwareDatetime
    outcome: ActionOutcome
    output: str | None = None
    error: str | None = None
    job: str | None = None
    by: str | None = None
    attempts: int = 1
    skipped_by: str | None = None


class Leftover(Reported):
    """A resource of a drill that its clean-up left behind."""

    kind: str
    id: str


class DrillReport(Reported):
    """What a drill used and what it left: nothing, or the list; ``vm_hours`` is by machine size."""

    network: str
    test_machines: tuple[str, ...] = ()
    held_seconds: int = 0
    cleaned: tuple[MemberReport, ...] = ()
    clean: bool = False
    looked_at: AwareDatetime | None = None
    leftovers: tuple[Leftover, ...] = ()
    vm_hours: dict[str, float] = Field(default_factory=dict)
    hooks: tuple[ActionReport, ...] = ()


class PieceOutcome(StrEnum):
    """What was done about one piece of the vault's set-up."""

    THERE = "there"
    MADE = "made"
    REFUSED = "refused"


class PieceReport(Reported):
    """One piece of set-up: a fabric, container, policy, mapping, or the settings of a machine."""

    kind: str
    name: str
    outcome: PieceOutcome
    job_id: str | None = None
    error: str | None = None


class ProtectionReport(Reported):
    """What it took until the machines were protected."""

    pieces: tuple[PieceReport, ...] = ()
    members: tuple[MemberReport, ...] = ()


class ReprotectReport(Reported):
    """How the machines came to be protected the other way; each member's ``item_id`` is the new one."""

    started_at: AwareDatetime
    ended_at: AwareDatetime
    members: tuple[MemberReport, ...] = ()


class ChildRun(Reported):
    """A run that went on under another one; ``settled``: there was nothing left to do."""

    run: RunId
    plan: str
    plan_digest: str | None = None
    kind: str
    outcome: Outcome
    because: str
    evidence_sha256: str | None = None
    settled: bool = False


class BudgetReport(Reported):
    """What a round trip was given and what it used; ``over`` says in what it used more.

    ``left_early``: a soak was cut short so that the machines came home in time.
    """

    longest_seconds: int
    used_seconds: int
    downtime_seconds: int | None = None
    downtime_used_seconds: int | None = None
    vm_hours: float | None = None
    vm_hours_used: float
    left_early: bool = False
    over: tuple[str, ...] = ()
