"""One seeded night: random trouble from Azure and from people, the whole app around it, and the invariants as judge."""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cli.verify import examine
from domain.run import Outcome
from tests.journeys.world import ALICE, BOB, Json, World, world

DEADLINE = timedelta(hours=6)
FAILOVER, COMMIT = "protectedItems/unplannedFailover", "protectedItems/failoverCommit"
ITEMS = ("db-prod-01", "app-prod-01", "web-prod-01")


@dataclass
class Night:
    """What a seed makes of a night."""

    seed: int
    faults: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, str, str]] = field(default_factory=list)
    words: list[tuple[int, str]] = field(default_factory=list)
    mode: str = "forced"
    commit: str = "auto_after"
    region_down: bool = True

    @classmethod
    def of(cls, seed: int) -> Night:
        """Draw the night of a seed."""
        dice = random.Random(seed)
        night = cls(seed)
        night.faults = [_fault(dice) for _ in range(dice.randint(0, 8))]
        night.commit = dice.choice(["auto_after", "auto_after", "manual", "never"])
        night.region_down = dice.random() < 0.85
        for gate in ("approval", "commit"):
            verdict = dice.choice(["approve", "approve", "approve", "reject", "silence"])
            night.answers.append((gate, verdict, dice.choice([BOB, BOB, ALICE])))
        night.mode = dice.choice(["forced", "forced", "graceful"])
        if dice.random() < 0.4:
            verbs = ["pause", "resume", "cancel", "force", "resume"]
            said = [(dice.randint(5, 4000), dice.choice(verbs)) for _ in range(dice.randint(1, 4))]
            night.words = sorted(said)
        return night


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a night ended, and which invariants it broke."""

    seed: int
    outcome: str
    broken: tuple[str, ...]


def live_through(seed: int) -> Verdict:
    """Live through the night of a seed and judge it."""
    night = Night.of(seed)

    def plan(shop: Json) -> None:
        shop["policy"]["commit"]["mode"] = night.commit
        shop["tiers"][1]["within"] = "PT45M"

    with (
        tempfile.TemporaryDirectory(prefix="leeward-night-") as folder,
        world(Path(folder), plan=plan, region_down=night.region_down) as w,
    ):
        for fault in night.faults:
            w.azure.faults.add(**fault)
        began = w.clock.now()
        run = w.fail_over(mode=night.mode)
        _play(w, run, night, began)
        took = w.clock.now() - began
        shown = w.show(run)
        answer = w.http.get(f"/api/runs/{run}/evidence")
        broken = _judge(w, shown, answer.content, night, took)
    return Verdict(seed, str(shown["outcome"]), tuple(broken))


def _play(w: World, run: str, night: Night, began: datetime) -> None:
    """Answer each question, and say each word of control, as the night's people do, until the run has ended."""
    answers = {gate: (verdict, by) for gate, verdict, by in night.answers}
    words = [(began + timedelta(seconds=seconds), verb) for seconds, verb in night.words]

    def wanted() -> bool:
        shown = w.show(run)
        asked = (shown["waitsFor"] or {}).get("gate")
        due = bool(words) and w.clock.now() >= words[0][0]
        return shown["state"] == "ended" or asked in answers or due

    while True:
        w.host.run_until(wanted, limit=timedelta(days=2))
        shown = w.show(run)
        if shown["state"] == "ended":
            return
        if words and w.clock.now() >= words[0][0]:
            _, verb = words.pop(0)
            said = w.http.post(f"/api/runs/{run}/controls", json={"verb": verb})
            assert said.status_code in (202, 409), said.text
        elif shown["waitsFor"]:
            _answer(w, run, shown["waitsFor"], *answers.pop(shown["waitsFor"]["gate"]))


def _answer(w: World, run: str, asked: Json, verdict: str, by: str) -> None:
    """Answer one question; who asked for the run is refused, and somebody else answers then."""
    if verdict == "silence":
        return
    body = {"gate": asked["gate"], "verdict": verdict, "digest": asked["digest"]}
    for name in (by, BOB):
        said = w.http.post(f"/api/runs/{run}/decisions", json=body, headers=w.by(name))
        if said.status_code != 409:
            return


