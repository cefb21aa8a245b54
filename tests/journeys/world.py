"""A world in one process: the real app on the local host, the simulated Azure below it, virtual time around both."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from local.azure.directory import new_private_key
from local.azure.estate import Estate
from local.azure.estate_file import parse_estate
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from local.host.host import Host
from tests.contract import contract
from tests.journeys.callers import ALICE as ALICE
from tests.journeys.callers import BOB as BOB
from tests.journeys.callers import Callers

ROOT = Path(__file__).resolve().parents[2]
# Virtual time lets a test look more often than a person ever could.
UNHURRIED = "999999999"
Json = dict[str, Any]
TIMERS = ("keep_calendars", "keep_sweep", "watch_runs")


@dataclass
class World:
    """What a test may do and see."""

    azure: Simulator
    host: Host
    http: httpx.Client
    clock: VirtualClock
    callers: Callers

    def by(self, name: str) -> dict[str, str]:
        """Return the headers with which somebody calls; without them it is Alice."""
        return self.callers.headers(name)

    def fail_over(self, plan: str = "shop", **body: object) -> str:
        """Ask for a failover and return the run."""
        return self.ask(plan, "failover", **body)

    def ask(self, plan: str, verb: str, **body: object) -> str:
        """Ask for a run of the plan and return it."""
        answer = self.http.post(f"/api/plans/{plan}/{verb}", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run"])

    def show(self, run: str) -> Json:
        """Return what the run shows."""
        answer = self.http.get(f"/api/runs/{run}")
        assert answer.status_code == 200, answer.text
        shown: Json = answer.json()
        return shown

    def until_asked(self, run: str) -> Json:
        """Let time go on until the run waits for a person, and return its question."""
        self.host.run_until(
            lambda: bool(self.show(run)["waitsFor"] or self.show(run)["state"] == "ended")
        )
        asked: Json | None = self.show(run)["waitsFor"]
        assert asked, self.show(run)
        return asked

    def decide(self, run: str, verdict: str = "approve", by: str = BOB) -> httpx.Response:
        """Answer the question that the run asks."""
        asked = self.until_asked(run)
        body = {"gate": asked["gate"], "verdict": verdict, "digest": asked["digest"]}
        return self.http.post(f"/api/runs/{run}/decisions", json=body, headers=self.by(by))

    def until_ended(self, run: str) -> Json:
        """Let time go on until the run has ended, and return what it shows."""
        self.host.run_until(lambda: bool(self.show(run)["state"] == "ended"))
        return self.show(run)

    def approved_to_the_end(self, run: str) -> Json:
        """Approve and let the run end."""
        assert self.decide(run).status_code == 202
        return self.until_ended(run)

    def evidence(self, run: str) -> Json:
        """Return the evidence of an ended run."""
        record: Json = json.loads(self.http.get(f"/api/runs/{run}/evidence").text)
        return record

    def acting(self, application: str = "shop") -> Json | None:
        """Return who acts on an application, as the ledger has it; None where nobody does."""
        held: Json | None = self.http.get("/api/acting").json()["acting"][application]
        return held

    def deliver(self, *events: Json) -> None:
        """Deliver events one by one, as Event Grid does, and let the app take them in."""
        for event in events:
            answer = self.http.post(
                "/runtime/webhooks/EventGrid?functionName=on_health_event",
                json=[event],
                headers={"aeg-event-type": "Notification"},
            )
            assert answer.is_success, answer.text
        self.host.settle()

    def watch(self) -> None:
        """Let the timer that sees to the regions fire once, whether or not it is disabled."""
        answer = self.http.post("/admin/functions/on_watch", json={})
        assert answer.status_code == 202, answer.text
        self.host.settle()

    def signals(self) -> Json:
        """Return what the door says of the region's signals, and of what they mean for the shop."""
        shown: Json = self.http.get("/api/signals/eastus").json()
        return shown

    def incident_run(self) -> str:
        """Watch until there is an incident, and return the run that it opened; then nobody watches any more."""
        self.watch()
        self.host.run_until(lambda: bool(self._stance().get("incident")))
        self.watch()
        self.host.engine.terminate("lookout-eastus", "the test goes on alone")
        self.host.settle()
        return str(self._stance()["run"])

    def _stance(self) -> Json:
        stance: Json = self.signals().get("plans", {}).get("shop", {})
        return stance

    def accepted(self) -> list[tuple[str, str]]:
        """Return the mutating ARM calls that Azure accepted: what, and on which item."""
        return [
            (record.operation, record.item)
            for record in self.azure.requests
            if record.accepted and not record.operation.startswith("events/")
        ]

    def endpoints_enabled(self) -> list[frozenset[str]]:
        """Return which endpoints were enabled, from the beginning, change after change."""
        return [
            frozenset(name for name, state in change.endpoints.items() if state.status == "Enabled")
            for change in self.azure.traffic_history
        ]


