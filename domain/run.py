"""A run: what was asked, what each step came to, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydantic import AwareDatetime, Field

from domain.grants import Grants
from domain.model import Reported, RunId
from domain.policy import BreakGlass

VERSION = "0.1.0"


class Outcome(StrEnum):
    """How a run ended; the names never flatter."""

    COMPLETED = "COMPLETED"
    COMPLETED_WITH_SKIPS = "COMPLETED_WITH_SKIPS"
    PARTIAL = "PARTIAL"
    ROLLED_BACK = "ROLLED_BACK"
    DECLINED = "DECLINED"
    CANCELLED = "CANCELLED"
    NEEDS_HUMAN = "NEEDS_HUMAN"
    FAILED = "FAILED"


WELL = (Outcome.COMPLETED, Outcome.COMPLETED_WITH_SKIPS)


class Fact(Reported):
    """One thing that happened, in a sentence."""

    at: AwareDatetime
    what: str


class MemberOutcome(StrEnum):
    """What became of one machine in one wave; ``arrived`` is at the end of the wave's verb."""

    ARRIVED = "arrived"
    FAILED = "failed"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"


class MemberReport(Reported):
    """What became of one machine; times are Azure's where Azure told them."""

    name: str
    item_id: str
    former_item_id: str | None = None
    job_id: str | None = None
    recovery_point_time: AwareDatetime | None = None
    rpo_seconds: int | None = None
    started_at: AwareDatetime
    ended_at: AwareDatetime
    outcome: MemberOutcome
    attempts: int = 1
    adopted: bool = False
    required: bool = True
    error: str | None = None


class ProbeAnswer(Reported):
    """What one probe heard; one that was not ``asked`` was outside the plan's reach, and tells nothing of its place."""

    probe: str
    ok: bool
    heard: str
    asked: bool = True


def in_their_words(answers: Iterable[ProbeAnswer]) -> str:
    """Return what probes heard, in one line."""
    return "; ".join(f"{answer.probe}: {answer.heard}" for answer in answers)


class GateReport(Reported):
    """Whether a gate passed, and what its last round heard."""

    passed: bool
    needed: int
    of: int
    rounds: int
    started_at: AwareDatetime
    ended_at: AwareDatetime
    answers: tuple[ProbeAnswer, ...]


class TierReport(Reported):
    """How one tier fared; ``rto_seconds`` runs from the start of the run to the tier's proof.

    ``recovered``: every required member of it arrived, whether or not the tier proved itself. ``halted``: an action
    that failed and stopped it. ``skipped_by``: who let the run go on without its proof, or without the tier.
    """

    name: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    rto_seconds: int
    arrived: bool
    members: tuple[MemberReport, ...]
    gate: GateReport | None = None
    recovered: bool = False
    halted: str | None = None
    attempts: int = 1
    skipped_by: str | None = None

    @property
    def passed(self) -> bool:
        """Say whether the tiers after it may move: it arrived, or a person let the run go on."""
        return self.arrived or self.skipped_by is not None

    @property
    def trouble(self) -> str | None:
        """Return why the tier did not arrive, or None if it did."""
        if self.arrived:
            return None
        lost = [m for m in self.lost if m.required]
        if lost:
            return "; ".join(f"{m.name} {m.outcome.value}: {m.error}" for m in lost)
        if self.halted:
            return self.halted
        if self.gate and not self.gate.passed:
            mute = [a for a in self.gate.answers if not a.ok] or list(self.gate.answers)
            return f"the gate stayed shut: {in_their_words(mute)}"
        return "its gate could not be asked"

    @property
    def lost(self) -> tuple[MemberReport, ...]:
        """Return the members that did not arrive, required or not."""
        return tuple(m for m in self.members if m.outcome is not MemberOutcome.ARRIVED)


class Silence(StrEnum):
    """What the source looks like from outside."""

    DOWN = "down"
    SILENT = "silent"
    ANSWERING = "answering"


class FenceReport(Reported):
    """Whether the source could be proved down before traffic moved."""

    verdict: Silence
    proved: bool
    checked_at: AwareDatetime
    machines: dict[str, str]
    answers: tuple[ProbeAnswer, ...]
    explanation: str


def judge_fence(
    machines: dict[str, str], answers: Sequence[ProbeAnswer], checked_at: AwareDatetime
) -> FenceReport:
    """Judge the source: down if every machine is proved stopped, answering if any probe is heard."""
    heard = [answer for answer in answers if answer.ok]
    running = [name for name, power in machines.items() if power == "running"]
    unknown = [name for name, power in machines.items() if power == "unknown"]
    if heard:
        verdict = Silence.ANSWERING
        text = f"the source still answers: {', '.join(answer.probe for answer in heard)}"
    elif running:
        verdict = Silence.ANSWERING if not answers else Silence.SILENT
        text = f"Azure says that {', '.join(running)} still run, though no probe is answered"
    elif unknown:
        verdict = Silence.SILENT
        text = (
            f"the source does not answer, but nobody can prove that {len(unknown)} of "
            f"{len(machines)} machines are stopped"
        )
    else:
        verdict = Silence.DOWN
        text = f"all {len(machines)} source machines are stopped"
    return FenceReport(
        verdict=verdict,
        proved=verdict is Silence.DOWN,
        checked_at=checked_at,
        machines=machines,
        answers=tuple(answers),
        explanation=text,
    )


