"""Protect an application: from a plan's protection section to machines that replicate, and come up where they should.

    survey -> set-up of the vault, round by round -> replication of each machine -> names, sizes, networks, addresses

Each step makes what is missing and leaves what is there, so a second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from activities.protection import Groundwork, Pieces, Settings, Standing, Stood
from activities.recovery import Wave, WaveMember
from activities.survey import Survey, Surveyed, SurveyQuestion
from domain.model import in_words, last_segment
from domain.plan import Member, Plan
from domain.protection import Protection
from domain.regions import display_name
from domain.replication import Enabling, Verb
from domain.reports import PieceOutcome, PieceReport, ProtectionReport
from domain.run import MemberOutcome, MemberReport, Outcome, Readiness
from domain.setup import policy_id, recovery_container_id, rounds_of

from orchestrators.before import errors, lost
from orchestrators.conduct import conduct, heed_words
from orchestrators.durable import Context, Steps, call, now, sleep
from orchestrators.record import End, Record
from orchestrators.wave import run_wave

# A policy takes a second, a fabric 65 to 85 s, a container mapping up to 166 s (recorded). The last pause repeats.
PACE = (5, 20, 30, 30, 60)
# Far beyond any recorded set-up job: what takes longer is stuck, and a person's to look at.
ROUND_WITHIN = timedelta(hours=1)
SETTINGS = "settings of a machine"
Ask = Callable[[dict[str, str]], Steps[Stood]]


def protect(context: Context) -> Steps[dict[str, object]]:
    """Bring every machine of a plan to Protected, and make it come up as the plan says."""
    work = Work()
    steps = (work.look, work.set_up, work.replicate, work.settle)
    return (yield from conduct(context, steps))


@dataclass(slots=True)
class Work:
    """The steps of a protection, and what they hand to each other."""

    surveyed: Surveyed = field(default_factory=Surveyed)
    pieces: list[PieceReport] = field(default_factory=list)
    members: tuple[MemberReport, ...] = ()

    def look(self, context: Context, run: Record) -> Steps[End | None]:
        """Read all that the plan names before anything is made."""
        run.step("survey")
        question = SurveyQuestion(plan=run.plan)
        self.surveyed = seen = yield from call(
            context, Survey.survey_protection, question, until=run.until
        )
        run.readiness = Readiness(
            ready=not seen.blockers,
            blockers=seen.blockers,
            warnings=seen.warnings,
            items=seen.items,
        )
        run.deviations += (*seen.blockers, *seen.warnings)
        run.skips += seen.warnings
        if seen.blockers:
            why = f"not ready, nothing was touched: {'; '.join(seen.blockers)}"
            return End(Outcome.FAILED, why)
        known = len(seen.items)
        run.note(f"{len(run.plan.members)} machines to protect; the vault knows {known} of them")
        return None

    def set_up(self, context: Context, run: Record) -> Steps[End | None]:
        """Make the pieces that the vault lacks, round by round, those of a round side by side."""
        run.step("vault set-up")
        for pieces in rounds_of(run.plan, _protection(run.plan)):
            asked = Pieces(vault=run.plan.vault.id, pieces=pieces, claim=run.claim)
            reports, end = yield from _until_settled(
                context,
                run,
                {piece.id: piece.kind.value for piece in pieces},
                partial(_ensure, context, run, asked),
            )
            self._keep(run, reports)
            if end is not None:
                return end
            refused = [report for report in reports if report.error]
            if refused:
                why = "; ".join(f"{r.kind} {r.name}: {r.error}" for r in refused)
                return run.broken_off(f"the vault could not be set up: {why}")
        return None

    def replicate(self, context: Context, run: Record) -> Steps[End | None]:
        """Put every machine under replication, or adopt what runs, and wait for its first recovery point."""
        run.step("replication")
        plan = run.plan
        wave = Wave(
            vault=plan.vault.id,
            verb=Verb.PROTECT,
            claim=run.claim,
            members=tuple(
                self._wave_member(plan, member)
                for member in plan.members
                if member.name not in self.surveyed.lost
            ),
        )
        if any(member.item not in self.surveyed.items.values() for member in wave.members):
            run.touched = True
        until = min(run.until, now(context) + _protection(plan).within)
        self.members = yield from run_wave(
            context, run.journal, wave, plan.policy.retry, until, runs=(run.id,)
        )
        self._keep(run)
        return None

    def settle(self, context: Context, run: Record) -> Steps[End | None]:
        """Let each protected machine come up as the plan says, and say how the run ends."""
        run.step("settings")
        arrived = tuple(m.name for m in self.members if m.outcome is MemberOutcome.ARRIVED)
        if arrived:
            asked = Settings(plan=run.plan, members=arrived, claim=run.claim)
            reports, end = yield from _until_settled(
                context,
                run,
                dict.fromkeys(arrived, SETTINGS),
                partial(_settle, context, run, asked),
            )
            self._keep(run, reports)
            if end is not None:
                return end
        return self._end(run)

    def _wave_member(self, plan: Plan, member: Member) -> WaveMember:
        protection = _protection(plan)
        enabling = Enabling(
            vm=plan.vm_id(member),
            disks=self.surveyed.disks.get(member.name, ()),
            cache=protection.cache.source,
            policy=policy_id(plan, protection),
            container=recovery_container_id(plan),
            resource_group=plan.target.resource_group or plan.source.resource_group,
            network=protection.networks.target,
            subnet=next((nic.subnet for nic in member.nics), None),
            group=member.multi_vm_group,
        )
        return WaveMember(
            name=member.name,
            item=self.surveyed.items.get(member.name, plan.vault.item_id(member.item_name)),
            required=member.required,
            enabling=enabling,
        )

    def _keep(self, run: Record, reports: Iterable[PieceReport] = ()) -> None:
        """Keep what was done so far in the run's record, whatever comes next."""
        self.pieces += reports
        run.protection = ProtectionReport(pieces=tuple(self.pieces), members=self.members)

    def _end(self, run: Record) -> End:
        """Return how the run ends, from what became of each machine."""
        optional = {member.name for member in run.plan.members if not member.required}
        stuck = lost(self.members)
        wrong = [p for p in self.pieces if p.kind == SETTINGS and p.error]
        trouble = [errors([m]) for m in stuck if m.name not in optional]
        trouble += [f"{p.name}: {p.error}" for p in wrong if p.name not in optional]
        run.skips += [f"{m.name} is left out: {m.error}" for m in stuck if m.name in optional]
        run.skips += [f"{p.name} {p.error}" for p in wrong if p.name in optional]
        where = display_name(run.plan.target.region)
        names = {m.name for m in stuck} | {p.name for p in wrong}
        good = [m.name for m in self.members if m.name not in names]
        if trouble:
            told = f"{len(good)} of {len(run.plan.members)} machines are protected in {where}"
            return End(Outcome.PARTIAL, f"{told}; {'; '.join(trouble)}")
        made = [p for p in self.pieces if p.outcome is PieceOutcome.MADE]
        fresh = [m for m in self.members if not m.adopted]
        what = f"{', '.join(good)} are protected in {where}"
        if not made and not fresh:
            what += "; all was in place, nothing was changed"
        if run.skips:
            return End(Outcome.COMPLETED_WITH_SKIPS, f"{what}; {'; '.join(run.skips)}")
        return End(Outcome.COMPLETED, what)


