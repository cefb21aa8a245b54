"""Rehearse a failover: every tier comes up in an isolated network, proves itself, and is taken away again, always.

    readiness -> scene -> approval -> earlier drills -> tiers in order -> hold
    closing, whatever that came to: clean-up -> proof that nothing is left -> hooks

Production is not touched: a test failover leaves the source, its replication and the traffic as they are.
"""

from __future__ import annotations

from datetime import timedelta

from activities.drill import Drills, LeftoverQuestion, Scene, SceneQuestion
from activities.recovery import Recovery, Wave
from domain.drill import Rehearsed, vm_hours
from domain.model import in_words, last_segment
from domain.plan import Tier
from domain.policy import Retry
from domain.replication import Verb
from domain.reports import DrillReport, Leftover
from domain.run import MemberReport, Outcome

from orchestrators.actions import around_of, run_actions
from orchestrators.asr_engine import after_plans, assess_plans, by_plans, move_by_plans, stop_plans
from orchestrators.before import clean_up_drills, errors, lost
from orchestrators.chains import ARRIVED, keep, move_in_order, tier_move
from orchestrators.conduct import conduct, heed_words
from orchestrators.controls import rest
from orchestrators.decision import decide
from orchestrators.durable import Context, StepFailed, Steps, call, now, sleep
from orchestrators.legs import tell_above
from orchestrators.record import End, Record
from orchestrators.stuck import Log
from orchestrators.tier import TierMove
from orchestrators.wave import run_wave, wave_of

CLEAN_UP_ROUND = timedelta(minutes=12)
CLEAN_UP_RETRY = Retry(attempts=3, pause=timedelta(seconds=30))
CLEAN_UP_ROUNDS = 4
CANCEL_WITHIN = timedelta(minutes=5)
LOOK_AGAIN = timedelta(seconds=30)
SEAL_WITHIN = timedelta(minutes=3)


def drill(context: Context) -> Steps[dict[str, object]]:
    """Bring the application up beside itself, prove it, and leave nothing behind."""
    rehearsal = Rehearsal()
    steps = (
        assess_plans,
        rehearsal.set_scene,
        rehearsal.decide,
        clean_up_drills,
        rehearsal.clear_stage,
        rehearsal.move_tiers,
        rehearsal.hold,
    )
    closing = (rehearsal.clean_up, rehearsal.prove_clean, rehearsal.follow_up)
    return (yield from conduct(context, steps, closing))


