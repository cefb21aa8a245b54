"""The record of a run: what each step came to, gathered as the run goes and turned into evidence at its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from domain.acting import Claim
from domain.approval import ApprovalReport
from domain.evidence import Cleanup, Evidence, RunFacts, Timing
from domain.guardrails import Automatic
from domain.model import in_words
from domain.policy import CommitMode
from domain.regions import display_name
from domain.reports import (
    ActionReport,
    BudgetReport,
    ChildRun,
    DrillReport,
    ProtectionReport,
    ReprotectReport,
)
from domain.request import CLOSING, Kind, Mode, RunRequest
from domain.run import (
    VERSION,
    CommitReport,
    Decision,
    FenceReport,
    MemberOutcome,
    Outcome,
    ProfileState,
    Readiness,
    SetAside,
    TierReport,
    TrafficReport,
)
from domain.signals import Signal

from orchestrators.durable import Context, now
from orchestrators.journal import Journal

NOTHING = timedelta(0)
# A drill's takes longer, a third of its time at most: it cancels what is stuck, cleans up and looks until all is gone.
CLEAN_UP = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class End:
    """How a run ends, and why."""

    outcome: Outcome
    because: str


def time_to_close(kind: Kind, deadline: timedelta) -> timedelta:
    """Return how much of a deadline is kept for what a run does at its end, whatever it came to."""
    return min(CLEAN_UP, deadline / 3) if kind is Kind.DRILL else min(CLOSING, deadline / 10)


@dataclass(slots=True)
class Spent:
    """Where the time of a run went."""

    decision: timedelta = NOTHING
    recovery: timedelta = NOTHING
    traffic: timedelta = NOTHING
    soak: timedelta = NOTHING
    commit: timedelta = NOTHING


@lru_cache(maxsize=64)
def _asked_for(told: str) -> tuple[RunRequest, str]:
    """Return what a run is asked for and its digest: a run is replayed hundreds of times, and asked for once."""
    request = RunRequest.model_validate(json.loads(told))
    return request, request.digest


class Record:
    """Everything a run knows of itself; rebuilt alike at every replay."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.id = context.instance_id
        self.request, self.digest = _asked_for(json.dumps(context.get_input()))
        self.kind = self.request.kind
        self.mode = self.request.mode
        self.plan = self.request.plan.going(self.request.way)
        self.started_at = now(context)
        latest = self.started_at + self.request.deadline
        self.ends_by = min(latest, self.request.ends_by or latest)
        closing = time_to_close(self.kind, self.ends_by - self.started_at)
        self.until = self.ends_by - closing
        self.put_back_until = self.ends_by - closing / 2
        tiers = () if self.request.parts else self.plan.ordered_tiers()
        self.journal = Journal(context, tuple(tier.name for tier in tiers))
        self.spent = Spent()
        self.claim: Claim | None = None
        self.taken_over: list[str] = []
        self.touched = False
        self.readiness: Readiness | None = None
        self.automatic: Automatic | None = None
        self.approvals: list[ApprovalReport] = []
        self.decisions: list[Decision] = []
        self.set_aside: list[SetAside] = []
        self.cleaned: tuple[str, ...] = ()
        self.leftovers: tuple[str, ...] = ()
        self.tiers: list[TierReport] = []
        self.fence: FenceReport | None = None
        self.traffic: TrafficReport | None = None
        self.commit: CommitReport | None = None
        self.recovery_plans: dict[str, tuple[str, ...]] = {}
        self.actions: list[ActionReport] = []
        self.drill: DrillReport | None = None
        self.protection: ProtectionReport | None = None
        self.reprotect: ReprotectReport | None = None
        self.turned: list[ReprotectReport] = []
        self.children: list[ChildRun] = []
        self.budget: BudgetReport | None = None
        self.down_since: datetime | None = None
        self.hurried = False
        self.skips: list[str] = []
        self.asked = 0
        self.gates_asked: set[str] = set()
        self.wishes_seen = 0
        self.drained: ProfileState | None = None
        self.deviations: list[str] = []
        self.signals: list[Signal] = list(self.request.signals)
        self.note(
            f"run {self.id} of plan {self.plan.name}, asked for by {self.request.requested_by}"
            + (f", under run {self.request.under}" if self.request.under else "")
        )

    @property
    def incident_at(self) -> datetime:
        """Return when the incident began: the first sign of it, or the run's start where none came."""
        signs: list[datetime] = [signal.at for signal in self.request.signals]
        if self.request.incident:
            signs.append(self.request.incident.since)
        return min(self.started_at, *signs) if signs else self.started_at

    @property
    def items(self) -> dict[str, str]:
        """Return where each member's protected item was found."""
        return self.readiness.items if self.readiness else {}

    @property
    def machines(self) -> dict[str, str]:
        """Return the machine that each member is now, as its item tells, else as the plan says."""
        known = self.readiness.machines if self.readiness else {}
        return {m.name: known.get(m.name) or self.plan.vm_id(m) for m in self.plan.members}

    @property
    def users_stay(self) -> str:
        """Return where users are while traffic has not been switched."""
        maintenance = self.plan.traffic.maintenance
        if self.drained and maintenance:
            return f"users wait at {maintenance.name}"
        return "traffic stays where it was"

    @property
    def downtime_seconds(self) -> int | None:
        """Return how long users waited, from when the source was let go to where they were proved to be served."""
        switched = self.traffic.switched_at if self.traffic else None
        return _seconds(switched - self.down_since) if switched and self.down_since else None

    @property
    def commit_mode(self) -> CommitMode:
        """Return who ends the failover: the plan's word, unless the run was asked for otherwise."""
        return self.request.commit or self.plan.policy.commit.mode

    @property
    def graceful(self) -> bool:
        """Say whether the source is drained and shut down first."""
        return self.mode is Mode.GRACEFUL

    def note(self, what: str) -> None:
        """Write one fact down."""
        self.journal.note(what)

    def step(self, name: str) -> None:
        """Say which step the run is at."""
        self.journal.step(name)

    def add_signals(self, wires: Sequence[dict[str, Any]]) -> None:
        """Add the signals that the region's entity kept, each once."""
        known = {signal.id for signal in self.signals}
        self.signals += [s for s in map(Signal.model_validate, wires) if s.id not in known]
        self.signals.sort(key=lambda signal: (signal.at, signal.id))

    def force(self, by: str) -> None:
        """Go on without the source's help, because a person says so."""
        if self.mode is Mode.GRACEFUL:
            self.mode = Mode.FORCED
            self.note(f"{by} forces the run: the source is not waited for any more")
            self.deviations.append(f"{by} forced the run, which had begun gracefully")

    def broken_off(self, because: str) -> End:
        """Return the end of a run that could not go on: what it had touched by then is a person's to look at."""
        return End(Outcome.NEEDS_HUMAN if self.touched else Outcome.FAILED, because)

    def too_late(self) -> End:
        """Return the end of a run that ran out of time."""
        return End(
            Outcome.NEEDS_HUMAN,
            f"the plan's deadline of {in_words(self.ends_by - self.started_at)} leaves no time to go on",
        )

    def cancelled(self, by: str) -> End:
        """Return the end of a run that a person stopped: it stays where it stands."""
        moved = [tier.name for tier in self.tiers if tier.arrived]
        stays = "had come up" if self.kind is Kind.DRILL else "had moved and stay there"
        stands = f"; {', '.join(moved)} {stays}" if moved else ""
        return End(Outcome.CANCELLED, f"{by} cancelled it at step {self.journal.at}{stands}")

    def completed(self) -> End:
        """Return the end of a run whose every step went through; what was left out is said, not flattered."""
        where = display_name(self.plan.target.region)
        committed = self.commit is not None and self.commit.committed
        text = f"serves from {where}, " + ("committed" if committed else "uncommitted as planned")
        if self.skips:
            return End(Outcome.COMPLETED_WITH_SKIPS, f"{text}; {'; '.join(self.skips)}")
        return End(Outcome.COMPLETED, text)

    def evidence(self, end: End) -> Evidence:
        """Return the record as it stands."""
        ended_at = now(self._context)
        self.note(f"{end.outcome.value}: {end.because}")
        return Evidence(
            run=RunFacts(
                id=self.id,
                plan=self.plan.name,
                plan_digest=self.digest,
                kind=self.kind,
                each=self.request.each,
                mode=self.mode,
                under=self.request.under,
                source=self.plan.source.region,
                target=self.plan.target.region,
                requested_by=self.request.requested_by,
                requested_by_id=self.request.requested_by_id,
                reason=self.request.reason,
                incident=self.request.incident.id if self.request.incident else None,
                started_at=self.started_at,
                ended_at=ended_at,
                outcome=end.outcome,
                because=end.because,
                version=VERSION,
                fencing_token=self.claim.token if self.claim else None,
            ),
            signals=tuple(self.signals),
            readiness=self.readiness,
            automatic=self.automatic,
            approvals=tuple(self.approvals),
            decisions=tuple(self.decisions),
            set_aside=tuple(self.set_aside),
            tiers=tuple(self.tiers),
            fence=self.fence,
            traffic=self.traffic,
            commit=self.commit,
            cleanup=Cleanup(
                pending_drills=self.readiness.pending_drills if self.readiness else (),
                cleaned=self.cleaned,
                leftovers=self.leftovers,
            ),
            actions=tuple(self.actions),
            drill=self.drill,
            protection=self.protection,
            reprotection=self.reprotect,
            children=tuple(self.children),
            budget=self.budget,
            timing=self._timing(ended_at - self.started_at),
            deviations=(*self.deviations, *self._odd_members()),
        )

    def _odd_members(self) -> list[str]:
        """Say which members needed more than one plain attempt."""
        reports = [m for tier in self.tiers for m in tier.members]
        reports += self.commit.members if self.commit else ()
        reports += self.drill.cleaned if self.drill else ()
        odd = [m for m in reports if m.attempts > 1 or m.outcome is not MemberOutcome.ARRIVED]
        return [
            f"{m.name}: {m.outcome.value} after {m.attempts} attempts"
            + (f"; {m.error}" if m.error else "")
            for m in odd
        ]

    def _timing(self, total: timedelta) -> Timing:
        """Return where the time went: Azure's share is each wave's slowest member."""
        azure, held = NOTHING, NOTHING
        waves = [tier.members for tier in self.tiers]
        waves.append(self.commit.members if self.commit else ())
        if self.drill:
            waves.append(self.drill.cleaned)
            held = timedelta(seconds=self.drill.held_seconds)
        for members in waves:
            azure += max((m.ended_at - m.started_at for m in members), default=NOTHING)
        hooks = self.drill.hooks if self.drill else ()
        actions = sum(
            (a.ended_at - a.started_at for a in (*self.actions, *hooks) if a.kind != "manual"),
            NOTHING,
        )
        detection = self.started_at - self.incident_at if self.request.signals else None
        spent = self.spent
        own = total - spent.decision - spent.soak - held - actions - azure
        return Timing(
            total=_seconds(total),
            detection=_seconds(detection) if detection is not None else None,
            decision=_seconds(spent.decision),
            recovery=_seconds(spent.recovery),
            traffic=_seconds(spent.traffic),
            soak=_seconds(spent.soak),
            commit=_seconds(spent.commit),
            actions=_seconds(actions),
            azure=_seconds(azure),
            own=_seconds(max(NOTHING, own)),
        )


def _seconds(duration: timedelta) -> int:
    return round(duration.total_seconds())
