"""Plans that go together: in order, each once, bound by one digest, and summed up without flattery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plan import Plan
from domain.reports import ChildRun
from domain.run import WELL, Outcome
from domain.umbrella import (
    MOST_PLANS,
    NotTogether,
    Part,
    digest_of,
    gather,
    longest_path,
    pack,
    sum_up,
    unpack,
    went_well,
)
from tests.plan_samples import plan, tier


def plans(**depends: Sequence[str]) -> dict[str, Plan]:
    return {name: plan(name=name, depends_on=list(on)) for name, on in depends.items()}


def gathered(root: str, known: dict[str, Plan]) -> list[str]:
    return [each.name for each in gather(known[root], known.__getitem__)]


def part(name: str, *after: str, hours: int = 1, digest: str = "d") -> Part:
    within = timedelta(hours=hours)
    return Part(
        plan=name,
        application=name,
        digest=digest,
        after=after,
        machines=1,
        within=within,
        packed="",
    )


def child(outcome: Outcome, settled: bool = False, name: str = "crm") -> ChildRun:
    return ChildRun(
        run="u.1", plan=name, kind="failover", outcome=outcome, because="why", settled=settled
    )


def test_every_plan_comes_once_and_after_those_it_depends_on() -> None:
    known = plans(shop=["pay", "crm"], pay=["id"], crm=["id"], id=[], other=["id"])
    assert gathered("shop", known) == ["id", "pay", "crm", "shop"]


@pytest.mark.parametrize(
    ("depends", "circle"),
    [
        ({"shop": ["crm"], "crm": ["shop"]}, "shop depends on crm depends on shop"),
        ({"shop": ["a"], "a": ["b"], "b": ["a"]}, "a depends on b depends on a"),
    ],
)
def test_a_circle_is_named_with_its_mend(depends: dict[str, list[str]], circle: str) -> None:
    with pytest.raises(NotTogether, match=f"in a circle: {circle}; drop one of these"):
        gathered("shop", plans(**depends))


def test_two_plans_of_one_application_do_not_go_together() -> None:
    known = plans(shop=["crm"], crm=[])
    known["crm"] = plan(name="crm", application="shop")
    with pytest.raises(NotTogether, match="plans crm and shop both move application shop"):
        gathered("shop", known)


@pytest.mark.parametrize("shape", ["deep", "wide"])
def test_too_many_plans_are_refused(shape: str) -> None:
    names = [f"p{n}" for n in range(MOST_PLANS + 1)]
    deep = {name: [follower] for name, follower in pairwise(names)}
    wide = {names[0]: names[1:]}
    known = plans(**{name: [] for name in names}) | plans(**(deep if shape == "deep" else wide))
    with pytest.raises(NotTogether, match="depends on more than 49 plans"):
        gathered("p0", known)


def test_a_plan_is_the_same_when_it_has_been_packed() -> None:
    members = [f"machine-{n}" for n in range(100)]
    whole = plan(tiers=[tier("web", *members)], description="Grüße, “shop”")
    packed = pack(whole)
    assert Plan.model_validate(unpack(packed)) == whole
    assert len(packed) < 3000


def test_the_digest_is_of_all_plans_whatever_their_order() -> None:
    parts = [part("a", digest="1"), part("b", digest="2")]
    assert digest_of(parts) == digest_of(parts[::-1])
    assert digest_of(parts) != digest_of([part("a", digest="1"), part("b", digest="3")])
    assert digest_of(parts) != digest_of(parts[:1])


def test_the_longest_path_says_how_long_it_may_take() -> None:
    parts = [part("a"), part("b", hours=5), part("c", "a", hours=2), part("d", "a", "b")]
    assert longest_path(parts) == timedelta(hours=6)


@pytest.mark.parametrize(
    ("children", "left", "outcome"),
    [
        ([child(Outcome.COMPLETED)], [], Outcome.COMPLETED),
        ([child(Outcome.COMPLETED), child(Outcome.DECLINED, settled=True)], [], Outcome.COMPLETED),
        ([child(Outcome.DECLINED, settled=True)], [], Outcome.DECLINED),
        (
            [child(Outcome.COMPLETED_WITH_SKIPS), child(Outcome.COMPLETED)],
            [],
            Outcome.COMPLETED_WITH_SKIPS,
        ),
        ([child(Outcome.COMPLETED), child(Outcome.FAILED)], [], Outcome.PARTIAL),
        ([child(Outcome.COMPLETED)], ["b did not begin"], Outcome.PARTIAL),
        ([child(Outcome.ROLLED_BACK)], [], Outcome.PARTIAL),
        ([child(Outcome.FAILED)], ["b did not begin"], Outcome.FAILED),
        ([child(Outcome.FAILED), child(Outcome.DECLINED)], [], Outcome.FAILED),
        ([child(Outcome.NEEDS_HUMAN), child(Outcome.COMPLETED)], [], Outcome.NEEDS_HUMAN),
        ([], ["a did not begin"], Outcome.FAILED),
    ],
)
def test_a_whole_is_summed_up(children: list[ChildRun], left: list[str], outcome: Outcome) -> None:
    assert sum_up(children, left)[0] is outcome


def test_a_cancel_that_came_too_late_to_stop_anything_changes_nothing() -> None:
    assert sum_up([child(Outcome.COMPLETED)], [], "carol")[0] is Outcome.COMPLETED
    outcome, because = sum_up([child(Outcome.COMPLETED)], ["b did not begin"], "carol")
    assert outcome is Outcome.CANCELLED
    assert "1 of 2 applications went well; carol cancelled it; b did not begin" in because


CHILDREN = st.lists(st.builds(child, st.sampled_from(list(Outcome)), st.just(False)), max_size=5)


@given(CHILDREN, st.lists(st.just("x did not begin"), max_size=2), st.sampled_from([None, "carol"]))
def test_the_sum_never_flatters(children: list[ChildRun], left: list[Any], by: str | None) -> None:
    if not children and not left:
        return
    outcome, because = sum_up(children, left, by)
    if outcome in WELL:
        assert not left
        assert all(went_well(each) for each in children)
    if any(each.outcome is Outcome.NEEDS_HUMAN for each in children):
        assert outcome is Outcome.NEEDS_HUMAN
    for each in children:
        assert went_well(each) or f"{each.plan} ended {each.outcome.value}" in because
