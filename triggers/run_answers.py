"""What the HTTP API answers about runs; as in `answers`, a body has the keys of its model and no others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from domain.evidence import Evidence
from domain.request import Kind
from domain.run import Fact, Outcome, Waiting
from triggers.answers import Answer, Href, Names


class RunBegun(Answer):
    """The run that was asked for, or that a word of control was laid down for."""

    run: str
    href: Href


class DecisionTaken(RunBegun):
    """What a gate stands at after a decision: who has agreed, out of how many, and whether it is settled."""

    gate: str
    needed: int
    got: int
    approved_by: Names
    settled: bool


class GateStands(Waiting):
    """What a run waits for, and in a run's own view how many of whom have agreed so far."""

    got: int | None = None
    approved_by: tuple[str, ...] | None = None


class RunInShort(Answer):
    """Where a run stands; ``outcome``, ``because`` and ``evidence`` are there once it has ended."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    run: str
    kind: Kind
    state: Literal["running", "waiting", "ended"]
    started_at: AwareDatetime | None
    updated_at: AwareDatetime | None
    step: str
    waits_for: GateStands | None
    outcome: Outcome = Outcome.COMPLETED
    because: str = ""
    evidence: str | None = None


class RunListed(RunInShort):
    """A run in a page of runs; ``under`` is the one that it goes on under."""

    plan: str
    href: Href
    requested_by: str
    under: str | None


class RunsShown(Answer):
    """A page of runs, newest first; ``next`` is where the next page is, null on the last."""

    runs: list[RunListed]
    next: str | None


class MemberShown(Answer):
    """One machine: where it stands while it moves; times, attempts and error once it has been moved."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    name: str
    state: str
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    attempts: int | None = None
    rpo_seconds: Annotated[int | None, Field(description="The data lost, in seconds.")] = None
    error: str | None = None


class TierShown(Answer):
    """One tier; ``rtoSeconds`` runs from the start of the run to the tier's proof, in seconds."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    name: str
    state: str
    members: list[MemberShown]
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    rto_seconds: int | None = None


class ChildShown(RunInShort):
    """A run under this one; one that has not begun has no times."""

    state: Literal["running", "waiting", "ended", "not begun"]  # type: ignore[assignment]
    plan: str
    href: Href
    started_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    step: str = ""
    waits_for: GateStands | None = None


class RunShown(RunInShort):
    """All that a run shows: its tiers with their machines, what has happened, and the runs under it."""

    tiers: list[TierShown]
    members: Annotated[dict[str, str], Field(description="Where each machine stands, by name.")]
    facts: list[Fact]
    budget_ends_at: AwareDatetime | None
    children: list[ChildShown]


class Link(Answer):
    """One link of the evidence's hash chain."""

    seq: int
    at: AwareDatetime
    what: str
    sha256: str
    prev: str


class EvidenceShown(Evidence):
    """The evidence of an ended run; docs/evidence.md says how its chain is verified."""

    chain: list[Link]
