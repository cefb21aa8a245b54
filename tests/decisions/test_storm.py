"""A small storm; ``make storm`` lets one of 100,000 events blow."""

from __future__ import annotations

from tests.decisions.storm import blow


def test_a_storm_opens_one_run_per_outage_and_loses_nothing_that_was_acknowledged() -> None:
    storm = blow(2000)
    assert storm.right, str(storm)
    assert storm.refused > 0
    assert sum(storm.acknowledged.values()) + storm.refused == 2000
    assert storm.largest_state < 120_000
