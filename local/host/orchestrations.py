"""One turn of an orchestration: new events in, the SDK asked, its decisions written, all at once."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.clock import Clock
from local.host import history
from local.host.batch import Batch, Turn, next_batch
from local.host.contract import App, FunctionFailed, FunctionNotFound
from local.host.decisions import Decisions
from local.host.functions import KnownFunctions
from local.host.history import Event, EventType, stamp
from local.host.past import Memory, Past
from local.host.replay import NonDeterministic, Refused, Replay
from local.host.store import Instance, Store, Transaction

# As Azure Storage has them: a timer may last six days; longer ones go in steps of three.
_LONGEST_TIMER = "6.00:00:00"
_TIMER_STEP = "3.00:00:00"
_REPLAY_SCHEMA = 2  # V3, the newest the SDK knows: compound actions, and long timers in steps
_STATE_MARK = "\n\n$OutOfProcData$:"
_CAUSE_MARK = "\nThe above exception was the direct cause"
_CONTINUED = "ContinuedAsNew"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the SDK said of a turn."""

    actions: Sequence[dict[str, Any]] = ()
    is_done: bool = False
    output: Any = None
    error: str | None = None
    details: str = ""
    custom_status: Any = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Where a turn left the instance."""

    status: str = "Running"
    output: str | None = None
    reason: str = ""
    details: str = ""


class Orchestrations:
    """Runs turns; the caller sees to it that an instance has one at a time."""

    def __init__(
        self, app: App, known: KnownFunctions, store: Store, clock: Clock, decisions: Decisions
    ) -> None:
        self._app = app
        self._known = known
        self._store = store
        self._clock = clock
        self._decisions = decisions
        self._memory = Memory(store)

    def turn(self, instance_id: str) -> None:
        """Bring one instance forward by what has come for it."""
        instance = self._store.instance(instance_id)
        messages = self._store.messages(instance_id)
        if instance is None or instance.has_ended:
            batch = Batch(Turn.NOTHING, dropped=messages)
        else:
            batch = next_batch(instance, messages)
        if instance is None or batch.turn == Turn.NOTHING:
            if batch.dropped:
                with self._store.transaction() as writes:
                    writes.take(batch.dropped)
        elif batch.turn == Turn.ADVANCE:
            self._advance(instance, batch)
        else:
            self._interrupt(instance, batch)

    def _interrupt(self, instance: Instance, batch: Batch) -> None:
        """Suspend or terminate: turns that the SDK is not asked for."""
        now = self._clock.now()
        events = _begun(instance, batch, now)
        outcome = _Outcome("Suspended")
        if batch.turn == Turn.TERMINATE:
            reason = str(batch.events[0].body.get("Input") or "")
            outcome = _Outcome("Terminated", json.dumps(reason), reason)
        with self._store.transaction() as writes:
            writes.take([*batch.events, *batch.dropped])
            self._write(writes, instance, events, outcome, None)
            if batch.more:
                writes.ready.append(instance.id)
        self._memory.keep(instance, events, outcome.status == "Suspended")

    def _advance(self, instance: Instance, batch: Batch) -> None:
        now = self._clock.now()
        past = self._memory.recall(instance)
        new = _begun(instance, batch, now)
        answer = self._ask(instance, past, new)
        replay = Replay(
            answer.actions, instance.execution_id, (instance.id, instance.parent_id), self._check
        )
        outcome = self._outcome(instance, past, new, answer, replay)
        with self._store.transaction() as writes:
            if outcome.status == _CONTINUED:
                self._continue(writes, now, instance, batch, new, answer, replay)
            else:
                writes.take([*batch.events, *batch.dropped])
                for decision in replay.decisions:
                    made = self._decisions.carry_out(writes, now, instance, decision)
                    new.append(history.happened(made, stamp(now)))
                self._write(writes, instance, new, outcome, answer.custom_status)
                if batch.more:
                    writes.ready.append(instance.id)
        self._memory.keep(instance, new, outcome.status == "Running")

    # -- asking ------------------------------------------------------------------------

    def _ask(self, instance: Instance, past: Past, new: Sequence[Event]) -> _Answer:
        events = ",".join([*past.texts, *map(history.fresh, new)])
        rest = {
            "input": history.decoded(instance.input),
            "instanceId": instance.id,
            "isReplaying": bool(past.texts),
            "parentInstanceId": instance.parent_id,
            "upperSchemaVersion": _REPLAY_SCHEMA,
            "maximumShortTimerDuration": _LONGEST_TIMER,
            "longRunningTimerIntervalDuration": _TIMER_STEP,
        }
        context = f'{{"history":[{events}],{json.dumps(rest)[1:]}'
        try:
            self._known.require("orchestrator", instance.name)
            return _read(self._app.run_orchestrator(instance.name, context))
        except FunctionNotFound as missing:
            return _Answer(error=str(missing))
        except FunctionFailed as failure:
            # The SDK raises its state along with the orchestrator's own exception.
            _, found, state = failure.reason.rpartition(_STATE_MARK)
            details = failure.details.partition(_CAUSE_MARK)[0].strip()
            if found:
                return _read(state, details)
            return _Answer(error=failure.reason, details=details)

    def _check(self, kind: str, name: str) -> None:
        try:
            self._known.require(kind, name)
        except FunctionNotFound as missing:
            raise Refused(str(missing)) from missing

    def _outcome(
        self,
        instance: Instance,
        past: Past,
        new: Sequence[Event],
        answer: _Answer,
        replay: Replay,
    ) -> _Outcome:
        prefix = f"Orchestrator function '{instance.name}' failed: "
        try:
            replay.run([*past.events, *new])
        except NonDeterministic as mismatch:
            return _failed(str(mismatch))
        except Refused as refusal:
            return _failed(f"{prefix}{refusal}")
        if not replay.finished or replay.open:
            self._tell_of_waiting(instance, past, answer, replay)
            return _Outcome()
        if answer.error is not None:
            return _failed(f"{prefix}{answer.error}", answer.details)
        if answer.is_done and replay.continued is not None:
            return _Outcome(_CONTINUED)
        if answer.is_done:
            return _Outcome("Completed", json.dumps(answer.output))
        return _Outcome()

    def _tell_of_waiting(
        self, instance: Instance, past: Past, answer: _Answer, replay: Replay
    ) -> None:
        """Log a trap that Azure has too, once: nothing else would tell why nothing happens."""
        ended = answer.is_done or answer.error is not None
        if not ended and replay.taken == len(answer.actions):
            return
        waited = ", ".join(map(str, replay.open)) or "an external event"
        if past.told != waited:
            past.told = waited
            _log.warning(
                "instance %s (%s): the SDK moved on but the host still waits for %s; the instance "
                "stays Running until then, as it would in Azure",
                instance.id,
                instance.name,
                waited,
            )

    # -- writing -----------------------------------------------------------------------

    def _write(
        self,
        writes: Transaction,
        instance: Instance,
        events: list[Event],
        outcome: _Outcome,
        custom_status: Any,
    ) -> None:
        """Write a turn's events and where it left the instance, and tell the parent of an end."""
        now = events[0]["Timestamp"]
        values = {"status": outcome.status, "updated_at": now}
        if custom_status is not None:
            values["custom_status"] = json.dumps(custom_status)
        if outcome.status not in ("Running", "Suspended"):
            end = history.event(
                EventType.EXECUTION_COMPLETED,
                OrchestrationStatus=outcome.status,
                Result=outcome.output,
            )
            events.append(history.happened(end, now))
            values["output"] = outcome.output
            writes.drop_timers(instance.execution_id)
            _tell_parent(writes, instance, outcome)
        events.append(history.happened(history.event(EventType.ORCHESTRATOR_COMPLETED), now))
        writes.append(instance.execution_id, events, instance.length)
        writes.update(instance.id, length=instance.length + len(events), **values)

    def _continue(
        self,
        writes: Transaction,
        now: datetime,
        instance: Instance,
        batch: Batch,
        new: Sequence[Event],
        answer: _Answer,
        replay: Replay,
    ) -> None:
        """Begin the next run of the instance in the place of this one."""
        for decision in replay.decisions:
            self._decisions.carry_out(writes, now, instance, decision)
        # An event that came after continue_as_new belongs to the next run. One of this turn keeps
        # its place in the inbox; one of an earlier turn is sent again.
        carried = {id(event) for event in replay.carried}
        arrived = list(zip(batch.events, new[len(new) - len(batch.events) :], strict=True))
        kept = [message for message, event in arrived if id(event) in carried]
        writes.take([m for m in (*batch.events, *batch.dropped) if m not in kept])
        for event in replay.carried:
            if not any(event is new_event for _, new_event in arrived):
                again = history.event_raised(event["Name"], event["Input"])
                writes.send(instance.id, again)
        writes.drop_history(instance.execution_id)
        writes.drop_timers(instance.execution_id)
        values: dict[str, Any] = {}
        if answer.custom_status is not None:
            values["custom_status"] = json.dumps(answer.custom_status)
        writes.update(
            instance.id,
            execution_id=uuid.uuid4().hex,
            input=json.dumps((replay.continued or {}).get("input")),
            status="Running",
            length=0,
            updated_at=stamp(now),
            **values,
        )
        writes.ready.append(instance.id)


