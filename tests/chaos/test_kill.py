"""The host is killed with SIGKILL in the middle of a failover and started again on the same file.

Each kill comes at a chosen ARM request, after Azure took it and before the host hears the answer: the worst moment
there is. The points are spread over the whole run, and the outcome must be the same at every one of them.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import pytest
import yaml

from local.azure.records import RequestRecord
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from local.processes import HostProcess
from tests.journeys.callers import Callers
from tests.journeys.test_failover import COMMITS, FAILOVERS
from tests.journeys.world import ROOT, UNHURRIED, Json, shop_estate

# A whole run makes some 42 requests. Eight of them change something: each of those is a point, and twelve more are
# spread over the run from the first read to the last notice.
CHANGES = tuple(("change", n) for n in range(1, 9))
REQUESTS = tuple(("request", n) for n in (2, 4, 6, 8, 11, 15, 18, 23, 27, 31, 40, 42))
PATIENCE_SECONDS = 60.0


class PowerCut:
    """Kills the host when Azure has taken the nth request, or the nth that changes something in ARM."""

    def __init__(self, host: HostProcess, kind: str, at: int) -> None:
        self._host = host
        self._kind = kind
        self._left = at
        self.answered = threading.Event()
        self.struck = threading.Event()

    def __call__(self, record: RequestRecord) -> None:
        changes = record.accepted and not record.operation.startswith("events/")
        if self._kind == "change" and not changes:
            return
        self._left -= 1
        if self._left == 0:
            # Whoever asked for the run has its name: the host may be slower to answer than to begin.
            assert self.answered.wait(PATIENCE_SECONDS), "the request for the run is unanswered"
            self._host.kill()
            self.struck.set()


DRILL_POINTS = (("change", 2), ("change", 3), ("change", 5), ("request", 14))
"""A drill changes six things: three test failovers, three clean-ups."""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "at"), [*CHANGES, *REQUESTS])
def test_a_host_killed_at_any_point_ends_the_run_as_if_nothing_had_happened(
    kind: str, at: int, tmp_path: Path
) -> None:
    azure, shown, record = killed_once(tmp_path, "failover", kind, at)
    assert shown["outcome"] == record["run"]["outcome"] == "COMPLETED", shown
    assert record["traffic"]["verified"]
    accepted = [(r.operation, r.item) for r in azure.requests if r.accepted]
    mutating = sorted(call for call in accepted if call[0].startswith("protectedItems/"))
    assert mutating == sorted([*FAILOVERS, *COMMITS]), "each accepted exactly once"
    assert [call[0] for call in accepted].count("endpoints/update") == 2


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "at"), DRILL_POINTS)
def test_a_host_killed_in_the_middle_of_a_drill_leaves_nothing_behind(
    kind: str, at: int, tmp_path: Path
) -> None:
    azure, shown, record = killed_once(tmp_path, "drill", kind, at)
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


def killed_once(folder: Path, verb: str, kind: str, at: int) -> tuple[Simulator, Json, Json]:
    """Let a run go to its end through the host's death; return Azure, what the run shows and its evidence."""
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
        }
        host = HostProcess(
            ROOT, folder / "hub.db", folder / "host.log", settings, "virtual", clock_file
        )
        callers = Callers(azure.directory)
        with host, httpx.Client(auth=callers, timeout=30, trust_env=False) as http:
            cut = PowerCut(host, kind, at)
            azure.observers.append(cut)
            asked = http.post(f"{host.url}/api/plans/shop/{verb}")
            run = asked.json()["run"]
            cut.answered.set()
            assert cut.struck.wait(PATIENCE_SECONDS), f"the run never came to {kind} {at}"
            host.start()
            shown = _ended(http, host, run)
            record = http.get(f"{host.url}/api/runs/{run}/evidence").json()
        return azure, shown, record


def _ended(http: httpx.Client, host: HostProcess, run: str) -> Json:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        shown: Json = http.get(f"{host.url}/api/runs/{run}").json()
        if shown["state"] == "ended":
            return shown
        time.sleep(0.05)
    raise AssertionError(f"run {run} did not end; it shows {shown}")
