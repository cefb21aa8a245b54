"""What people are asked to approve: the digest of it is what a decision names, and drift from it voids their answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from pydantic import AwareDatetime, Field

from domain.canonical import digest
from domain.model import Recorded, Reported, last_segment, same_id
from domain.plan import Plan
from domain.policy import Approval, BreakGlass
from domain.regions import display_name
from domain.request import Kind, Mode, RunRequest
from domain.run import ProfileState, Readiness

# A question is shown in a run's status, which Azure bounds: more than this the evidence has.
SHOWN_POINTS = 3
MOVES_USERS = {Kind.FAILOVER, Kind.FAILBACK, Kind.ROUND_TRIP}


class Terms(Recorded):
    """What it takes to pass a gate: how many people of which roles, and who may go on alone."""

    approvers: int = 1
    roles: tuple[str, ...] = ()
    break_glass: BreakGlass = BreakGlass.NEVER


def terms_of(policies: Iterable[Approval]) -> Terms | None:
    """Return what satisfies every one of several policies, None where no role may approve all of them."""
    terms = Terms(break_glass=BreakGlass.ANYONE)
    said = False
    for policy in policies:
        named = bool(terms.roles and policy.roles)
        shared = tuple(r for r in terms.roles if r in policy.roles)
        if named and not shared:
            return None
        terms = Terms(
            approvers=max(terms.approvers, policy.approvers),
            roles=shared if named else terms.roles or policy.roles,
            break_glass=min(terms.break_glass, policy.break_glass, key=list(BreakGlass).index),
        )
        said = True
    return terms if said else Terms()


class ProfileEnd(Reported):
    """One endpoint of the profile as it stood when the question was asked."""

    name: str
    target: str
    enabled: bool


class TrafficChange(Reported):
    """What a run will do to where users are sent: the endpoints it enables and disables, and all as they stand."""

    profile: str
    enables: str
    disables: str
    maintenance: str | None = None
    ends: tuple[ProfileEnd, ...] = ()


class Scope(Reported):
    """Everything an approval covers; ``question`` counts, so that an answer to one is no answer to the next."""

    run: str
    gate: str
    question: int
    plan: str
    plan_digest: str
    parts: dict[str, str] = Field(default_factory=dict)
    kind: Kind
    mode: Mode
    source: str
    target: str
    machines: tuple[str, ...]
    recovery_point: str | None = None
    points: dict[str, str] = Field(default_factory=dict)
    commit: str | None = None
    traffic: TrafficChange | None = None

    def digest(self) -> str:
        """Return the SHA-256 that a decision about this must name."""
        return digest(self.wire())

    def covers(self) -> tuple[str, ...]:
        """Return in sentences what the digest is of."""
        where = f"{display_name(self.source)} to {display_name(self.target)}"
        said = [
            f"question {self.question} of run {self.run}, about plan {self.plan}, SHA-256 {self.plan_digest}",
            f"{self.kind.value.replace('_', ' ')}, {self.mode.value}: {len(self.machines)} machines, {where}",
        ]
        if self.recovery_point:
            said.append(f"recovery point: {self.recovery_point}{_named(self.points)}")
        if self.traffic:
            said.append(_told(self.traffic))
        if self.commit:
            said.append(f"commit: {self.commit}")
        return tuple(said)


def scope_of(
    request: RunRequest, run: str, gate: str, question: int, profile: ProfileState | None
) -> Scope:
    """Return what people are asked to approve: the plan, the recovery points and the change of traffic."""
    written, plan = request.plan, request.plan.going(request.way)
    moves = request.kind in MOVES_USERS
    return Scope(
        run=run,
        gate=gate,
        question=question,
        plan=written.name,
        plan_digest=request.digest,
        parts={part.plan: part.digest for part in request.parts},
        kind=request.kind,
        mode=request.mode,
        source=plan.source.region,
        target=plan.target.region,
        machines=tuple(member.name for member in plan.members),
        recovery_point=_point(request, plan, moves),
        points=request.points,
        commit=(request.commit or plan.policy.commit.mode).value if moves else None,
        traffic=_change(plan, profile) if moves else None,
    )


def _point(request: RunRequest, plan: Plan, moves: bool) -> str | None:
    """Return the rule for recovery points; each plan under an umbrella has its own, unless one was asked for."""
    point = request.point or (plan.policy.recovery_point if moves else None)
    return point.value if point else None


def _change(plan: Plan, profile: ProfileState | None) -> TrafficChange:
    traffic = plan.traffic
    return TrafficChange(
        profile=traffic.profile,
        enables=traffic.target.name,
        disables=traffic.source.name,
        maintenance=traffic.maintenance.name if traffic.maintenance else None,
        ends=_ends(profile),
    )


def _ends(profile: ProfileState | None) -> tuple[ProfileEnd, ...]:
    found = profile.endpoints if profile else ()
    ends = (ProfileEnd(name=e.name, target=e.target, enabled=e.enabled) for e in found)
    return tuple(sorted(ends, key=lambda end: end.name.casefold()))


def _named(points: Mapping[str, str]) -> str:
    """Return the points that were named by machine, as far as they fit."""
    if not points:
        return ""
    told = [f"{name} at {last_segment(point)}" for name, point in sorted(points.items())]
    more = f" and {len(told) - SHOWN_POINTS} more" if len(told) > SHOWN_POINTS else ""
    return f"; {', '.join(told[:SHOWN_POINTS])}{more}"


def _told(change: TrafficChange) -> str:
    drained = f", meanwhile {change.maintenance}" if change.maintenance else ""
    stands = ", ".join(f"{e.name} {'enabled' if e.enabled else 'disabled'}" for e in change.ends)
    return (
        f"traffic: profile {last_segment(change.profile)} enables {change.enables}, disables "
        f"{change.disables}{drained}" + (f"; now {stands}" if stands else "")
    )


def drift_between(before: Readiness, after: Readiness) -> Iterator[str]:
    """Yield what changed of a run's ground that an approval was about; health and warnings come and go in an outage."""
    yield from _moved_ends(before.profile, after.profile)
    for name in sorted({*before.items, *after.items}):
        was, is_now = before.items.get(name), after.items.get(name)
        if was is None or is_now is None:
            yield f"{name} has {'a' if was is None else 'no'} protected item now"
        elif not same_id(was, is_now):
            yield f"{name} is protected as another item now"
        elif not _same_machine(before.machines.get(name), after.machines.get(name)):
            yield f"{name} is another machine now"
    for what, was_told, is_told in (
        ("have a drill to clean up", before.pending_drills, after.pending_drills),
        ("wait to be re-protected", before.to_reprotect, after.to_reprotect),
        ("wait for their commit", before.to_commit, after.to_commit),
    ):
        if set(was_told) != set(is_told):
            yield f"{', '.join(sorted(is_told)) or 'no machines'} {what} now"


