"""A round trip's budget: what it must suffice for, and what was used of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.budget import allowed, kept_for_home, objection_to_round_trip, used
from domain.plan import Plan
from domain.protection import Budget
from tests.plan_samples import SUBSCRIPTION, plan

LAB = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/lab"
HOUR = timedelta(hours=1)


def budgeted(**budget: Any) -> Plan:
    return plan(drill={"network": LAB, "budget": budget or None})


def test_vm_hours_may_end_before_the_time_does() -> None:
    budget = Budget(longest=8 * HOUR, vm_hours=12)
    assert allowed(budget, 1) == 8 * HOUR
    assert allowed(budget, 4) == 3 * HOUR
    assert kept_for_home(budget, 4) == 1.5 * HOUR
    assert kept_for_home(Budget(longest=8 * HOUR, home=HOUR), 4) == HOUR


def test_a_way_home_that_leaves_no_way_out_is_refused() -> None:
    with pytest.raises(ValidationError, match="home leaves no time for the way out"):
        Budget(longest=HOUR, home=HOUR)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({}, "has no budget"),
        ({"longest": "PT19M"}, "leaves 9 min 30 s for the way out"),
        ({"longest": "PT1H", "home": "PT5M"}, "leaves 5 min for the way home"),
        ({"longest": "PT8H", "home": "PT4H", "vm_hours": 3}, "leaves no time for the way out"),
        ({"longest": "PT20M"}, None),
    ],
)
def test_a_budget_that_cannot_suffice_is_refused(budget: dict[str, Any], said: str | None) -> None:
    objection = objection_to_round_trip(budgeted(**budget))
    assert objection is None if said is None else said in (objection or "")


@given(
    st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    st.timedeltas(timedelta(seconds=1), timedelta(days=2)),
    st.integers(1, 300),
)
def test_what_was_used_never_flatters(away: timedelta, waited: timedelta, machines: int) -> None:
    budget = Budget(longest=8 * HOUR, downtime=HOUR, vm_hours=100)
    report = used(budget, machines, away, waited, left_early=False)
    kept = away <= budget.longest and waited <= HOUR and report.vm_hours_used <= 100
    assert (report.over == ()) is kept