class Rehearsal:
    """The steps of a drill, and what they hand to each other."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.began = False
        self.report = DrillReport(network="")

    def set_scene(self, context: Context, run: Record) -> Steps[End | None]:
        """Look at the network: a drill that could meet production does not begin."""
        question = SceneQuestion(plan=run.plan)
        self.scene = yield from call(context, Drills.set_scene, question, until=run.until)
        network = run.plan.drill.network if run.plan.drill else ""
        self.report = run.drill = DrillReport(network=network)
        if self.scene.objection:
            return End(Outcome.FAILED, f"not ready, nothing was touched: {self.scene.objection}")
        run.note(f"{last_segment(network)} is apart from production")
        for tier in run.plan.tiers:
            if tier.drill_gate is None:
                run.deviations.append(f"tier {tier.name} has no drill_gate: nothing proves it here")
        return None

    def decide(self, context: Context, run: Record) -> Steps[End | None]:
        """Ask a person where the plan's drills ask for it."""
        if run.plan.drill is None or not run.plan.drill.approval:
            run.note("the plan's drills ask for no approval")
            return None
        return (yield from decide(context, run))

    def clear_stage(self, context: Context, run: Record) -> Steps[End | None]:
        """Refuse to rehearse beside what an earlier drill left: it could not be told apart."""
        there = yield from self._leftovers(context, run)
        if there:
            self._found(context, run, there)
            return End(
                Outcome.NEEDS_HUMAN, f"an earlier drill left {_named(there)}; delete it first"
            )
        return None

    def move_tiers(self, context: Context, run: Record) -> Steps[End | None]:
        """Bring the tiers up in their order, each proving itself on its own addresses."""
        self.began = run.touched = True
        started = now(context)
        tiers = run.plan.ordered_tiers()
        if by_plans(run):
            moved = yield from move_by_plans(context, run, Verb.DRILL, self.report.network)
        else:
            moves = {tier.name: self._move(run, tier) for tier in tiers}
            moved = yield from move_in_order(
                context, run.journal, run.id, run.request.under, moves, tiers, run.until
            )
        keep(run, moved)
        run.spent.recovery = now(context) - started
        reports = moved.reports
        if moved.stopped:
            return run.cancelled(moved.stopped)
        failed = [t for t in reports if not (t.arrived or (t.passed and t.recovered))]
        if failed:
            told = "; ".join(f"tier {tier.name} did not pass: {tier.trouble}" for tier in failed)
            passed = any(tier.arrived for tier in reports)
            return End(Outcome.PARTIAL if passed else Outcome.FAILED, told)
        if len(reports) < len(tiers):
            return run.too_late()
        run.skips += [
            f"{m.name}, which is optional, did not come up" for t in reports for m in t.lost
        ]
        return None

    def _move(self, run: Record, tier: Tier) -> TierMove:
        rehearsed = {
            "verb": Verb.DRILL,
            "network": self.report.network,
            "graceful": False,
            "incident_at": run.started_at,
        }
        return tier_move(run, tier).model_copy(update=rehearsed)

    def hold(self, context: Context, run: Record) -> Steps[End | None]:
        """Keep the machines up for whoever wants to look at them, until the plan's time is up or somebody cancels."""
        yield from tell_above(context, run, ARRIVED)
        hold = run.plan.drill.hold if run.plan.drill else None
        if hold is not None:
            run.step("hold")
            run.note(f"every tier is up; held for {in_words(hold)}")
            started = now(context)
            closes = min(started + hold, run.until)
            while now(context) < closes:
                yield from rest(context, closes - now(context), run.id, run.request.under)
                end = yield from heed_words(context, run)
                held = int((now(context) - started).total_seconds())
                self.report = run.drill = self.report.model_copy(update={"held_seconds": held})
                if end is not None:
                    return end
        outcome = Outcome.COMPLETED_WITH_SKIPS if run.skips else Outcome.COMPLETED
        told = f"{len(run.plan.tiers)} tiers came up and proved themselves"
        return End(outcome, "; ".join([told, *run.skips]))

    def clean_up(self, context: Context, run: Record, end: End) -> Steps[End]:
        """Take the test machines away: of every member, for an answer that was lost may have started one."""
        if not self.began:
            return end
        run.step("clean-up")
        if by_plans(run):
            yield from stop_plans(context, run, Verb.DRILL)
        yield from self._stop_what_runs(context, run)
        if by_plans(run):
            closes = run.ends_by - SEAL_WITHIN
            yield from after_plans(context, run, Verb.DRILL_CLEANUP, closes)
        waiting = wave_of(
            run.plan.vault, Verb.DRILL_CLEANUP, *run.plan.tiers, claim=run.claim, items=run.items
        )
        known = tuple(member for member in waiting.members if member.name in run.items)
        waiting = waiting.model_copy(update={"members": known})
        cleaned: dict[str, MemberReport] = {}
        for number in range(CLEAN_UP_ROUNDS):
            until = min(run.ends_by - SEAL_WITHIN, now(context) + CLEAN_UP_ROUND)
            reports = yield from run_wave(
                context, run.journal, waiting, CLEAN_UP_RETRY, until, mark=number + 1
            )
            cleaned.update({report.name: _further(cleaned, report) for report in reports})
            stuck = [report.name for report in lost(reports)]
            if not stuck or now(context) + LOOK_AGAIN >= run.ends_by - SEAL_WITHIN:
                break
            members = tuple(m for m in waiting.members if m.name in stuck)
            waiting = waiting.model_copy(update={"members": members})
            run.note(f"the clean-up of {', '.join(stuck)} is asked for again")
            yield from self._cancel(context, run, waiting)
        self.report = run.drill = self.report.model_copy(
            update={
                "cleaned": tuple(cleaned.values()),
                "test_machines": tuple(member.test_name for member in self.scene.members),
                "vm_hours": self._hours(run, cleaned),
            }
        )
        left = lost(tuple(cleaned.values()))
        if left:
            return _worse(end, f"the clean-up is not complete: {errors(left)}")
        return end

    def _stop_what_runs(self, context: Context, run: Record) -> Steps[None]:
        """Cancel test failovers that are still on their way: only what has come to rest can be cleaned up."""
        wave = wave_of(
            run.plan.vault, Verb.DRILL, *run.plan.tiers, claim=run.claim, items=run.items
        )
        yield from self._cancel(context, run, wave)

    def _cancel(self, context: Context, run: Record, wave: Wave) -> Steps[None]:
        until = min(run.ends_by - SEAL_WITHIN, now(context) + CANCEL_WITHIN)
        try:
            yield from call(context, Recovery.cancel_wave, wave, until=until)
        except StepFailed as failed:
            run.note(f"what runs could not be cancelled: {failed.said}")
        yield from sleep(context, LOOK_AGAIN)

    def _hours(self, run: Record, cleaned: dict[str, MemberReport]) -> dict[str, float]:
        spans = {
            member.name: (member.started_at, cleaned[member.name].ended_at)
            for tier in run.tiers
            for member in tier.members
            if member.job_id and member.name in cleaned
        }
        return vm_hours(self.scene.members, spans)

    def prove_clean(self, context: Context, run: Record, end: End) -> Steps[End]:
        """Read what is there, until nothing is or the grace is over; what is left is named, one by one."""
        if not self.began:
            return end
        run.step("proof")
        left = yield from self._leftovers(context, run)
        self._found(context, run, left)
        if left:
            run.note(f"left behind: {_named(left)}")
            return _worse(end, f"the drill left {_named(left)}; delete it")
        run.note("nothing is left: no machine, interface, disk or public address of the drill")
        return End(end.outcome, f"{end.because}; nothing is left of it")

    def _found(self, context: Context, run: Record, left: tuple[Leftover, ...]) -> None:
        self.report = run.drill = self.report.model_copy(
            update={"clean": not left, "looked_at": now(context), "leftovers": left}
        )
        run.leftovers = tuple(leftover.id for leftover in left)

    def follow_up(self, context: Context, run: Record, end: End) -> Steps[End]:
        """Do what the plan has done once all is cleaned up; what a drill left behind comes first."""
        hooks = run.plan.drill.hooks if run.plan.drill else ()
        if not self.began or not hooks:
            return end
        if not self.report.clean:
            run.deviations.append(
                "the hooks wait until the drill's leftovers are gone: none was run"
            )
            return end
        run.step("hooks")
        log = Log()
        around = around_of(run, run.ends_by - SEAL_WITHIN)
        halted = yield from run_actions(context, run.journal, around, log, hooks)
        self.report = run.drill = self.report.model_copy(update={"hooks": tuple(log.actions)})
        run.decisions += log.decisions
        run.deviations += log.deviations
        run.spent.decision += log.waited
        if halted is not None:
            return _worse(end, halted)
        if log.skips and end.outcome is Outcome.COMPLETED:
            return End(Outcome.COMPLETED_WITH_SKIPS, "; ".join([end.because, *log.skips]))
        return end

    def _leftovers(self, context: Context, run: Record) -> Steps[tuple[Leftover, ...]]:
        """Look until nothing is left or the plan's grace is over: Azure deletes after its job has ended."""
        members: tuple[Rehearsed, ...] = self.scene.members
        grace = run.plan.drill.grace if run.plan.drill else LOOK_AGAIN
        closes = min(now(context) + grace, run.ends_by - SEAL_WITHIN)
        question = LeftoverQuestion(members=members)
        while True:
            seen = yield from call(
                context, Drills.look_for_leftovers, question, until=run.ends_by - SEAL_WITHIN
            )
            if not seen.leftovers or now(context) + LOOK_AGAIN > closes:
                return seen.leftovers
            yield from sleep(context, LOOK_AGAIN)


def _further(cleaned: dict[str, MemberReport], report: MemberReport) -> MemberReport:
    """Return the report of a member's newest round with the attempts of all."""
    before = cleaned[report.name].attempts if report.name in cleaned else 0
    return report.model_copy(update={"attempts": report.attempts + before})


def _named(leftovers: tuple[Leftover, ...]) -> str:
    return ", ".join(f"{leftover.kind} {last_segment(leftover.id)}" for leftover in leftovers)


def _worse(end: End, because: str) -> End:
    """Return an end that a person has to look at, with what the drill came to before."""
    if end.outcome is Outcome.NEEDS_HUMAN:
        return End(Outcome.NEEDS_HUMAN, f"{end.because}; and {because}")
    return End(
        Outcome.NEEDS_HUMAN, f"{because} (the drill itself: {end.outcome.value}, {end.because})"
    )
