"""Two control apps, each a process with a hub of its own, one Azure below them, one ledger between them: one acts.

They are the same app under two names. What both of them did is counted where it counts: at Azure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from local.azure.records import RequestRecord
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from local.processes import HostProcess
from tests.chaos.test_kill import PATIENCE_SECONDS, ended
from tests.journeys.callers import Callers
from tests.journeys.test_failover import COMMITS, FAILOVERS, SWITCH
from tests.journeys.world import ROOT, TIMERS, UNHURRIED, Json, World, shop_estate, world

WEST, THIRD = "func-west", "func-third"
EVERYTHING = sorted([*FAILOVERS, *COMMITS])
Call = tuple[str, str]


@dataclass
class ControlApp:
    """One of the apps, as somebody who may operate it sees it."""

    name: str
    host: HostProcess
    http: httpx.Client

    def ask(self, verb: str = "failover", **body: object) -> httpx.Response:
        """Ask for a run of the shop."""
        return self.http.post(f"{self.host.url}/api/plans/shop/{verb}", json=body)

    def get(self, path: str) -> httpx.Response:
        """Look at something."""
        return self.http.get(f"{self.host.url}/api/{path}")

    def until_ended(self, run: str) -> Json:
        """Return what the run shows once it has ended."""
        return ended(self.http, self.host, run)


@contextmanager
def two_apps(folder: Path) -> Iterator[tuple[Simulator, ControlApp, ControlApp]]:
    """Make a world with an app in the west, and one that stands by in a third region."""
    (folder / "plans").mkdir()
    plan: Json = yaml.safe_load((ROOT / "plans/shop.yaml").read_text())
    plan["policy"]["approval"]["required"] = False
    (folder / "plans/shop.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    clock_file = folder / "clock"
    with Simulator(shop_estate(), VirtualClock(state=clock_file)) as azure:
        azure.set_region("eastus", down=True)
        common = {
            **azure.environment(),
            "PLAN_STORE": str(folder / "plans"),
            "LEDGER": str(folder / "ledger"),
            "REQUESTS_PER_MINUTE": UNHURRIED,
            **{f"AzureWebJobs.{timer}.Disabled": "true" for timer in (*TIMERS, "on_watch")},
        }

        def app(name: str, stance: str) -> HostProcess:
            own = {
                "EVIDENCE_STORE": str(folder / f"evidence-{name}"),
                "WEBSITE_SITE_NAME": name,
                "STANCE": stance,
            }
            db, log = folder / f"{name}.db", folder / f"{name}.log"
            return HostProcess(ROOT, db, log, {**common, **own}, "virtual", clock_file)

        callers = Callers(azure.directory)
        with (
            app(WEST, "active") as west,
            app(THIRD, "standby") as third,
            httpx.Client(auth=callers, timeout=30, trust_env=False) as http,
        ):
            yield azure, ControlApp(WEST, west, http), ControlApp(THIRD, third, http)


def accepted(azure: Simulator) -> list[Call]:
    """Return the mutating ARM calls that Azure accepted, whoever sent them."""
    return [
        (r.operation, r.item)
        for r in azure.requests
        if r.accepted and not r.operation.startswith("events/")
    ]


def of_items(calls: list[Call]) -> list[Call]:
    return sorted(call for call in calls if call[0].startswith("protectedItems/"))


@pytest.mark.slow
def test_an_app_that_died_half_way_is_taken_over_and_comes_back_fenced_off(tmp_path: Path) -> None:
    with two_apps(tmp_path) as (azure, west, third):

        def power_cut(record: RequestRecord) -> None:
            """Kill the app in the west when Azure has taken its first failover, before it hears so."""
            if record.accepted and not record.operation.startswith("events/"):
                azure.observers.remove(power_cut)
                west.host.kill()

        azure.observers.append(power_cut)
        old = west.ask().json()["run"]
        give_up = time.monotonic() + PATIENCE_SECONDS
        while power_cut in azure.observers and time.monotonic() < give_up:
            time.sleep(0.02)
        assert accepted(azure) == FAILOVERS[:1]

        busy = third.ask()
        assert busy.status_code == 409
        told = busy.json()
        assert told["detail"].startswith(f"shop is held by run {old} of app {WEST}; wait until")
        assert (told["holder"], told["app"]) == (old, WEST)
        seen = third.get("acting")
        assert (seen.json()["app"], seen.json()["stance"]) == (THIRD, "standby")
        assert seen.json()["acting"]["shop"]["run"] == old
        plan = third.get("plans/shop")
        assert plan.headers["leeward-stance"] == "standby"
        assert (plan.json()["heldBy"], plan.json()["heldByApp"]) == (old, WEST)
        silent = third.ask(take_over=True)
        assert silent.status_code == 422 and "needs a reason" in silent.json()["detail"]
        assert accepted(azure) == FAILOVERS[:1]

        # The next tier does not start, so there is something left that west would do when it comes back.
        azure.faults.add("error", operation=FAILOVERS[1][0], item=FAILOVERS[1][1], times=None)
        new = third.ask(take_over=True, reason="west is dark").json()["run"]
        assert third.until_ended(new)["outcome"] == "PARTIAL"
        record: Json = third.get(f"runs/{new}/evidence").json()
        why = f"alice@shop.example took shop over from run {old} of app {WEST}: west is dark"
        assert why in record["deviations"]
        assert record["run"]["fencingToken"] == 2
        assert accepted(azure) == FAILOVERS[:1], "what west had started was adopted"
        azure.faults.clear()

        west.host.start()
        shown = west.until_ended(old)
        assert shown["outcome"] == "NEEDS_HUMAN"
        assert f"app {THIRD} took over shop at " in shown["because"]
        assert f"with run {new}; this run must not act" in shown["because"]
        assert accepted(azure) == FAILOVERS[:1], "not one call more"
        assert west.get(f"runs/{old}/evidence").json()["run"]["outcome"] == "NEEDS_HUMAN"

        assert third.get("acting").json()["acting"]["shop"] is None
        assert third.until_ended(third.ask().json()["run"])["outcome"] == "COMPLETED"
        done = accepted(azure)
        assert of_items(done) == EVERYTHING, "each is accepted once, whoever asked"
        assert [operation for operation, _ in done].count("endpoints/update") == len(SWITCH)


@pytest.mark.slow
def test_of_two_apps_that_are_asked_at_once_one_acts(tmp_path: Path) -> None:
    with two_apps(tmp_path) as (azure, west, third):
        with ThreadPoolExecutor(2) as pool:
            asked = list(pool.map(ControlApp.ask, (west, third)))
        assert {answer.status_code for answer in asked} <= {202, 409}
        outcomes = []
        for app, answer in zip((west, third), asked, strict=True):
            if answer.status_code == 202:
                shown = app.until_ended(answer.json()["run"])
                outcomes.append(shown["outcome"])
                # One that asks so late that the other is done finds nothing left to do.
                told = "held by run", "serves from"
                declined = shown["outcome"] == "DECLINED"
                assert not declined or any(why in shown["because"] for why in told), shown
        assert sorted(outcomes) in (["COMPLETED"], ["COMPLETED", "DECLINED"])
        done = accepted(azure)
        assert of_items(done) == EVERYTHING, "each is accepted once"
        assert [operation for operation, _ in done].count("endpoints/update") == len(SWITCH)


def test_an_app_that_stands_by_does_nothing_by_itself(tmp_path: Path) -> None:
    for stance, starts in (("standby", False), ("active", True)):
        os.environ["STANCE"] = stance
        with world(tmp_path / stance, timers=()) as w:
            for timer in ("on_watch", "keep_calendars", "keep_sweep"):
                answer = w.http.post(f"/admin/functions/{timer}", json={})
                assert answer.status_code == 202, answer.text
            w.host.settle()
            going = [s.instance_id for s in w.host.engine.query()[0]]
            assert bool([name for name in going if not name.startswith("@")]) is starts, going
            assert w.http.get("/api/plans").headers["leeward-stance"] == stance


def test_what_an_app_had_begun_by_itself_ends_once_it_stands_by(tmp_path: Path) -> None:
    with world(tmp_path, region_down=False) as w:
        for timer in ("on_watch", "keep_calendars"):
            w.http.post(f"/admin/functions/{timer}", json={})
        w.host.settle()
        loops = ("lookout-eastus", "calendar-shop")
        assert [_runs(w, loop) for loop in loops] == [True, True]
        os.environ["STANCE"] = "standby"
        w.host.stop()
        w.host.start()
        looks_again = timedelta(hours=2)
        w.host.run_until(lambda: not any(_runs(w, loop) for loop in loops), looks_again)


def _runs(w: World, instance: str) -> bool:
    return w.host.engine.status(instance).runtime_status in ("Pending", "Running")
