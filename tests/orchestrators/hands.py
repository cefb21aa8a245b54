"""Hold a runbook in one's hands: its real generators and the real entities, turn by turn, with no engine around them.

An engine replays and writes every turn, which is what makes a night on the `stage` slow. Where tens of thousands of
short stories are told, only their order matters: here time jumps from one thing that happens to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, get_type_hints

from domain.model import Model
from domain.reply import Done
from entities.desk import desk
from entities.estate import estate
from entities.kill_switch import kill_switch
from entities.lock import lock
from entities.region import region
from orchestrators.approval import await_decision
from orchestrators.durable import Context, Steps
from tests.entities.asked import Turn
from tests.orchestrators.cast import Cast
from tests.orchestrators.playbill import PLAYED
from tests.orchestrators.stage import START

ENTITIES = {each.__name__: each for each in (desk, lock, region, kill_switch, estate)}
ACTIVITIES = {each.__name__: each for each in PLAYED}
HINTS = {name: get_type_hints(each) for name, each in ACTIVITIES.items()}


class ChildLost(Exception):
    """A child that these hands do not hold was called for."""


@dataclass
class Task:
    """Something a runbook waits for."""

    result: Any = None
    at: datetime | None = None
    event: str | None = None
    any_of: tuple[Task, ...] = ()

    def cancel(self) -> None:
        """Take no notice: nobody waits for it any more."""


class Story(Protocol):
    """What happens around a run while it waits."""

    def goes_on(self, until: datetime) -> bool:
        """Let the next thing happen if it does before a time, and say whether it did."""
        ...

    def closed(self) -> None:
        """Hear that a question's time was up."""
        ...


@dataclass
class Hands:
    """The world around one run: its entities, its clock, its activities, and the story that goes on meanwhile."""

    story: Story
    cast: Cast = field(default_factory=Cast)
    script: dict[str, Callable[[], Any]] = field(default_factory=dict)
    """What activities say, as it crosses the wire; what is not said here, the cast plays."""
    time: datetime = START
    entities: dict[tuple[str, str], Any] = field(default_factory=dict)
    """What each entity remembers."""
    called: list[tuple[str, Any]] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    asked: Any = None
    rung: set[tuple[str, str]] = field(default_factory=set)

    def ask(self, name: str, key: str, operation: str, request: Any) -> Any:
        """Ask an entity, and return its answer."""
        turn = Turn(self.entities.get((name, key)), operation, request)
        ENTITIES[name](turn)
        self.entities[name, key] = turn.state
        return turn.result

    def conduct(self, runbook: Callable[[Context], Steps[Any]], run: str, given: Any) -> Any:
        """Go through a runbook to its end and return its answer."""
        while True:
            context = Turns(self, run, given)
            steps = runbook(context)
            task = next(steps)
            try:
                while True:
                    said = self._wait(run, task)
                    lost = isinstance(said, Exception)
                    task = steps.throw(said) if lost else steps.send(said)
            except StopIteration as end:
                if context.again is None:
                    return end.value
                given = context.again
                self.rung = {each for each in self.rung if each[0] != run}

    def _wait(self, run: str, task: Task) -> Any:
        bell, timer = task.any_of or (None, task)
        if bell is not None and bell.event is None:
            return bell
        if timer.at is None:
            return task.result
        while bell is None or (run, bell.event) not in self.rung:
            if not self.story.goes_on(timer.at):
                self.time = timer.at
                return timer
        return bell

    def play(self, name: str, payload: Any) -> Any:
        """Answer one call of an activity."""
        self.called.append((name, payload))
        if name in self.script:
            return Done(value=self.script[name]()).wire()
        hints = HINTS[name]
        request_type: type[Model] = next(t for n, t in hints.items() if n != "return")
        reply = getattr(self.cast, name)(request_type.model_validate(payload), self.time)
        return Done(value=reply.wire()).wire()

    def request(self, name: str) -> Any:
        """Return what an activity was asked last."""
        return next(request for called, request in reversed(self.called) if called == name)


class Turns:
    """What a runbook sees of the world."""

    def __init__(self, hands: Hands, instance_id: str, given: Any) -> None:
        self._hands = hands
        self.instance_id = instance_id
        self._given = given
        self.again: Any = None

    @property
    def current_utc_datetime(self) -> datetime:
        return self._hands.time

    def get_input(self) -> Any:
        return self._given

    def call_activity(self, name: str, input_: Any) -> Task:
        return Task(self._hands.play(name, input_))

    def call_sub_orchestrator(self, name: str, input_: Any, instance_id: str) -> Task:
        self._hands.children.append(name)
        if name != await_decision.__name__:
            return Task(ChildLost(name))
        self._hands.asked = input_
        return Task(self._hands.conduct(await_decision, instance_id, input_))

    def call_entity(self, entityId: Any, operationName: str, operationInput: Any) -> Task:
        if operationName == "close":
            self._hands.story.closed()
        name, key = entityId
        return Task(self._hands.ask(name, key, operationName, operationInput))

    def create_timer(self, fire_at: datetime) -> Task:
        return Task(at=fire_at)

    def wait_for_external_event(self, name: str) -> Task:
        return Task(event=name)

    def task_any(self, activities: list[Any]) -> Task:
        return Task(any_of=tuple(activities))

    def task_all(self, activities: list[Any]) -> Task:
        return Task([each.result for each in activities])

    def set_custom_status(self, status: Any) -> None:
        """Show nothing: nobody looks."""

    def continue_as_new(self, input_: Any) -> None:
        self.again = input_
