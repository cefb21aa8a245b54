"""A few seeded nights with every run of the suite; ``make chaos SEEDS=1000`` lives through more."""

from __future__ import annotations

import pytest

from tests.chaos.night import live_through


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_no_invariant_breaks_on_a_night_of_random_trouble(seed: int) -> None:
    verdict = live_through(seed)
    assert not verdict.broken, verdict
