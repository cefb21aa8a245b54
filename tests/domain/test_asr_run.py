from __future__ import annotations

import pytest

from domain.asr_run import JobTree, Task
from domain.plan import Plan
from domain.replication import Job
from tests.plan_samples import plan, tier


def tree(state: str, *tasks: Task) -> JobTree:
    return JobTree(job=Job(name="j", state=state), tasks=tasks)


def step(name: str, state: str) -> Task:
    return Task(name=name, state=state, instructions="Look.")


def test_the_step_that_waits_is_found_below_those_that_were_done() -> None:
    group = Task(name="g", state="Suspended", children=(step("second", "Suspended"),))
    found = tree("Suspended", step("first", "Succeeded"), group).waits_for
    assert found is not None and found.name == "second"


@pytest.mark.parametrize("state", ["InProgress", "Succeeded", "Cancelled"])
def test_a_job_that_is_not_suspended_waits_for_nobody(state: str) -> None:
    assert tree(state, step("x", "Suspended")).waits_for is None


def test_a_suspended_job_without_a_step_waits_for_a_clean_up_not_for_a_person() -> None:
    assert tree("Suspended", Task(name="g", state="Succeeded")).waits_for is None
    assert not tree("Suspended").over


def test_each_machines_own_job_is_found_in_the_tree() -> None:
    leaf = Task(name="DB-01", state="InProgress", machine="DB-01", machine_job="7")
    group = Task(name="g", state="InProgress", children=(leaf,))
    assert tree("InProgress", group).machine_jobs == {"db-01": "7"}


@pytest.mark.parametrize(
    "action", [{"http": {"url": "https://ops.example.com/"}}, {"wait": "PT1M"}], ids=str
)
def test_azures_plans_cannot_take_what_only_leeward_does(action: dict[str, object]) -> None:
    tiers = [{**tier("db"), "pre_actions": [{"name": "x", **action}]}]
    assert plan(tiers=tiers)
    with pytest.raises(ValueError, match="cannot take action 'x'"):
        plan(tiers=tiers, engine="asr", recovery_plans=["shop"])
    steps = [{**tier("db"), "pre_actions": [{"name": "x", "manual": "Look."}]}]
    assert isinstance(plan(tiers=steps, engine="asr", recovery_plans=["shop"]), Plan)
