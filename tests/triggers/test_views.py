"""Plans and runs can be looked at: what there is, where it stands, and a clear no for everything else."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any, cast

import azure.durable_functions as df
import azure.functions as func
import pytest

from activities.acting import Acting
from domain.errors import Permanent, StepError, Transient
from domain.plan import Plan
from domain.plan_rules import Mistake, PlanRefused
from domain.request import Kind
from domain.run import Readiness
from tests.ledger_in_memory import LedgerInMemory
from tests.plan_samples import plan as sample
from tests.triggers.conftest import Doors
from tests.triggers.test_api import problem
from triggers.plan_views import LOOKS_AT_ONCE, PlanViews

NOBODY = Acting(LedgerInMemory(), "here")

# -- plans ---------------------------------------------------------------------------------


def test_plans_are_listed_and_one_that_is_not_valid_is_there_with_its_mistakes(
    doors: Doors,
) -> None:
    broken = doors.plans / "broken.yaml"
    broken.write_text("schema: leeward/plan/1\nname: broken\n")
    listed = {p["name"]: p for p in doors.http.get("/api/plans").json()["plans"]}
    broken.unlink()
    assert {doors.plan, "broken"} <= set(listed)
    assert not listed["broken"]["valid"]
    assert listed["broken"]["mistakes"][0]["line"] >= 1
    shown = listed[doors.plan]
    assert (shown["valid"], shown["tiers"], shown["machines"]) == (True, ["db", "app", "web"], 3)
    assert shown["href"] == f"/api/plans/{doors.plan}"


def test_a_plan_is_shown_whole_with_its_digest_and_who_holds_it(doors: Doors) -> None:
    free = doors.http.get(f"/api/plans/{doors.plan}").json()
    assert free["heldBy"] is None
    plan = Plan.model_validate(free["plan"])
    assert plan.digest() == free["digest"]
    run = doors.started()
    doors.world.until_asked(run)
    assert doors.http.get(f"/api/plans/{doors.plan}").json()["heldBy"] == run


@pytest.mark.parametrize("tail", ["", "/readiness"])
def test_an_unknown_plan_is_404_and_a_wrong_one_422(doors: Doors, tail: str) -> None:
    problem(doors.http.get(f"/api/plans/nowhere{tail}"), 404)
    path = doors.plans / f"{doors.plan}.yaml"
    path.write_text(path.read_text().replace("region: westus", "region: westsu"))
    answer = doors.http.get(f"/api/plans/{doors.plan}{tail}")
    assert problem(answer, 422) == "the plan is not valid"
    assert any("did you mean westus" in m["what"] for m in answer.json()["mistakes"])


# -- readiness -----------------------------------------------------------------------------


def test_readiness_is_read_from_azure_now(doors: Doors) -> None:
    found = doors.http.get(f"/api/plans/{doors.plan}/readiness").json()
    assert (found["plan"], found["kind"]) == (doors.plan, "failover")
    assert found["ready"]
    assert set(found["items"]) == {"db-prod-01", "app-prod-01", "web-prod-01"}
    path = doors.plans / f"{doors.plan}.yaml"
    path.write_text(path.read_text().replace("db-prod-01", "db-prod-99"))
    found = doors.http.get(f"/api/plans/{doors.plan}/readiness").json()
    assert not found["ready"]
    assert found["blockers"][0].startswith("db-prod-99 has no protected item")
    assert doors.entity("lock", doors.plan) is None, "a look holds nothing"


def test_readiness_for_a_kind_that_there_is_not_is_400(doors: Doors) -> None:
    answer = doors.http.get(f"/api/plans/{doors.plan}/readiness?kind=dance")
    assert "kind is one of failover" in problem(answer, 400)


class OneShelf:
    """A shelf with one plan."""

    def plan(self, name: str) -> Plan:
        return sample()

    def names(self) -> list[str]:
        return ["shop"]

    def valid(self) -> list[Plan]:
        return [sample()]

    def each(self) -> list[tuple[str, Plan | PlanRefused | StepError]]:
        return [("shop", sample())]


class Ill(OneShelf):
    """A shelf whose plan cannot be had."""

    def __init__(self, trouble: PlanRefused | StepError) -> None:
        self._trouble = trouble

    def each(self) -> list[tuple[str, Plan | PlanRefused | StepError]]:
        return [("shop", self._trouble)]


class Azure:
    """Azure as a look sees it: it answers, refuses, or is silent until told otherwise."""

    def __init__(self, said: Readiness | Exception | None = None) -> None:
        self.said = said
        self.asked = threading.Semaphore(0)
        self.speak = threading.Event()

    def look(self, plan: Plan, kind: Kind) -> Readiness:
        self.asked.release()
        if self.said is None:
            assert self.speak.wait(20)
            return Readiness(ready=True)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def look(views: PlanViews, **params: str) -> func.HttpResponse:
    return asyncio.run(ask(views, **params))


async def ask(views: PlanViews, **params: str) -> func.HttpResponse:
    request = func.HttpRequest("GET", "/", params=params, route_params={"plan": "shop"}, body=b"")
    return await views.show_readiness(request, cast(df.DurableOrchestrationClient, None))


def told(answer: func.HttpResponse) -> Any:
    return json.loads(answer.get_body())


def test_a_look_asks_for_the_kind_it_was_asked_for() -> None:
    views = PlanViews(OneShelf(), Azure(Readiness(ready=True, warnings=("old point",))), NOBODY)
    answer = look(views, kind="round-trip")
    assert answer.status_code == 200
    assert told(answer)["kind"] == "round_trip"
    assert told(answer)["warnings"] == ["old point"]


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(Transient("throttled", "busy", None), 503), (Permanent("forbidden", "no role"), 502)],
)
def test_azures_trouble_is_a_problem_and_no_crash(trouble: Exception, status: int) -> None:
    views = PlanViews(OneShelf(), Azure(trouble), NOBODY)
    answer = look(views)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert (answer.headers.get("Retry-After") is not None) is (status == 503)


def test_a_silent_azure_is_not_waited_for_and_holds_no_more_than_a_few_threads() -> None:
    azure = Azure()
    views = PlanViews(OneShelf(), azure, NOBODY, within_seconds=0.01)

    async def crowd() -> list[func.HttpResponse]:
        answers = [await ask(views) for _ in range(LOOKS_AT_ONCE + 1)]
        azure.speak.set()
        return answers

    answers = asyncio.run(crowd())
    assert {answer.status_code for answer in answers} == {503}
    assert "has not answered within" in told(answers[0])["detail"]
    assert "go on already" in told(answers[-1])["detail"]
    azure.said = Readiness(ready=True)
    assert look(views).status_code == 200, "a look that has ended makes room for the next"


def test_a_plan_that_cannot_be_had_is_listed_with_the_reason() -> None:
    request = func.HttpRequest("GET", "/", body=b"")
    for trouble in (
        Transient("plans_unreachable", "the storage is away"),
        PlanRefused("shop.yaml", [Mistake(1, "the storage is away")]),
    ):
        (listed,) = told(PlanViews(Ill(trouble), Azure(), NOBODY).list_plans(request))["plans"]
        assert not listed["valid"]
        assert listed["mistakes"] == [{"line": 1, "what": "the storage is away"}]


# -- runs ----------------------------------------------------------------------------------


def ended_run(doors: Doors) -> str:
    run = doors.started()
    assert doors.world.decide(run, "reject").status_code == 202
    doors.world.until_ended(run)
    return run


def test_runs_are_listed_newest_first_page_after_page(doors: Doors) -> None:
    runs = [ended_run(doors), ended_run(doors), doors.started()]
    doors.world.until_asked(runs[-1])
    seen: list[str] = []
    href: str | None = f"/api/runs?plan={doors.plan}&limit=2"
    pages = 0
    while href:
        page = doors.http.get(href).json()
        seen += [run["run"] for run in page["runs"]]
        href, pages = page["next"], pages + 1
    assert seen == runs[::-1]
    assert pages == 2
    first = doors.http.get(f"/api/runs?plan={doors.plan}").json()["runs"][0]
    assert (first["plan"], first["kind"], first["state"]) == (doors.plan, "failover", "waiting")
    assert first["waitsFor"]["gate"] == "approval"
    assert first["href"] == f"/api/runs/{runs[-1]}"


def test_runs_are_filtered_by_where_they_stand(doors: Doors) -> None:
    over = ended_run(doors)
    open_still = doors.started()
    doors.world.until_asked(open_still)
    for state, expected in (("ended", [over]), ("waiting", [open_still]), ("running", [])):
        page = doors.http.get(f"/api/runs?plan={doors.plan}&state={state}").json()
        assert [run["run"] for run in page["runs"]] == expected
    ended = doors.http.get(f"/api/runs?plan={doors.plan}&state=ended").json()["runs"][0]
    assert (ended["outcome"], ended["evidence"]) == ("DECLINED", f"/api/runs/{over}/evidence")


def test_all_runs_are_listed_where_nothing_is_asked_for(doors: Doors) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    page = doors.http.get("/api/runs?limit=1").json()
    assert [found["run"] for found in page["runs"]] == [run]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("limit=0", "limit is a number from 1 to 100"),
        ("limit=101", "limit is a number from 1 to 100"),
        ("limit=many", "limit is a number from 1 to 100"),
        ("limit=%D9%A3", "limit is a number from 1 to 100"),
        ("state=lost", "state is one of running, waiting, ended"),
        ("colour=red", "colour is no filter"),
    ],
)
def test_a_query_that_is_not_understood_is_400(doors: Doors, query: str, why: str) -> None:
    assert why in problem(doors.http.get(f"/api/runs?{query}"), 400)


def test_a_page_after_a_run_that_is_not_in_the_book_is_the_last_one(doors: Doors) -> None:
    run = doors.started()
    doors.world.until_asked(run)
    page = doors.http.get("/api/runs?after=gone").json()
    assert page == {"runs": [], "next": None}
