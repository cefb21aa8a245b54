"""One run over many applications: their order, their locks, one approval, and what a failure stops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from activities.drill import LeftoversSeen, Scene
from activities.evidence import Draft
from activities.readiness import Question
from activities.recovery import Ended, Wave, WaveNews
from activities.traffic import EndpointChange, ProfileQuestion
from domain.evidence import Evidence
from domain.plan import Plan
from domain.request import Kind, Mode, RunRequest
from domain.run import Outcome, ProfileState, Readiness, RunEnd
from domain.umbrella import gather
from tests.orchestrators.cast import BEFORE
from tests.orchestrators.nights import night
from tests.orchestrators.stage import RUN, START, Stage
from tests.plan_samples import SUBSCRIPTION
from triggers.together import umbrella_over

LAB = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/lab"
ASKS = {"required": True, "within": "PT30M"}
# id <- pay, crm <- shop; mail stands beside pay and crm.
NIGHT: dict[str, list[str]] = {
    "id": [],
    "pay": ["id"],
    "crm": ["id"],
    "mail": [],
    "shop": ["pay", "crm", "mail"],
}


@dataclass
class Profiles:
    """One Traffic Manager profile for each application."""

    stage: Stage
    states: dict[str, ProfileState] = field(default_factory=dict)
    changes: list[tuple[str, str, bool]] = field(default_factory=list)

    def read(self, question: ProfileQuestion) -> ProfileState:
        return self.states.get(question.profile, BEFORE)

    def change(self, change: EndpointChange) -> ProfileState:
        self.stage.cast.profile = self.states.get(change.profile, BEFORE)
        self.states[change.profile] = self.stage.cast.set_endpoint(change, self.stage.clock.now())
        name = change.profile.rsplit("/", 1)[-1]
        self.changes.append((name, change.endpoint.name, change.enabled))
        return self.states[change.profile]


def application(
    name: str, on: Sequence[str] = (), tiers: Sequence[Sequence[str]] = (), **policy: Any
) -> Plan:
    """Return an application's plan with a profile of its own."""
    written = [tuple(each) for each in tiers] or [("db", f"{name}-1")]
    data = night(*written, **policy).wire()
    data |= {"name": name, "depends_on": list(on), "drill": {"network": LAB}}
    data["traffic"]["profile"] = data["traffic"]["profile"][:-1] + name
    return Plan.model_validate(data)


def applications(depends: dict[str, list[str]] = NIGHT, **policy: Any) -> dict[str, Plan]:
    return {name: application(name, on, **policy) for name, on in depends.items()}


def begin(stage: Stage, known: dict[str, Plan], root: str = "shop", **wishes: Any) -> RunRequest:
    """Start an umbrella over the root and all it depends on."""
    profiles = Profiles(stage)
    stage.answers(read_profile=profiles.read, set_endpoint=profiles.change)
    plans = gather(known[root], known.__getitem__)
    kind = wishes.pop("kind", Kind.FAILOVER)
    request = umbrella_over(
        plans,
        RunRequest(plan=known[root], kind=kind, requested_by="alice", reason="a test", **wishes),
    )
    said = request.wire()
    stage.engine.start_new("umbrella", json.dumps(json.dumps(said)), RUN)
    return request


def record_of(stage: Stage, run: str = RUN) -> Evidence:
    drafts: list[Draft] = [call.request for call in stage.called("seal_evidence")]
    return next(d.evidence for d in reversed(drafts) if d.evidence.run.id == run)


def began(stage: Stage, verb: str = "failover") -> dict[str, float]:
    waves = [call for call in stage.called("start_wave") if call.request.verb == verb]
    return {member.name[:-2]: c.seconds for c in waves for member in c.request.members}


def outcomes(stage: Stage) -> dict[str, Outcome]:
    return {child.plan: child.outcome for child in record_of(stage).children}


