"""Trouble that Azure makes on the worst night: throttling, lost answers, failed, stuck and refused jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_failover import COMMITS, FAILOVERS
from tests.journeys.world import Json, world

FAILOVER = "protectedItems/unplannedFailover"

SURVIVED: dict[str, list[dict[str, Any]]] = {
    "a lost answer": [{"kind": "lost", "operation": FAILOVER, "item": "db-prod-01", "times": 1}],
    "every first answer lost": [
        {"kind": "lost", "operation": FAILOVER, "item": i, "times": 1} for _, i in FAILOVERS
    ],
    "a lost commit": [{"kind": "lost", "operation": "protectedItems/failoverCommit", "times": 2}],
    "a lost switch": [{"kind": "lost", "operation": "endpoints/update", "times": 1}],
    "throttling with a wish": [
        {"kind": "throttle", "operation": "*", "times": 6, "retry_after": 45}
    ],
    "throttling without one": [
        {"kind": "throttle", "operation": "*", "times": 6, "retry_after": None}
    ],
    "5xx on the writes": [
        {"kind": "error", "method": "POST", "path": "*Failover*", "times": 4, "status": 503}
    ],
    "5xx on the reads": [
        {"kind": "error", "method": "GET", "path": "*replication*", "times": 5, "status": 500}
    ],
    "a job that fails once": [
        {"kind": "job_failed", "operation": FAILOVER, "item": "web-prod-01", "times": 1}
    ],
}


@pytest.mark.parametrize("faults", SURVIVED.values(), ids=SURVIVED.keys())
def test_the_run_completes_and_no_accepted_call_is_made_twice(
    faults: list[dict[str, Any]], tmp_path: Path
) -> None:
    with world(tmp_path) as w:
        for fault in faults:
            w.azure.faults.add(**fault)
        run = w.fail_over()
        assert w.approved_to_the_end(run)["outcome"] == "COMPLETED"
        struck = [fault.struck for fault in w.azure.faults.script()]
        assert all(struck), f"every fault must have struck, else this shows nothing: {struck}"
        accepted = w.accepted()
        wanted = [*FAILOVERS, *COMMITS]
        retried = sum(fault["times"] for fault in faults if fault["kind"] == "job_failed")
        assert (
            len([call for call in accepted if call[0].startswith("protectedItems/")]) == 6 + retried
        )
        assert set(wanted) <= set(accepted)
        assert (
            accepted.count(("endpoints/update", "west"))
            + accepted.count(("endpoints/update", "east"))
            <= 2
        )


def test_a_refused_capacity_ends_partial_and_says_so(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.azure.faults.add("capacity_refused", operation=FAILOVER, item="db-prod-01", times=9)
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        assert shown["outcome"] == "PARTIAL"
        assert "150097" in w.evidence(run)["tiers"][0]["members"][0]["error"]
        assert w.endpoints_enabled()[-1] == {"east"}


def test_a_stuck_job_is_given_up_when_the_tiers_time_is_up(tmp_path: Path) -> None:
    def short(plan: Json) -> None:
        plan["tiers"][0]["within"] = "PT30M"

    with world(tmp_path, plan=short) as w:
        w.azure.faults.add("job_stuck", operation=FAILOVER, item="db-prod-01", times=1)
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        assert shown["outcome"] == "PARTIAL"
        assert w.evidence(run)["tiers"][0]["members"][0]["outcome"] == "timed_out"
        assert w.accepted() == [FAILOVERS[0]]


def test_a_storm_of_throttling_of_half_an_hour_ends_in_a_named_outcome_and_changes_nothing(
    tmp_path: Path,
) -> None:
    with world(tmp_path) as w:
        w.azure.faults.add("throttle", operation="*", times=100_000, retry_after=None)
        run = w.fail_over()
        shown = w.until_ended(run)
        assert shown["outcome"] == "FAILED"
        assert w.accepted() == []
