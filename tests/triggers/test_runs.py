"""At the door: who holds an application, in this app or another, and what a person's word to take over becomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import pytest

from activities.acting import Acting
from domain.acting import Wish
from domain.errors import Permanent, Transient
from domain.plan import Plan
from domain.request import RunRequest
from tests.domain.test_asr_plan import items, three
from tests.ledger_in_memory import LedgerInMemory
from tests.plan_samples import plan, tier
from triggers.asr_plans import AsrPlans
from triggers.runs import Busy, holder_of, start_run

AT = datetime(2026, 11, 22, 20, 15, tzinfo=UTC)
REQUEST = RunRequest(plan=plan(), requested_by="alice", reason="a test")


@dataclass
class Hub:
    """The task hub of this app, as the SDK's client shows it."""

    statuses: dict[str, str] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    started: dict[str, Any] = field(default_factory=dict)

    async def get_status(self, run: str) -> Any:
        name = self.statuses.get(run)
        return SimpleNamespace(runtime_status=SimpleNamespace(name=name) if name else None)

    async def read_entity_state(self, entity: Any) -> Any:
        holder = self.locks.get(entity.key)
        return SimpleNamespace(entity_exists=bool(holder), entity_state={"holder": holder})

    async def signal_entity(self, entity: Any, operation: str, value: Any) -> None:
        assert operation == "release" and self.locks.pop(entity.key) == value["run"]

    async def start_new(self, name: str, run: str, request: Any) -> None:
        self.started[run] = request


@dataclass
class Here:
    """This app at its door."""

    hub: Hub = field(default_factory=Hub)
    ledger: LedgerInMemory = field(default_factory=LedgerInMemory)

    def claimed(self, app: str, run: str, over: int | None = None) -> None:
        wish = Wish(application="shop", run=run, over=over, at=AT)
        assert Acting(self.ledger, app).claim_application(wish).claim

    def start(self, take_over: bool = False) -> dict[str, int]:
        claims = Acting(self.ledger, "here")
        asyncio.run(start_run(cast(Any, self.hub), claims, "new", REQUEST, take_over))
        over: dict[str, int] = self.hub.started["new"]["over"]
        return over

    def busy(self) -> Busy | None:
        return asyncio.run(holder_of(cast(Any, self.hub), Acting(self.ledger, "here"), "shop"))


def test_a_free_application_is_started_on() -> None:
    assert Here().start() == {}


def test_what_another_app_holds_is_busy_and_says_whose_it_is() -> None:
    here = Here()
    here.claimed("third", "r1")
    with pytest.raises(Busy, match="shop is held by run r1 of app third") as busy:
        here.start()
    assert busy.value.holder == "r1" and here.hub.started == {}


def test_a_word_to_take_over_names_the_claim_that_stands_now() -> None:
    here = Here()
    here.claimed("third", "r1")
    here.claimed("fourth", "r2", over=1)
    assert here.start(take_over=True) == {"shop": 2}


def test_this_app_s_own_run_is_not_taken_over_while_it_holds_the_lock() -> None:
    here = Here(Hub(statuses={"r1": "Running"}, locks={"shop": "r1"}))
    here.claimed("here", "r1")
    with pytest.raises(Busy, match=r"shop is held by run r1$"):
        here.start(take_over=True)


@pytest.mark.parametrize("engine", ["Completed", "Failed", "Terminated"])
def test_what_an_ended_run_of_this_app_left_is_freed(engine: str) -> None:
    here = Here(Hub(statuses={"r1": engine}, locks={"shop": "r1"}))
    here.claimed("here", "r1")
    assert here.start() == {}
    assert here.ledger.entries["acting/shop/00000001"]["released_at"]
    assert here.hub.locks == {}


@pytest.mark.parametrize(
    ("app", "statuses"),
    [("here", {}), ("here", {"r1": "Running"}), ("third", {"r1": "Completed"})],
)
def test_a_claim_of_a_run_that_may_be_alive_is_left_alone(
    app: str, statuses: dict[str, str]
) -> None:
    here = Here(Hub(statuses=statuses))
    here.claimed(app, "r1")
    assert str(here.busy()) == f"shop is held by run r1 of app {app}"
    with pytest.raises(Busy):
        here.start()
    assert here.ledger.entries["acting/shop/00000001"]["released_at"] is None


def test_a_ledger_out_of_reach_starts_the_run_that_asks_again_but_takes_nothing_over() -> None:
    here = Here()
    here.ledger.reachable = False
    assert here.busy() is None
    assert here.start() == {}
    with pytest.raises(Transient, match="could not be reached"):
        here.start(take_over=True)


# -- a push of recovery plans, which holds no claim of its own ---------------------------------


class Away:
    """A ledger that says nothing."""

    app = "here"

    def holder(self, application: str) -> None:
        raise Transient("ledger_unavailable", "the ledger could not be reached")


EIGHT = three(*(tier(f"t-{n}") for n in range(8)))  # one tier more than a recovery plan takes


