"""A runbook's job is started once, whatever is delivered twice, and what it wrote is kept as far as it fits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from activities.actions import Actions, HttpOrder, RunbookOrder
from domain.action import KEPT_OUTPUT, HttpAnswered, HttpCall, Runbook, RunbookJob, fitted
from domain.errors import Transient
from domain.reach import Reach
from tests.orchestrators.test_actions import ACCOUNT

CALL = HttpCall(url="https://ops.example.com/hook")


@dataclass
class Account:
    """An Automation account in memory."""

    jobs: dict[str, RunbookJob] = field(default_factory=dict)
    started: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    wrote: str = ""

    def job(self, account: str, job: str) -> RunbookJob | None:
        return self.jobs.get(job)

    def start(self, account: str, job: str, runbook: str, parameters: dict[str, Any]) -> RunbookJob:
        self.started.append((job, runbook, parameters))
        self.jobs[job] = RunbookJob(status="New")
        return self.jobs[job]

    def output(self, account: str, job: str) -> str:
        return self.wrote

    def stop(self, account: str, job: str) -> None:
        self.stopped.append(job)


class Deaf:
    """Nobody to call."""

    reach: Reach | None = None

    def send(self, call: HttpCall, mark: str, reach: Reach) -> HttpAnswered:
        self.reach = reach
        return HttpAnswered(status=200, ok=True, said=mark)


def order(**context: Any) -> RunbookOrder:
    runbook = Runbook(account=ACCOUNT, name="Warm", parameters={"colour": "blue"})
    return RunbookOrder(runbook=runbook, job="j", context=context or None)


def test_a_second_delivery_adopts_the_job_of_the_first() -> None:
    account = Account()
    actions = Actions(Deaf(), account)
    first, second = actions.start_runbook(order()), actions.start_runbook(order())
    assert (first.adopted, second.adopted) == (False, True)
    assert account.started == [("j", "Warm", {"colour": "blue"})]


def test_the_context_goes_with_the_parameters_under_azures_own_name() -> None:
    account = Account()
    Actions(Deaf(), account).start_runbook(order(GroupId="db"))
    assert account.started[0][2] == {"colour": "blue", "RecoveryPlanContext": {"GroupId": "db"}}


@pytest.mark.parametrize(
    ("status", "over", "done"),
    [
        ("New", False, False),
        ("Activating", False, False),
        ("Running", False, False),
        ("Completed", True, True),
        ("Failed", True, False),
        ("Stopped", True, False),
        ("Suspended", True, False),
    ],
)
def test_a_job_is_over_where_it_will_not_move_again(status: str, over: bool, done: bool) -> None:
    account = Account(jobs={"j": RunbookJob(status=status, exception="boom")}, wrote=" said \n")
    seen = Actions(Deaf(), account).check_runbook(order())
    assert (seen.over, seen.done) == (over, done)
    assert seen.output == ("said" if over else None)
    assert seen.error == ("boom" if over and not done else None)


def test_a_job_that_is_not_to_be_seen_yet_is_waited_for() -> None:
    with pytest.raises(Transient):
        Actions(Deaf(), Account()).check_runbook(order())


def test_a_job_that_is_over_is_not_told_to_stop() -> None:
    account = Account(jobs={"j": RunbookJob(status="Completed")})
    Actions(Deaf(), account).stop_runbook(order())
    account.jobs["j"] = RunbookJob(status="Running")
    Actions(Deaf(), account).stop_runbook(order())
    assert account.stopped == ["j"]


def test_a_call_goes_out_with_its_mark() -> None:
    web = Deaf()
    order = HttpOrder(call=CALL, mark="m-1", reach=("ops.example.com",))
    assert Actions(web, Account()).call_http(order).said == "m-1"
    assert web.reach == Reach.of(("ops.example.com",))


def test_the_end_of_a_long_output_is_kept() -> None:
    kept = fitted("a" * KEPT_OUTPUT + "the end")
    assert kept is not None
    assert kept.endswith("the end")
    assert len(kept) == KEPT_OUTPUT + 4
    assert fitted(" \n") is None
