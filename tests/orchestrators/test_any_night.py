"""Whatever the plan and whatever goes wrong: the invariants hold, and the outcome does not flatter."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.health import Heard, PathSeen, SourceSeen
from activities.recovery import Ended, Started, WaveNews, WaveStarted
from domain.evidence import seal
from domain.plan import Plan
from domain.run import DnsAnswer, MemberOutcome, Outcome, Readiness, RunEnd
from tests.orchestrators.cast import deaf
from tests.orchestrators.nights import night
from tests.orchestrators.playbill import PLAYED
from tests.orchestrators.stage import START, Stage, forbidden, raised, throttled

DEADLINE = timedelta(hours=1)
ACTIVITIES = [each.__name__ for each in PLAYED]
TROUBLES = ["forbidden", "throttled", "slow down", "bug", "bad news"]


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong: what kind, from which call of the activity on, and for how many."""

    kind: str
    first: int
    times: int


troubles = st.dictionaries(
    st.sampled_from(ACTIVITIES),
    st.builds(
        Trouble,
        kind=st.sampled_from(TROUBLES),
        first=st.integers(0, 3),
        times=st.sampled_from([1, 2, 100_000]),
    ),
    max_size=3,
)
plans = st.builds(
    lambda sizes, gates, attempts, approval, commit, silent, answering: night(
        *((f"t{t}", *(f"m{t}-{m}" for m in range(size))) for t, size in enumerate(sizes)),
        gates=gates,
        deadline="PT1H",
        retry={"attempts": attempts, "pause": "PT1M"},
        approval={"required": approval, "within": "PT2M"},
        commit={"mode": commit, "after": "PT2M", "within": "PT2M"},
        fence={"silent": silent, "answering": answering},
    ),
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    gates=st.booleans(),
    attempts=st.integers(1, 3),
    approval=st.booleans(),
    commit=st.sampled_from(["auto_after", "manual", "never"]),
    silent=st.sampled_from(["proceed", "stop"]),
    answering=st.sampled_from(["proceed", "stop"]),
)
decisions = st.lists(
    st.tuples(
        st.sampled_from(["approval", "commit"]),
        st.sampled_from(["approve", "approve", "reject"]),
        st.sampled_from(["alice", "bob"]),
        st.integers(0, 900),
        st.booleans(),
    ),
    max_size=3,
)


def bad_news(stage: Stage, name: str, request: Any) -> Any:
    """Return an answer that is no refusal and still bad."""
    match name:
        case "assess_readiness":
            return Readiness(ready=False, blockers=("blocked",))
        case "start_wave":
            said = [stage.cast.started(request, m.name, stage.clock.now()) for m in request.members]
            said[-1] = Started(name=said[-1].name, again=True, code="item_busy", message="busy")
            return WaveStarted(members=tuple(said))
        case "check_wave":
            news = [
                Ended(name=m.name, arrived=False, code="28031", message="no capacity")
                for m in request.members[:1]
            ]
            return WaveNews(ended=tuple(news))
        case "probe_round":
            return Heard(answers=tuple(deaf(probe) for probe in request.probes))
        case "look_at_source":
            return SourceSeen(machines=dict.fromkeys(request.vms, "running"), answers=())
        case "look_at_path":
            return PathSeen(dns=(DnsAnswer(resolver="r", answer="east", ok=False),), http=())
        case "read_profile":
            return stage.cast.profile.model_copy(
                update={"endpoints": stage.cast.profile.endpoints[:1]}
            )
    return forbidden()


def misbehave(stage: Stage, name: str, trouble: Trouble) -> None:
    """Let an activity go wrong from one call on, for so many calls."""
    turns = iter(range(1_000_000))

    def answer(request: Any) -> Any:
        turn = next(turns)
        if trouble.first <= turn < trouble.first + trouble.times:
            match trouble.kind:
                case "forbidden":
                    return forbidden()
                case "throttled":
                    return throttled()
                case "slow down":
                    return throttled(900)
                case "bug":
                    return RuntimeError("a bug\n  File x")
                case "bad news":
                    return bad_news(stage, name, request)
        return getattr(stage.cast, name)(request, stage.clock.now())

    stage.answers(**{name: answer})


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)
@given(plan=plans, wrong=troubles, said=decisions, takes=st.sampled_from([10, 170, 1500]))
def test_the_invariants_hold_on_any_night(
    plan: Plan, wrong: dict[str, Trouble], said: list[Any], takes: int
) -> None:
    with tempfile.TemporaryDirectory(prefix="night-") as folder, raised(Path(folder)) as stage:
        stage.cast.takes = timedelta(seconds=takes)
        for name, trouble in wrong.items():
            misbehave(stage, name, trouble)
        for gate, verdict, by, at, ring in said:
            stage.at(
                at,
                lambda g=gate, v=verdict, b=by, r=ring: stage.decide(  # type: ignore[misc]  # a lambda's defaults
                    plan, gate=g, verdict=v, by=b, ring=r
                ),
            )
        stage.begin(plan)
        end = stage.run_to_end()  # I7: it ends, and in a named outcome
        assert stage.clock.now() - START <= DEADLINE
        tiers_never_overlap(stage, plan)
        traffic_moves_last(stage, plan)
        users_are_never_left_with_nothing(stage)
        decisions_are_kept_to(stage, plan, end)
        the_outcome_does_not_flatter(stage, plan, end)
        assert stage.lock() == {"holder": None, "token": 1}  # I1
        chain = seal(stage.draft.evidence, stage.draft.facts)["chain"]
        assert len(chain) == len(stage.draft.facts) + 1


