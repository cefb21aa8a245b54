"""Drills through the app's own doors: production stays untouched, and nothing is left, or all of it is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.model import last_segment
from tests.chaos.interrupted import Interrupted
from tests.chaos.judged import judge
from tests.chaos.rehearsal import CLEAN_UP, START, approve
from tests.journeys.world import Json, world

ITEMS = ("db-prod-01", "app-prod-01", "web-prod-01")
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def test_production_replication_and_users_stay_untouched(tmp_path: Path) -> None:
    with world(tmp_path, region_down=False) as w:
        night = Interrupted(w, w.ask("shop", "drill"))
        began = len(w.azure.requests)
        night.play(approve)
        assert judge(night) == ("COMPLETED", [])
        assert night.production() == night.before
        sent = [r for r in w.azure.requests[began:] if r.method in WRITES]
        assert sorted((r.operation, r.item) for r in sent if r.operation != "events/publish") == [
            (verb, item) for verb in (START, CLEAN_UP) for item in sorted(ITEMS)
        ]
        asked = {r.operation for r in w.azure.requests[began:]}
        assert not any(operation.startswith(("profiles/", "endpoints/")) for operation in asked)


@pytest.mark.parametrize("what", [("vm", "nic", "disk"), ("nic",), ("disk", "publicip")])
def test_exactly_what_a_clean_up_left_is_listed(tmp_path: Path, what: tuple[str, ...]) -> None:
    with world(tmp_path, region_down=False) as w:
        w.azure.faults.add("leftover", operation=CLEAN_UP, item="app-prod-01", what=what)
        night = Interrupted(w, w.ask("shop", "drill"))
        night.play(approve)
        assert judge(night) == ("NEEDS_HUMAN", [])
        record = w.evidence(night.run)
        left = record["drill"]["leftovers"]
        assert {leftover["kind"] for leftover in left} == set(what)
        assert {leftover["id"].lower() for leftover in left} == night.test_resources()
        assert record["cleanup"]["leftovers"] == [leftover["id"] for leftover in left]
        shown = w.show(night.run)
        for leftover in left:
            assert last_segment(leftover["id"]) in shown["because"]
            for form in ("md", "html"):
                page = w.http.get(f"/api/runs/{night.run}/evidence?format={form}").text
                assert last_segment(leftover["id"]).split("_")[0] in page


@pytest.mark.parametrize("name", ["shop-west-vnet", "SHOP-West-VNET"])
def test_a_drill_into_the_production_network_begins_nothing(tmp_path: Path, name: str) -> None:
    def into_production(plan: Json) -> None:
        network = plan["drill"]["network"]
        plan["drill"]["network"] = network.replace("shop-west-drill", name)
        plan.pop("protection")
        for tier in plan["tiers"]:
            for member in tier["members"]:
                member.pop("nics")

    with world(tmp_path, plan=into_production, region_down=False) as w:
        shown = w.until_ended(w.ask("shop", "drill"))
        assert shown["outcome"] == "FAILED"
        assert "is a production network" in shown["because"]
        assert w.accepted() == []


def test_a_drill_that_was_cancelled_half_way_gives_the_application_free(tmp_path: Path) -> None:
    with world(tmp_path, region_down=False) as w:
        night = Interrupted(w, w.ask("shop", "drill"), words=[(12, "cancel")])
        w.host.settle()  # the drill holds the lock once its first turns are done
        busy = w.http.post("/api/plans/shop/failover", json={})
        assert (busy.status_code, night.run in busy.text) == (409, True)
        night.play(approve)
        assert judge(night) == ("CANCELLED", [])
        assert w.fail_over()
