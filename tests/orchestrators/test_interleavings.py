"""No decision is lost, doubled or misapplied, however approvals, rejections, expiry, drift and repetition interleave.

`make interleavings` tells the same of four people: 118,698 stories.
"""

from __future__ import annotations

import pytest

from tests.orchestrators.interleavings import WAYS, tell_all, words


@pytest.mark.parametrize("way", WAYS)
def test_no_decision_is_lost_doubled_or_misapplied(way: str) -> None:
    ends = tell_all(way, range(1, 4))
    assert ends.total() == 7_406
    assert min(ends[end] for end in ("moved", "rejected", "expired")) > 300, ends


def test_the_stories_of_four_people_are_told_elsewhere_and_are_as_many_as_it_says() -> None:
    told = {word for people in range(1, 5) for word in words(people)}
    assert len(told) * len(WAYS) == 118_698
