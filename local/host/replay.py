"""Replay the SDK's actions against history: the half of determinism that the host has to keep.

The SDK answers a turn with every action its orchestrator ever took, without ids. As the Durable
extension and DTFx do, the host takes the actions one after another, awaiting each, hands every
activity, sub-orchestration, timer and message the next sequence id, and holds the result against
history. What history does not know yet is new work. What history knows otherwise is a mistake.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any

from local.host.history import Event, EventType, unstamp

Action = dict[str, Any]


class ActionType(IntEnum):
    """The kinds of actions, numbered as on the wire."""

    CALL_ACTIVITY = 0
    CALL_ACTIVITY_WITH_RETRY = 1
    CALL_SUB_ORCHESTRATOR = 2
    CALL_SUB_ORCHESTRATOR_WITH_RETRY = 3
    CONTINUE_AS_NEW = 4
    CREATE_TIMER = 5
    WAIT_FOR_EXTERNAL_EVENT = 6
    CALL_ENTITY = 7
    CALL_HTTP = 8
    SIGNAL_ENTITY = 9
    SCHEDULED_SIGNAL_ENTITY = 10
    WHEN_ANY = 11
    WHEN_ALL = 12


class Kind(StrEnum):
    """What a sequence id can stand for."""

    ACTIVITY = "activity"
    SUB_ORCHESTRATION = "sub-orchestration"
    TIMER = "timer"
    MESSAGE = "entity message"


_RECORDED_AS = {
    EventType.TASK_SCHEDULED: Kind.ACTIVITY,
    EventType.SUB_ORCHESTRATION_CREATED: Kind.SUB_ORCHESTRATION,
    EventType.TIMER_CREATED: Kind.TIMER,
    EventType.EVENT_SENT: Kind.MESSAGE,
}
_RESULTS = {
    EventType.TASK_COMPLETED: ("TaskScheduledId", True),
    EventType.TASK_FAILED: ("TaskScheduledId", False),
    EventType.SUB_ORCHESTRATION_COMPLETED: ("TaskScheduledId", True),
    EventType.SUB_ORCHESTRATION_FAILED: ("TaskScheduledId", False),
    EventType.TIMER_FIRED: ("TimerId", True),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A piece of work under its sequence id."""

    id: int
    kind: Kind
    name: str
    input: str | None = None
    instance_id: str = ""
    version: str | None = None
    fire_at: str | None = None
    request_id: str = ""
    is_signal: bool = False

    def __str__(self) -> str:
        return f"the {self.kind} '{self.name}'" if self.name else f"a {self.kind}"


class NonDeterministic(Exception):
    """The orchestrator's code no longer does what history says it did."""


class Refused(Exception):
    """The orchestrator asked for something that this host, or this app, does not have."""


class _Future:
    """Something that will be done, well or badly."""

    __slots__ = ("_then", "done", "well")

    def __init__(self, done: bool = False) -> None:
        self.done = done
        self.well = True
        self._then: list[Callable[[], None]] = []

    def resolve(self, well: bool = True) -> None:
        if self.done:
            return
        self.done, self.well = True, well
        waiting, self._then = self._then, []
        for go_on in waiting:
            go_on()

    def then(self, go_on: Callable[[], None]) -> None:
        if self.done:
            go_on()
        else:
            self._then.append(go_on)


_Steps = Generator[_Future, None, bool]


