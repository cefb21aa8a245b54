"""A run shows its tiers, members and the runs under it: from its children while they go, from their reports after."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import azure.durable_functions as df
import pytest

from triggers.run_view import MOST_CHILDREN, brief, view

REPORT = {
    "name": "db",
    "startedAt": "2026-03-14T02:40:00Z",
    "endedAt": "2026-03-14T02:45:00Z",
    "rtoSeconds": 300,
    "members": [{"name": "db-1", "outcome": "arrived", "attempts": 2, "rpoSeconds": 60}],
}
TIERS = [
    {"name": "db", "state": "arrived", "mover": "r.tier1"},
    {"name": "app", "state": "moving", "mover": "r.tier2"},
    {"name": "web", "state": "waiting", "mover": None},
]


class Engine:
    """The durable client as far as a view asks it."""

    def __init__(self, **instances: Mapping[str, Any]) -> None:
        self.instances = {name.replace("_", "."): said for name, said in instances.items()}
        self.asked: list[str] = []

    async def get_status(self, instance_id: str, show_input: bool = False) -> Any:
        self.asked.append(instance_id)
        said = self.instances.get(instance_id)
        if said is None:
            return None
        return SimpleNamespace(
            name=said.get("name", "fail_over"),
            runtime_status=SimpleNamespace(name=said.get("status", "Running")),
            custom_status=said.get("custom"),
            output=said.get("output"),
            created_time=None,
            last_updated_time=None,
        )


def shown(engine: Engine, run: str = "r") -> dict[str, Any]:
    found = asyncio.run(view(cast(df.DurableOrchestrationClient, engine), run))
    assert found is not None
    return found


def test_a_tier_shows_its_members_while_they_move_and_after() -> None:
    engine = Engine(
        r={"custom": {"step": "tier app", "tiers": TIERS, "children": ["r.tier2"]}},
        r_tier1={"name": "move_tier", "status": "Completed", "output": {"report": REPORT}},
        r_tier2={"name": "move_tier", "custom": {"children": ["r.tier2.watch1"]}},
        r_tier2_watch1={"name": "watch_wave", "custom": {"members": {"app-1": "running"}}},
    )
    found = shown(engine)
    db, app, web = found["tiers"]
    assert (db["rtoSeconds"], db["members"][0]["state"]) == (300, "arrived")
    assert db["members"][0]["attempts"] == 2
    assert app["members"] == [{"name": "app-1", "state": "running"}]
    assert web == {"name": "web", "state": "waiting", "members": []}
    assert found["members"] == {"db-1": "arrived", "app-1": "running"}


def test_the_runs_under_a_run_are_shown_begun_or_not() -> None:
    refs = [{"run": f"r.{n}", "plan": f"p{n}", "kind": "failover"} for n in (1, 2)]
    end = {"outcome": "PARTIAL", "because": "no capacity", "evidenceSha256": "0"}
    engine = Engine(
        r={"name": "umbrella", "custom": {"runs": refs}},
        r_1={"status": "Completed", "output": end, "custom": {"waitsFor": {"gate": "commit"}}},
    )
    first, second = shown(engine)["children"]
    assert (first["plan"], first["state"], first["outcome"]) == ("p1", "ended", "PARTIAL")
    assert (first["waitsFor"], first["href"]) == (None, "/api/runs/r.1")
    assert (second["run"], second["state"]) == ("r.2", "not begun")


def test_a_view_asks_a_bounded_number_of_children() -> None:
    many = [f"r.{n}" for n in range(3 * MOST_CHILDREN)]
    engine = Engine(r={"custom": {"children": many}})
    shown(engine)
    assert len(engine.asked) == 1 + MOST_CHILDREN


@pytest.mark.parametrize("said", [None, {"name": "move_tier"}])
def test_what_is_no_run_is_not_shown(said: dict[str, Any] | None) -> None:
    engine = cast(df.DurableOrchestrationClient, Engine(**({"r": said} if said else {})))
    assert asyncio.run(view(engine, "r")) is None
    assert asyncio.run(brief(engine, "r")) is None


def test_a_run_that_an_operator_terminated_was_cancelled() -> None:
    found = shown(Engine(r={"status": "Terminated"}))
    assert (found["state"], found["outcome"]) == ("ended", "CANCELLED")
