"""A run whose people interfere and whose host dies at chosen moments: moments are the jumps of virtual time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from local.azure.records import RequestRecord
from local.azure.resources import Resources
from local.azure.world import Resource, RunningMachine
from tests.journeys.world import Json, World

TEST = "-test"
PATIENCE_SECONDS = 600.0
"""Of the wall: thousands of drills may have to share the machine with others."""


@dataclass
class Interrupted:
    """A run on its way, and how the world stood before it began."""

    w: World
    run: str
    words: Sequence[tuple[int, str]] = ()
    deaths: Sequence[int] = ()
    moment: int = 0
    died_at: list[str] = field(default_factory=list)
    cancelled_at: str | None = None
    began: datetime = field(init=False)
    ended: datetime = field(init=False)
    before: Json = field(init=False)

    def __post_init__(self) -> None:
        """Remember how production stands."""
        self.began = self.ended = self.w.clock.now()
        self.before = self.production()
        self._words = sorted(self.words)
        self._deaths = sorted(self.deaths)
        self._kept: Path | None = None
        self._kept_at = 0

    def play(self, answer: Callable[[World, str, Json], None]) -> None:
        """Let the run go to its end, through all that was planned for it."""
        while not self._over():
            self.w.host.run_until(self._stop_here, timedelta(days=2), PATIENCE_SECONDS)
            if self._kept is not None:
                self._rise()
            shown = self._shown()
            if self._words and self.moment >= self._words[0][0]:
                self._say(self._words.pop(0)[1])
            elif self._deaths and self.moment >= self._deaths[0]:
                self._deaths.pop(0)
                self._keep()
            elif shown.get("waitsFor"):
                answer(self.w, self.run, self.w.show(self.run)["waitsFor"])
        self.ended = self.w.clock.now()

    def _stop_here(self) -> bool:
        self.moment += 1
        due = [entry[0] for entry in self._words[:1]] + self._deaths[:1]
        asked = self._shown().get("waitsFor")
        dies = self._kept is not None and self.moment > self._kept_at + 1
        return dies or self._over() or bool(asked) or any(self.moment >= at for at in due)

    def _over(self) -> bool:
        return self.w.host.engine.status(self.run).runtime_status in ("Completed", "Failed")

    def _shown(self) -> Json:
        shown = self.w.host.engine.status(self.run).custom_status
        return shown if isinstance(shown, dict) else {}

    def _say(self, verb: str) -> None:
        if verb == "lights":
            self.w.azure.set_region("westus", down=False)
            return
        said = self.w.http.post(f"/api/runs/{self.run}/controls", json={"verb": verb})
        assert said.status_code in (202, 409), (said.status_code, said.text)
        if verb == "cancel" and said.status_code == 202:
            self.cancelled_at = self.w.show(self.run)["step"]

    def _keep(self, _: RequestRecord | None = None) -> None:
        """Keep what the host knows now, and at each request until it dies: what it then forgets is its last request.

        All that came before the request it had written down, for it writes a turn down before it goes on.
        """
        if self._kept is None:
            self._kept, self._kept_at = self.w.host.db.with_name("kept.db"), self.moment
            self.w.azure.observers.append(self._keep)
        with (
            closing(sqlite3.connect(self.w.host.db)) as db,
            closing(sqlite3.connect(self._kept)) as kept,
        ):
            db.backup(kept)

    def _rise(self) -> None:
        """Let the host die, and start it again on what was kept: what came of its last request, it does not know."""
        assert self._kept is not None
        self.w.azure.observers.remove(self._keep)
        self.died_at.append(str(self._shown().get("step", "start")))
        self.w.host.stop()
        for leftover in self.w.host.db.parent.glob(f"{self.w.host.db.name}-*"):
            leftover.unlink()
        self._kept.replace(self.w.host.db)
        self._kept = None
        self.w.host.start()
        self.w.http.base_url = self.w.host.url

    # -- the world -----------------------------------------------------------------------

    def test_machines(self) -> list[RunningMachine]:
        """Return the machines of drills that exist."""
        now = self.w.clock.now()
        machines = self.w.azure.world.machines
        return [m for m in machines if m.facts.name.endswith(TEST) and m.exists(now)]

    def test_hangings(self) -> list[Resource]:
        """Return what hangs, or hung, on machines of drills and exists."""
        now = self.w.clock.now()
        found = self.w.azure.world.resources
        return [r for r in found if r.machine.facts.name.endswith(TEST) and r.exists(now)]

    def test_resources(self) -> set[str]:
        """Return the ids of everything of a drill that exists, in lower case."""
        show = Resources(self.w.azure.world, self.w.azure.setup)
        ids = [show.machine_id(m) for m in self.test_machines()]
        return {one.lower() for one in [*ids, *(show.resource_id(r) for r in self.test_hangings())]}

    def production(self) -> Json:
        """Return all that a drill may not change: machines, replication, users."""
        now = self.w.clock.now()
        azure = self.w.azure
        azure.settle()
        return {
            "machines": [
                (m.facts, [(s.start, s.end) for s in m.powered], m.deleted)
                for m in azure.world.machines
                if not m.facts.name.endswith(TEST)
            ],
            "hanging": [
                (r.kind, r.group, r.name)
                for r in azure.world.resources
                if not r.machine.facts.name.endswith(TEST) and r.exists(now)
            ],
            "items": {
                key: (
                    i.guid,
                    i.source,
                    i.settings,
                    i.since,
                    i.policy,
                    i.last_failover,
                    i.failover_point,
                )
                for key, i in azure.replication.items.items()
            },
            "users": [
                {name: state.status for name, state in change.endpoints.items()}
                for change in azure.traffic_history[-1:]
            ],
        }