def _begun(instance: Instance, batch: Batch, now: datetime) -> list[Event]:
    """Return the events of a turn, with those that every turn and every run begins with."""
    begin = [history.event(EventType.ORCHESTRATOR_STARTED)]
    if not instance.length:
        begin.append(
            history.event(
                EventType.EXECUTION_STARTED,
                Name=instance.name,
                Version=instance.version,
                Input=instance.input,
            )
        )
    come = [message.body for message in batch.events]
    return [history.happened(each, stamp(now)) for each in (*begin, *come)]


def _tell_parent(writes: Transaction, child: Instance, outcome: _Outcome) -> None:
    if child.parent_id is None or child.parent_task_id is None:
        return
    if not writes.is_current(child.parent_id, child.parent_execution_id):
        return
    if outcome.status == "Completed":
        result = history.child_completed(child.parent_task_id, outcome.output)
    else:
        result = history.child_failed(child.parent_task_id, outcome.reason, outcome.details)
    writes.send(child.parent_id, result, child.parent_execution_id)


def _failed(reason: str, details: str = "") -> _Outcome:
    return _Outcome("Failed", json.dumps(reason), reason, details)


def _read(state: str, details: str = "") -> _Answer:
    told = json.loads(state)
    return _Answer(
        actions=[action for group in told["actions"] for action in group],
        is_done=bool(told.get("isDone")),
        output=told.get("output"),
        error=told.get("error"),
        details=details,
        custom_status=told.get("customStatus"),
    )
