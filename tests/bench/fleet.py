"""A failover of a whole fleet on virtual time: what it costs in ARM requests, and how large histories grow."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from local.azure.estate import Estate
from local.azure.fleet import make_estate
from local.azure.simulator import OUTSIDE_ARM, Simulator
from local.clock import VirtualClock
from local.host.host import Host
from tests.journeys.callers import Callers
from tests.journeys.world import ROOT, UNHURRIED

# The timers that look at Azure by themselves.
STANDING = ("keep_sweep", "on_watch")


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """What one failover with commit cost."""

    members: int
    tiers: int
    outcome: str
    arm_requests: int
    by_operation: Mapping[str, int]
    largest_history_bytes: int
    largest_history: str
    story_seconds: int
    own_seconds: int
    wall_seconds: float

    @property
    def requests_per_member(self) -> float:
        """Return ARM requests per member; the floor is two writes."""
        return round(self.arm_requests / self.members, 2)


def fail_over_a_fleet(folder: Path, members: int, tiers: int) -> FleetFigures:
    """Fail ``members`` machines in ``tiers`` tiers over, commit, and count."""
    estate = make_estate(members, tiers)
    plans = folder / "plans"
    plans.mkdir()
    (plans / "fleet.yaml").write_text(yaml.safe_dump(_plan(estate, tiers), sort_keys=False))
    clock = VirtualClock()
    with Simulator(estate, clock) as azure:
        azure.set_region("eastus", down=True)
        os.environ.update(azure.environment())
        os.environ.update(PLAN_STORE=str(plans), EVIDENCE_STORE=str(folder / "evidence"))
        os.environ.update(REQUESTS_PER_MINUTE=UNHURRIED)
        # What sweep and watch read day and night, failover or not, is no part of what a failover costs.
        os.environ.update({f"AzureWebJobs.{name}.Disabled": "true" for name in STANDING})
        callers = Callers(azure.directory)
        with (
            Host(ROOT, folder / "host.db", clock) as host,
            httpx.Client(base_url=host.url, timeout=60, trust_env=False, auth=callers) as http,
        ):
            began = time.perf_counter()
            asked = http.post("/api/plans/fleet/failover")
            run = asked.raise_for_status().json()["run"]
            host.run_until(lambda: bool(http.get(f"/api/runs/{run}").json()["state"] == "ended"))
            wall = time.perf_counter() - began
            record: dict[str, Any] = http.get(f"/api/runs/{run}/evidence").json()
            histories = host.engine.history_bytes()
    largest = max(histories, key=lambda instance: histories[instance])
    asked_of = Counter(
        r.operation for r in azure.requests if not r.operation.startswith(OUTSIDE_ARM)
    )
    return FleetFigures(
        members=members,
        tiers=tiers,
        outcome=record["run"]["outcome"],
        arm_requests=azure.arm_requests(),
        by_operation=dict(asked_of.most_common()),
        largest_history_bytes=histories[largest],
        largest_history=largest.removeprefix(run) or "the run itself",
        story_seconds=record["timing"]["total"],
        own_seconds=record["timing"]["own"],
        wall_seconds=round(wall, 1),
    )


def _plan(estate: Estate, tiers: int) -> dict[str, Any]:
    base = f"/subscriptions/{estate.subscription}/resourceGroups"
    names = [item.name for item in estate.items]
    addresses = {item.name: item.recovery.private_ip for item in estate.items}
    return {
        "schema": "leeward/plan/1",
        "name": "fleet",
        "reach": [
            "fleet-westus.example.com",
            "fleet.trafficmanager.net",
            "10.0.0.0/8",
            "11.0.0.0/8",
        ],
        "source": {"region": "eastus", "resource_group": f"{base}/fleet-east"},
        "target": {"region": "westus"},
        "vault": {
            "id": f"{base}/fleet-dr/providers/Microsoft.RecoveryServices/vaults/fleet-vault",
            "region": "westus",
            "fabric": "asr-eastus",
            "container": "fleet-eastus",
        },
        "tiers": [_tier(f"t{tier + 1:02d}", names, addresses) for tier in range(tiers)],
        "traffic": {
            "profile": f"{base}/fleet-edge/providers/Microsoft.Network/trafficManagerProfiles/fleet",
            "source": {"name": "east"},
            "target": {"name": "west"},
            "gate": {"probes": [{"http": "http://fleet-westus.example.com/healthz"}]},
            "verify": "http://fleet.trafficmanager.net/healthz",
        },
        "policy": {
            "approval": {"required": False},
            "commit": {"mode": "auto_after", "after": "PT10M"},
        },
    }


def _tier(tier: str, names: list[str], addresses: Mapping[str, str | None]) -> dict[str, Any]:
    members = [name for name in names if name.startswith(f"{tier}-")]
    return {
        "name": tier,
        "members": [{"name": name} for name in members],
        "gate": {"probes": [{"http": f"http://{addresses[name]}/healthz"} for name in members]},
    }
