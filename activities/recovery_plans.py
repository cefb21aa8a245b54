"""Azure's own recovery plans, driven: start one or adopt its run, look after every machine of it, answer its steps.

What a plan says of its own success is never believed: whether a machine has arrived is read from its protected item,
and why it has not from its own job, which the tree of the plan's job leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from activities.recovery import Ended, Recovery, SiteRecovery, Wave
from domain.acting import Claim
from domain.asr_drift import DriftKind, drift
from domain.asr_plan import AsrPlan, CannotPush, pushed
from domain.asr_run import JobTree, PlanStanding, PlanTerms, SyncPoint
from domain.errors import Permanent, Transient
from domain.model import Recorded, last_segment
from domain.plan import Plan
from domain.policy import RecoveryPoint
from domain.replication import RULES, Move, ProtectedItem, Verb, move_for

MEND = "look with `leeward plan diff`, mend it with `leeward plan push`"


class RecoveryPlans(Protocol):
    """The vault's recovery plans, to us."""

    def plan(self, vault: str, name: str) -> AsrPlan | None:
        """Return a recovery plan, None where there is none."""
        ...

    def standing(self, vault: str, name: str) -> PlanStanding:
        """Return how a recovery plan stands."""
        ...

    def start(self, vault: str, name: str, verb: Verb, terms: PlanTerms) -> str:
        """Start a verb on a recovery plan and return the job's name."""
        ...

    def tree(self, vault: str, job: str) -> JobTree:
        """Return a job with all its tasks."""
        ...

    def resume(self, vault: str, job: str) -> None:
        """Let a job go on that waits at a manual step."""
        ...


class PlanQuestion(Recorded):
    """The plan whose recovery plans are to be looked at."""

    plan: Plan


class PlansSeen(Recorded):
    """Which members each recovery plan moves; what forbids to use them, and what is otherwise but may be."""

    members: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    objections: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()


class PlanDrive(Recorded):
    """A verb for a recovery plan and the members that it moves; ``job`` is its job, ``step`` one that it waits at."""

    name: str
    wave: Wave
    point: RecoveryPoint = RecoveryPoint.LATEST
    sync: SyncPoint = SyncPoint.OWN
    job: str | None = None
    step: str | None = None

    @property
    def claim(self) -> Claim | None:
        """Return the claim that the run acts by."""
        return self.wave.claim


class PlanStarted(Recorded):
    """What came of asking for a recovery plan: its job, or that every member was there already."""

    job: str | None = None
    adopted: bool = False
    happened: bool = False


class PlanStep(Recorded):
    """A step of a recovery plan that a person has to take."""

    name: str
    says: str


class PlanNews(Recorded):
    """The members that have come to rest, each one's own job, and whether the plan's job has, or waits for a person."""

    ended: tuple[Ended, ...] = ()
    jobs: dict[str, str] = Field(default_factory=dict)
    over: bool = False
    step: PlanStep | None = None