def lose(stage: Stage, *names: str) -> None:
    """Let these machines never arrive."""

    def check(wave: Wave) -> WaveNews:
        lost = tuple(
            Ended(name=m.name, arrived=False, code="28031", message="no capacity")
            for m in wave.members
            if m.name in names
        )
        good = [m for m in wave.members if m.name not in names]
        news = stage.cast.check_wave(wave.model_copy(update={"members": good}), stage.clock.now())
        return WaveNews(ended=(*news.ended, *lost))

    stage.answers(check_wave=check)


def test_applications_move_in_order_and_what_is_independent_side_by_side(stage: Stage) -> None:
    request = begin(stage, applications())
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED, end.because
    assert end.because == "5 of 5 applications went well"
    at = began(stage)
    assert at["id"] == at["mail"] == 0
    assert at["pay"] == at["crm"] > at["id"]
    assert at["shop"] > at["pay"]
    evidence = record_of(stage)
    assert [child.plan for child in evidence.children] == ["id", "pay", "crm", "mail", "shop"]
    for child, part in zip(evidence.children, request.parts, strict=True):
        own = record_of(stage, child.run)
        assert (own.run.plan, own.run.under, own.run.plan_digest) == (part.plan, RUN, part.digest)
        assert child.plan_digest == part.digest
        assert child.evidence_sha256
    assert (evidence.run.kind, evidence.run.each) == (Kind.UMBRELLA, Kind.FAILOVER)
    assert evidence.run.plan_digest == request.digest
    assert [stage.lock(name)["holder"] for name in NIGHT] == [None] * 5


def test_what_depends_on_an_application_waits_until_it_serves_and_not_for_its_commit(
    stage: Stage,
) -> None:
    soaks = {"mode": "auto_after", "after": "PT30M"}
    begin(stage, applications({"id": [], "shop": ["id"]}, commit=soaks))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    at, committed = began(stage), began(stage, "commit")
    assert at["id"] < at["shop"] < 1800 < committed["id"]


def test_the_approval_is_asked_once_for_the_whole_and_shows_every_plan(stage: Stage) -> None:
    known = applications(approval=ASKS)
    request = begin(stage, known)
    stage.run_for(60)
    waits = stage.shown(RUN)["waitsFor"]
    assert request.digest in waits["covers"][0]
    assert waits["says"].startswith("failover of 5 applications with 5 machines: ")
    for plan in known.values():
        assert f"{plan.name} {plan.digest()[:12]}" in waits["says"]
    stage.decide(known["shop"], digest=known["shop"].digest())
    stage.run_for(60)
    assert began(stage) == {}, "the approval of one plan is none of the whole"
    stage.decide(known["shop"])
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    asked = [c for c in stage.called("announce") if c.request.kind == "Leeward.DecisionNeeded"]
    assert len(asked) == 1


def test_one_plan_that_asks_is_enough_and_a_rejection_touches_nothing(stage: Stage) -> None:
    known = applications()
    known["id"] = application("id", approval=ASKS)
    begin(stage, known)
    stage.at(5, lambda: stage.decide(known["shop"], verdict="reject"))
    assert stage.run_to_end().outcome is Outcome.DECLINED
    assert began(stage) == {}
    assert record_of(stage).children == ()
    assert [stage.lock(name)["holder"] for name in NIGHT] == [None] * 5


def test_the_first_failure_stops_what_depends_on_it_and_nothing_else(stage: Stage) -> None:
    lose(stage, "pay-1")
    begin(stage, applications())
    end = stage.run_to_end()
    assert end.outcome is Outcome.PARTIAL
    assert outcomes(stage) == {
        "id": Outcome.COMPLETED,
        "pay": Outcome.PARTIAL,
        "crm": Outcome.COMPLETED,
        "mail": Outcome.COMPLETED,
    }
    assert "shop did not begin: pay did not arrive" in end.because
    assert "shop did not begin: pay did not arrive" in record_of(stage).deviations
    assert "3 of 5 applications went well; pay ended PARTIAL: tier db did not arrive" in end.because


