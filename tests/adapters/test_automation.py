"""Automation through the real pipeline, over TLS, against the simulated accounts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from activities.actions import Actions, RunbookOrder
from adapters.automation import AzureAutomation
from domain.action import HttpAnswered, HttpCall, Runbook, mark_of
from domain.errors import Permanent, Transient
from domain.reach import Reach
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from tests.identities import identities
from tests.journeys.world import Json, shop_estate

GROUP = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups/shop-ops"
ACCOUNT = f"{GROUP}/providers/Microsoft.Automation/automationAccounts/shop-ops"
JOB = mark_of("run-1", "db.warm", 1)


def with_runbooks(estate: Json) -> None:
    runbooks = [
        {"name": "Warm-Caches", "seconds": 90, "output": "3 caches are warm\n"},
        {"name": "Breaks", "seconds": 10, "output": "half way", "fails": "no such cache"},
    ]
    account = {"name": "shop-ops", "resource_group": "shop-ops", "region": "westus"}
    estate["automation_accounts"] = [{**account, "runbooks": runbooks}]


class Nobody:
    def send(self, call: HttpCall, mark: str, reach: Reach) -> HttpAnswered:
        raise AssertionError("nobody is called here")


class Ops:
    """The account, its clock, and the activities on top of the adapter."""

    def __init__(self, simulator: Simulator, clock: VirtualClock) -> None:
        self.simulator, self.clock = simulator, clock
        os.environ.update(simulator.environment())
        self.automation = AzureAutomation(identities())
        self.actions = Actions(Nobody(), self.automation)

    def order(self, runbook: str = "Warm-Caches", **more: Any) -> RunbookOrder:
        return RunbookOrder(
            runbook=Runbook(account=ACCOUNT, name=runbook, parameters={"colour": "blue"}),
            job=JOB,
            **more,
        )

    def later(self, seconds: int) -> None:
        self.clock.advance(self.clock.now() + timedelta(seconds=seconds))

    def sent(self) -> list[str]:
        return [r.operation for r in self.simulator.requests if r.operation != "token/get"]


@pytest.fixture
def ops() -> Iterator[Ops]:
    clock = VirtualClock()
    with Simulator(shop_estate(with_runbooks), clock) as simulator:
        yield Ops(simulator, clock)


def test_a_job_goes_its_way_and_its_output_is_kept(ops: Ops) -> None:
    assert ops.actions.start_runbook(ops.order(context={"GroupId": "db"})).status == "New"
    assert ops.sent() == ["automationJobs/get", "automationJobs/create"]
    ops.later(10)
    assert ops.actions.check_runbook(ops.order()).status == "Activating"
    ops.later(30)
    assert ops.actions.check_runbook(ops.order()).status == "Running"
    ops.later(90)
    seen = ops.actions.check_runbook(ops.order())
    assert (seen.status, seen.done, seen.output) == ("Completed", True, "3 caches are warm")
    job = ops.simulator.automation.jobs["shop-ops", JOB]
    assert job.parameters == {"colour": "blue", "RecoveryPlanContext": '{"GroupId": "db"}'}


def test_a_start_whose_answer_was_lost_is_found_again_and_nothing_runs_twice(ops: Ops) -> None:
    ops.simulator.faults.add("lost", operation="automationJobs/create")
    with pytest.raises(Transient):
        ops.actions.start_runbook(ops.order())
    assert ops.actions.start_runbook(ops.order()).adopted
    assert ops.sent().count("automationJobs/create") == 1


def test_a_start_that_another_delivery_was_faster_with_is_adopted(ops: Ops) -> None:
    first = ops.automation.start(ACCOUNT, JOB, "Warm-Caches", {})
    second = ops.automation.start(ACCOUNT, JOB, "Warm-Caches", {})
    assert first == second
    assert len(ops.simulator.automation.jobs) == 1


def test_a_failed_job_says_why(ops: Ops) -> None:
    ops.actions.start_runbook(ops.order("Breaks"))
    ops.later(60)
    seen = ops.actions.check_runbook(ops.order("Breaks"))
    assert (seen.over, seen.done) == (True, False)
    assert (seen.output, seen.error) == ("half way", "no such cache")


@pytest.mark.parametrize(("fault", "status"), [("job_failed", "Failed"), ("job_stuck", "Running")])
def test_faults_reach_jobs_by_the_name_of_their_runbook(ops: Ops, fault: str, status: str) -> None:
    ops.simulator.faults.add(fault, operation="automationJobs/create", item="Warm-*")
    ops.actions.start_runbook(ops.order())
    ops.later(86_400)
    assert ops.actions.check_runbook(ops.order()).status == status


def test_a_stuck_job_is_stopped(ops: Ops) -> None:
    ops.simulator.faults.add("job_stuck", operation="automationJobs/create")
    ops.actions.start_runbook(ops.order())
    ops.later(3600)
    ops.actions.stop_runbook(ops.order())
    seen = ops.actions.check_runbook(ops.order())
    assert (seen.status, seen.over, seen.done) == ("Stopped", True, False)


def test_throttles_are_waited_out_and_what_is_missing_is_final(ops: Ops) -> None:
    ops.simulator.faults.add("throttle", operation="automationJobs/*", retry_after=7)
    with pytest.raises(Transient) as throttled:
        ops.actions.start_runbook(ops.order())
    assert throttled.value.after == timedelta(seconds=7)
    with pytest.raises(Permanent, match="Runbook 'Nothing' was not found"):
        ops.actions.start_runbook(ops.order("Nothing"))
    assert ops.automation.job(ACCOUNT.replace("shop-ops", "other"), JOB) is None


def test_an_account_in_a_region_that_is_down_does_not_answer(ops: Ops) -> None:
    ops.simulator.set_region("westus", down=True)
    with pytest.raises(Transient):
        ops.actions.start_runbook(ops.order())