@dataclass
class Azure:
    """The vault and its recovery plans; while they are listed or saved, something else may happen."""

    listed: Callable[[], None] = lambda: None
    saves: Callable[[], None] = lambda: None
    saved: list[str] = field(default_factory=list)
    refuses: Exception | None = None
    saves_before_that: int = 1
    shop: Plan = field(default_factory=three)

    def items(self, vault: str) -> Any:
        self.listed()
        return items(self.shop)

    def plan(self, vault: str, name: str) -> None:
        return None

    def save(self, vault: str, name: str, body: Any) -> str:
        self.saved.append(name)
        self.saves()
        if self.refuses and len(self.saved) == self.saves_before_that + 1:
            raise self.refuses
        return f"job-{len(self.saved)}"


def push(azure: Azure, claims: Any, hub: Hub | None = None) -> tuple[func.HttpResponse, Any]:
    doors = AsrPlans(
        plans=cast(Any, SimpleNamespace(plan=lambda name: azure.shop)),
        recovery_plans=azure,
        vault=azure,
        read_text=cast(Any, None),
        write_text=cast(Any, None),
        claims=claims,
    )
    path = "/api/plans/shop/push"
    asked = func.HttpRequest("POST", path, route_params={"plan": "shop"}, body=b"")
    answer = asyncio.run(doors.push_plan(asked, cast(Any, hub or Hub()), cast(Any, None)))
    return answer, json.loads(answer.get_body())


def test_nothing_is_pushed_while_nobody_can_tell_who_acts() -> None:
    azure = Azure()
    answer, told = push(azure, Away())
    assert (answer.status_code, azure.saved) == (503, [])
    assert answer.headers["Retry-After"] == "30"
    assert told["detail"] == "nothing was pushed: the ledger could not be reached"


def test_nothing_is_pushed_on_a_run_that_began_while_the_vault_was_read() -> None:
    here = Here()
    azure = Azure(listed=lambda: here.claimed("third", "r1"))
    answer, told = push(azure, Acting(here.ledger, "here"))
    assert (answer.status_code, told["holder"], azure.saved) == (409, "r1", [])


def test_a_push_tells_of_a_run_that_began_while_it_saved() -> None:
    here = Here()
    azure = Azure(saves=lambda: here.claimed("third", "r1"))
    answer, told = push(azure, Acting(here.ledger, "here"))
    assert (answer.status_code, azure.saved) == (200, ["shop"])
    assert told["begun"].startswith("shop is held by run r1 of app third, which began meanwhile: ")


def test_a_push_does_not_claim_that_nobody_began_where_it_cannot_tell() -> None:
    here = Here()
    azure = Azure(saves=lambda: setattr(here.ledger, "reachable", False))
    answer, told = push(azure, Acting(here.ledger, "here"))
    assert (answer.status_code, azure.saved) == (200, ["shop"])
    assert told["begun"].startswith("whether a run began meanwhile cannot be told: ")


def test_a_push_that_nobody_came_between_says_so() -> None:
    azure = Azure()
    answer, told = push(azure, Acting(Here().ledger, "here"))
    assert (answer.status_code, told["begun"], azure.saved) == (200, None, ["shop"])


LOST = Transient("no_answer", "Azure took the request but did not answer")
FULL = Permanent("TooMany", "the vault has its 100 plans")
UNSURE = "; whether {} was saved cannot be told: compare before you push again"
BUG = "something went wrong here, the log tells more"
JOB_1 = "; pushed before that: shop-1 (job job-1)"


@pytest.mark.parametrize(
    ("before", "error", "status", "detail"),
    [
        (1, LOST, 503, LOST.message + JOB_1 + UNSURE.format("shop-2")),
        (1, FULL, 502, f"Azure refused: {FULL.message}{JOB_1}"),
        (1, KeyError("job"), 503, BUG + JOB_1 + UNSURE.format("shop-2")),
        (0, LOST, 503, f"{LOST.message}; pushed before that: nothing{UNSURE.format('shop-1')}"),
    ],
)
@pytest.mark.parametrize("meanwhile", [True, False])
def test_a_push_that_is_cut_short_tells_what_it_saved_and_who_began(
    before: int, error: Exception, status: int, detail: str, meanwhile: bool
) -> None:
    here = Here()

    def saves() -> None:
        if meanwhile and len(azure.saved) == 1:
            here.claimed("third", "r1")

    azure = Azure(saves=saves, refuses=error, saves_before_that=before, shop=EIGHT)
    answer, told = push(azure, Acting(here.ledger, "here"))
    assert (answer.status_code, len(azure.saved)) == (status, before + 1)
    assert told["detail"].startswith(detail)
    begun = told["detail"].removeprefix(detail)
    assert begun.startswith("; shop is held by run r1 of app third") if meanwhile else begun == ""
    assert (answer.headers.get("Retry-After") == "30") == (status == 503)


def test_a_push_tells_what_it_saved_where_the_host_does_not_say_who_acts() -> None:
    class Restarts(Hub):
        async def read_entity_state(self, entity: Any) -> Any:
            if azure.saved:
                raise Exception("The operation failed with an unexpected status code 500")
            return await super().read_entity_state(entity)

    azure = Azure()
    answer, told = push(azure, Acting(Here().ledger, "here"), Restarts())
    assert (answer.status_code, told["recoveryPlans"][0]["job"]) == (200, "job-1")
    assert told["begun"] == f"whether a run began meanwhile cannot be told: {BUG}"
