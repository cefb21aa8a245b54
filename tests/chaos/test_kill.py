"""The host is killed with SIGKILL in the middle of a failover and started again on the same file, again and again.

Each kill comes at a chosen ARM request, after Azure took it and before the host hears the answer: the worst moment
there is. The points are spread over the whole run, and the outcome must be the same at every one of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import httpx
import pytest
import yaml

from local.azure.records import RequestRecord
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from local.processes import HostProcess
from tests.journeys.callers import Callers
from tests.journeys.test_failover import COMMITS, FAILOVERS
from tests.journeys.world import ROOT, TIMERS, UNHURRIED, Json, shop_estate

# A whole run makes some 42 requests. Eight of them change something: each of those is a point, and twelve more are
# spread over the run from the first read to the last notice. A run is killed at four of the points, one after another.
Point = tuple[str, int]
FAILOVER_POINTS: tuple[tuple[Point, ...], ...] = (
    (("change", 1), ("change", 3), ("change", 5), ("change", 7)),
    (("change", 2), ("change", 4), ("change", 6), ("change", 8)),
    (("request", 2), ("request", 8), ("request", 18), ("request", 31)),
    (("request", 4), ("request", 11), ("request", 23), ("request", 40)),
    (("request", 6), ("request", 15), ("request", 27), ("request", 42)),
)
PATIENCE_SECONDS = 60.0
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class PowerCut:
    """Kills the host when Azure has taken the nth request of the run, or the nth that changes something in ARM.

    Azure takes requests one at a time, and tells of each here. A host that was killed may have sent more than the one
    that killed it: they are counted, but nobody is killed again before the next host is up.
    """

    def __init__(self, host: HostProcess, points: Sequence[Point]) -> None:
        self._host = host
        self._left = list(points)
        self._seen = {"request": 0, "change": 0}
        self._up = threading.Event()
        self._up.set()
        self._struck = threading.Event()
        self.answered = threading.Event()

    def __call__(self, record: RequestRecord) -> None:
        self._seen["request"] += 1
        if record.accepted and not record.operation.startswith("events/"):
            self._seen["change"] += 1
        if not self._left or not self._up.is_set():
            return
        kind, at = self._left[0]
        if self._seen[kind] >= at:
            del self._left[0]
            # Whoever asked for the run has its name: the host may be slower to answer than to begin.
            assert self.answered.wait(PATIENCE_SECONDS), "the request for the run is unanswered"
            self._up.clear()
            self._host.kill()
            self._struck.set()

    def outlive(self, point: Point) -> None:
        """Wait until the host was killed at a point, and bring up the next one."""
        assert self._struck.wait(PATIENCE_SECONDS), f"the run never came to {point}"
        self._struck.clear()
        self._host.start()
        self._up.set()


# A drill changes six things: three test failovers, three clean-ups.
DRILL_POINTS: tuple[tuple[Point, ...], ...] = (
    (("change", 2), ("change", 3), ("change", 5)),
    (("request", 14),),
)


@pytest.mark.slow
@pytest.mark.parametrize("points", FAILOVER_POINTS, ids=str)
def test_a_host_killed_at_any_point_ends_the_run_as_if_nothing_had_happened(
    points: Sequence[Point], tmp_path: Path
) -> None:
    azure, shown, record = killed(tmp_path, "failover", points)
    assert shown["outcome"] == record["run"]["outcome"] == "COMPLETED", shown
    assert record["traffic"]["verified"]
    accepted = [(r.operation, r.item) for r in azure.requests if r.accepted]
    mutating = sorted(call for call in accepted if call[0].startswith("protectedItems/"))
    assert mutating == sorted([*FAILOVERS, *COMMITS]), "each accepted exactly once"
    assert [call[0] for call in accepted].count("endpoints/update") == 2


@pytest.mark.slow
@pytest.mark.parametrize("points", DRILL_POINTS, ids=str)
def test_a_host_killed_in_the_middle_of_a_drill_leaves_nothing_behind(
    points: Sequence[Point], tmp_path: Path
) -> None:
    azure, shown, record = killed(tmp_path, "drill", points)
    assert shown["outcome"] == record["run"]["outcome"] == "COMPLETED", shown
    assert record["drill"]["clean"]
    accepted = sorted((r.operation, r.item) for r in azure.requests if r.accepted)
    verbs = ("protectedItems/testFailover", "protectedItems/testFailoverCleanup")
    items = sorted(item for _, item in FAILOVERS)
    assert [call for call in accepted if call[0] != "events/publish"] == [
        (verb, item) for verb in verbs for item in items
    ]
    now = azure.clock.now()
    tests = [m for m in azure.world.machines if m.facts.name.endswith("-test")]
    assert len(tests) == 3 and not any(m.exists(now) for m in tests)
    assert not [r for r in azure.world.resources if r.machine in tests and r.exists(now)]


def test_what_a_dead_host_had_under_way_kills_nobody_before_the_next_one_is_up() -> None:
    change = RequestRecord(1, NOON, "POST", "", "protectedItems/failoverCommit", 202, True, "sql")
    lives: list[str] = []

    class Host:
        def kill(self) -> None:
            lives.append("killed")

        def start(self) -> None:
            cut(change)  # sent by the host that is dead, taken by Azure only now
            lives.append("up")

    cut = PowerCut(cast(HostProcess, Host()), [("change", 1), ("change", 2)])
    cut.answered.set()
    cut(change)
    cut.outlive(("change", 1))
    assert lives == ["killed", "up"]
    cut(change)
    cut.outlive(("change", 2))
    assert lives == ["killed", "up", "killed", "up"]


def killed(folder: Path, verb: str, points: Sequence[Point]) -> tuple[Simulator, Json, Json]:
    """Let a run go to its end through the host's deaths; return Azure, what the run shows and its evidence."""
    (folder / "plans").mkdir()
    plan: Json = yaml.safe_load((ROOT / "plans/shop.yaml").read_text())
    plan["policy"]["approval"]["required"] = False
    (folder / "plans/shop.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    clock_file = folder / "clock"
    with Simulator(shop_estate(), VirtualClock(state=clock_file)) as azure:
        azure.set_region("eastus", down=verb == "failover")
        settings = {
            **azure.environment(),
            "PLAN_STORE": str(folder / "plans"),
            "EVIDENCE_STORE": str(folder / "evidence"),
            "REQUESTS_PER_MINUTE": UNHURRIED,
            **{f"AzureWebJobs.{timer}.Disabled": "true" for timer in ("on_watch", *TIMERS)},
        }
        host = HostProcess(
            ROOT, folder / "hub.db", folder / "host.log", settings, "virtual", clock_file
        )
        callers = Callers(azure.directory)
        with host, httpx.Client(auth=callers, timeout=30, trust_env=False) as http:
            cut = PowerCut(host, points)
            azure.observers.append(cut)
            asked = http.post(f"{host.url}/api/plans/shop/{verb}")
            run = asked.json()["run"]
            cut.answered.set()
            for point in points:
                cut.outlive(point)
            shown = ended(http, host, run)
            record = http.get(f"{host.url}/api/runs/{run}/evidence").json()
        return azure, shown, record


def ended(http: httpx.Client, host: HostProcess, run: str) -> Json:
    """Return what a run of a host that lives in real time shows once it has ended."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        shown: Json = http.get(f"{host.url}/api/runs/{run}").json()
        if shown["state"] == "ended":
            return shown
        time.sleep(0.05)
    raise AssertionError(f"run {run} did not end; it shows {shown}")
