"""A part of the labelled suite, and what the suite itself must be; ``make decisions`` plays the whole of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.decisions.cases import cases
from tests.decisions.suite import PLAN, Decided, play, read, summary

EVERY = 11
CASES = read()
FAMILIES = Counter(case["name"].rsplit("-", 1)[0] for case in CASES)


def test_the_suite_is_large_enough_and_of_every_kind() -> None:
    outages = [case for case in CASES if case["outage"] is not None]
    assert len(outages) >= 50
    assert len(CASES) - len(outages) >= 200
    assert set(FAMILIES) == {
        "blips", "one_vantage_point", "isolated", "one_machine", "deployments", "advisories",
        "maintenance", "synthetic", "resolved", "of_another_time", "stopped_on_purpose", "outages",
    }  # fmt: skip
    assert min(FAMILIES.values()) >= 15


def test_the_file_is_what_its_generator_writes() -> None:
    assert [_as_read(case) for case in cases()] == CASES


@pytest.mark.parametrize("case", CASES[::EVERY], ids=lambda case: case["name"])
def test_a_story_is_decided_as_it_should_be(case: Any) -> None:
    decided = play(case)
    assert decided.right, decided.runs
    if decided.seconds is not None:
        assert decided.seconds <= PLAN.signals.sustained.total_seconds() + 60


def test_the_last_line_counts_what_went_wrong() -> None:
    decided = [
        Decided("a", True, ("run",), 300.0),
        Decided("b", True, (), None),
        Decided("c", True, ("run", "run"), 400.0),
        Decided("d", False, ("run",), None),
        Decided("e", False, (), None),
    ]
    assert [case.right for case in decided] == [True, False, False, False, True]
    assert summary(decided) == (
        "outages=3 detected=1 non_outages=2 false_failovers=2 p95_seconds=400 "
        "precision=0.500 recall=0.333"
    )


def _as_read(case: Any) -> Any:
    """Return a case as JSON reads it: pairs are lists there."""
    if isinstance(case, dict):
        return {key: _as_read(value) for key, value in case.items()}
    return [_as_read(part) for part in case] if isinstance(case, list | tuple) else case
