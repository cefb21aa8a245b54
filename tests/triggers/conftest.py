"""One host and one simulated Azure for all tests of the doors; each test has a plan of its own."""

from __future__ import annotations

import copy
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.journeys.world import ALICE, BOB, ROOT, World, world

GROUP = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups"


@dataclass
class Doors:
    """What a test may knock at: a plan of its own, and the HTTP doors of the app."""

    world: World
    plan: str
    plans: Path
    evidence: Path

    @property
    def http(self) -> httpx.Client:
        """Return the client of the app."""
        return self.world.http

    def vm(self, name: str = "vm-1") -> str:
        """Return the ARM id of a machine that this test's plan alone protects."""
        return f"{GROUP}/{self.plan}-east/providers/Microsoft.Compute/virtualMachines/{name}"

    def ask(self, by: str = ALICE, **body: Any) -> httpx.Response:
        """Ask for a failover of the plan."""
        return self.http.post(
            f"/api/plans/{self.plan}/failover", json=body, headers=self.world.by(by)
        )

    def started(self) -> str:
        """Start a failover and return the run."""
        answer = self.ask()
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run"])

    def decide(self, run: str, by: str = BOB, **changes: Any) -> httpx.Response:
        """Post a decision about a run."""
        body = {"gate": "approval", "verdict": "reject", "digest": "", **changes}
        return self.http.post(f"/api/runs/{run}/decisions", json=body, headers=self.world.by(by))

    def entity(self, name: str, key: str) -> Any:
        """Return the state of an entity, once nothing is under way."""
        self.world.host.settle()
        return json.loads(self.world.host.engine.entity_state(name, key) or "null")

    def runs(self) -> list[str]:
        """Return the ids of this test's runs."""
        self.world.host.settle()
        found = self.world.host.engine.query(id_prefix=f"failover-{self.plan}-")[0]
        return [status.instance_id for status in found if status.name == "fail_over"]

    def set_aside(self) -> list[Any]:
        """Return what was set aside, oldest first."""
        aside: list[Any] = (self.entity("region", "unplaced") or {"aside": []})["aside"]
        return aside


@pytest.fixture(scope="package")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, dict[str, str]]]:
    """Run the app and the simulated Azure."""
    before = dict(os.environ)
    with world(tmp_path_factory.mktemp("doors"), region_down=True) as made:
        yield made, dict(os.environ)
    os.environ.clear()
    os.environ.update(before)


numbers = itertools.count(1)


@pytest.fixture
def doors(outside: tuple[World, dict[str, str]], clean_environment: None) -> Iterator[Doors]:
    """Give a test its own plan, and the environment that the running app was started with."""
    made, environment = outside
    os.environ.update(environment)
    folder = Path(environment["PLAN_STORE"])
    name = f"shop{next(numbers)}"
    data: dict[str, Any] = copy.deepcopy(yaml.safe_load((ROOT / "plans/shop.yaml").read_text()))
    data["name"] = name
    data["source"]["resource_group"] = f"{GROUP}/{name}-east"
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(data))
    yield Doors(made, name, folder, Path(environment["EVIDENCE_STORE"]))
    (folder / f"{name}.yaml").unlink()
    shop = folder / "shop.yaml"
    if shop.exists():
        shop.unlink()  # the world's own plan would answer region-wide signals of every test
