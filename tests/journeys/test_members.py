"""A member that fails, is retried, is optional or is refused for capacity: each has its outcome and its deviation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.world import Json, world

FAILOVER = "protectedItems/unplannedFailover"


def with_reports(plan: Json) -> None:
    plan["tiers"][2]["members"].append({"name": "report-01", "required": False})


def with_a_report_machine(estate: Json) -> None:
    machine = dict(estate["virtual_machines"][2])
    machine |= {"name": "report-01", "private_ip": "10.1.3.5", "needs": []}
    estate["virtual_machines"].append(machine)
    item = dict(estate["protected_items"][2])
    recovery = {**item["recovery"], "private_ip": "10.2.3.5", "test_ip": "10.9.3.5"}
    item |= {"name": "report-01", "machine": "report-01", "recovery": recovery}
    estate["protected_items"].append(item)


@pytest.mark.parametrize(
    ("fault", "times", "outcome", "says"),
    [
        ("job_failed", 9, "PARTIAL", "app-prod-01: failed after 2 attempts"),
        ("job_failed", 1, "COMPLETED", "app-prod-01: arrived after 2 attempts"),
        ("capacity_refused", 9, "PARTIAL", "not available in the target location"),
        ("capacity_refused", 1, "COMPLETED", "app-prod-01: arrived after 2 attempts"),
    ],
)
def test_a_required_member_that_is_lost_makes_the_run_partial_and_one_that_is_retried_is_told_of(
    tmp_path: Path, fault: str, times: int, outcome: str, says: str
) -> None:
    with world(tmp_path) as w:
        w.azure.faults.add(fault, operation=FAILOVER, item="app-prod-01", times=times)
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        record = w.evidence(run)
        assert shown["outcome"] == record["run"]["outcome"] == outcome
        assert any(says in deviation for deviation in record["deviations"]), record["deviations"]
        if fault == "capacity_refused" and outcome == "PARTIAL":
            member = record["tiers"][1]["members"][0]
            assert (member["outcome"], "150097" in member["error"]) == ("failed", True)


def test_an_optional_member_that_is_lost_is_a_skip_and_never_a_plain_success(
    tmp_path: Path,
) -> None:
    with world(tmp_path, with_reports, with_a_report_machine) as w:
        w.azure.faults.add("capacity_refused", operation=FAILOVER, item="report-01", times=9)
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        record = w.evidence(run)
        assert shown["outcome"] == record["run"]["outcome"] == "COMPLETED_WITH_SKIPS"
        assert "report-01, which is optional, stayed behind" in shown["because"]
        lost = record["tiers"][2]["members"][1]
        assert (lost["name"], lost["required"], lost["outcome"]) == ("report-01", False, "failed")
        assert record["tiers"][2]["arrived"]
        assert any("report-01: failed after 2 attempts" in d for d in record["deviations"])
        assert ("protectedItems/failoverCommit", "report-01") not in w.accepted()
        assert w.endpoints_enabled()[-1] == {"west"}


def test_an_optional_member_that_arrives_leaves_a_plain_success(tmp_path: Path) -> None:
    with world(tmp_path, with_reports, with_a_report_machine) as w:
        run = w.fail_over()
        assert w.approved_to_the_end(run)["outcome"] == "COMPLETED"
        assert not any("report-01" in deviation for deviation in w.evidence(run)["deviations"])


def test_a_required_member_whose_job_never_ends_is_timed_out_and_told_of(tmp_path: Path) -> None:
    def impatient(plan: Json) -> None:
        plan["tiers"][1]["within"] = "PT20M"

    with world(tmp_path, impatient) as w:
        w.azure.faults.add("job_stuck", operation=FAILOVER, item="app-prod-01")
        run = w.fail_over()
        shown = w.approved_to_the_end(run)
        record = w.evidence(run)
        assert shown["outcome"] == record["run"]["outcome"] == "PARTIAL"
        assert record["tiers"][1]["members"][0]["outcome"] == "timed_out"
        assert any("app-prod-01: timed_out after 1 attempts" in d for d in record["deviations"])
        assert w.endpoints_enabled()[-1] == {"east"}


def test_an_optional_member_that_is_retried_is_told_of_and_leaves_a_plain_success(
    tmp_path: Path,
) -> None:
    with world(tmp_path, with_reports, with_a_report_machine) as w:
        w.azure.faults.add("job_failed", operation=FAILOVER, item="report-01", times=1)
        run = w.fail_over()
        assert w.approved_to_the_end(run)["outcome"] == "COMPLETED"
        assert "report-01: arrived after 2 attempts" in w.evidence(run)["deviations"]
