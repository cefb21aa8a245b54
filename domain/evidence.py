"""The evidence record of one run, and the hash chain that shows whether it was touched.

Each link of the chain holds ``seq``, ``at``, ``what``, ``prev`` and ``sha256``; ``sha256`` is the SHA-256 of the
canonical JSON of the other four, ``prev`` the hash of the link before (64 zeros for the first). The last link's
``what`` ends in the SHA-256 of the canonical JSON of everything in the record but the chain. Canonical JSON has
sorted keys, no spaces and plain UTF-8; the file itself is the record with sorted keys and two spaces of indent, and a
verifier refuses any other bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from domain.approval import ApprovalReport, Passage
from domain.canonical import digest
from domain.guardrails import Automatic
from domain.model import Reported
from domain.reports import (
    ActionReport,
    BudgetReport,
    ChildRun,
    DrillReport,
    ProtectionReport,
    ReprotectReport,
)
from domain.request import Kind, Mode
from domain.run import (
    CommitReport,
    Decision,
    Fact,
    FenceReport,
    Outcome,
    Readiness,
    SetAside,
    TierReport,
    TrafficReport,
)
from domain.signals import Signal

FIRST = "0" * 64
SEAL = "The record was sealed; the SHA-256 of all of it but this chain is "


class RunFacts(Reported):
    """Who ran what, when, and how it ended; ``each`` is what every application of an umbrella did."""

    id: str
    plan: str
    plan_digest: str
    kind: Kind = Kind.FAILOVER
    each: Kind | None = None
    mode: Mode = Mode.FORCED
    under: str | None = None
    source: str
    target: str
    requested_by: str
    requested_by_id: str = ""
    reason: str
    incident: str | None = None
    started_at: AwareDatetime
    ended_at: AwareDatetime
    outcome: Outcome
    because: str
    version: str
    fencing_token: int | None = None


class Timing(Reported):
    """Where the time went, in seconds; ``own`` is what neither Azure nor a person took."""

    total: int
    detection: int | None = None
    decision: int = 0
    recovery: int = 0
    traffic: int = 0
    soak: int = 0
    commit: int = 0
    actions: int = 0
    azure: int = 0
    own: int = 0


class Cleanup(Reported):
    """What was tidied before the failover could start."""

    pending_drills: tuple[str, ...] = ()
    cleaned: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


class Evidence(Reported):
    """The whole record, before its chain is made."""

    schema_: Literal["leeward/evidence/1"] = Field(default="leeward/evidence/1", alias="schema")
    run: RunFacts
    signals: tuple[Signal, ...] = ()
    readiness: Readiness | None = None
    automatic: Automatic | None = None
    approvals: tuple[ApprovalReport, ...] = ()
    decisions: tuple[Decision, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    tiers: tuple[TierReport, ...] = ()
    fence: FenceReport | None = None
    traffic: TrafficReport | None = None
    commit: CommitReport | None = None
    cleanup: Cleanup = Cleanup()
    actions: tuple[ActionReport, ...] = ()
    drill: DrillReport | None = None
    protection: ProtectionReport | None = None
    reprotection: ReprotectReport | None = None
    children: tuple[ChildRun, ...] = ()
    budget: BudgetReport | None = None
    timing: Timing
    deviations: tuple[str, ...] = ()

    @property
    def first_settled(self) -> Decision | None:
        """Return the answer that settled the first gate; None where nobody answered, or too few."""
        if not self.decisions:
            return None
        gate = self.decisions[0].gate
        asked = [each for each in self.approvals if each.gate == gate]
        if asked and asked[-1].passage in (Passage.EXPIRED, Passage.WITHDRAWN):
            return None
        return next(each for each in reversed(self.decisions) if each.gate == gate)


def seal(evidence: Evidence, facts: Sequence[Fact]) -> dict[str, Any]:
    """Return the record with its chain: one link per fact, and a last one that holds the rest."""
    record = _encodable(evidence.wire())
    links: list[dict[str, Any]] = []
    sealed = Fact(at=evidence.run.ended_at, what=f"{SEAL}{digest(record)}")
    for seq, fact in enumerate([*facts, sealed], start=1):
        link = {
            **_encodable(fact.wire()),
            "seq": seq,
            "prev": links[-1]["sha256"] if links else FIRST,
        }
        links.append({**link, "sha256": digest(link)})
    return {**record, "chain": links}


def _encodable(value: dict[str, Any]) -> dict[str, Any]:
    """Return the value with a ? for each half of a character: JSON lets one in, and no file can hold it."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    encodable: dict[str, Any] = json.loads(text)
    return encodable


def file_text(record: dict[str, Any]) -> str:
    """Return the only text that a sealed record may have as a file."""
    return json.dumps(record, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