def test_a_failure_stops_all_that_follows_it_however_far(stage: Stage) -> None:
    lose(stage, "a-1")
    begin(stage, applications({"a": [], "b": ["a"], "shop": ["b"]}))
    end = stage.run_to_end()
    assert "b did not begin: a did not arrive" in end.because
    assert "shop did not begin: b did not arrive" in end.because
    assert set(began(stage)) == {"a"}


def test_a_dependency_that_serves_there_already_is_settled_and_no_failure(stage: Stage) -> None:
    def assess(question: Question) -> Readiness:
        return Readiness(ready=True, settled=question.plan.name in ("id", "mail"))

    stage.answers(assess_readiness=assess)
    begin(stage, applications())
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED
    assert end.because == "5 of 5 applications went well; nothing was left to do for id, mail"
    assert set(began(stage)) == {"pay", "crm", "shop"}
    settled = {child.plan: child.settled for child in record_of(stage).children}
    assert settled == {"id": True, "mail": True, "pay": False, "crm": False, "shop": False}


def test_one_busy_application_declines_the_whole_and_gives_every_lock_back(stage: Stage) -> None:
    word = json.dumps(json.dumps({"run": "other-1"}))
    stage.engine.signal_entity("lock", "mail", "acquire", word)
    stage.settle()
    begin(stage, applications())
    end = stage.run_to_end()
    assert end.outcome is Outcome.DECLINED
    assert end.because == "mail is held by run other-1; nothing was touched"
    assert began(stage) == {}
    holders = {name: (stage.lock(name) or {}).get("holder") for name in NIGHT}
    assert holders == {"id": None, "pay": None, "crm": None, "mail": "other-1", "shop": None}


