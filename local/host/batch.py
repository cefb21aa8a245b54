"""Which of the waiting messages make the next turn of an orchestration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from local.host.history import EventType
from local.host.store import Instance, Message


class Turn(Enum):
    """What the next turn does."""

    NOTHING = "nothing"
    ADVANCE = "advance"
    SUSPEND = "suspend"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one turn: those that become events, those that only go, and what is left."""

    turn: Turn
    events: Sequence[Message] = ()
    dropped: Sequence[Message] = ()
    more: bool = False


def next_batch(instance: Instance, messages: Sequence[Message]) -> Batch:
    """Return the next batch of an instance that has not ended."""
    stale = [m for m in messages if m.execution_id not in (None, instance.execution_id)]
    waiting = [m for m in messages if m.execution_id in (None, instance.execution_id)]
    for last_word in waiting:
        if last_word.kind == EventType.EXECUTION_TERMINATED:
            # At once: what else has come is not looked at any more.
            others = [m for m in messages if m is not last_word]
            return Batch(Turn.TERMINATE, [last_word], others)
    if instance.status == "Suspended":
        return _while_suspended(waiting, stale)
    return _while_running(waiting, stale, is_new=not instance.length)


def _while_running(waiting: Sequence[Message], stale: list[Message], is_new: bool) -> Batch:
    before, suspend = _until(EventType.EXECUTION_SUSPENDED, waiting)
    events = [m for m in before if m.kind != EventType.EXECUTION_RESUMED]
    dropped = stale + [m for m in before if m.kind == EventType.EXECUTION_RESUMED]
    if suspend and not events:
        more = len(before) + 1 < len(waiting)
        return Batch(Turn.SUSPEND, [suspend], dropped, more)
    if events or is_new:
        return Batch(Turn.ADVANCE, events, dropped, more=suspend is not None)
    return Batch(Turn.NOTHING, dropped=dropped)


def _while_suspended(waiting: Sequence[Message], stale: list[Message]) -> Batch:
    held, resume = _until(EventType.EXECUTION_RESUMED, waiting)
    if resume is None:
        return Batch(Turn.NOTHING, dropped=stale)
    after = waiting[len(held) + 1 :]
    rest, suspend = _until(EventType.EXECUTION_SUSPENDED, after)
    come = [*held, *rest]
    controls = (EventType.EXECUTION_SUSPENDED, EventType.EXECUTION_RESUMED)
    return Batch(
        Turn.ADVANCE,
        [resume, *(m for m in come if m.kind not in controls)],
        stale + [m for m in come if m.kind in controls],
        more=suspend is not None,
    )


def _until(
    kind: EventType, messages: Sequence[Message]
) -> tuple[Sequence[Message], Message | None]:
    for index, message in enumerate(messages):
        if message.kind == kind:
            return messages[:index], message
    return messages, None