@dataclass(frozen=True, slots=True)
class PlanDriver:
    """Leeward's talk with Azure's recovery plans."""

    vault: SiteRecovery
    plans: RecoveryPlans

    def look_at_plans(self, question: PlanQuestion) -> PlansSeen:
        """Hold the vault's recovery plans against the plan: one that would move others, or otherwise, is not used."""
        plan = question.plan
        items = self.vault.items(plan.vault.id)
        try:
            wanted = pushed(plan, items)
        except CannotPush as error:
            return PlansSeen(objections=(str(error),))
        there = {name: self.plans.plan(plan.vault.id, name) for name, _ in wanted}
        found = list(drift(wanted, there))
        odd = [one.what for one in found if one.kind is DriftKind.ACTIONS]
        wrong = [one.what for one in found if one.kind is not DriftKind.ACTIONS]
        names = {member.item_name.casefold(): member.name for member in plan.members}
        return PlansSeen(
            members={
                name: tuple(
                    names[item.name.casefold()]
                    for group in asr.boots
                    for item in group.items
                    if item.name.casefold() in names
                )
                for name, asr in there.items()
                if asr
            },
            objections=tuple(f"{what}; {MEND}" for what in wrong),
            oddities=tuple(odd),
        )

    def start_plan(self, drive: PlanDrive) -> PlanStarted:
        """Start the verb on the recovery plan, unless it has happened or runs; the read comes first."""
        vault, verb = drive.wave.vault, drive.wave.verb
        moves = [move_for(item, verb) for item in self._items(drive).values()]
        standing = self.plans.standing(vault, drive.name)
        if standing.job and standing.runs(verb) and not self.plans.tree(vault, standing.job).over:
            return PlanStarted(job=standing.job, adopted=True)
        if moves and all(move is Move.HAPPENED for move in moves):
            return PlanStarted(happened=True, adopted=True, job=self._last_job(standing, verb))
        if RULES[verb].operation in standing.allowed:
            terms = PlanTerms(
                graceful=drive.wave.graceful,
                network=drive.wave.network,
                point=drive.point,
                sync=drive.sync,
            )
            return PlanStarted(job=self.plans.start(vault, drive.name, verb, terms))
        allowed = ", ".join(standing.allowed) or "nothing"
        said = f"recovery plan {drive.name} does not allow {verb.value} now; it allows {allowed}"
        if Move.BUSY in moves or Move.RUNNING in moves:
            raise Transient("plan_busy", said)
        raise Permanent("not_allowed_now", said)

    def check_plan(self, drive: PlanDrive) -> PlanNews:
        """Return what came of each member, by its item and its own job: two reads tell of them all."""
        found = self._items(drive)
        tree = self.plans.tree(drive.wave.vault, drive.job) if drive.job else None
        jobs = {m: job for m, item in found.items() if (job := _job_of(item, m, tree))}
        over = tree is None or tree.over
        moved, left = [], []
        for member in drive.wave.members:
            item, job = found.get(member.name), jobs.get(member.name)
            known = item is not None and move_for(item, drive.wave.verb) in (
                Move.HAPPENED,
                Move.RUNNING,
            )
            if job or known:
                moved.append(member.model_copy(update={"job": job}))
            elif over:
                left.append(member)
        wave = drive.wave.model_copy(update={"members": tuple(moved)})
        news = Recovery(self.vault).check_wave(wave) if moved else None
        return PlanNews(
            ended=(
                *(news.ended if news else ()),
                *(
                    Ended(
                        name=member.name,
                        arrived=False,
                        code="left_behind",
                        message=f"recovery plan {drive.name} came to rest without moving {member.name}",
                    )
                    for member in left
                ),
            ),
            jobs=jobs,
            over=over,
            step=_step(tree),
        )

    def resume_plan(self, drive: PlanDrive) -> PlanNews:
        """Let the recovery plan go on after the step that was decided, if it still waits there."""
        tree = self._tree(drive)
        if drive.job and tree and tree.waits_for and tree.waits_for.name == drive.step:
            self.plans.resume(drive.wave.vault, drive.job)
        return PlanNews()

    def cancel_plan(self, drive: PlanDrive) -> PlanNews:
        """Ask the recovery plan to start nothing more; one that has come to rest is as good as cancelled."""
        vault = drive.wave.vault
        job = drive.job or self._last_job(self.plans.standing(vault, drive.name), drive.wave.verb)
        if job and not self.plans.tree(vault, job).over:
            try:
                self.vault.cancel(vault, job)
            except Permanent:
                return PlanNews()  # it ends by itself, and the next look says how
        return PlanNews()

    def _tree(self, drive: PlanDrive) -> JobTree | None:
        return self.plans.tree(drive.wave.vault, drive.job) if drive.job else None

    def _last_job(self, standing: PlanStanding, verb: Verb) -> str | None:
        return standing.job if standing.runs(verb) else None

    def _items(self, drive: PlanDrive) -> dict[str, ProtectedItem]:
        items: Sequence[ProtectedItem] = self.vault.items(drive.wave.vault)
        by_id = {item.id.casefold(): item for item in items}
        return {
            member.name: by_id[member.item.casefold()]
            for member in drive.wave.members
            if member.item.casefold() in by_id
        }


def _job_of(item: ProtectedItem, member: str, tree: JobTree | None) -> str | None:
    """Return a member's own job: the tree calls machines as Azure does."""
    jobs = tree.machine_jobs if tree else {}
    names = (item.friendly_name, last_segment(item.vm or ""), item.name, member)
    return next((jobs[name.casefold()] for name in names if name.casefold() in jobs), None)


def _step(tree: JobTree | None) -> PlanStep | None:
    step = tree.waits_for if tree else None
    return PlanStep(name=step.name, says=step.instructions or "") if step else None
