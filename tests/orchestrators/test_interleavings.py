"""No decision is lost, doubled or misapplied, however approvals, rejections, expiry, drift and repetition interleave.

`make interleavings` tells the same of four people: 118,698 stories. Here each story of three people is told in one of
the three ways, and each story of two in all of them.
"""

from __future__ import annotations

import pytest

from tests.orchestrators.interleavings import WAYS, tell_all, words


@pytest.mark.parametrize("way", WAYS)
def test_no_decision_is_lost_doubled_or_misapplied(way: str) -> None:
    ends = tell_all(way, [1, 2])
    assert ends.total() == len({word for people in (1, 2) for word in words(people)}) > 500
    ends += tell_all(way, [3], first=WAYS.index(way), step=len(WAYS))
    assert min(ends[end] for end in ("moved", "rejected", "expired")) > 100, ends


def test_the_stories_of_four_people_are_told_elsewhere_and_are_as_many_as_it_says() -> None:
    told = {word for people in range(1, 5) for word in words(people)}
    assert len(told) * len(WAYS) == 118_698
