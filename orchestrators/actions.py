"""What a plan has done before and after a tier, or after a drill: calls, runbooks, a person's steps, waits.

Each is bounded by its ``within`` and by the run's own time. One that failed stops its tier, is gone on without, or
waits for a person's word, as the plan says.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from activities.actions import Actions, HttpOrder, JobSeen, RunbookOrder
from domain.action import (
    AFTER_DRILL,
    Action,
    HttpCall,
    Occasion,
    OnError,
    Runbook,
    mark_of,
    step_of,
)
from domain.controls import ControlVerb
from domain.desk import KEPT_CONTROLS
from domain.model import in_words
from domain.plan import Tier
from domain.reports import ActionOutcome, ActionReport
from domain.request import Kind
from domain.run import Verdict, Waiting
from domain.runbook_context import recovery_plan_context

from orchestrators.approval import Answer, Question, await_decision
from orchestrators.controls import read_standing, rest
from orchestrators.durable import HASTY, Context, StepFailed, Steps, ask, call, child, now, sleep
from orchestrators.journal import Journal
from orchestrators.names import desk_of
from orchestrators.record import Record
from orchestrators.stuck import Around, Log, ask_for_word, tell_of

# A runbook is asked about less often the longer it runs: after a tenth of the time that it has had.
FIRST_LOOK, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=10)
OCCASIONS = {Kind.DRILL: Occasion.DRILL, Kind.FAILBACK: Occasion.FAILBACK}
FAILED, DONE = ActionOutcome.FAILED, ActionOutcome.DONE


def around_of(run: Record, until: datetime) -> Around:
    """Return what the steps of a run's tiers have to know of it."""
    policy = run.plan.policy
    return Around(
        run=run.id,
        under=run.request.under,
        plan=run.plan.name,
        digest=run.digest,
        occasion=OCCASIONS.get(run.kind, Occasion.FAILOVER),
        group=run.plan.target.resource_group,
        on_failure=policy.on_failure,
        answer_within=policy.answer_within,
        reach=run.plan.reach,
        until=until,
        claim=run.claim,
    )


def run_actions(
    context: Context,
    journal: Journal,
    around: Around,
    log: Log,
    actions: Iterable[Action],
    tier: Tier | None = None,
    moved: bool = True,
) -> Steps[str | None]:
    """Do the actions of this occasion in order, each once; return why its tier stops at one, or None."""
    for action in actions:
        performer = Performer(journal, around, log, action, tier, moved)
        if around.occasion in action.on and performer.step not in log.settled:
            halted = yield from performer.see_through(context)
            if halted is not None:
                return halted
            log.settled.append(performer.step)
    return None