def test_a_pause_holds_what_has_not_begun_and_a_resume_lets_it_go_on(stage: Stage) -> None:
    begin(stage, applications())
    stage.at(30, lambda: stage.say("pause"))
    stage.at(600, lambda: stage.say("resume"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    at = began(stage)
    assert at["id"] == at["mail"] == 0
    assert min(at["pay"], at["crm"]) >= 600, "id itself held before its traffic moved"
    assert record_of(stage, f"{RUN}.2").run.started_at >= START + timedelta(minutes=10)


def test_a_pause_between_two_applications_begins_no_run(stage: Stage) -> None:
    soaks = {"mode": "auto_after", "after": "PT5M"}
    begin(stage, applications({"id": [], "shop": ["id"]}, commit=soaks))
    stage.run_for(60)
    stage.say("pause")
    stage.at(1200, lambda: stage.say("resume"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    assert record_of(stage, f"{RUN}.2").run.started_at >= START + timedelta(minutes=20)


def test_a_cancel_reaches_those_that_move_and_those_that_wait(stage: Stage) -> None:
    begin(stage, applications())
    stage.at(30, lambda: stage.say("cancel"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.CANCELLED
    assert set(began(stage)) == {"id", "mail"}
    assert set(outcomes(stage).values()) == {Outcome.CANCELLED}
    assert "shop did not begin: carol cancelled the run" in end.because
    assert [stage.lock(name)["holder"] for name in NIGHT] == [None] * 5


def test_a_force_reaches_every_application(stage: Stage) -> None:
    def wait_for_the_source(wave: Wave) -> WaveNews:
        return WaveNews() if wave.graceful else stage.cast.check_wave(wave, stage.clock.now())

    stage.answers(check_wave=wait_for_the_source)
    begin(stage, applications({"id": [], "shop": ["id"]}), mode=Mode.GRACEFUL)
    stage.at(1800, lambda: stage.say("force"))
    assert stage.run_to_end().outcome is Outcome.COMPLETED
    for child in record_of(stage).children:
        assert record_of(stage, child.run).run.mode is Mode.FORCED


def test_a_run_that_an_operator_ends_is_a_persons_to_look_at(stage: Stage) -> None:
    begin(stage, applications({"id": [], "shop": ["id"]}))
    stage.at(30, lambda: stage.engine.terminate(f"{RUN}.1", "by hand"))
    end = stage.run_to_end()
    assert end.outcome is Outcome.NEEDS_HUMAN
    assert "shop did not begin: id did not arrive" in end.because


def test_a_whole_that_stays_paused_ends_before_its_deadline(stage: Stage) -> None:
    request = begin(stage, applications({"id": [], "shop": ["id"]}, deadline="PT30M"))
    stage.at(30, lambda: stage.say("pause"))
    assert stage.run_to_end().outcome in (Outcome.NEEDS_HUMAN, Outcome.FAILED)
    assert request.deadline == timedelta(hours=2)
    assert timedelta(seconds=stage.seconds) <= request.deadline


@pytest.mark.parametrize("kind", [Kind.FAILBACK, Kind.DRILL])
def test_other_kinds_go_together_too(stage: Stage, kind: Kind) -> None:
    stage.answers(set_scene=Scene(), look_for_leftovers=LeftoversSeen())
    known = applications({"id": [], "shop": ["id"]})
    begin(stage, known, kind=kind)
    stage.run_to_end()
    evidence = record_of(stage)
    assert {child.kind for child in evidence.children} == {kind.value}
    assert len(evidence.children) == 2
    away = "westus" if kind is Kind.FAILBACK else "eastus"
    assert evidence.run.source == away


def test_a_whole_region_of_applications_moves_in_one_run(stage: Stage) -> None:
    """Eight applications, 24 tiers, 312 machines: one of Azure's own plans takes seven groups and a hundred."""
    depends: dict[str, list[str]] = {f"a{n}": [] for n in range(8)}
    depends |= {"a2": ["a0"], "a3": ["a0", "a1"], "a4": ["a2"], "a5": ["a2"]}
    depends["a7"] = ["a3", "a4", "a5", "a6"]
    known = {
        name: application(
            name,
            on,
            [(f"t{t}", *(f"{name}-t{t}-{m}" for m in range(13))) for t in range(3)],
        )
        for name, on in depends.items()
    }
    machines = sum(len(plan.members) for plan in known.values())
    assert machines == 312
    begin(stage, known, root="a7")
    end = stage.run_to_end()
    assert end.outcome is Outcome.COMPLETED, end.because
    moved = [m.name for c in stage.called("start_wave") for m in c.request.members]
    assert (len(moved), len(set(moved))) == (machines, machines)
    ids = [status.instance_id for status in stage.engine.query()[0]]
    assert max(map(len, ids)) <= 100


def test_twenty_plans_of_a_hundred_machines_fit_into_one_history(stage: Stage) -> None:
    def settled(question: Question) -> Readiness:
        return Readiness(ready=True, settled=True)

    stage.answers(assess_readiness=settled)
    names = [f"a{n}" for n in range(20)]
    known = {}
    for n, name in enumerate(names):
        data = application(name, names[max(0, n - 2) : n]).wire()
        data["tiers"] = [_rich_tier(name, t) for t in range(10)]
        known[name] = Plan.model_validate(data)
    assert all(len(json.dumps(plan.wire())) > 20_000 for plan in known.values())
    begin(stage, known, root="a19")
    assert stage.run_to_end().outcome is Outcome.DECLINED
    sizes = stage.engine.history_bytes()
    assert sizes[RUN] < 500_000
    assert max(sizes.values()) < 1_000_000
    RunEnd.model_validate(stage.engine.status(RUN).output)


def _rich_tier(name: str, number: int) -> dict[str, Any]:
    members = [
        {
            "name": f"{name}-t{number}-machine-{m}",
            "size": "Standard_D8s_v5",
            "nics": [
                {
                    "subnet": f"subnet-{m % 3}",
                    "address": f"10.{number}.{m}.{len(name)}",
                    "drill": {"subnet": "isolated", "address": f"10.9.{number}.{m + 4}"},
                }
            ],
        }
        for m in range(10)
    ]
    return {"name": f"t{number}", "members": members}
