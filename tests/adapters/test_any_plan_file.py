"""Whatever text a plan file holds, it is read or refused with a line, and nothing else happens."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.plan_file import read_plan
from domain.plan_rules import PlanRefused
from tests.adapters.test_plan_file import SHOP, changed, mistakes


@pytest.mark.parametrize(
    "value", ["2026-02-31", "!!int abc", "!!float x", "!!timestamp x", "!!bool x", "9" * 5000]
)
def test_a_scalar_that_yaml_cannot_read_is_text(value: str) -> None:
    assert mistakes(changed("attempts: 2", f"attempts: {value}"))
    if len(value) < 100:
        plan = read_plan(changed("description: The", f"description: {value}\n#"), "x")
        assert plan.description == value.split()[-1]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200))
@example("? ")
@example("<<: {a: 1}")
@example("a: !!python/object:os.system x")
@example("!!omap [a: 1]")
def test_no_text_makes_the_reader_raise_anything_else(text: str) -> None:
    with pytest.raises(PlanRefused):
        read_plan(text, "x")


yamlish = st.lists(
    st.sampled_from(
        ["\n", "  ", "- ", ": ", "? ", "[", "]", "{", "}", "&a ", "*a", "!t ", "!!set ", "|\n", "#",
         "'", '"', "name", "tiers", "members", "after", "gate", "1", "null", "~", "%", "---\n", "\t"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(SHOP)), length=st.integers(0, 30), new=yamlish)
def test_a_plan_that_was_spoilt_anywhere_is_read_or_refused(at: int, length: int, new: str) -> None:
    try:
        read_plan(SHOP[:at] + new + SHOP[at + length :], "x")
    except PlanRefused as refused:
        assert refused.mistakes
        assert all(mistake.line >= 1 for mistake in refused.mistakes)
