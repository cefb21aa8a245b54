"""Play the labelled suite: real payloads through the real doors, and what was decided in the end."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.gate import Probe
from domain.plan import Plan
from local.demo import events
from tests.decisions.ground import Ground, Outside
from tests.plan_samples import SUBSCRIPTION, plan, tier
from triggers.payloads import ANNOTATED

FILE = Path(__file__).with_name("cases.jsonl")
START = datetime(2026, 3, 14, 2, 40, tzinfo=UTC)
POINTS = ("here", "centralus", "northeurope")
CANARY = Probe(http="http://canary.example.com/")
# The cautious defaults of a plan, and what it probes.
PLAN: Plan = plan(
    tiers=[tier("db", "db-01"), tier("app", "app-01", "app-02"), tier("web", "web-01", "web-02")],
    signals={
        "vantage": {
            "points": list(POINTS),
            "probes": [{"http": "http://east.example.com/healthz"}],
            "canary": {"http": CANARY.http},
        }
    },
)
Case = dict[str, Any]


@dataclass(frozen=True)
class Decided:
    """What came of a case: the runs, and how long after the outage began the first was opened."""

    name: str
    outage: bool
    runs: tuple[str, ...]
    seconds: float | None

    @property
    def right(self) -> bool:
        """Say whether an outage opened one run, or anything else none."""
        return len(self.runs) == int(self.outage)


class Scripted(Outside):
    """What is outside, as a case has it."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.ground: Ground | None = None

    def _during(self, spans: Iterable[Any]) -> Any:
        assert self.ground is not None
        at = (self.ground.now - START).total_seconds()
        return next((span for span in spans if span[0] <= at < span[1]), None)

    def missed(self, point: str, probe: Probe) -> bool:
        part = "canary" if probe == CANARY else "dark"
        return self._during(self._case[part].get(point, ())) is not None

    def monitor(self) -> str | None:
        span = self._during(self._case["monitor"])
        state: str | None = span[2] if span else "Online"
        return state


def read() -> list[Case]:
    """Return every case of the suite."""
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def play(case: Case) -> Decided:
    """Play one case to its end."""
    outside = Scripted(case)
    ground = Ground([PLAN], outside, START, POINTS)
    outside.ground = ground
    for event in case["sent"]:
        ground.at(START + timedelta(seconds=event["at"]), lambda e=event: _send(ground, e))  # type: ignore[misc]
    ground.run_until(START + timedelta(seconds=case["until"]))
    ground.close()
    begin = case["outage"]
    first = (ground.runs[0][0] - START).total_seconds() if ground.runs else None
    return Decided(
        name=case["name"],
        outage=begin is not None,
        runs=tuple(run for _, run, _ in ground.runs),
        seconds=first - begin if first is not None and begin is not None else None,
    )


def summary(decided: list[Decided]) -> str:
    """Return the one line that says how good the decisions were."""
    real = [d for d in decided if d.outage]
    detected = [d for d in real if len(d.runs) == 1]
    false = sum(len(d.runs) for d in decided if not d.outage) + sum(
        max(0, len(d.runs) - 1) for d in real
    )
    opened = sum(len(d.runs) for d in decided)
    return (
        f"outages={len(real)} detected={len(detected)} non_outages={len(decided) - len(real)} "
        f"false_failovers={false} p95_seconds={p95(decided):.0f} "
        f"precision={(opened - false) / opened if opened else 0:.3f} "
        f"recall={len(detected) / len(real) if real else 0:.3f}"
    )


def p95(decided: list[Decided]) -> float:
    """Return the detection time that 95 of 100 outages keep below."""
    seconds = sorted(d.seconds for d in decided if d.seconds is not None)
    return seconds[math.ceil(0.95 * len(seconds)) - 1] if seconds else math.inf


def vm_id(name: str) -> str:
    """Return the ARM id of a machine of the plan."""
    return f"{SUBSCRIPTION}/resourceGroups/east/providers/Microsoft.Compute/virtualMachines/{name}"


def _send(ground: Ground, sent: Case) -> None:
    at = START + timedelta(seconds=float(sent["occurred"] if "occurred" in sent else sent["at"]))
    match sent["kind"]:
        case "health":
            make = events.grid_event if sent["schema"] == "eg" else events.cloud_event
            ground.send_event({**make(vm_id(sent["vm"]), sent["state"], at), "id": sent["id"]})
        case "annotation":
            event = events.grid_event(vm_id(sent["vm"]), "", at)
            properties = event["data"]["resourceInfo"]["properties"]
            properties |= {"annotationName": "Restart", "context": sent["context"]}
            ground.send_event({**event, "id": sent["id"], "eventType": ANNOTATED})
        case "service_health":
            _post(ground, _service_health(sent, at))
        case "health_alert":
            context = {
                "properties": {"currentHealthStatus": sent["state"], "cause": "PlatformInitiated"}
            }
            essentials = {"monitoringService": "Resource Health", "signalType": "Activity Log"}
            _post(ground, _alert(sent, at, essentials, context))
        case "metric":
            essentials = {"monitoringService": "Platform", "signalType": "Metric"}
            _post(ground, _alert(sent, at, essentials, {}))
        case "log":
            essentials = {"monitoringService": "Log Alerts V2", "signalType": "Log"}
            _post(ground, _alert(sent, at, essentials, {}))
        case other:
            raise ValueError(f"{sent['id']}: nothing is known of kind {other}")


def _post(ground: Ground, alert: Case) -> None:
    status = ground.send_alert(json.dumps(alert).encode())
    assert status == 202, alert


def _service_health(sent: Case, at: datetime) -> Case:
    alert = events.service_health_alert(SUBSCRIPTION.split("/")[2], sent["region"], at)
    properties = alert["data"]["alertContext"]["properties"]
    properties |= {
        "stage": sent["stage"],
        "incidentType": sent["type"],
        "IsSynthetic": sent.get("synthetic", "False"),
    }
    if not sent["as_text"]:
        properties["impactedServices"] = json.loads(properties["impactedServices"])
    alert["data"]["essentials"]["alertId"] = f"/alerts/{sent['id']}"
    return alert


def _alert(sent: Case, at: datetime, essentials: Case, context: Case) -> Case:
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": f"/alerts/{sent['id']}",
                "alertRule": "rule",
                "severity": "Sev1",
                "monitorCondition": sent.get("condition", "Fired"),
                "alertTargetIDs": [vm_id(sent["vm"]).lower()],
                "firedDateTime": events.stamp(at),
                "resolvedDateTime": events.stamp(at),
                **essentials,
            },
            "alertContext": context,
        },
    }