def _same_machine(was: str | None, is_now: str | None) -> bool:
    return was == is_now or (was is not None and is_now is not None and same_id(was, is_now))


def _moved_ends(before: ProfileState | None, after: ProfileState | None) -> Iterator[str]:
    was = {end.name.casefold(): end for end in _ends(before)}
    is_now = {end.name.casefold(): end for end in _ends(after)}
    for name in sorted({*was, *is_now}):
        old, new = was.get(name), is_now.get(name)
        if old is None or new is None:
            yield f"endpoint {name} {'came to' if old is None else 'is gone from'} the profile"
        elif old.enabled != new.enabled:
            yield f"endpoint {new.name} is {'enabled' if new.enabled else 'disabled'} now"
        elif old.target != new.target:
            yield f"endpoint {new.name} leads to {new.target} now"


class Passage(StrEnum):
    """What a question came to."""

    APPROVED = "approved"
    BROKEN_GLASS = "broken_glass"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNOPPOSED = "unopposed"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"


class ApprovalReport(Reported):
    """One question that was asked: what it took, what its digest covers, who agreed, and what it came to."""

    gate: str
    digest: str
    needed: int = 1
    roles: tuple[str, ...] = ()
    asked_at: AwareDatetime
    until: AwareDatetime
    ended_at: AwareDatetime
    passage: Passage
    approved_by: tuple[str, ...] = ()
    scope: Scope | None = None
    voided_by: tuple[str, ...] = ()
