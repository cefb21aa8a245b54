"""What must hold after every drill, whatever happened on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from cli.verify import examine
from domain.run import Outcome
from local.azure.items import Phase
from tests.chaos.interrupted import Interrupted
from tests.journeys.world import Json

WELL = ("COMPLETED", "COMPLETED_WITH_SKIPS")
MAY_BE_CALLED = {"protectedItems/testFailover", "protectedItems/testFailoverCleanup", "jobs/cancel"}
BEFORE_THE_END = ("readiness", "decision", "drill clean-up", "hold")


def judge(night: Interrupted, deadline: timedelta = timedelta(hours=6)) -> tuple[str, list[str]]:
    """Return the outcome of a drill, and each promise that it broke."""
    shown = night.w.show(night.run)
    outcome = str(shown["outcome"])
    broken = [*_ending(night, outcome, deadline), *_production(night), *_at_most_once(night)]
    if shown["evidence"] is None:
        return outcome, [*broken, "I8 there is no evidence"]
    sealed = night.w.http.get(f"/api/runs/{night.run}/evidence").content
    findings = examine(sealed)
    if findings.broken:
        broken.append(f"I8 {findings.broken}")
    record: Json = json.loads(sealed)
    broken += _leftovers(night, outcome, record)
    if outcome in WELL:
        broken += _flattery(night, record)
    return outcome, broken


def _ending(night: Interrupted, outcome: str, deadline: timedelta) -> Iterator[str]:
    if outcome not in {each.value for each in Outcome}:
        yield f"I7 the outcome {outcome} has no name"
    if night.ended - night.began > deadline:
        yield f"I7 the drill took {night.ended - night.began} of {deadline}"
    lock = night.w.host.engine.entity_state("lock", "shop")
    if lock != '{"holder": null, "token": 1}':
        yield f"I1 the lock is left as {lock}"
    acting = night.w.acting()
    if acting:
        yield f"I1 the claim is left as {acting}"


def _production(night: Interrupted) -> Iterator[str]:
    now = night.production()
    for part, stood in night.before.items():
        if now[part] != stood:
            yield f"production was touched: {part} stood as {stood} and stands as {now[part]}"
    touched = {what for what, _ in night.w.accepted()} - MAY_BE_CALLED
    if touched:
        yield f"production was touched by {', '.join(sorted(touched))}"


def _at_most_once(night: Interrupted) -> Iterator[str]:
    """I6: nothing is started again that went well, or that runs."""
    jobs = sorted(night.w.azure.replication.jobs.values(), key=lambda job: job.ordinal)
    for item in night.w.azure.replication.items.values():
        own = [job for job in jobs if job.item is item]
        for first, then in pairwise(own):
            well = first.state(then.started)[0] == "Succeeded"
            if not first.is_over(then.started) or (well and first.scenario is then.scenario):
                yield f"I6 {then.scenario.name} of {item.name} was started twice"


def _leftovers(night: Interrupted, outcome: str, record: Json) -> Iterator[str]:
    """I4: nothing is left of a drill, or a person is told exactly what."""
    there = night.test_resources()
    drill = record["drill"] or {}
    listed = {leftover["id"].lower() for leftover in drill.get("leftovers", ())}
    if there and outcome != "NEEDS_HUMAN":
        yield f"I4 {outcome} though there is {sorted(there)}"
    if listed and outcome != "NEEDS_HUMAN":
        yield f"I4 {outcome} with leftovers"
    if drill.get("lookedAt") and listed != there:
        yield f"I4 {sorted(listed)} are listed, there is {sorted(there)}"
    if drill.get("clean") and there:
        yield "I4 said to be clean"
    if there and not was_told(night):
        yield f"I4 {sorted(there)} left though nobody made the drill leave it"
    pending = [
        item.name
        for item in night.w.azure.replication.items.values()
        if item.phase is Phase.DRILL_PENDING or item.running is not None
    ]
    if pending and outcome != "NEEDS_HUMAN":
        yield f"I4 {outcome} while a test failover of {pending} is pending"


def was_told(night: Interrupted) -> bool:
    """Say whether Azure was made to keep something, or to be of no help to the end of the night."""
    script = [fault for fault in night.w.azure.faults.script() if fault.struck]
    return any(
        fault.kind == "leftover" or fault.times is None or fault.region == "westus"
        for fault in script
    )


def _flattery(night: Interrupted, record: Json) -> Iterator[str]:
    if [tier["arrived"] for tier in record["tiers"]] != [True] * 3:
        yield "the outcome flatters: not every tier came up"
    if not all(tier["gate"]["passed"] for tier in record["tiers"]):
        yield "the outcome flatters: not every gate passed"
    if not record["drill"]["clean"] or not record["drill"]["lookedAt"]:
        yield "the outcome flatters: nothing proves that the drill is clean"
    step = night.cancelled_at or ""
    if step in BEFORE_THE_END or step.startswith("tier"):
        yield f"the outcome flatters: it was cancelled at {step}"
