"""Everything the engine remembers, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local.clock import EPOCH
from local.host.history import Event, played

ENDED = frozenset({"Completed", "Failed", "Terminated"})

# AUTOINCREMENT, because SQLite hands the number of a deleted last row to the next one: a timer or
# an activity would be taken for one that has just been dealt with, and its instance hang.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    execution_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT,
    status TEXT NOT NULL,
    input TEXT,
    output TEXT,
    custom_status TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    parent_id TEXT,
    parent_execution_id TEXT,
    parent_task_id INTEGER,
    length INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS history (
    execution_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (execution_id, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    execution_id TEXT,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS inbox_target ON inbox (target, id);
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    task_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    payload TEXT
);
CREATE TABLE IF NOT EXISTS timers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    due INTEGER NOT NULL,
    target TEXT NOT NULL,
    execution_id TEXT,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS timers_execution ON timers (execution_id);
CREATE TABLE IF NOT EXISTS entities (
    id TEXT PRIMARY KEY,
    state TEXT,
    updated_at TEXT NOT NULL
);
"""


class FileInUse(Exception):
    """Another host works on the file."""


class FileUnusable(Exception):
    """The file cannot hold what a host remembers."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One row of the instances table."""

    number: int
    id: str
    execution_id: str
    name: str
    version: str | None
    status: str
    input: str | None
    output: str | None
    custom_status: str | None
    created_at: str
    updated_at: str
    parent_id: str | None
    parent_execution_id: str | None
    parent_task_id: int | None
    length: int

    @property
    def has_ended(self) -> bool:
        """Say whether the instance takes no more messages."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class Task:
    """An activity to run."""

    id: int
    instance_id: str
    execution_id: str
    task_id: int
    name: str
    payload: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """What waits for an instance or an entity to take notice."""

    id: int
    execution_id: str | None
    body: Event

    @property
    def kind(self) -> int:
        """Return the type of the event that the message holds, -1 for an entity's request."""
        return int(self.body.get("EventType", -1))


@dataclass(slots=True)
class Transaction:
    """Writes that become true together, and what there is to do once they have."""

    db: sqlite3.Connection
    ready: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    timers: list[tuple[int, int]] = field(default_factory=list)
    dropped_timers: list[int] = field(default_factory=list)

    def send(self, target: str, body: Event, execution_id: str | None = None) -> None:
        """Put a message into an inbox; with an execution id, for that run alone."""
        self.db.execute(
            "INSERT INTO inbox (target, execution_id, body) VALUES (?, ?, ?)",
            (target, execution_id, json.dumps(body)),
        )
        self.ready.append(target)

    def take(self, messages: Sequence[Message]) -> None:
        """Remove messages that have been dealt with."""
        self.db.executemany("DELETE FROM inbox WHERE id = ?", [(m.id,) for m in messages])

    def schedule(
        self, instance_id: str, execution_id: str, task_id: int, name: str, payload: str | None
    ) -> None:
        """Add an activity to run."""
        row = self.db.execute(
            "INSERT INTO tasks (instance_id, execution_id, task_id, name, payload) "
            "VALUES (?, ?, ?, ?, ?)",
            (instance_id, execution_id, task_id, name, payload),
        )
        number = row.lastrowid or 0
        self.tasks.append(Task(number, instance_id, execution_id, task_id, name, payload))

    def settle(self, task: Task, result: Event) -> None:
        """Replace an activity by its result, for the run that asked for it and no other."""
        self.db.execute("DELETE FROM tasks WHERE id = ?", (task.id,))
        self.send(task.instance_id, result, task.execution_id)

    def is_current(self, instance_id: str, execution_id: str | None) -> bool:
        """Say whether that run of the instance is the present one and has not ended."""
        row = self.db.execute(
            "SELECT status FROM instances WHERE id = ? AND execution_id = ?",
            (instance_id, execution_id),
        ).fetchone()
        return row is not None and row[0] not in ENDED

    def active_status(self, instance_id: str) -> str | None:
        """Return the status of an instance that has not ended; None where there is none."""
        row = self.db.execute(
            "SELECT status FROM instances WHERE id = ?", (instance_id,)
        ).fetchone()
        return None if row is None or row[0] in ENDED else row[0]

    def set_timer(self, due: datetime, target: str, body: Event, execution_id: str | None) -> None:
        """Send a message later."""
        row = self.db.execute(
            "INSERT INTO timers (due, target, execution_id, body) VALUES (?, ?, ?, ?)",
            (micros(due), target, execution_id, json.dumps(body)),
        )
        self.timers.append((micros(due), row.lastrowid or 0))

    def fire(self, timers: Sequence[int]) -> None:
        """Turn timers that came due into messages, earliest first."""
        for timer in timers:
            row = self.db.execute(
                "DELETE FROM timers WHERE id = ? RETURNING target, execution_id, body", (timer,)
            ).fetchone()
            if row is not None:
                self.db.execute(
                    "INSERT INTO inbox (target, execution_id, body) VALUES (?, ?, ?)", row
                )
                self.ready.append(row[0])

    def create(self, **values: Any) -> None:
        """Add an instance, in the place of one of the same id that has ended."""
        self.forget(values["id"])
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.db.execute(
            f"INSERT INTO instances ({columns}) VALUES ({marks})", tuple(values.values())
        )
        self.ready.append(values["id"])

    def update(self, instance_id: str, **values: Any) -> None:
        """Change columns of an instance."""
        columns = ", ".join(f"{column} = ?" for column in values)
        self.db.execute(
            f"UPDATE instances SET {columns} WHERE id = ?", (*values.values(), instance_id)
        )

    def append(self, execution_id: str, events: Sequence[Event], position: int) -> None:
        """Write events of a run from a position on."""
        self.db.executemany(
            "INSERT INTO history (execution_id, position, event) VALUES (?, ?, ?)",
            [(execution_id, position + index, played(each)) for index, each in enumerate(events)],
        )

    def drop_history(self, execution_id: str) -> None:
        """Forget the history of a run."""
        self.db.execute("DELETE FROM history WHERE execution_id = ?", (execution_id,))

    def drop_timers(self, execution_id: str) -> None:
        """Forget the timers of a run that is over."""
        rows = self.db.execute(
            "DELETE FROM timers WHERE execution_id = ? RETURNING id", (execution_id,)
        )
        self.dropped_timers.extend(row[0] for row in rows.fetchall())

    def forget(self, instance_id: str) -> None:
        """Forget an instance with everything that belongs to it."""
        row = self.db.execute(
            "DELETE FROM instances WHERE id = ? RETURNING execution_id", (instance_id,)
        ).fetchone()
        if row is not None:
            self.drop_history(row[0])
            self.drop_timers(row[0])
            self.db.execute("DELETE FROM inbox WHERE target = ?", (instance_id,))

    def keep_entity(self, entity_id: str, state: str | None, exists: bool, now: str) -> None:
        """Write an entity's state, or that it is no more."""
        if exists:
            self.db.execute("REPLACE INTO entities VALUES (?, ?, ?)", (entity_id, state, now))
        else:
            self.db.execute("DELETE FROM entities WHERE id = ?", (entity_id,))