def _ensure(context: Context, run: Record, asked: Pieces, jobs: dict[str, str]) -> Steps[Stood]:
    again = asked.model_copy(update={"jobs": jobs})
    return (yield from call(context, Groundwork.ensure_pieces, again, until=run.until))


def _settle(context: Context, run: Record, asked: Settings, jobs: dict[str, str]) -> Steps[Stood]:
    again = asked.model_copy(update={"jobs": jobs})
    return (yield from call(context, Groundwork.settle_items, again, until=run.until))


def _until_settled(
    context: Context, run: Record, kind_of: Mapping[str, str], ask: Ask
) -> Steps[tuple[list[PieceReport], End | None]]:
    """Ask at a pace that slows down until everything stands or is refused; with the run's end if it may not go on."""
    known: dict[str, Standing] = {}
    until = min(run.until, now(context) + ROUND_WITHIN)
    end: End | None = None
    tick = 0
    while end is None:
        stood = yield from ask({name: one.job for name, one in known.items() if one.job})
        for one in stood.standings:
            before = known.get(one.name)
            known[one.name] = _joined(before, one)
            if one.changed and not (before and before.changed):
                run.touched = True
                run.note(f"{kind_of[one.name]} {last_segment(one.name)}: {one.changed}")
        waiting = [one for one in known.values() if one.open]
        if not waiting or now(context) >= until:
            break
        pause = timedelta(seconds=PACE[min(tick, len(PACE) - 1)])
        yield from sleep(context, min(pause, until - now(context)))
        tick += 1
        end = yield from heed_words(context, run)
    return [_report(kind_of[name], one) for name, one in known.items()], end


def _joined(before: Standing | None, one: Standing) -> Standing:
    """Return where something stands, with the job and the change that were told of it before."""
    if before is None:
        return one
    told = {"job": one.job or before.job, "changed": one.changed or before.changed}
    return one.model_copy(update=told)


def _report(kind: str, one: Standing) -> PieceReport:
    error = one.error
    if one.open:
        error = f"not done after {in_words(ROUND_WITHIN)}: {one.wait or 'its job still runs'}"
    outcome = PieceOutcome.MADE if one.changed else PieceOutcome.THERE
    return PieceReport(
        kind=kind,
        name=last_segment(one.name),
        outcome=PieceOutcome.REFUSED if error else outcome,
        job_id=one.job,
        error=error,
    )


def _protection(plan: Plan) -> Protection:
    """Return the plan's protection section; the survey ended a run of a plan without one."""
    if plan.protection is None:
        raise ValueError(f"plan {plan.name} has no protection section")
    return plan.protection
