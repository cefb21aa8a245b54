"""A graph of tiers is cut into chains that keep its order and lose nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.graph import Chain, chains_of

NAMES = [f"t{n}" for n in range(8)]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Return names in an order that their graph allows, and what each waits for."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    waits = {
        name: tuple(draw(st.sets(st.sampled_from(names[:position])))) if position else ()
        for position, name in enumerate(names)
    }
    return names, waits


@given(graphs())
def test_every_name_is_in_one_chain_and_waits_for_all_it_has_to(
    graph: tuple[list[str], dict[str, tuple[str, ...]]],
) -> None:
    names, waits = graph
    chains = chains_of(names, waits)
    assert sorted(name for chain in chains for name in chain.names) == sorted(names)
    for chain in chains:
        first, *others = chain.names
        assert set(chain.after) == set(waits[first])
        for before, name in zip(chain.names, others, strict=False):
            assert set(waits[name]) == {before}


def test_a_line_is_one_chain() -> None:
    waits = {"db": (), "app": ("db",), "web": ("app",)}
    assert chains_of(["db", "app", "web"], waits) == (Chain(("db", "app", "web")),)


def test_branches_go_side_by_side_and_meet_again() -> None:
    waits = {"db": (), "cache": (), "app": ("db", "cache"), "web": ("app",), "jobs": ("app",)}
    assert chains_of(["db", "cache", "app", "web", "jobs"], waits) == (
        Chain(("db",)),
        Chain(("cache",)),
        Chain(("app", "web"), after=("db", "cache")),
        Chain(("jobs",), after=("app",)),
    )
