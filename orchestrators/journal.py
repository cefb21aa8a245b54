"""The journal of a run: its facts in order, and what of them is shown while it goes."""

from __future__ import annotations

from datetime import datetime

from domain.model import Recorded
from domain.run import Fact, Progress, RunRef, TierProgress, Waiting

from orchestrators.durable import Context, now
from orchestrators.names import SHOWN_CHARACTERS, SHOWN_FACTS, SHOWN_QUESTION


class Journal:
    """Notes facts with the turn's time and shows the newest ones as custom status."""

    def __init__(self, context: Context, tiers: tuple[str, ...] = ()) -> None:
        self._context = context
        self._tiers = {name: TierProgress(name=name, state="waiting") for name in tiers}
        self._waits_for: Waiting | None = None
        self._children: tuple[str, ...] = ()
        self._runs: tuple[RunRef, ...] = ()
        self._budget_ends_at: datetime | None = None
        self._step = "start"
        self.facts: list[Fact] = []

    def note(self, what: str) -> None:
        """Write one fact down."""
        self.facts.append(Fact(at=now(self._context), what=what))
        self.show()

    def take_over(self, facts: tuple[Fact, ...]) -> None:
        """Take over what a child wrote down."""
        self.facts.extend(facts)
        self.show()

    def step(self, name: str) -> None:
        """Say which step the run is at."""
        self._step = name
        self.show()

    @property
    def at(self) -> str:
        """Return the step that the run is at."""
        return self._step

    def tier(self, name: str, state: str, mover: str | None = None) -> None:
        """Say where a tier stands, and which child moves it."""
        self._tiers[name] = TierProgress(name=name, state=state, mover=mover)
        self.show()

    def follow(self, *children: str) -> None:
        """Say which children have more to show; none when they have ended."""
        self._children = children
        self.show()

    def lead(self, *runs: RunRef) -> None:
        """Say which further runs go on under this one; they stay shown when they have ended."""
        self._runs = (*self._runs, *runs)
        self.show()

    def budget(self, ends_at: datetime) -> None:
        """Say when the run's budget is used up."""
        self._budget_ends_at = ends_at
        self.show()

    def waits(self, waiting: Waiting | None) -> None:
        """Say what the run waits for; None when the wait is over."""
        if waiting is not None:
            covers = tuple(_cut(each) for each in waiting.covers)
            waiting = waiting.model_copy(
                update={"says": waiting.says[:SHOWN_QUESTION], "covers": covers}
            )
        self._waits_for = waiting
        self.show()

    def show(self) -> None:
        """Show the run as it stands."""
        progress = Progress(
            step=self._step,
            seq=len(self.facts),
            facts=tuple(_shortened(fact) for fact in self.facts[-SHOWN_FACTS:]),
            tiers=tuple(self._tiers.values()),
            waits_for=self._waits_for,
            children=self._children,
            runs=self._runs,
            budget_ends_at=self._budget_ends_at,
        )
        self._context.set_custom_status(progress.wire())


def _shortened(fact: Fact) -> Fact:
    cut = _cut(fact.what)
    return fact if cut is fact.what else fact.model_copy(update={"what": cut})


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


class Answered(Recorded):
    """What a child's answer carries besides its report: the facts it wrote down."""

    facts: tuple[Fact, ...] = ()
