from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.replication import (
    REPLICATES,
    RULES,
    Job,
    JobState,
    Move,
    Phase,
    ProtectedItem,
    Verb,
    move_for,
)

AT = datetime(2026, 3, 14, tzinfo=UTC)
ID = "/subscriptions/s/resourceGroups/g/x/items/i"


def item(state: str = "Protected", *allowed: str, **more: Any) -> ProtectedItem:
    told = {"id": ID, "name": "i", "fabric": "f", "container": "c", "state": state}
    return ProtectedItem.model_validate({**told, "allowed": allowed, **more})


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("Protected", Phase.PROTECTED),
        ("UnplannedFailoverCommitPendingStatesBegin", Phase.ARRIVED),
        ("UNPLANNEDFAILOVERCOMMITREQUIRED", Phase.ARRIVED),
        ("UnplannedFailoverCommitted", Phase.COMMITTED),
        ("EnablingProtection", Phase.REPLICATING),
        ("", Phase.OTHER),
    ],
)
def test_a_state_means_a_phase(state: str, phase: Phase) -> None:
    assert item(state).phase is phase


def test_the_newest_point_is_the_last_reading_less_what_it_read() -> None:
    read = item(rpo_seconds=90, rpo_calculated_at=AT)
    assert read.latest_point_at == AT - timedelta(seconds=90)
    assert item(rpo_seconds=90).latest_point_at is None
    assert item(rpo_calculated_at=AT).latest_point_at is None


def test_a_drill_waits_when_its_cleanup_is_allowed() -> None:
    assert item("Protected", "TestFailoverCleanup").drill_pending
    assert not item("Protected", "UnplannedFailover").drill_pending


@pytest.mark.parametrize(
    ("found", "verb", "move"),
    [
        (item("Protected", "UnplannedFailover"), Verb.FAILOVER, Move.POSSIBLE),
        (item("Protected"), Verb.FAILOVER, Move.IMPOSSIBLE),
        (item("Protected", scenario="UnplannedFailover"), Verb.FAILOVER, Move.RUNNING),
        (item("Protected", scenario="TestFailover"), Verb.FAILOVER, Move.BUSY),
        (item("UnplannedFailoverCommitRequired", "Commit"), Verb.FAILOVER, Move.HAPPENED),
        (item("UnplannedFailoverCommitted"), Verb.FAILOVER, Move.HAPPENED),
        (item("UnplannedFailoverCommitRequired", "Commit"), Verb.COMMIT, Move.POSSIBLE),
        (item("UnplannedFailoverCommitRequired"), Verb.COMMIT, Move.IMPOSSIBLE),
        (item("UnplannedFailoverCommitted"), Verb.COMMIT, Move.HAPPENED),
        (item("Protected", "UnplannedFailover"), Verb.COMMIT, Move.IMPOSSIBLE),
        (item("x", scenario="CommitFailover"), Verb.COMMIT, Move.RUNNING),
        (item("Protected", "TestFailoverCleanup"), Verb.DRILL_CLEANUP, Move.POSSIBLE),
        (item("Protected", "UnplannedFailover"), Verb.DRILL_CLEANUP, Move.HAPPENED),
        (item("Protected", scenario="TestFailoverCleanup"), Verb.DRILL_CLEANUP, Move.RUNNING),
        (item("Protected", "TestFailover"), Verb.DRILL, Move.POSSIBLE),
        (item("Protected", scenario="TestFailover"), Verb.PROTECT, Move.HAPPENED),
        (item("EnablingProtection", scenario="EnableDr"), Verb.PROTECT, Move.RUNNING),
        (item("InitialReplicationInProgress"), Verb.PROTECT, Move.RUNNING),
        (item("UnplannedFailoverCommitted"), Verb.PROTECT, Move.IMPOSSIBLE),
        (item("Protected", "TestFailoverCleanup"), Verb.DRILL, Move.HAPPENED),
        (item("Protected", scenario="TestFailover"), Verb.DRILL, Move.RUNNING),
        (item("UnplannedFailoverCommitted"), Verb.DRILL, Move.IMPOSSIBLE),
    ],
)
def test_the_move_follows_from_the_item(found: ProtectedItem, verb: Verb, move: Move) -> None:
    assert move_for(found, verb) is move


@given(
    state=st.sampled_from(["Protected", "UnplannedFailoverCommitRequired", "other"]),
    allowed=st.sets(st.sampled_from(["UnplannedFailover", "Commit", "TestFailoverCleanup"])),
    scenario=st.sampled_from([None, "UnplannedFailover", "CommitFailover", "Else"]),
    verb=st.sampled_from(Verb),
)
def test_nothing_is_started_beside_a_running_job_or_against_the_vault(
    state: str, allowed: set[str], scenario: str | None, verb: Verb
) -> None:
    move = move_for(item(state, *allowed, scenario=scenario), verb)
    if move is Move.POSSIBLE:
        assert scenario is None
        assert RULES[verb].operation in allowed
    if scenario is not None and not (verb in REPLICATES and state == "Protected"):
        assert move in (Move.RUNNING, Move.BUSY)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("Succeeded", JobState.SUCCEEDED),
        ("CompletedWithInformation", JobState.SUCCEEDED),
        ("Failed", JobState.FAILED),
        ("Cancelled", JobState.FAILED),
        ("Canceled", JobState.FAILED),
        ("InProgress", JobState.RUNNING),
        ("Suspended", JobState.RUNNING),
        ("never heard of", JobState.RUNNING),
    ],
)
def test_a_job_came_to_a_verdict(state: str, verdict: JobState) -> None:
    assert Job(name="j", state=state).verdict is verdict