def tiers_never_overlap(stage: Stage, plan: Plan) -> None:
    """No tier starts before the last one has arrived; what stands behind a lost one never starts."""
    moved = [
        c.request.members[0].name.partition("-")[0].replace("m", "t")
        for c in stage.called("start_wave")
        if c.request.verb.value == "failover"
    ]
    order = [tier.name for tier in plan.ordered_tiers()]
    assert moved == sorted(moved, key=order.index)
    reports = stage.draft.evidence.tiers
    assert [r.name for r in reports] == order[: len(reports)]
    assert all(r.arrived for r in reports[:-1])


def traffic_moves_last(stage: Stage, plan: Plan) -> None:
    """I2: not before every member of every tier arrived and the target answered Leeward itself."""
    changed = stage.called("set_endpoint")
    if not changed:
        return
    evidence = stage.draft.evidence
    assert len(evidence.tiers) == len(plan.tiers)
    assert all(m.outcome is MemberOutcome.ARRIVED for t in evidence.tiers for m in t.members)
    assert evidence.fence is not None
    assert max(t.ended_at for t in evidence.tiers) <= evidence.fence.checked_at <= changed[0].at
    assert evidence.traffic is not None
    assert evidence.traffic.gate is not None
    assert evidence.traffic.gate.passed
    assert evidence.traffic.gate.ended_at <= changed[0].at


def users_are_never_left_with_nothing(stage: Stage) -> None:
    """I3: asked for in this order, the changes leave an endpoint enabled at every instant."""
    enabled = {"east": True, "west": False}
    for call in stage.called("set_endpoint"):
        wished = {**enabled, call.request.endpoint.name: call.request.enabled}
        assert any(wished.values())
        if not hasattr(call.reply, "code") and not isinstance(call.reply, Exception):
            enabled = wished


def decisions_are_kept_to(stage: Stage, plan: Plan, end: RunEnd) -> None:
    """I5: one decision a gate, never the requester's, about what was asked, and none of them acted against."""
    kept = stage.draft.evidence.decisions
    assert len({d.gate for d in kept}) == len(kept)
    digests = {(asked.gate, asked.digest) for asked in stage.draft.evidence.approvals}
    assert all(d.by != "alice" and (d.gate, d.digest) in digests for d in kept)
    verdicts = {d.gate: d.verdict.value for d in kept}
    if plan.policy.approval.required and verdicts.get("approval") != "approve":
        assert not stage.called("start_wave", "set_endpoint")
    commits = [s for s in stage.cast.starts if s.startswith("commit")]
    if plan.policy.commit.mode.value == "manual" and verdicts.get("commit") != "approve":
        assert not commits
    if plan.policy.commit.mode.value == "never":
        assert not commits


def the_outcome_does_not_flatter(stage: Stage, plan: Plan, end: RunEnd) -> None:
    evidence = stage.draft.evidence
    moved = len(evidence.tiers) == len(plan.tiers) and all(t.arrived for t in evidence.tiers)
    served = evidence.traffic is not None and evidence.traffic.verified
    kept = evidence.commit is not None and evidence.commit.committed
    if end.outcome is Outcome.COMPLETED:
        assert moved
        assert served
        assert kept is (plan.policy.commit.mode.value != "never")
        assert end.evidence_sha256
    if end.outcome is Outcome.COMPLETED_WITH_SKIPS:
        assert moved
        assert served
        assert not kept
    if end.outcome in (Outcome.DECLINED, Outcome.FAILED):
        assert not stage.called("start_wave", "set_endpoint"), "something was touched"
    if end.outcome is Outcome.PARTIAL:
        assert not moved
        assert not stage.called("set_endpoint")
    assert "File x" not in end.because
