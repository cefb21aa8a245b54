"""An application's whole life, over HTTP, on virtual time: every state on the way is the one that the table names."""

from __future__ import annotations

import re
import time
from pathlib import Path

from cli.main import main as leeward
from tests.journeys import walk
from tests.journeys.walk import Vault
from tests.journeys.world import BOB, Json, world
from tests.local.azure.shop import EAST, WEST

MACHINE = "/providers/Microsoft.Compute/virtualMachines/web-prod-01"


ENABLED = "ENABLING REPLICATING FIRST_POINT (PROTECTED )?WORKING PROTECTED"
REHEARSED = "DRILLING DRILL_PENDING CLEANING PROTECTED"
OVER = "WORKING FAILED_OVER COMMITTING COMMITTED TURNING REPLICATING FIRST_POINT PROTECTED"
HOME = OVER.replace("COMMITTED", "(COMMITTED )?").replace("? ", "?")
LIFE = f"{ENABLED} {REHEARSED} {OVER} {HOME}"
"""Every row of the table that an item shows, in order; what lasts no longer than an instant may go unseen."""


def unprotected(estate: Json) -> None:
    for part in ("fabrics", "containers", "policies", "container_mappings", "protected_items"):
        estate[part] = []


def by_hand(plan: Json) -> None:
    plan["policy"]["approval"]["required"] = False
    plan["policy"]["commit"] = {"mode": "manual", "within": "PT4H"}
    plan["policy"]["deadline"] = "PT8H"


def done(vault: Vault, run: str, outcome: str = "COMPLETED") -> Json:
    w = vault.w
    vault.run_until(lambda: bool(w.show(run)["state"] == "ended"))
    shown = w.show(run)
    assert shown["outcome"] == outcome, shown["because"]
    record = w.evidence(run)
    assert record["run"]["outcome"] == outcome
    return record


def answer_commit(vault: Vault, run: str) -> None:
    w = vault.w
    vault.run_until(lambda: bool(w.show(run)["waitsFor"]))
    asked = w.until_asked(run)
    assert "deletes the recovery points" in asked["says"]
    body = {"gate": "commit", "verdict": "approve", "digest": asked["digest"]}
    said = w.http.post(f"/api/runs/{run}/decisions", json=body, headers=w.by(BOB))
    assert said.is_success


def test_an_application_lives_its_whole_life_through_the_doors_of_the_app(tmp_path: Path) -> None:
    began = time.perf_counter()
    with world(tmp_path, by_hand, unprotected, region_down=False) as w, Vault(w) as vault:
        protect = w.ask("shop", "protect")
        vault.until(walk.ENABLING)
        replicating = vault.until(walk.REPLICATING)
        assert replicating["providerSpecificDetails"]["rpoInSeconds"] is None
        vault.until(walk.FIRST_POINT)
        record = done(vault, protect)
        assert vault.all_show(walk.PROTECTED)
        assert [m["outcome"] for m in record["protection"]["members"]] == ["arrived"] * 3

        before = len(w.accepted())
        drill = w.ask("shop", "drill")
        pending = vault.until(walk.DRILL_PENDING)["providerSpecificDetails"]
        assert pending["testFailoverRecoveryFabricObjectId"].endswith(f"{MACHINE}-test")
        record = done(vault, drill)
        assert vault.all_show(walk.PROTECTED)
        assert record["drill"]["clean"]
        assert record["drill"]["leftovers"] == []
        assert {what for what, _ in w.accepted()[before:]} == {
            "protectedItems/testFailover",
            "protectedItems/testFailoverCleanup",
        }
        assert w.endpoints_enabled() == [{"east"}]

        failover = w.fail_over(mode="graceful")
        there = vault.until(walk.FAILED_OVER)
        assert there["providerSpecificDetails"]["recoveryFabricObjectId"].endswith(MACHINE)
        answer_commit(vault, failover)
        vault.until(walk.COMMITTED)
        record = done(vault, failover)
        assert vault.all_show(walk.COMMITTED)
        assert w.endpoints_enabled()[-1] == {"west"}

        reprotect = w.ask("shop", "reprotect")
        turned = vault.until(walk.REPLICATING, WEST)["providerSpecificDetails"]
        assert (turned["primaryFabricLocation"], turned["recoveryFabricLocation"]) == (
            "westus",
            "eastus",
        )
        assert turned["initialPrimaryFabricLocation"] == "eastus"
        record = done(vault, reprotect)
        assert vault.all_show(walk.PROTECTED, WEST)
        assert vault.nothing_at(EAST)
        for member in record["reprotection"]["members"]:
            assert WEST in member["itemId"]
            assert EAST in member["formerItemId"]

        failback = w.ask("shop", "failback")
        vault.until(walk.FAILED_OVER, WEST)
        answer_commit(vault, failback)
        vault.until(walk.TURNING, WEST)
        vault.until(walk.REPLICATING, EAST)
        record = done(vault, failback)
        assert vault.all_show(walk.PROTECTED, EAST)
        assert vault.nothing_at(WEST)
        assert w.endpoints_enabled()[-1] == {"east"}
        assert all(w.endpoints_enabled())
        assert [tier["arrived"] for tier in record["tiers"]] == [True] * 3
        assert record["run"]["source"] == "westus"
        (tmp_path / "evidence.json").write_text(w.http.get(f"/api/runs/{failback}/evidence").text)
        assert set(vault.lives) == {f"{tier}-prod-01" for tier in walk.TIERS}
        for life in vault.lives.values():
            assert re.fullmatch(LIFE, " ".join(life)), life
        assert leeward(["verify", str(tmp_path / "evidence.json")]) == 0
    assert time.perf_counter() - began < 60, "days of story take seconds"