class Replay:
    """One replay of an orchestrator's actions over its history."""

    def __init__(
        self,
        actions: Sequence[Action],
        execution_id: str,
        reserved_ids: Iterable[str | None],
        check: Callable[[str, str], None],
    ) -> None:
        """Prepare a replay.

        ``reserved_ids`` are instance ids no child may have; ``check`` is asked for every function
        by kind and name and raises Refused for those the app does not have.
        """
        self.finished = False
        self.continued: Action | None = None
        self.carried: list[Event] = []
        self.taken = 0
        self._actions = actions
        self._execution_id = execution_id
        self._reserved_ids = {reserved.lower() for reserved in reserved_ids if reserved}
        self._check = check
        self._now = datetime.min.replace(tzinfo=UTC)
        self._next_id = 0
        self._undecided: dict[int, Decision] = {}
        self._open: dict[int, tuple[Decision, _Future]] = {}
        self._waiting: dict[str, list[_Future]] = {}
        self._buffered: dict[str, int] = {}

    @property
    def decisions(self) -> list[Decision]:
        """Return the work that history does not know yet, in order."""
        return list(self._undecided.values())

    @property
    def open(self) -> list[Decision]:
        """Return the work whose result the host still waits for."""
        return [decision for decision, _ in self._open.values()]

    def run(self, events: Iterable[Event]) -> None:
        """Go through history; raises NonDeterministic or Refused."""
        for happened in events:
            self._take(happened)

    # -- history -----------------------------------------------------------------------

    def _take(self, happened: Event) -> None:
        kind = happened["EventType"]
        if kind == EventType.ORCHESTRATOR_STARTED:
            self._now = unstamp(happened["Timestamp"])
        elif kind in _RESULTS:
            key, well = _RESULTS[kind]
            found = self._open.pop(happened[key], None)
            if found is not None:
                found[1].resolve(well)
        elif kind in _RECORDED_AS:
            self._match(_RECORDED_AS[kind], happened)
        elif kind == EventType.EXECUTION_STARTED:
            self._spawn(self._main())
        elif kind == EventType.EVENT_RAISED:
            self._hear(happened)

    def _match(self, kind: Kind, recorded: Event) -> None:
        step = recorded["EventId"]
        name = str(recorded.get("Name") or "")
        before = f"the {kind} '{name}'" if name else f"a {kind}"
        now = self._undecided.pop(step, None)
        if now is not None and now.kind == kind and now.name.lower() == name.lower():
            return
        came = f"now it asks for {now}" if now else "now it asks for nothing at that step"
        raise NonDeterministic(
            f"Non-Deterministic workflow detected: at step {step} the orchestrator asked for "
            f"{before} when it first ran, and {came}. Was its code changed while the instance "
            "was running, or does it read anything but its input and its context?"
        )

    def _hear(self, raised: Event) -> None:
        if self.continued is not None:
            self.carried.append(raised)
            return
        # Names are compared without case, and the newest waiter is served first, as in Azure.
        name = raised["Name"].lower()
        waiters = self._waiting.get(name)
        if waiters:
            waiters.pop().resolve()
        else:
            self._buffered[name] = self._buffered.get(name, 0) + 1

    # -- actions -----------------------------------------------------------------------

    def _main(self) -> _Steps:
        for action in self._actions:
            self.taken += 1
            yield self._invoke(action)
        self.finished = True
        return True

    def _invoke(self, action: Action) -> _Future:
        match action["actionType"]:
            case ActionType.CALL_ACTIVITY:
                return self._call_activity(action)
            case ActionType.CALL_ACTIVITY_WITH_RETRY:
                return self._spawn(self._with_retry(action, self._call_activity))
            case ActionType.CALL_SUB_ORCHESTRATOR:
                return self._call_sub_orchestrator(action)
            case ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY:
                return self._spawn(self._with_retry(action, self._call_sub_orchestrator))
            case ActionType.CREATE_TIMER:
                return self._timer(action["fireAt"], bool(action.get("isCanceled")))
            case ActionType.WAIT_FOR_EXTERNAL_EVENT:
                return self._wait_for(action["externalEventName"])
            case ActionType.CALL_ENTITY:
                return self._wait_for(self._message(action, is_signal=False))
            case ActionType.SIGNAL_ENTITY | ActionType.SCHEDULED_SIGNAL_ENTITY:
                self._message(action, is_signal=True)
                return _Future(done=True)
            case ActionType.CONTINUE_AS_NEW:
                self.continued = action
                return _Future(done=True)
            case ActionType.WHEN_ALL:
                children = [self._invoke(child) for child in action["compoundActions"]]
                return self._spawn(_all(children))
            case ActionType.WHEN_ANY:
                return _any([self._invoke(child) for child in action["compoundActions"]])
            case ActionType.CALL_HTTP:
                raise Refused(
                    "call_http is not supported by the local host; send the request from an "
                    "activity instead"
                )
            case unknown:
                raise Refused(f"the SDK sent an action of the unknown type {unknown}")

    def _call_activity(self, action: Action) -> _Future:
        name = action["functionName"]
        self._check("activity", name)
        return self._decide(Kind.ACTIVITY, name, input=action.get("input"))

    def _call_sub_orchestrator(self, action: Action) -> _Future:
        name = action["functionName"]
        self._check("orchestrator", name)
        instance_id = action.get("instanceId") or f"{self._execution_id}:{self._next_id}"
        if instance_id.lower() in self._reserved_ids:
            raise Refused(
                f"the sub-orchestration '{name}' has the instance id of its parent, "
                f"'{instance_id}'; give it one of its own"
            )
        if instance_id.startswith("@"):
            raise Refused(f"an orchestration's instance id must not start with @: '{instance_id}'")
        return self._decide(
            Kind.SUB_ORCHESTRATION,
            name,
            input=action.get("input"),
            instance_id=instance_id,
            version=action.get("version"),
        )

    def _timer(self, fire_at: str, cancelled: bool = False) -> _Future:
        future = self._decide(Kind.TIMER, "", fire_at=fire_at)
        if cancelled:
            # A cancelled timer keeps its id and still fires; nobody waits for it any more.
            self._open.pop(self._next_id - 1)
            future.resolve(well=False)
        return future

    def _message(self, action: Action, is_signal: bool) -> str:
        name = action["instanceId"].split("@")[1]
        self._check("entity", name)
        # Derived from the run and the step, so that a replay finds the id that history recorded.
        request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._execution_id}:{self._next_id}"))
        decision = Decision(
            self._take_id(),
            Kind.MESSAGE,
            action["operation"],
            input=action.get("input"),
            instance_id=action["instanceId"],
            fire_at=action.get("fireAt"),
            request_id=request_id,
            is_signal=is_signal,
        )
        self._undecided[decision.id] = decision
        return request_id

    def _wait_for(self, name: str) -> _Future:
        name = name.lower()
        future = _Future()
        if self._buffered.get(name):
            self._buffered[name] -= 1
            future.resolve()
        else:
            self._waiting.setdefault(name, []).append(future)
        return future

    def _with_retry(self, action: Action, call: Callable[[Action], _Future]) -> _Steps:
        options = action["retryOptions"]
        attempts = options["maxNumberOfAttempts"]
        pause = timedelta(milliseconds=options["firstRetryIntervalInMilliseconds"])
        for attempt in range(1, attempts + 1):
            future = call(action)
            yield future
            if future.well:
                return True
            # DTFx sets one more timer after the last failure, and the SDK counts on its id.
            delay = pause if attempt < attempts else timedelta(0)
            yield self._timer((self._now + delay).isoformat())
        return False

    def _decide(self, kind: Kind, name: str, **what: Any) -> _Future:
        decision = Decision(self._take_id(), kind, name, **what)
        future = _Future()
        self._undecided[decision.id] = decision
        self._open[decision.id] = (decision, future)
        return future

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _spawn(self, steps: _Steps) -> _Future:
        """Run steps, each awaited; the future is resolved when they end."""
        ended = _Future()

        def go_on() -> None:
            try:
                while (awaited := next(steps)).done:
                    pass
            except StopIteration as stop:
                ended.resolve(bool(stop.value))
            else:
                awaited.then(go_on)

        go_on()
        return ended


def _all(children: Sequence[_Future]) -> _Steps:
    yield from children
    return all(child.well for child in children)


def _any(children: Sequence[_Future]) -> _Future:
    first = _Future()
    for child in children:
        child.then(first.resolve)
    return first
