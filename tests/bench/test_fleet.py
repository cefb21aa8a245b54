"""The cost of a failover is part of the contract: ARM throttles, and Durable Functions replays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.fleet import fail_over_a_fleet

REQUESTS_PER_MEMBER = 3
HISTORY_BYTES = 1_000_000


@pytest.mark.slow
def test_a_fleet_of_a_hundred_moves_within_three_requests_per_member_and_small_histories(
    tmp_path: Path,
) -> None:
    figures = fail_over_a_fleet(tmp_path, members=100, tiers=10)
    assert figures.outcome == "COMPLETED"
    assert figures.by_operation["protectedItems/unplannedFailover"] == 100
    assert figures.by_operation["protectedItems/failoverCommit"] == 100
    assert figures.arm_requests <= REQUESTS_PER_MEMBER * figures.members, figures
    assert figures.largest_history_bytes <= HISTORY_BYTES, figures