class Performer:
    """One action, from its first turn to its end."""

    def __init__(
        self,
        journal: Journal,
        around: Around,
        log: Log,
        action: Action,
        tier: Tier | None,
        moved: bool,
    ) -> None:
        self.journal = journal
        self.around = around
        self.log = log
        self.action = action
        self.tier = tier
        self.moved = moved
        self.step = step_of(tier.name if tier else AFTER_DRILL, action.name)

    def see_through(self, context: Context) -> Steps[str | None]:
        """Do the action until it is done, gone on without, or stops its tier; return why it stops."""
        while True:
            report = yield from self._turn(context)
            self.log.actions = [
                r for r in self.log.actions if r.name != report.name or r.tier != report.tier
            ]
            self.log.actions.append(report)
            if report.outcome is DONE:
                self.journal.note(f"action {self.step} is done")
                return None
            because = f"action {self.step} {report.outcome.value.replace('_', ' ')}: {report.error}"
            self.journal.note(because)
            if self.log.cancelled_by:
                return because
            self.log.deviations.append(because)
            match self.action.on_error:
                case OnError.STOP:
                    return because
                case OnError.CONTINUE:
                    self.log.skip(f"the run went on without action {self.step}")
                    return None
            word = yield from ask_for_word(
                context, self.journal, self.around, self.log, self.step, because
            )
            match word.verb if word else None:
                case ControlVerb.RETRY if word:
                    self.log.deviations.append(f"{word.by} had action {self.step} tried again")
                case ControlVerb.SKIP if word:
                    self.log.actions[-1] = report.model_copy(update={"skipped_by": word.by})
                    self.log.skip(f"{word.by} skipped action {self.step}")
                    return None
                case _:
                    return because

    def _turn(self, context: Context) -> Steps[ActionReport]:
        """Do the action once."""
        turn = self.log.next_turn(self.step)
        started = now(context)
        self.journal.note(f"action {self.step} begins: {self.action.kind}")
        closes = min(started + self.action.within, self.around.until)
        report = ActionReport(
            name=self.action.name,
            kind=self.action.kind,
            tier=self.tier.name if self.tier else None,
            started_at=started,
            ended_at=started,
            outcome=FAILED,
            attempts=turn,
        )
        mark = mark_of(self.around.run, self.step, turn)
        said: dict[str, Any]
        if closes <= started:
            said = {"outcome": ActionOutcome.TIMED_OUT, "error": "the run's time was up"}
        elif self.action.http is not None:
            said = yield from self._call(context, self.action.http, mark, closes)
        elif self.action.runbook is not None:
            said = yield from self._run_runbook(context, self.action.runbook, mark, closes)
        elif self.action.manual is not None:
            said = yield from self._ask_person(context, self.action.manual, turn, closes)
        else:
            said = yield from self._wait(context, self.action.wait or timedelta(0))
        return report.model_copy(update={"ended_at": now(context), **said})

    def _call(
        self, context: Context, http: HttpCall, mark: str, closes: datetime
    ) -> Steps[dict[str, Any]]:
        around = self.around
        order = HttpOrder(call=http, mark=mark, reach=around.reach, claim=around.claim)
        try:
            heard = yield from call(context, Actions.call_http, order, until=closes)
        except StepFailed as failed:
            return {"outcome": FAILED, "error": failed.said}
        if heard.ok:
            return {"outcome": DONE, "output": heard.said or None}
        return {
            "outcome": FAILED,
            "output": heard.said or None,
            "error": f"the answer was {heard.status}, which the plan does not expect",
        }

    def _run_runbook(
        self, context: Context, runbook: Runbook, job: str, closes: datetime
    ) -> Steps[dict[str, Any]]:
        """Start the runbook's job, or adopt it, and look at it less and less often until it is over."""
        started = now(context)
        around = self.around
        told = (
            recovery_plan_context(around.plan, self.tier, around.occasion, around.group, self.moved)
            if self.action.wants_context
            else None
        )
        order = RunbookOrder(runbook=runbook, job=job, context=told, claim=around.claim)
        try:
            seen = yield from call(context, Actions.start_runbook, order, until=closes)
            while not seen.over and now(context) < closes:
                pause = max(FIRST_LOOK, min((now(context) - started) / 10, LONGEST_PAUSE))
                yield from sleep(context, min(pause, closes - now(context)))
                seen = yield from call(context, Actions.check_runbook, order, until=closes)
        except StepFailed as failed:
            return {"outcome": FAILED, "error": failed.said, "job": job}
        if not seen.over:
            return (yield from self._stop(context, order, seen))
        if seen.done:
            return {"outcome": DONE, "output": seen.output, "job": job}
        error = f"its job is {seen.status}" + (f": {seen.error}" if seen.error else "")
        return {"outcome": FAILED, "output": seen.output, "error": error, "job": job}

    def _stop(self, context: Context, order: RunbookOrder, seen: JobSeen) -> Steps[dict[str, Any]]:
        """Tell a job to stop whose time is up: what nobody waits for must not act behind the run's back."""
        error = f"its job was still {seen.status} when its time was up, and was told to stop"
        try:
            until = now(context) + timedelta(minutes=1)
            yield from call(context, Actions.stop_runbook, order, HASTY, until)
        except StepFailed as failed:
            error = f"its job was still {seen.status} when its time was up; {failed.said}"
        return {"outcome": ActionOutcome.TIMED_OUT, "error": error, "job": order.job}

    def _ask_person(
        self, context: Context, deed: str, turn: int, closes: datetime
    ) -> Steps[dict[str, Any]]:
        """Ask whether somebody has done it; whoever asked for the run may answer, for nothing is approved here."""
        around, asked_at = self.around, now(context)
        self.log.questions += 1
        asker = f"{context.instance_id}.m{self.log.questions}"
        gate = self.step if turn == 1 else f"{self.step}.{turn}"
        question = Question.model_validate(
            {
                "run": around.run,
                "under": around.under,
                "gate": gate,
                "digest": around.digest,
                "requested_by": around.run,
                "until": closes,
                "wishes": KEPT_CONTROLS,  # no wish about the commit window ends this wait
            }
        )
        opened = {**question.wire(), "bell": asker}
        yield from ask(context, desk_of(around.run), "open", opened)
        waiting = Waiting(gate=gate, digest=around.digest, until=closes, says=deed)
        self.journal.waits(waiting)
        self.journal.note(f"waits for a person until {closes:%H:%M:%S} UTC: {deed}")
        asked = {"gate": gate, "digest": around.digest, "says": deed}
        yield from tell_of(context, self.journal, around, asked)
        answer = yield from child(context, await_decision, question, asker, Answer)
        self.log.waited += now(context) - asked_at
        self.journal.waits(None)
        if answer.decision is None:
            if answer.disturbed:
                return (yield from self._cancelled(context))
            told = f"nobody said within {in_words(now(context) - asked_at)} that it is done"
            return {"outcome": ActionOutcome.TIMED_OUT, "error": told}
        self.log.decisions.append(answer.decision)
        by = answer.decision.by
        self.journal.note(f"{by} said {answer.decision.verdict.value} at gate {gate}")
        if answer.decision.verdict is Verdict.REJECT:
            return {
                "outcome": ActionOutcome.REJECTED,
                "by": by,
                "error": f"{by} said that it is not done",
            }
        return {"outcome": DONE, "by": by}

    def _wait(self, context: Context, duration: timedelta) -> Steps[dict[str, Any]]:
        """Wait so long, unless somebody cancels the run; a wait is its own bound."""
        ends = now(context) + duration
        until = min(ends, self.around.until)
        if self.tier is None:  # a hook follows a clean-up, which no cancel takes away
            yield from sleep(context, until - now(context))
        while now(context) < until:
            runs = (self.around.run, self.around.under)
            standing = yield from rest(context, until - now(context), *runs)
            if standing.cancelled_by:
                return (yield from self._cancelled(context))
        if until < ends:
            return {"outcome": ActionOutcome.TIMED_OUT, "error": "the run's time was up"}
        return {"outcome": DONE}

    def _cancelled(self, context: Context) -> Steps[dict[str, Any]]:
        standing = yield from read_standing(context, self.around.run, self.around.under)
        self.log.cancelled_by = standing.cancelled_by
        return {"outcome": FAILED, "error": f"{standing.cancelled_by} cancelled the run"}
