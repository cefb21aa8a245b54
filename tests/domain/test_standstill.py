from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.standstill import LockSeen, RunSeen, Standstill, findings_on, orphaned, silence_of
from tests.plan_samples import plan

AT = datetime(2026, 3, 14, 3, tzinfo=UTC)
SILENCE = timedelta(minutes=30)


def seen(engine: str = "Running", silent: float = 0, left: float = 60) -> RunSeen:
    return RunSeen(
        run="r",
        engine=engine,
        moved_at=AT - timedelta(minutes=silent),
        ends_by=AT + timedelta(minutes=left),
        silence=SILENCE,
    )


@pytest.mark.parametrize(
    ("run", "found"),
    [
        (seen(), []),
        (seen(silent=30), []),
        (seen(silent=31), [Standstill.SILENT]),
        (seen(left=-15), []),
        (seen(left=-16), [Standstill.LATE]),
        (seen(silent=99, left=-16), [Standstill.SILENT, Standstill.LATE]),
        (seen("Suspended", silent=99), [Standstill.SUSPENDED]),
        (seen("Pending", silent=31), [Standstill.SILENT]),
    ],
)
def test_a_run_stands_still_when_it_is_silent_late_or_suspended(
    run: RunSeen, found: list[Standstill]
) -> None:
    assert [finding.standstill for finding in findings_on(run, AT)] == found


def test_a_plan_s_own_pause_is_no_silence() -> None:
    assert silence_of(plan(policy={"retry": {"pause": "PT20M"}})) == timedelta(minutes=50)


def test_a_lock_without_its_run_says_what_became_of_the_run() -> None:
    failed = orphaned(LockSeen(application="shop", holder="r", engine="Failed"), AT)
    assert failed.because == "it ended as Failed, but it held the lock of shop, which is free again"
    assert failed.key == "findings/r.orphaned"
    gone = orphaned(LockSeen(application="shop", holder="r", engine=None), AT)
    assert gone.because == "its history is gone, but it held the lock of shop, which is free again"