@cache
def signing_key() -> RSAPrivateKey:
    """Return the key that all tenants of this process sign with; their issuers tell them apart."""
    return new_private_key()


@contextmanager
def world(
    folder: Path,
    plan: Callable[[Json], None] | None = None,
    estate: Callable[[Json], None] | None = None,
    region_down: bool = True,
    watched: bool = False,
    start: datetime | None = None,
    ledger: Path | None = None,
    timers: Collection[str] = (),
    stores: Mapping[str, str] | None = None,
    trusted: Path | None = None,
    keys: bool = False,
) -> Iterator[World]:
    """Make a world; ``plan`` and ``estate`` may change the shop's own before it begins.

    A world that is not ``watched`` has its timer disabled: a look every 20 s makes long stories longer. Of the
    other timers only ``timers`` fire; worlds on one ``ledger`` are apps of one pair. ``stores`` are settings that
    say where things are kept instead, and ``trusted`` is whom the app must trust there. With ``keys`` the host asks
    for access keys, as Azure's does, and who calls brings the host's own.
    """
    plans = folder / "plans"
    plans.mkdir(parents=True, exist_ok=True)
    (plans / "shop.yaml").write_text(_changed(ROOT / "plans/shop.yaml", plan))
    clock = VirtualClock(start)
    with Simulator(shop_estate(estate), clock, signing_key=signing_key()) as azure:
        if region_down:
            azure.set_region("eastus", down=True)
        os.environ.update(azure.environment())
        os.environ.update(PLAN_STORE=str(plans), EVIDENCE_STORE=str(folder / "evidence"))
        os.environ.update(
            REQUESTS_PER_MINUTE=UNHURRIED, AZURE_FUNCTIONS_DURABLE_STRICT_TYPING="true"
        )
        callers = Callers(azure.directory)
        os.environ.update({"AzureWebJobs.on_watch.Disabled": str(not watched).lower()})
        os.environ.update(LEDGER=str(ledger or folder / "ledger"))
        os.environ.update(stores or {})
        if trusted is not None:
            both = folder / "trusted.pem"
            both.write_bytes(azure.certificate.read_bytes() + trusted.read_bytes())
            os.environ["REQUESTS_CA_BUNDLE"] = str(both)
        for timer in TIMERS:
            os.environ[f"AzureWebJobs.{timer}.Disabled"] = str(timer not in timers).lower()
        with (
            Host(ROOT, folder / "host.db", clock, auth=keys) as host,
            httpx.Client(
                base_url=host.url,
                timeout=30,
                trust_env=False,
                auth=callers,
                event_hooks={"response": [contract().hold]},
            ) as http,
        ):
            if keys:
                http.headers["x-functions-key"] = json.loads(host.keys_file.read_text())["master"]
            yield World(azure, host, http, clock, callers)


def shop_estate(change: Callable[[Json], None] | None = None) -> Estate:
    """Return the shop's estate, changed."""
    return parse_estate(_changed(ROOT / "local/estates/shop.yaml", change))


def _changed(path: Path, change: Callable[[Json], None] | None) -> str:
    if change is None:
        return path.read_text()
    value: Json = yaml.safe_load(path.read_text())
    change(value)
    return yaml.safe_dump(value, sort_keys=False)
