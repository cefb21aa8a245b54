"""Plans and tiers as graphs: what may go side by side, and what follows only one other, in chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chain:
    """Names that follow one another; the first waits for ``after``, each further one for the one before alone."""

    names: tuple[str, ...]
    after: tuple[str, ...] = ()


def chains_of(order: Sequence[str], waits: Mapping[str, Sequence[str]]) -> tuple[Chain, ...]:
    """Cut a graph into chains; ``order`` is one that the graph allows.

    A name joins the chain of the one it waits for if it waits for no other and nothing else joined there before.
    """
    chains: list[list[str]] = []
    after: list[tuple[str, ...]] = []
    for name in order:
        before = tuple(dict.fromkeys(waits[name]))
        tail = next((c for c in chains if len(before) == 1 and c[-1] == before[0]), None)
        if tail is not None:
            tail.append(name)
        else:
            chains.append([name])
            after.append(before)
    return tuple(Chain(tuple(names), first) for names, first in zip(chains, after, strict=True))