class Store:
    """The SQLite file. One connection, one writer at a time, whole transactions only."""

    def __init__(self, path: Path, on_commit: Callable[[Transaction], None]) -> None:
        self._on_commit = on_commit
        path.parent.mkdir(parents=True, exist_ok=True)
        self._claim = _claim(path)
        self._lock = threading.RLock()
        try:
            self._db = _open(path)
        except BaseException:
            self._claim.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
            self._claim.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Make the writes of the block one transaction; none of them stays if the block raises."""
        writes = Transaction(self._db)
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield writes
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        self._on_commit(writes)

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Return all rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def instance(self, instance_id: str) -> Instance | None:
        """Return one instance."""
        rows = self.rows("SELECT * FROM instances WHERE id = ?", instance_id)
        return Instance(*rows[0]) if rows else None

    def history(self, execution_id: str) -> list[str]:
        """Return the JSON of the events of a run."""
        sql = "SELECT event FROM history WHERE execution_id = ? ORDER BY position"
        return [row[0] for row in self.rows(sql, execution_id)]

    def messages(self, target: str) -> list[Message]:
        """Return the messages to an instance or entity, oldest first."""
        sql = "SELECT id, execution_id, body FROM inbox WHERE target = ? ORDER BY id"
        return [
            Message(number, execution_id, json.loads(body))
            for number, execution_id, body in self.rows(sql, target)
        ]

    def unfinished(self) -> tuple[list[str], list[Task], list[tuple[int, int]]]:
        """Return what a process that was stopped or killed left: targets, activities, timers."""
        targets = self.rows(
            "SELECT id FROM instances WHERE length = 0 AND status IN ('Pending', 'Running') "
            "UNION SELECT target FROM inbox"
        )
        tasks = self.rows("SELECT * FROM tasks ORDER BY id")
        timers = self.rows("SELECT due, id FROM timers")
        return [row[0] for row in targets], [Task(*row) for row in tasks], timers


def _open(path: Path) -> sqlite3.Connection:
    db: sqlite3.Connection | None = None
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # A killed process loses nothing that it committed: the pages are the kernel's by then.
        # NORMAL syncs at checkpoints, so that a power cut may cost the last turns but never the file.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
    except sqlite3.DatabaseError as error:
        if db is not None:
            db.close()
        raise FileUnusable(
            f"{path} is no file of this host's ({error}); name another, or delete it"
        ) from error
    return db


def _claim(path: Path) -> sqlite3.Connection:
    """Hold the file against other hosts: two on one file would each run everything.

    The claim is a lock on a file beside it, so that anybody may still read the file itself, and
    SQLite's own, so that the system lets go of it when the process is killed.
    """
    try:
        claim = sqlite3.connect(f"{path}.lock", timeout=0.5, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise FileUnusable(f"{path} cannot be written ({error}); name another file") from error
    try:
        claim.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        claim.close()
        raise FileInUse(
            f"another host works on {path}; stop it, or give this one a file of its own"
        ) from error
    return claim


def micros(when: datetime) -> int:
    """Return a time as whole microseconds, which sort and compare exactly."""
    return (when - EPOCH) // timedelta(microseconds=1)


def from_micros(due: int) -> datetime:
    """Return the time that `micros` counted."""
    return EPOCH + timedelta(microseconds=due)
