from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from activities.recovery import Wave, WaveMember
from activities.recovery_plans import PlanDrive, PlanDriver, PlanQuestion
from domain.asr_plan import AsrPlan
from domain.asr_run import JobTree, PlanStanding, PlanTerms, Task
from domain.errors import Permanent, Transient
from domain.replication import Job, ProtectedItem, Terms, Verb
from tests.domain.test_asr_plan import ITEM, items, there, three
from tests.plan_samples import VAULT, tier

ARRIVED = "UnplannedFailoverCommitPendingStatesBegin"
IDLE = PlanStanding(name="shop", allowed=("UnplannedFailover",))


@dataclass
class Vault:
    """A vault whose items and jobs are as the test says."""

    found: dict[str, ProtectedItem] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)

    def items(self, vault: str) -> list[ProtectedItem]:
        return list(self.found.values())

    def start(self, item_id: str, verb: Verb, terms: Terms) -> str:
        raise AssertionError("a recovery plan moves the machines")

    def job(self, vault: str, job: str) -> Job:
        return self.jobs.get(job, Job(name=job, state="Succeeded"))

    def cancel(self, vault: str, job: str) -> None:
        self.cancelled.append(job)


@dataclass
class Plans:
    """Recovery plans that stand as the test says, and remember what they were asked."""

    stands: PlanStanding = IDLE
    trees: dict[str, JobTree] = field(default_factory=dict)
    known: dict[str, AsrPlan | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def plan(self, vault: str, name: str) -> AsrPlan | None:
        return self.known.get(name)

    def standing(self, vault: str, name: str) -> PlanStanding:
        return self.stands

    def start(self, vault: str, name: str, verb: Verb, terms: PlanTerms) -> str:
        self.asked.append(f"{verb.value} {name}")
        return "new"

    def tree(self, vault: str, job: str) -> JobTree:
        return self.trees[job]

    def resume(self, vault: str, job: str) -> None:
        self.asked.append(f"resume {job}")


def item(name: str, state: str = "Protected", scenario: str | None = None) -> ProtectedItem:
    allowed = ("UnplannedFailover",) if state == "Protected" and not scenario else ()
    return ProtectedItem(
        id=f"{ITEM}/{name}", name=name, state=state, scenario=scenario, allowed=allowed
    )


def tree(state: str, *machines: str, step: str | None = None) -> JobTree:
    leaves = [Task(name=m, state="x", machine=m.upper(), machine_job=f"job-{m}") for m in machines]
    if step:
        leaves.append(Task(name=step, state="Suspended", instructions="Look."))
    group = Task(name="group", state="Succeeded", children=tuple(leaves))
    return JobTree(job=Job(name="plan-job", state=state), tasks=(group,))


def drive(*names: str, job: str | None = "plan-job", **more: str) -> PlanDrive:
    members = tuple(WaveMember(name=n, item=f"{ITEM}/{n}") for n in names)
    wave = Wave(vault=VAULT, verb=Verb.FAILOVER, members=members)
    return PlanDrive(name="shop", wave=wave, job=job, **more)


def vault(*found: ProtectedItem, **jobs: str) -> Vault:
    made = {name: Job(name=name, state=state) for name, state in jobs.items()}
    return Vault(
        {one.name: one for one in found}, {k.replace("_", "-"): j for k, j in made.items()}
    )


def test_a_plan_that_says_succeeded_moves_nobody_whose_item_did_not() -> None:
    plans = Plans(trees={"plan-job": tree("Succeeded", "a", "b")})
    azure = vault(item("a", ARRIVED), item("b"), item("c"), job_b="Failed")
    news = PlanDriver(azure, plans).check_plan(drive("a", "b", "c"))
    assert news.over
    assert {e.name: (e.arrived, e.code) for e in news.ended} == {
        "a": (True, None),
        "b": (False, "job_failed"),
        "c": (False, "left_behind"),
    }


def test_who_has_no_job_yet_is_waited_for_while_the_plan_goes() -> None:
    plans = Plans(trees={"plan-job": tree("InProgress", "a")})
    azure = vault(item("a", "Protected", "UnplannedFailover"), item("b"), job_a="InProgress")
    news = PlanDriver(azure, plans).check_plan(drive("a", "b"))
    assert (news.ended, news.over, news.jobs) == ((), False, {"a": "job-a"})


def test_a_plan_that_failed_lost_nobody_whose_item_arrived() -> None:
    plans = Plans(trees={"plan-job": tree("Failed", "a")})
    news = PlanDriver(vault(item("a", ARRIVED)), plans).check_plan(drive("a"))
    assert [(e.name, e.arrived) for e in news.ended] == [("a", True)]


def test_a_plan_is_started_once_and_adopted_while_it_runs() -> None:
    plans = Plans(trees={"old": tree("Succeeded"), "plan-job": tree("InProgress")})
    driver = PlanDriver(vault(item("a")), plans)
    plans.stands = PlanStanding(
        name="shop", allowed=("UnplannedFailover",), scenario="UnplannedFailover", job="old"
    )
    assert driver.start_plan(drive("a", job=None)).job == "new"
    plans.stands = plans.stands.model_copy(update={"allowed": (), "job": "plan-job"})
    again = driver.start_plan(drive("a", job=None))
    assert (again.job, again.adopted, plans.asked) == ("plan-job", True, ["failover shop"])


def test_a_plan_whose_machines_are_all_there_is_not_started() -> None:
    plans = Plans()
    started = PlanDriver(vault(item("a", ARRIVED)), plans).start_plan(drive("a", job=None))
    assert (started.happened, plans.asked) == (True, [])


def test_a_plan_that_is_busy_is_waited_for_and_one_that_cannot_is_refused() -> None:
    plans = Plans(stands=PlanStanding(name="shop", allowed=("Commit",)))
    with pytest.raises(Transient):
        PlanDriver(vault(item("a", "Protected", "TestFailover")), plans).start_plan(
            drive("a", job=None)
        )
    with pytest.raises(Permanent, match="it allows Commit"):
        PlanDriver(vault(item("a")), plans).start_plan(drive("a", job=None))


def test_only_the_step_that_was_decided_is_resumed() -> None:
    plans = Plans(trees={"plan-job": tree("Suspended", step="second")})
    driver = PlanDriver(vault(item("a")), plans)
    step = driver.check_plan(drive("a")).step
    assert step is not None and (step.name, step.says) == ("second", "Look.")
    driver.resume_plan(drive("a", step="first"))
    assert plans.asked == []
    driver.resume_plan(drive("a", step="second"))
    assert plans.asked == ["resume plan-job"]


def test_a_plan_at_rest_is_not_cancelled_and_its_own_job_is_found() -> None:
    plans = Plans(trees={"plan-job": tree("InProgress"), "old": tree("Succeeded")})
    azure = vault(item("a"))
    driver = PlanDriver(azure, plans)
    driver.cancel_plan(drive("a", job="old"))
    driver.cancel_plan(drive("a", job=None))
    assert azure.cancelled == []
    plans.stands = PlanStanding(name="shop", scenario="UnplannedFailover", job="plan-job")
    driver.cancel_plan(drive("a", job=None))
    assert azure.cancelled == ["plan-job"]


def test_plans_that_would_move_others_or_otherwise_are_not_used() -> None:
    shop = three()
    azure = Vault({one.name: one for one in items(shop)})
    seen = PlanDriver(azure, Plans(known=there(shop))).look_at_plans(PlanQuestion(plan=shop))
    assert (seen.objections, list(seen.members)) == ((), ["shop"])
    assert seen.members["shop"] == ("db-1", "app-1", "app-2", "web-1")
    step = {"name": "step", "manual": "Look."}
    odd = three({**tier("db"), "pre_actions": [step]}, tier("app", "app-1", "app-2"), tier("web"))
    found = PlanDriver(azure, Plans(known=there(odd))).look_at_plans(PlanQuestion(plan=shop))
    assert found.objections == () and len(found.oddities) == 1
    other = three(tier("web"), tier("app", "app-1", "app-2"), tier("db"))
    found = PlanDriver(azure, Plans(known=there(other))).look_at_plans(PlanQuestion(plan=shop))
    assert len(found.objections) == 1 and "leeward plan push" in found.objections[0]
    none = PlanDriver(Vault(), Plans()).look_at_plans(PlanQuestion(plan=shop))
    assert "protect it first" in none.objections[0]
