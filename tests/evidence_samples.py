"""Evidence records as runs leave them: a whole failover, one that ended early, a large one, a hostile one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.evidence import Cleanup, Evidence, RunFacts, Timing, seal
from domain.reports import (
    ActionOutcome,
    ActionReport,
    DrillReport,
    Leftover,
    PieceOutcome,
    PieceReport,
    ProtectionReport,
)
from domain.request import Kind
from domain.run import (
    CommitReport,
    Decision,
    DnsAnswer,
    EndpointState,
    Fact,
    FenceReport,
    GateReport,
    MemberOutcome,
    MemberReport,
    Outcome,
    ProbeAnswer,
    ProfileState,
    Readiness,
    Silence,
    TierReport,
    TrafficReport,
    Verdict,
)
from domain.signals import Signal, Witness
from domain.signals import Verdict as Health

START = datetime(2026, 3, 14, 2, 41, 7, tzinfo=UTC)
GROUP = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups"
ITEMS = (
    f"{GROUP}/shop-dr/providers/Microsoft.RecoveryServices/vaults/shop-vault/replicationFabrics/asr-eastus"
    "/replicationProtectionContainers/shop-eastus/replicationProtectedItems"
)
HOSTILE = (
    "</title><script>alert(1)</script>|`x`[a](javascript:alert(1))\n# head \"q\" 's' <!-- \u202e &"
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def member(
    name: str,
    begin: float,
    end: float,
    outcome: MemberOutcome = MemberOutcome.ARRIVED,
    error: str | None = None,
    rpo: int | None = 84,
) -> MemberReport:
    return MemberReport(
        name=name,
        item_id=f"{ITEMS}/{name}",
        job_id="3f0a7d10-6c7d-4f5e-9d0e-1c2b3a4d5e6f",
        recovery_point_time=None if rpo is None else at(begin - rpo),
        rpo_seconds=rpo,
        started_at=at(begin),
        ended_at=at(end),
        outcome=outcome,
        attempts=1 if error is None else 2,
        error=error,
    )


def gate(begin: float, end: float, *probes: str, passed: bool = True) -> GateReport:
    heard = "200 from web-01" if passed else "no connection: timed out"
    return GateReport(
        passed=passed,
        needed=2,
        of=3,
        rounds=max(2, int((end - begin) // 10)),
        started_at=at(begin),
        ended_at=at(end),
        answers=tuple(ProbeAnswer(probe=p, ok=passed, heard=heard) for p in probes),
    )


def tier(
    name: str, begin: float, members: list[MemberReport], proof: GateReport | None
) -> TierReport:
    end = max(m.ended_at for m in members)
    end = proof.ended_at if proof else end
    arrived = all(m.outcome is MemberOutcome.ARRIVED for m in members)
    return TierReport(
        name=name,
        started_at=at(begin),
        ended_at=end,
        rto_seconds=int((end - START).total_seconds()),
        arrived=arrived and (proof is None or proof.passed),
        members=tuple(members),
        gate=proof,
    )


def profile(east: str, west: str) -> ProfileState:
    def endpoint(name: str, status: str) -> EndpointState:
        monitor = {"Enabled": "Online" if name == "west" else "Degraded"}.get(status, "Disabled")
        target = f"shop-{name}us.example.com"
        return EndpointState(
            name=name, type="externalEndpoints", target=target, status=status, monitor=monitor
        )

    endpoints = (endpoint("east", east), endpoint("west", west))
    return ProfileState(fqdn="shop.trafficmanager.net", ttl_seconds=30, endpoints=endpoints)


def facts_of(run: RunFacts, **changes: Any) -> RunFacts:
    return run.model_copy(update=changes)


RUN = RunFacts(
    id="failover-shop-20260314-024107",
    plan="shop",
    plan_digest="c0ffee" + "0" * 58,
    source="eastus",
    target="westus",
    requested_by="region watch",
    reason="Two independent witnesses say that East US is unhealthy",
    started_at=START,
    ended_at=at(1624),
    outcome=Outcome.COMPLETED,
    because="every tier arrived and proved itself, users follow, the failover is committed",
    version="0.1.0",
    fencing_token=7,
)
TIERS = (
    tier("db", 130, [member("db-prod-01", 131, 381, rpo=84)], gate(382, 402, "tcp 10.2.1.4:5432")),
    tier(
        "app",
        402,
        [member("app-prod-01", 403, 585, rpo=61), member("app-prod-02", 403, 561, rpo=48)],
        gate(586, 616, "GET http://10.2.2.4:8080/healthz"),
    ),
    tier(
        "web",
        616,
        [member("web-prod-01", 617, 790, rpo=73)],
        gate(791, 811, "GET http://10.2.3.4/"),
    ),
)
FENCE = FenceReport(
    verdict=Silence.SILENT,
    proved=False,
    checked_at=at(812),
    machines={"db-prod-01": "unknown", "app-prod-01": "unknown", "web-prod-01": "stopped"},
    answers=(
        ProbeAnswer(probe="GET http://shop-eastus.example.com/healthz", ok=False, heard="no"),
    ),
    explanation="the source does not answer, but nobody can prove that 2 of 3 machines are stopped",
)
TRAFFIC = TrafficReport(
    profile=f"{GROUP}/shop-edge/providers/Microsoft.Network/trafficManagerProfiles/shop",
    before=profile("Enabled", "Disabled"),
    after=profile("Disabled", "Enabled"),
    gate=gate(813, 843, "GET http://shop-westus.example.com/healthz"),
    verified=True,
    dns=(
        DnsAnswer(resolver="1.1.1.1:53", answer="shop-westus.example.com 10.2.3.4", ok=True),
        DnsAnswer(resolver="8.8.8.8:53", answer="shop-westus.example.com 10.2.3.4", ok=True),
    ),
    http=(ProbeAnswer(probe="GET http://shop.trafficmanager.net/healthz", ok=True, heard="200"),),
    switched_at=at(871),
)
FACTS = (
    Fact(at=at(0), what="The run started: failover of shop, asked for by region watch"),
    Fact(at=at(3), what="The plan is ready: 4 of 4 machines are protected"),
    Fact(at=at(128), what="on-call@contoso.example approved the failover"),
    Fact(at=at(402), what="Tier db arrived and proved itself"),
    Fact(at=at(616), what="Tier app arrived and proved itself"),
    Fact(at=at(811), what="Tier web arrived and proved itself"),
    Fact(at=at(871), what="Users are sent to westus"),
    Fact(at=at(1611), what="The failover is committed"),
)


def whole() -> Evidence:
    return Evidence(
        run=RUN,
        signals=(
            Signal(
                id="b3c2f1d0",
                witness=Witness.RESOURCE_HEALTH,
                verdict=Health.UNHEALTHY,
                resource=f"{GROUP}/shop-east/providers/Microsoft.Compute/virtualMachines/db-prod-01",
                region="eastus",
                at=at(-94),
                summary="db-prod-01 is unavailable: platform initiated",
                via="Event Grid",
            ),
            Signal(
                id="a9d8e7c6",
                witness=Witness.METRIC,
                verdict=Health.UNHEALTHY,
                resource=f"{GROUP}/shop-edge/providers/Microsoft.Network/trafficManagerProfiles/shop",
                at=at(-41),
                summary="endpoint east is degraded",
                via="Azure Monitor alert",
            ),
        ),
        readiness=Readiness(ready=True, warnings=("web-prod-01 was last rehearsed 94 days ago",)),
        decisions=(
            Decision(
                gate="failover",
                verdict=Verdict.APPROVE,
                by="on-call@contoso.example",
                digest=RUN.plan_digest,
                at=at(128),
            ),
        ),
        tiers=TIERS,
        fence=FENCE,
        traffic=TRAFFIC,
        commit=CommitReport(
            mode="auto_after",
            committed=True,
            started_at=at(1491),
            ended_at=at(1611),
            members=(member("db-prod-01", 1491, 1600), member("web-prod-01", 1491, 1611)),
        ),
        cleanup=Cleanup(pending_drills=("app-prod-01",), cleaned=("app-prod-01",)),
        timing=Timing(
            total=1624,
            detection=53,
            decision=125,
            recovery=681,
            traffic=60,
            soak=600,
            commit=120,
            azure=1402,
            own=97,
        ),
        deviations=("the source could not be proved down; the plan's policy says proceed",),
    )


def declined() -> Evidence:
    run = facts_of(
        RUN, outcome=Outcome.DECLINED, because="nobody agreed within 30 minutes", ended_at=at(1803)
    )
    return Evidence(
        run=run, readiness=Readiness(ready=True), timing=Timing(total=1803, decision=1800, own=3)
    )


def partial() -> Evidence:
    lost = member(
        "app-prod-02",
        403,
        700,
        MemberOutcome.FAILED,
        error="150097: The capacity asked for is not there in West US. Ask for another size.",
        rpo=None,
    )
    shut = gate(586, 1186, "GET http://10.2.2.4:8080/healthz", passed=False)
    tiers = (TIERS[0], tier("app", 402, [member("app-prod-01", 403, 585), lost], shut))
    run = facts_of(
        RUN,
        outcome=Outcome.PARTIAL,
        because="tier app did not arrive: app-prod-02 failed; traffic stays in eastus",
        ended_at=at(1190),
    )
    return whole().model_copy(
        update={
            "run": run,
            "tiers": tiers,
            "fence": None,
            "traffic": None,
            "commit": None,
            "timing": Timing(total=1190, decision=125, recovery=1056, azure=900, own=9),
        }
    )


def protected() -> Evidence:
    """Return the record of a protection of which one piece and one machine were refused."""
    pieces = (
        PieceReport(kind="fabric", name="asr-eastus", outcome=PieceOutcome.MADE, job_id="j-1"),
        PieceReport(
            kind="replication policy",
            name="shop-24h",
            outcome=PieceOutcome.REFUSED,
            error="its retention in minutes is 60 | the plan wants 1440",
        ),
    )
    members = (TIERS[0].members[0], TIERS[0].members[0].model_copy(update={"name": "db-prod-77"}))
    report = ProtectionReport(pieces=pieces, members=members)
    return declined().model_copy(update={"protection": report})


def drilled(left: bool = True) -> Evidence:
    """Return the record of a drill that was cleaned up, but for an interface that stayed."""
    nic = f"{GROUP}/shop-west/providers/Microsoft.Network/networkInterfaces/db-prod-01-test-nic"
    stuck = member(
        "web-prod-01", 1491, 1611, MemberOutcome.FAILED, error="28020: it failed | twice"
    )
    report = DrillReport(
        network=f"{GROUP}/shop-west/providers/Microsoft.Network/virtualNetworks/shop-west-drill",
        test_machines=("db-prod-01-test", "web-prod-01-test"),
        held_seconds=900,
        cleaned=(member("db-prod-01", 1491, 1600), *([stuck] if left else [])),
        clean=not left,
        looked_at=at(1620),
        leftovers=(Leftover(kind="nic", id=nic),) if left else (),
        vm_hours={"Standard_D2s_v3": 1.25},
    )
    outcome = Outcome.NEEDS_HUMAN if left else Outcome.COMPLETED
    run = facts_of(RUN, kind=Kind.DRILL, outcome=outcome, because="as it came")
    nothing = {"fence": None, "traffic": None, "commit": None}
    cleanup = Cleanup(leftovers=tuple(leftover.id for leftover in report.leftovers))
    return whole().model_copy(update={"run": run, "drill": report, "cleanup": cleanup, **nothing})


def acted() -> Evidence:
    """Return a drill with actions around a tier, one skipped, and a hook after its clean-up."""

    def deed(name: str, kind: str, tier: str | None = "db", **more: Any) -> ActionReport:
        given = {"outcome": ActionOutcome.DONE, **more}
        return ActionReport(
            name=name, kind=kind, tier=tier, started_at=at(60), ended_at=at(90), **given
        )

    run = facts_of(RUN, outcome=Outcome.COMPLETED_WITH_SKIPS, because="one action was skipped")
    failed = ActionOutcome.FAILED
    return whole().model_copy(
        update={
            "run": run,
            "actions": (
                deed("warm", "runbook", job="5c0f", output="all is | warm"),
                deed("hook", "http", outcome=failed, error="it was 500", skipped_by="carol"),
                deed("licence", "manual", by="erin", attempts=2),
            ),
            "drill": DrillReport(network="/n", clean=True, hooks=(deed("shut", "http", None),)),
            "deviations": ("carol skipped action db.hook",),
        }
    )


def large(tiers: int = 10, members: int = 10) -> Evidence:
    waves = []
    clock = 130.0
    for t in range(tiers):
        moved = [
            member(
                f"node-{t:02}-{m:02}", clock + m, clock + 160 + (m * 37 + t * 11) % 90, rpo=30 + m
            )
            for m in range(members)
        ]
        end = max((m.ended_at - START).total_seconds() for m in moved)
        waves.append(tier(f"tier-{t:02}", clock, moved, gate(end, end + 20, f"tcp 10.2.{t}.4:443")))
        clock = end + 20
    switched = clock + 45
    traffic = TRAFFIC.model_copy(
        update={"switched_at": at(switched), "gate": gate(clock + 2, clock + 32, "GET http://w/")}
    )
    commit = CommitReport(
        mode="auto_after",
        committed=True,
        started_at=at(switched + 601),
        ended_at=at(switched + 700),
    )
    return whole().model_copy(
        update={
            "run": facts_of(RUN, plan="estate", ended_at=at(switched + 712)),
            "tiers": tuple(waves),
            "traffic": traffic,
            "commit": commit,
            "timing": Timing(total=int(switched + 712), decision=125, soak=600, own=90),
        }
    )


def hostile() -> Evidence:
    run = facts_of(RUN, because=HOSTILE, reason=HOSTILE, requested_by=HOSTILE, id="x")
    bad = TIERS[0].members[0].model_copy(update={"name": HOSTILE, "error": HOSTILE})
    heard = ProbeAnswer(probe=HOSTILE, ok=False, heard=HOSTILE)
    proof = gate(382, 402).model_copy(update={"answers": (heard,), "passed": False})
    tiers = (TIERS[0].model_copy(update={"name": HOSTILE, "members": (bad,), "gate": proof}),)
    fence = FENCE.model_copy(update={"explanation": HOSTILE, "machines": {HOSTILE: HOSTILE}})
    traffic = TRAFFIC.model_copy(update={"profile": HOSTILE, "http": (heard,), "trouble": HOSTILE})
    ready = Readiness(ready=False, blockers=(HOSTILE,), warnings=(HOSTILE,))
    decision = whole().decisions[0].model_copy(update={"by": HOSTILE, "gate": HOSTILE})
    signal = whole().signals[0].model_copy(update={"summary": HOSTILE, "via": HOSTILE})
    return whole().model_copy(
        update={
            "run": run,
            "tiers": tiers,
            "fence": fence,
            "traffic": traffic,
            "readiness": ready,
            "decisions": (decision,),
            "signals": (signal,),
            "deviations": (HOSTILE,),
            "cleanup": Cleanup(pending_drills=(HOSTILE,), leftovers=(HOSTILE,)),
        }
    )


def sealed(evidence: Evidence) -> dict[str, Any]:
    return seal(evidence, FACTS)