class EndpointState(Reported):
    """One Traffic Manager endpoint as it stands."""

    name: str
    type: str
    target: str
    status: str
    monitor: str

    @property
    def enabled(self) -> bool:
        """Say whether the endpoint may be given to users."""
        return self.status.casefold() == "enabled"


class ProfileState(Reported):
    """A Traffic Manager profile as it stands."""

    fqdn: str
    ttl_seconds: int
    endpoints: tuple[EndpointState, ...]

    def endpoint(self, name: str) -> EndpointState | None:
        """Return the endpoint of that name, if the profile has it."""
        for endpoint in self.endpoints:
            if endpoint.name.casefold() == name.casefold():
                return endpoint
        return None


class DnsAnswer(Reported):
    """What one resolver says that the profile's name leads to; ``heard`` is false where it said nothing."""

    resolver: str
    answer: str
    ok: bool
    heard: bool = True


class TrafficReport(Reported):
    """What became of the traffic switch, and the proof."""

    profile: str
    before: ProfileState | None = None
    after: ProfileState | None = None
    gate: GateReport | None = None
    verified: bool = False
    restored: bool = False
    dns: tuple[DnsAnswer, ...] = ()
    http: tuple[ProbeAnswer, ...] = ()
    switched_at: AwareDatetime | None = None
    trouble: str | None = None

    @property
    def left_open(self) -> bool:
        """Say whether the switch began and was neither proved nor taken back: users may be at either end."""
        return self.before is not None and not self.verified and not self.restored


class Verdict(StrEnum):
    """A person's answer at a gate; breaking the glass is to go on alone where several should agree."""

    APPROVE = "approve"
    REJECT = "reject"
    BREAK_GLASS = "break_glass"


class Decision(Reported):
    """A person's answer, as the desk holds it; ``by_id`` is the directory's own id of the person."""

    gate: str
    verdict: Verdict
    by: str
    by_id: str = ""
    roles: tuple[str, ...] = ()
    digest: str
    reason: str | None = None
    at: AwareDatetime | None = None


class SetAside(Decision):
    """An answer that did not count, and why."""

    because: str


class Readiness(Reported):
    """What stood in the way before the run touched anything; settled when there is nothing left to do.

    ``items`` and ``machines`` are where each member was found: its protected item, and the machine it protects.
    ``points`` is the time of each member's newest recovery point by the vault's word, ``profile`` where users are.
    ``grants`` is what the identities may not do in Azure, None where nobody asked; the run goes on all the same.
    """

    ready: bool
    settled: bool = False
    blockers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    pending_drills: tuple[str, ...] = ()
    to_reprotect: tuple[str, ...] = ()
    to_commit: tuple[str, ...] = ()
    items: dict[str, str] = Field(default_factory=dict)
    machines: dict[str, str] = Field(default_factory=dict)
    points: dict[str, AwareDatetime] = Field(default_factory=dict)
    profile: ProfileState | None = None
    grants: Grants | None = None


class CommitReport(Reported):
    """Whether the failover was made final."""

    mode: str
    committed: bool
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    members: tuple[MemberReport, ...] = ()
    trouble: str | None = None


class RunEnd(Reported):
    """What an ended run answers: the outcome, why, and where the evidence lies.

    ``began``: it had its application; ``settled``: there was nothing left to do; ``served``: users were sent to the
    recovered application, and got there; ``downtime_seconds`` is how long they waited for it;
    ``hurried``: its soak was cut short.
    """

    run: RunId
    outcome: Outcome
    because: str
    evidence_sha256: str | None = None
    told: bool = False
    settled: bool = False
    served: bool = False
    downtime_seconds: int | None = None
    hurried: bool = False
    began: bool = True


class Waiting(Reported):
    """What a run waits for, until when, from how many of which roles, and what whoever answers should know.

    A gate is answered by decisions, and ``covers`` says in sentences what their digest is of; where ``verbs`` are
    given, the step of that name waits for one of these words.
    """

    gate: str
    digest: str
    until: AwareDatetime
    says: str = ""
    verbs: tuple[str, ...] = ()
    needed: int = 1
    roles: tuple[str, ...] = ()
    break_glass: BreakGlass = BreakGlass.NEVER
    covers: tuple[str, ...] = ()


class TierProgress(Reported):
    """Where one tier stands: waiting, moving, arrived or failed; ``mover`` is the child that knows more of it."""

    name: str
    state: str
    mover: str | None = None


class RunRef(Reported):
    """A run that goes on, or is to go on, under this one."""

    run: RunId
    plan: str
    kind: str


class Progress(Reported):
    """What a run shows of itself while it goes; ``seq`` counts the facts so that a reader misses none.

    ``children`` are instances with more to show while they go, ``runs`` the runs under this one, ended or not.
    """

    step: str
    seq: int = 0
    facts: tuple[Fact, ...] = ()
    tiers: tuple[TierProgress, ...] = ()
    waits_for: Waiting | None = None
    children: tuple[str, ...] = ()
    runs: tuple[RunRef, ...] = ()
    budget_ends_at: AwareDatetime | None = None