def _judge(w: World, shown: Json, evidence: bytes, night: Night, took: timedelta) -> list[str]:
    """Return what the night broke, by the names of the invariants."""
    broken = []
    if shown["outcome"] not in {outcome.value for outcome in Outcome}:
        broken.append(f"I7 the outcome {shown['outcome']} has no name")
    if took > DEADLINE + timedelta(minutes=1):
        broken.append(f"I7 the run took {took}")
    if not all(w.endpoints_enabled()):
        broken.append("I3 no endpoint was enabled for a while")
    if w.host.engine.entity_state("lock", "shop") != '{"holder": null, "token": 1}':
        broken.append(f"I1 the lock is left as {w.host.engine.entity_state('lock', 'shop')}")
    if w.acting():
        broken.append(f"I1 the claim is left as {w.acting()}")
    broken += _at_most_once(w)
    if shown["evidence"] is None:
        return [*broken, "I8 there is no evidence"]
    findings = examine(evidence)
    if findings.broken:
        broken.append(f"I8 {findings.broken}")
    record: Json = json.loads(evidence)
    broken += _traffic_last(w, record)
    broken += _flattery(w, record)
    broken += _order(w, record)
    if any(decision["by"] == ALICE for decision in record["decisions"]):
        broken.append("I5 who asked for the run decided about it")
    if (
        not any(verdict == "approve" for gate, verdict, _ in night.answers if gate == "approval")
        and w.accepted()
    ):
        broken.append("I5 something was touched without an approval")
    return broken


def _at_most_once(w: World) -> list[str]:
    """I6: a verb is accepted again for an item only after its job before had failed or was cancelled to force it."""
    failed = dict.fromkeys(ITEMS, 0)
    for fault in w.azure.faults.script():
        if fault.kind in ("job_failed", "capacity_refused"):
            failed[fault.item] += fault.struck
    for record in w.azure.requests:
        if record.operation == "jobs/cancel" and record.accepted:
            failed = {item: count + 1 for item, count in failed.items()}
    calls = w.accepted()
    return [
        f"I6 {operation} of {item} was accepted {calls.count((operation, item))} times"
        for operation in (FAILOVER, COMMIT)
        for item in ITEMS
        if calls.count((operation, item)) > 1 + failed[item]
    ]


def _traffic_last(w: World, record: Json) -> list[str]:
    """I2: no endpoint is touched before every tier arrived and the target answered."""
    touched = [r.at for r in w.azure.requests if r.operation == "endpoints/update" and r.accepted]
    if not touched:
        return []
    arrived = [tier["arrived"] for tier in record["tiers"]]
    gate = (record["traffic"] or {}).get("gate")
    if arrived != [True, True, True] or not gate or not gate["passed"]:
        return ["I2 traffic was touched before everything had arrived"]
    proved = max(
        datetime.fromisoformat(gate["endedAt"]), *(_at(t["endedAt"]) for t in record["tiers"])
    )
    return [] if proved <= min(touched) else ["I2 traffic was touched before the proof"]


def _order(w: World, record: Json) -> list[str]:
    """A tier that did not arrive is the last one that was touched."""
    broken = []
    if not all(tier["arrived"] for tier in record["tiers"][:-1]):
        broken.append("a tier was moved after one that had not arrived")
    moved = [item for operation, item in w.accepted() if operation == FAILOVER]
    if moved != sorted(moved, key=ITEMS.index):
        broken.append(f"the tiers moved in the order {moved}")
    return broken


def _flattery(w: World, record: Json) -> list[str]:
    """A run is COMPLETED only if users are served from the target, and committed unless the plan says never."""
    if record["run"]["outcome"] != "COMPLETED":
        return []
    served = w.endpoints_enabled()[-1] == {"west"}
    committed = record["commit"]["committed"] or record["commit"]["mode"] == "never"
    return [] if served and committed else ["the outcome flatters"]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _fault(dice: random.Random) -> dict[str, Any]:
    """Draw one trouble."""
    doors, jobs = ["throttle", "error", "lost"], ["job_failed", "job_stuck", "capacity_refused"]
    kind = dice.choice(
        doors * 4 + jobs
    )  # a job that ends badly ends the night early; most nights go on
    operation = dice.choice(
        ["protectedItems/*", FAILOVER, COMMIT, "profiles/*", "endpoints/*", "*", "jobs/get"]
    )
    fault: dict[str, Any] = {
        "kind": kind,
        "after": dice.randint(0, 12),
        "times": dice.randint(1, 6),
    }
    if kind == "throttle":
        fault |= {"operation": operation, "retry_after": dice.choice([None, 5, 60, 600])}
    elif kind == "error":
        fault |= {"operation": operation, "status": dice.choice([500, 502, 503, 504])}
    elif kind == "lost":
        fault |= {"operation": operation}
    else:
        fault |= {
            "operation": dice.choice([FAILOVER, COMMIT]),
            "item": dice.choice(ITEMS),
            "after": 0,
            "times": dice.randint(1, 2),
        }
    return fault
