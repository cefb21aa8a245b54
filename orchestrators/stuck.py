"""A step that failed waits for a person's word: retry, skip or stop. The word is a fact on the run's desk.

The event is only a doorbell: a lost ring costs at most `LISTEN`. No word in time is the same as stop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from activities.notices import Notice, Notices
from domain.acting import MUST_NOT_ACT, Claim
from domain.action import Occasion
from domain.controls import STEP_WORDS, Control, ControlVerb, Standing
from domain.model import ArmId, Recorded, RunId, in_words
from domain.policy import OnFailure
from domain.reach import Places
from domain.reports import ActionReport
from domain.run import Decision, Waiting
from pydantic import AwareDatetime

from orchestrators.controls import read_standing
from orchestrators.durable import HASTY, Context, StepFailed, Steps, ask, call, child, hear, now
from orchestrators.journal import Answered, Journal
from orchestrators.names import bell, desk_of

LISTEN = timedelta(seconds=15)
TURNS_PER_HISTORY = 20
TELL_WITHIN = timedelta(minutes=1)
# No step is asked about more often, so that no history grows without an end.
MOST_TURNS = 10
NOTHING = timedelta(0)


class Around(Recorded):
    """What a step that may ask a person, or tell somebody outside, has to know of its run."""

    run: RunId
    under: RunId | None = None
    plan: str
    digest: str
    occasion: Occasion = Occasion.FAILOVER
    group: ArmId | None = None
    on_failure: OnFailure = OnFailure.STOP
    answer_within: timedelta = timedelta(hours=1)
    reach: Places | None = None
    until: AwareDatetime
    claim: Claim | None = None


@dataclass(slots=True)
class Log:
    """What the steps of a tier, or the hooks of a drill, came to beside their report."""

    actions: list[ActionReport] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)
    deviations: list[str] = field(default_factory=list)
    waited: timedelta = NOTHING
    cancelled_by: str | None = None
    settled: list[str] = field(default_factory=list)
    turns: dict[str, int] = field(default_factory=dict)
    questions: int = 0
    let_be: bool = False

    def next_turn(self, step: str) -> int:
        """Count the turns of a step."""
        self.turns[step] = self.turns.get(step, 0) + 1
        return self.turns[step]

    def skip(self, what: str) -> None:
        """Write down what the run goes on without."""
        self.skips.append(what)
        self.deviations.append(what)


class Aside(Answered):
    """What the tiers' own reports do not tell: actions, a person's words, what was gone on without."""

    actions: tuple[ActionReport, ...] = ()
    decisions: tuple[Decision, ...] = ()
    skips: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    waited: timedelta = NOTHING
    stopped: str | None = None


def aside(log: Log) -> dict[str, Any]:
    """Return what a log holds as the fields of an `Aside`."""
    return {
        "actions": tuple(log.actions),
        "decisions": tuple(log.decisions),
        "skips": tuple(log.skips),
        "deviations": tuple(log.deviations),
        "waited": log.waited,
        "stopped": log.cancelled_by,
    }


class StepQuestion(Recorded):
    """Which step waits for a word, and until when."""

    run: RunId
    under: RunId | None = None
    step: str
    until: AwareDatetime


class StepAnswer(Recorded):
    """The word that was said, or none in time; or who cancelled the run meanwhile."""

    word: Control | None = None
    cancelled_by: str | None = None


def await_word(context: Context) -> Steps[dict[str, object] | None]:
    """Wait until the step is given a word, the run is cancelled, or the time is up."""
    question = StepQuestion.model_validate(context.get_input())
    desk, about = desk_of(question.run), {"step": question.step}
    for _ in range(TURNS_PER_HISTORY):
        left = question.until - now(context)
        said = yield from ask(context, desk, "unwait" if left <= NOTHING else "standing", about)
        if said["word"]:
            return StepAnswer(word=Control.model_validate(said["word"])).wire()
        standing = Standing.model_validate(said["standing"])
        if question.under:
            above = yield from read_standing(context, question.under)
            standing = standing.and_above(above)
        if standing.cancelled_by or left <= NOTHING:
            return StepAnswer(cancelled_by=standing.cancelled_by).wire()
        yield from hear(context, bell("word", 1), min(LISTEN, left))
    context.continue_as_new(question.wire())
    return None


def ask_for_word(
    context: Context, journal: Journal, around: Around, log: Log, step: str, because: str
) -> Steps[Control | None]:
    """Ask whether a failed step is tried again, skipped or let be; None when nobody said anything in time."""
    asked_at = now(context)
    until = min(asked_at + around.answer_within, around.until)
    if MUST_NOT_ACT in because:  # whatever is said, the step cannot be done here any more
        log.let_be = True
        return None
    if until <= asked_at or log.turns.get(step, 0) >= MOST_TURNS:
        log.let_be = True
        return None
    log.questions += 1
    asker = f"{context.instance_id}.w{log.questions}"
    question = StepQuestion(run=around.run, under=around.under, step=step, until=until)
    # On the desk before it is shown or announced: whoever sees that the step waits can answer.
    yield from ask(context, desk_of(around.run), "wait", {"step": step, "bell": asker})
    verbs = tuple(verb.value for verb in STEP_WORDS)
    journal.waits(Waiting(gate=step, digest="", until=until, says=because, verbs=verbs))
    journal.note(f"step {step} waits until {until:%H:%M:%S} UTC: {', '.join(verbs)}? {because}")
    yield from tell_of(context, journal, around, {"step": step, "verbs": list(verbs)})
    answer = yield from child(context, await_word, question, asker, StepAnswer)
    log.waited += now(context) - asked_at
    log.cancelled_by = answer.cancelled_by
    journal.waits(None)
    if answer.word is not None:
        journal.note(f"{answer.word.by} said {answer.word.verb.value} to step {step}")
    elif answer.cancelled_by is None:
        told = in_words(now(context) - asked_at)
        journal.note(f"nobody said within {told} what becomes of step {step}: it stops")
    log.let_be = answer.word is None or answer.word.verb is ControlVerb.STOP
    return answer.word


def tell_of(
    context: Context, journal: Journal, around: Around, data: dict[str, Any]
) -> Steps[None]:
    """Let the world know that a step waits for a person; nobody's night gets longer because that failed."""
    notice = Notice(
        kind="Leeward.DecisionNeeded", run=around.run, data={"plan": around.plan, **data}
    )
    try:
        yield from call(context, Notices.announce, notice, HASTY, now(context) + TELL_WITHIN)
    except StepFailed as failed:
        journal.note(f"it was not announced that a step waits: {failed}")
