"""Every errand that Leeward runs in Azure, once, on virtual time: who asked for what is in the simulator's book."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from local.azure.records import RequestRecord
from tests.adapters.test_automation import ACCOUNT, with_runbooks
from tests.journeys.test_lifecycle import by_hand, unprotected
from tests.journeys.world import ROOT, Json, World, world
from tests.roles.grants import estate_apart, plan_apart

PREPARING = "prepare"
# Jobs that are over soon are looked at less often; what is asked of Azure stays the same.
SOON = {
    name: [8, 9]
    for name in (
        "UnplannedFailover",
        "CommitFailover",
        "TestFailover",
        "TestFailoverCleanup",
        "SwitchReplicationGroupProtection",
        "EnableDr",
        "SaveFabric",
        "PairProtectionContainers",
        "ChangeRecoveryPoint",
    )
}
LOOK = {"name": "ledger", "on": ["drill", "failover"], "manual": "Look at the ledger."}
Change = Callable[[Json], None]


@dataclass
class Book:
    """Which actions each identity asked for, errand by errand."""

    asked: dict[str, dict[str, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    requests: list[RequestRecord] = field(default_factory=list)

    def of(self, identity: str, *errands: str) -> set[str]:
        """Return the actions of an identity in some errands, or in all."""
        wanted = errands or tuple(self.asked)
        return set().union(*(self.asked[errand][identity] for errand in wanted))


@dataclass
class Errands:
    """A world, its plan's file, and the book that is kept of it."""

    w: World
    plan: Path
    book: Book = field(default_factory=Book)

    @contextmanager
    def errand(self, name: str, *changes: Change) -> Iterator[World]:
        """Do something with a changed plan, and enter who asked for what meanwhile."""
        plan: Json = yaml.safe_load((ROOT / "plans/shop.yaml").read_text())
        for change in (by_hand, briefly, plan_apart, *changes):
            change(plan)
        self.plan.write_text(yaml.safe_dump(plan, sort_keys=False))
        before = len(self.w.azure.requests)
        yield self.w
        for record in self.w.azure.requests[before:]:
            if record.action and record.identity:
                self.book.requests.append(record)
                self.book.asked[name][record.identity].add(record.action)

    def done(self, run: str, outcome: str = "COMPLETED") -> None:
        """Let a run end as it must, committing what it moved."""
        w = self.w
        while True:
            w.host.run_until(lambda: bool(w.show(run)["waitsFor"]) or self._ended(run))
            if self._ended(run):
                break
            assert w.decide(run).is_success
        assert w.show(run)["outcome"] == outcome, w.show(run)["because"]

    def _ended(self, run: str) -> bool:
        return bool(self.w.show(run)["state"] == "ended")


def briefly(plan: Json) -> None:
    """Keep no drill up for longer than it takes to see that it came up."""
    plan["drill"].pop("hold")


def by_asr(plan: Json) -> None:
    """Let Azure's own recovery plan move the machines, with a step in it that waits for a person."""
    plan |= {"engine": "asr", "recovery_plans": ["shop"]}
    plan["tiers"][1]["pre_actions"] = [LOOK]


def fewer_steps(plan: Json) -> None:
    """Leave the recovery plan as it would be without the step."""
    by_asr(plan)
    del plan["tiers"][1]["pre_actions"]


def warmed(plan: Json) -> None:
    """Have a runbook warm the caches in a drill, and once more with too little time for it."""
    hurried = {"within": "PT1M", "on_error": "continue"}
    plan["tiers"][0]["pre_actions"] = [
        {
            "name": name,
            "on": ["drill"],
            "runbook": {"account": ACCOUNT, "name": "Warm-Caches"},
            **more,
        }
        for name, more in (("warm", {}), ("hurry", hurried))
    ]


def by_point(plan: Json) -> None:
    """Choose recovery points."""
    plan["policy"]["recovery_point"] = "latest_processed"


def keeping(plan: Json) -> None:
    """Want an address kept, for which the address at home has to be read; it does not fit, so nothing begins."""
    plan["tiers"][0]["members"][0]["nics"][0]["address"] = "keep"


def run_all(folder: Path) -> Book:
    """Run every errand and return the book."""

    def bare(estate: Json) -> None:
        unprotected(estate)
        estate_apart(estate)
        with_runbooks(estate)
        estate["durations"] = SOON

    with world(folder, by_hand, bare, region_down=False) as w:
        all_of_them = Errands(w, folder / "plans/shop.yaml")
        prepare(all_of_them)
        rehearse(all_of_them)
        move(all_of_them)
        look(all_of_them)
    return all_of_them.book


def prepare(errands: Errands) -> None:
    """What is done once, by day: the vault's set-up, replication, the items' settings, Azure's recovery plans."""
    with errands.errand("look", keeping) as w:
        errands.done(w.ask("shop", "protect"), "FAILED")
    with errands.errand(PREPARING) as w:
        errands.done(w.ask("shop", "protect"))
    for change in (fewer_steps, by_asr):
        with errands.errand(PREPARING, change) as w:
            _pushed(w)
    with errands.errand("look", by_asr) as w:
        _ok(w.http.get("/api/plans/shop/diff"))
        vault = yaml.safe_load(errands.plan.read_text())["vault"]["id"]
        _ok(w.http.post("/api/plans/import", json={"id": f"{vault}/replicationRecoveryPlans/shop"}))


def rehearse(errands: Errands) -> None:
    """A drill with a runbook that ends and one that is stopped; and one by Azure's plan, stopped on its way."""
    with errands.errand("drill", warmed) as w:
        errands.done(w.ask("shop", "drill"), "COMPLETED_WITH_SKIPS")
    with errands.errand("drill", by_asr) as w:
        run = w.ask("shop", "drill")
        w.until_asked(run)
        _ok(w.http.post(f"/api/runs/{run}/controls", json={"verb": "cancel"}))
        assert w.until_ended(run)["outcome"] == "CANCELLED"


def move(errands: Errands) -> None:
    """Out by Azure's recovery plan, back by Leeward itself, with a change of mind about the recovery point."""
    with errands.errand("move", by_asr) as w:
        errands.done(w.fail_over(mode="graceful"))
        errands.done(w.ask("shop", "reprotect"))
    with errands.errand("move", by_point) as w:
        run = w.ask("shop", "failback")
        w.host.run_until(lambda: (w.show(run)["waitsFor"] or {}).get("gate") == "commit")
        item = next(i for i in w.azure.replication.items.values() if i.name == "db-prod-01")
        old = list(w.azure.replication.shelf.points(item, w.clock.now()))[3]
        change = {"verb": "change_point", "points": {"db-prod-01": old.name}}
        _ok(w.http.post(f"/api/runs/{run}/controls", json=change))
        w.host.run_until(lambda: item.failover_point == old)
        errands.done(run)


def look(errands: Errands) -> None:
    """What goes on day and night: readiness, the sweep, the lookout."""
    with errands.errand("look") as w:
        _ok(w.http.get("/api/plans/shop/readiness"))
        _ok(w.http.post("/admin/functions/keep_sweep", json={}))
        w.watch()
        until = w.clock.now() + timedelta(minutes=2)
        w.host.run_until(lambda: w.clock.now() >= until)


def _pushed(w: World) -> None:
    _ok(w.http.post("/api/plans/shop/push"))
    w.clock.advance(w.clock.now() + timedelta(minutes=1))
    w.azure.settle()


def _ok(answer: Any) -> None:
    assert answer.is_success, answer.text
