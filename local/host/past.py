"""Histories of the runs that move, kept in memory between turns."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from local.host.history import Event, played
from local.host.store import Instance, Store

_EVENTS_REMEMBERED = 200_000


@dataclass(slots=True)
class Past:
    """The events of a run, as JSON for the SDK and parsed for the host."""

    texts: list[str]
    events: list[Event]
    told: str = ""
    """What the log last said this run waits for."""


class Memory:
    """Spares reading a history from the file at every turn; the file alone is the truth."""

    def __init__(self, store: Store, limit: int = _EVENTS_REMEMBERED) -> None:
        self._store = store
        self._limit = limit
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, Past] = OrderedDict()
        self._size = 0

    def recall(self, instance: Instance) -> Past:
        """Return the past of the instance's present run."""
        with self._lock:
            past = self._forget(instance)
        if past is None:
            texts = self._store.history(instance.execution_id) if instance.length else []
            past = Past(texts, [json.loads(text) for text in texts])
        with self._lock:
            self._remember(instance, past)
        return past

    def keep(self, instance: Instance, events: Sequence[Event], goes_on: bool) -> None:
        """Add a turn that has been written to the past of a run, or forget a run that is over."""
        with self._lock:
            past = self._forget(instance)
            if past is not None and goes_on:
                past.texts.extend(map(played, events))
                past.events.extend(events)
                self._remember(instance, past)

    def _remember(self, instance: Instance, past: Past) -> None:
        self._runs[instance.execution_id] = past
        self._size += len(past.events)
        while self._size > self._limit and len(self._runs) > 1:
            self._size -= len(self._runs.popitem(last=False)[1].events)

    def _forget(self, instance: Instance) -> Past | None:
        past = self._runs.pop(instance.execution_id, None)
        if past is not None:
            self._size -= len(past.events)
        return past
