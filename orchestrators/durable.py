"""The one door to the SDK: call an activity, a child or an entity; sleep; hear a bell.

``yield`` in Durable Functions is typed ``Any``; ``yield from call(...)`` is typed as the activity's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol, TypeVar, get_type_hints

from domain.model import Model
from domain.reply import Done, Refused, Reply

from orchestrators.names import EntityRef

T = TypeVar("T")
In = TypeVar("In", bound=Model)
Out = TypeVar("Out", bound=Model)
Steps = Generator[Any, Any, T]

# 17 minutes in all: longer than a storm of throttling, shorter than anybody's patience with silence.
PATIENT = tuple(timedelta(seconds=s) for s in (5, 10, 20, 40, 60, 60, 120, 120, 300, 300))
HASTY = tuple(timedelta(seconds=s) for s in (5, 10, 20))


class Context(Protocol):
    """What Leeward uses of the SDK's orchestration context."""

    @property
    def instance_id(self) -> str:
        """Return the id of this instance."""
        ...

    @property
    def current_utc_datetime(self) -> datetime:
        """Return the time of this turn, the same at every replay."""
        ...

    def get_input(self) -> Any:
        """Return the input as plain JSON."""
        ...

    def call_activity(self, name: str, input_: Any) -> Any:
        """Schedule an activity."""
        ...

    def call_sub_orchestrator(self, name: str, input_: Any, instance_id: str) -> Any:
        """Schedule a child."""
        ...

    def call_entity(
        self, entityId: Any, operationName: str, operationInput: Any
    ) -> Any:  # the SDK's
        """Ask an entity."""
        ...

    def create_timer(self, fire_at: datetime) -> Any:
        """Schedule a timer."""
        ...

    def wait_for_external_event(self, name: str) -> Any:
        """Wait for an event."""
        ...

    def task_any(self, activities: list[Any]) -> Any:
        """Wait for the first of several tasks."""
        ...

    def task_all(self, activities: list[Any]) -> Any:
        """Wait for all of several tasks."""
        ...

    def set_custom_status(self, status: Any) -> None:
        """Show something of this instance."""
        ...

    def continue_as_new(self, input_: Any) -> None:
        """Begin again with a fresh history."""
        ...


OWN_FAULT = "own_fault"


class StepFailed(Exception):
    """A step was refused for good, or for longer than patience lasts, or it broke by a fault of our own."""

    def __init__(self, step: str, refused: Refused) -> None:
        self.step = step
        self.code = refused.code
        self.said = f"{step} was refused: {refused.message}"
        if refused.code == OWN_FAULT:
            self.said = f"{step} broke by a fault of Leeward's own: {refused.message}"
        super().__init__(f"{self.said} ({refused.code})")


def now(context: Context) -> datetime:
    """Return the time of this turn, UTC and aware."""
    return context.current_utc_datetime.astimezone(UTC)


def call(
    context: Context,
    activity: Callable[[Any, In], Out],
    request: In,
    patience: Iterable[timedelta] = PATIENT,
    until: datetime | None = None,
) -> Steps[Out]:
    """Run one activity, waiting out what is transient on durable timers, but never beyond ``until``.

    Raises StepFailed when it is refused for good, patience or time is at its end, or the activity is broken: an
    exception is a bug, and the run that meets one still has to put things back and end in a named outcome.
    """
    for pause in (*patience, None):
        try:
            said = yield context.call_activity(activity.__name__, request.wire())
            reply = Reply.validate_python(said)
            if isinstance(reply, Done):
                answer: type[Out] = _answer_of(activity)
                return answer.model_validate(reply.value)
        except Exception as bug:
            broken = Refused(code=OWN_FAULT, message=in_short(bug))
            raise StepFailed(activity.__name__, broken) from bug
        if not reply.transient or pause is None:
            raise StepFailed(activity.__name__, reply)
        wait = max(pause, reply.retry_after or pause)
        if until is not None and now(context) + wait > until:
            raise StepFailed(activity.__name__, reply)
        yield from sleep(context, wait)
    raise AssertionError("patience ends in None, which returns or raises")


def call_in_time(
    context: Context, activity: Callable[[Any, In], Out], request: In, within: timedelta
) -> Steps[Out | None]:
    """Run one activity and return its answer, or None when there is none in time, whatever the reason."""
    until = now(context) + within
    for pause in (*HASTY, None):
        said = yield from _in_time(
            context, context.call_activity(activity.__name__, request.wire()), until
        )
        try:
            reply = Reply.validate_python(said)
            if isinstance(reply, Done):
                answer: type[Out] = _answer_of(activity)
                return answer.model_validate(reply.value)
        except ValueError:
            return None
        wait = max(pause, reply.retry_after or pause) if pause else None
        if not reply.transient or wait is None or now(context) + wait >= until:
            return None
        yield from sleep(context, wait)
    return None


def ask_in_time(
    context: Context, entity: EntityRef, operation: str, request: dict[str, Any], within: timedelta
) -> Steps[Any]:
    """Ask an entity and return its answer, or None when there is none in time: it lives in storage that may be slow."""
    task = context.call_entity(entity, operation, request)
    return (yield from _in_time(context, task, now(context) + within))


def _in_time(context: Context, task: Any, until: datetime) -> Steps[Any]:
    """Return what a task came to, or None when it failed or the time was up first."""
    timer = context.create_timer(until)
    first = yield context.task_any([task, timer])
    if first is timer:
        return None
    timer.cancel()
    return None if isinstance(task.result, Exception) else task.result


def in_short(bug: Exception) -> str:
    """Return the first line of a fault: the engine hands on whole stacks, which belong into no evidence."""
    lines = str(bug).strip().splitlines()
    return lines[0].strip() if lines else type(bug).__name__


def child(
    context: Context,
    orchestrator: Callable[[Context], Steps[Any]] | str,
    request: Model,
    instance_id: str,
    answer: type[Out],
) -> Steps[Out]:
    """Run a child orchestration, a whole run by its name; it reports failure as its answer."""
    name = orchestrator if isinstance(orchestrator, str) else orchestrator.__name__
    said = yield context.call_sub_orchestrator(name, request.wire(), instance_id)
    return answer.model_validate(said)


def fan_out(
    context: Context,
    orchestrator: Callable[[Context], Steps[Any]],
    requests: Mapping[str, Model],
    answer: type[Out],
) -> Steps[dict[str, Out]]:
    """Run several children side by side, by instance id, and return the answers of all."""
    tasks = [
        context.call_sub_orchestrator(orchestrator.__name__, request.wire(), instance_id)
        for instance_id, request in requests.items()
    ]
    said = yield context.task_all(tasks)
    return {name: answer.model_validate(one) for name, one in zip(requests, said, strict=True)}


def ask(context: Context, entity: EntityRef, operation: str, request: dict[str, Any]) -> Steps[Any]:
    """Ask an entity and return its plain JSON answer."""
    answer = yield context.call_entity(entity, operation, request)
    return answer


def sleep(context: Context, duration: timedelta) -> Steps[None]:
    """Wait on a durable timer."""
    yield context.create_timer(context.current_utc_datetime + duration)


def hear(context: Context, name: str, within: timedelta) -> Steps[bool]:
    """Wait for a doorbell, and say whether it rang in time."""
    rung = context.wait_for_external_event(name)
    timer = context.create_timer(context.current_utc_datetime + within)
    first = yield context.task_any([rung, timer])
    if first is rung:
        timer.cancel()
        return True
    return False


@cache
def _answer_of(activity: Callable[..., Any]) -> Any:
    return get_type_hints(activity)["return"]
