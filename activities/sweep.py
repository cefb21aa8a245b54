"""The readiness sweep: every plan is looked at now and then, its last verdict is kept, and a change is told once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import AwareDatetime, Field

from activities.calendar import Ledger
from activities.grants import Hearing, Permissions
from activities.readiness import Asking, Preflight, Profiles, Question, Vault
from domain.errors import StepError
from domain.model import Recorded
from domain.plan import Plan
from domain.plan_rules import PlanRefused
from domain.replication import ProtectedItem
from domain.run import ProfileState
from domain.verdict import (
    Colour,
    Verdict,
    changes_of,
    grants_as_known,
    is_stale,
    unread,
    verdict_in,
    verdict_of,
    verdict_on,
)

UNTOLD_AMONG = 20
# One resource that is silent for good must not hide what others lack; so many at once are Azure itself.
SILENT_PLACES = 3


class Shelf(Protocol):
    """Where the plans lie."""

    def each(self) -> Sequence[tuple[str, Plan | PlanRefused | StepError]]:
        """Return every plan by its name as one look found it, or why it cannot be had; raises Transient."""
        ...


class Round(Recorded):
    """When a sweep looks and who it is; ``marks`` change when what a region's signals say does."""

    at: AwareDatetime
    claim: str
    marks: dict[str, str] = Field(default_factory=dict)


class Swept(Recorded):
    """What a sweep found: the changes it was the first to see and has not told, and the regions to hear of next."""

    untold: tuple[Verdict, ...] = ()
    regions: tuple[str, ...] = ()
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What Azure said in one sweep: a vault that serves many plans is listed once."""

    vault: Vault
    traffic: Profiles
    _items: dict[str, Sequence[ProtectedItem]] = field(default_factory=dict)
    _profiles: dict[str, ProfileState] = field(default_factory=dict)

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        key = vault.casefold()
        if key not in self._items:
            self._items[key] = self.vault.items(vault)
        return self._items[key]

    def profile(self, profile: str) -> ProfileState:
        """Return the profile as it stands."""
        key = profile.casefold()
        if key not in self._profiles:
            self._profiles[key] = self.traffic.profile(profile)
        return self._profiles[key]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Looks at the plans that are due for it, reading only."""

    plans: Shelf
    ledger: Ledger
    vault: Vault
    traffic: Profiles
    permissions: Permissions
    places: Mapping[str, str] = field(default_factory=dict)

    def sweep_readiness(self, asked: Round) -> Swept:
        """Look at every plan whose last verdict is old, that has changed, or whose region has news."""
        listing = Listing(self.vault, self.traffic)
        hearing = Hearing(self.permissions, SILENT_PLACES)
        preflight = Preflight(listing, listing, self.permissions, self.places, hearing)
        untold: list[Verdict] = []
        regions: set[str] = set()
        looked = 0
        for name, plan, mistakes in self._all():
            digest, mark = mistakes, ""
            if plan:
                digest, mark = plan.digest(), asked.marks.get(plan.source.region, "")
                regions.add(plan.source.region)
            last = verdict_in(self.ledger.read(verdict_on(name)))
            if is_stale(last, asked.at, digest, mark):
                looked += 1
                verdict = _verdict(preflight, name, plan, mistakes, last, asked)
                self._keep(verdict.model_copy(update={"digest": digest, "mark": mark}), last)
            untold += self._untold(name, asked.claim)
        return Swept(untold=tuple(untold), regions=tuple(sorted(regions)), looked=looked)

    def note_change(self, change: Verdict) -> Verdict:
        """Note that a change was told."""
        self.ledger.keep(change.change_key, change.wire())
        return change

    def _all(self) -> Iterator[tuple[str, Plan | None, str]]:
        for name, found in self.plans.each():
            if isinstance(found, Plan):
                yield name, found, ""
            elif isinstance(found, PlanRefused):
                yield name, None, str(found)

    def _keep(self, verdict: Verdict, last: Verdict | None) -> None:
        """Keep the verdict; a change belongs to the first sweep that enters it, and must be there before it is kept."""
        if last is None or verdict.number != last.number:
            self.ledger.claim(verdict.change_key, verdict.wire())
        self.ledger.keep(verdict.key, verdict.wire())

    def _untold(self, plan: str, claim: str) -> Iterator[Verdict]:
        for key in self.ledger.keys(changes_of(plan))[-UNTOLD_AMONG:]:
            change = verdict_in(self.ledger.read(key))
            if change and change.claim == claim and not change.told:
                yield change


def _verdict(
    preflight: Preflight,
    name: str,
    plan: Plan | None,
    mistakes: str,
    last: Verdict | None,
    asked: Round,
) -> Verdict:
    """Return the verdict on a plan now; what has not changed is still the last one's."""
    trouble: str | None = None
    read_at: datetime | None = asked.at
    reasons: tuple[str, ...]
    grants, grants_at = (last.grants, last.grants_at) if last else (None, None)
    if plan is None:
        colour, reasons = Colour.RED, (f"the plan is not valid: {mistakes}",)
    else:
        try:
            found = preflight.assess_readiness(Question(plan=plan, asking=Asking.DAY))
            same = last if last and last.digest == plan.digest() else None
            grants, grants_at = grants_as_known(found.grants, same, asked.at)
            colour, reasons = verdict_of(found.model_copy(update={"grants": grants}))
        except StepError as error:
            trouble, read_at = error.message, last.read_at if last else None
            colour, reasons = unread(last, asked.at)
    seen = {
        "looked_at": asked.at,
        "read_at": read_at,
        "trouble": trouble,
        "claim": asked.claim,
        "grants": grants,
        "grants_at": grants_at,
    }
    if last is not None and not last.differs(colour, reasons):
        return last.model_copy(update=seen)
    return Verdict.model_validate(
        {
            "plan": name,
            "number": last.number + 1 if last else 1,
            "colour": colour,
            "reasons": reasons,
            "since": asked.at,
            "before": last.colour if last else None,
            # That a plan is well when it is first seen is no news.
            "told": last is None and colour is Colour.GREEN,
            **seen,
        }
    )
