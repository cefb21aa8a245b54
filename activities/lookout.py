"""Lookout: Leeward's own look at the regions it watches, from every vantage point."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import AwareDatetime

from domain.errors import StepError
from domain.gate import Probe
from domain.model import Recorded
from domain.outlook import Watched, endpoint_of, vantage_of
from domain.plan import Plan
from domain.quorum import Vantage
from domain.reach import Reach
from domain.replication import ProtectedItem, locate
from domain.run import ProbeAnswer, ProfileState, in_their_words
from domain.signals import Signal, Verdict, Witness

log = logging.getLogger("leeward.lookout")
VIA = "lookout"
# Replication changes slowly, and a vault is read page by page: one look in fifteen asks for it.
REPLICATION_EVERY_SECONDS = 300
LOOK_EVERY_SECONDS = 20
# Checking, disabled, stopped and unmonitored endpoints say nothing of the region behind them.
MONITORED = {"degraded": Verdict.UNHEALTHY, "online": Verdict.HEALTHY}
HEALTHS = {"critical": Verdict.UNHEALTHY, "normal": Verdict.HEALTHY}


class Plans(Protocol):
    """Where the plans lie."""

    def valid(self) -> Sequence[Plan]:
        """Return every valid plan."""
        ...


class VantagePoint(Protocol):
    """A place in the network that probes can be sent from."""

    def ask(self, probes: Sequence[Probe], reach: Reach) -> tuple[ProbeAnswer, ...]:
        """Ask every probe once that the reach lets through."""
        ...


class Profiles(Protocol):
    """Traffic Manager, read only."""

    def profile(self, profile: str) -> ProfileState:
        """Return the profile as it stands."""
        ...


class Vault(Protocol):
    """The vault, read only."""

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault."""
        ...


class Glance(Recorded):
    """Which region to look at, and the time of the look."""

    region: str
    at: AwareDatetime


class Seen(Recorded):
    """Whom the region concerns, and what was seen of it."""

    watched: tuple[Watched, ...]
    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True)
class Lookout:
    """Probes from every vantage point, reads what Traffic Manager and the vault say; judging is the region's part."""

    plans: Plans
    points: Mapping[str, VantagePoint]
    traffic: Profiles
    vault: Vault

    def look_around(self, glance: Glance) -> Seen:
        """Look once at a region, as every plan that it concerns wants it looked at; what cannot be read is unknown."""
        plans = [plan for plan in self.plans.valid() if plan.source.region == glance.region]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda plan: self._look(plan, glance.at), plans))
        return Seen(
            watched=tuple(Watched.of(plan) for plan in plans),
            signals=tuple(signal for signals in found for signal in signals),
        )

    def _look(self, plan: Plan, at: datetime) -> list[Signal]:
        counted = plan.signals.counted
        signals: list[Signal] = []
        if (
            plan.signals.vantage
        ):  # also where the class does not count: the canary tells whether we are cut off
            signals += self._probe(plan, plan.signals.vantage, at)
        if Witness.TRAFFIC_MANAGER in counted:
            signals += _what_can_be_read(lambda: self._monitor(plan, at))
        slow = int(at.timestamp()) % REPLICATION_EVERY_SECONDS < LOOK_EVERY_SECONDS
        if Witness.REPLICATION in counted and slow:
            signals += _what_can_be_read(lambda: self._replication(plan, at))
        return signals

    def _probe(self, plan: Plan, vantage: Vantage, at: datetime) -> Iterable[Signal]:
        """Ask the plan's probes, and the canary, from every vantage point."""
        reach = Reach.of(plan.reach)
        with ThreadPoolExecutor(len(vantage.points)) as pool:
            said = list(pool.map(lambda point: self._from(point, vantage, reach), vantage.points))
        for point, (verdict, heard) in zip(vantage.points, said, strict=True):
            about = vantage_of(plan.name, point)
            summary = f"probes from {point}: {heard}"
            yield _signal(Witness.SYNTHETIC, verdict, about, summary, plan, at)

    def _from(self, point: str, vantage: Vantage, reach: Reach) -> tuple[Verdict, str]:
        asks = self.points.get(point)
        if asks is None:
            return Verdict.UNKNOWN, "the app's settings do not say how to reach this vantage point"
        *answers, canary = asks.ask((*vantage.probes, vantage.canary), reach)
        kept_from = [answer for answer in (*answers, canary) if not answer.asked]
        if kept_from:
            return Verdict.UNKNOWN, in_their_words(kept_from)
        if not canary.ok:
            return Verdict.UNKNOWN, f"cut off, the canary is lost too: {canary.heard}"
        missed = [answer for answer in answers if not answer.ok]
        return (
            Verdict.UNHEALTHY if missed else Verdict.HEALTHY,
            in_their_words(missed or answers),
        )

    def _monitor(self, plan: Plan, at: datetime) -> Iterable[Signal]:
        name = plan.traffic.source.name
        endpoint = self.traffic.profile(plan.traffic.profile).endpoint(name)
        state = endpoint.monitor if endpoint else "not there"
        verdict = MONITORED.get(state.casefold(), Verdict.UNKNOWN)
        summary = f"endpoint {name} is {state}"
        yield _signal(Witness.TRAFFIC_MANAGER, verdict, endpoint_of(plan), summary, plan, at)

    def _replication(self, plan: Plan, at: datetime) -> Iterable[Signal]:
        items = self.vault.items(plan.vault.id)
        for member in plan.members:
            item = locate(items, plan.vault.item_id(member.item_name), plan.vm_id(member))
            if item is not None:
                verdict = HEALTHS.get(item.health.casefold(), Verdict.UNKNOWN)
                summary = f"replication of {member.name} is {item.health or 'unknown'}"
                about = plan.vm_id(member)
                yield _signal(Witness.REPLICATION, verdict, about, summary, plan, at)


def _what_can_be_read(read: Callable[[], Iterable[Signal]]) -> list[Signal]:
    try:
        return list(read())
    except StepError as error:
        log.warning("a look saw less than it should: %s", error)
        return []


def _signal(
    witness: Witness, verdict: Verdict, about: str, summary: str, plan: Plan, at: datetime
) -> Signal:
    return Signal(
        id=f"{witness.value} {about} {at.isoformat()}",
        witness=witness,
        verdict=verdict,
        resource=about,
        region=plan.source.region,
        at=at,
        summary=summary[:500],
        via=VIA,
    )
