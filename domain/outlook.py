"""The outlook of a plan: what each class of witness says of its region now, and whether that is a quorum.

Unknown is not unhealthy: a class that says nothing, or nothing fresh, counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from domain.fold import Signals
from domain.model import Recorded, last_segment
from domain.plan import Plan
from domain.policy import AutomationMode
from domain.quorum import Quorum
from domain.signals import ON_PURPOSE, Signal, Verdict, Witness

# How long a word holds. Probes and profiles are asked all the time; events tell of changes, and stand until the next.
HOLDS: Mapping[Witness, timedelta] = {
    Witness.SYNTHETIC: timedelta(minutes=2),
    Witness.TRAFFIC_MANAGER: timedelta(minutes=2),
    Witness.REPLICATION: timedelta(minutes=15),
    Witness.RESOURCE_HEALTH: timedelta(hours=6),
    Witness.METRIC: timedelta(hours=6),
    Witness.SERVICE_HEALTH: timedelta(hours=24),
}
# A machine that went away this long before somebody's word that it was stopped on purpose went away for that reason.
STOPPED_WITHIN = timedelta(minutes=15)
# Both ask the application's front door: they are apart from each other, but not from a machine behind it.
FRONT_DOOR = (Witness.SYNTHETIC, Witness.TRAFFIC_MANAGER)
TOLD = 20


class Watched(Recorded):
    """What is to be known of a plan to judge its region."""

    plan: str
    region: str
    machines: tuple[str, ...]
    endpoint: str
    quorum: Quorum
    automation: AutomationMode

    @classmethod
    def of(cls, plan: Plan) -> Watched:
        """Return what is to be known of a plan."""
        return cls(
            plan=plan.name,
            region=plan.source.region,
            machines=tuple(plan.vm_id(member).casefold() for member in plan.members),
            endpoint=endpoint_of(plan),
            quorum=plan.signals,
            automation=plan.policy.automation.mode,
        )

    def vantage(self, point: str) -> str:
        """Return what probes from a vantage point are about."""
        return vantage_of(self.plan, point)


def endpoint_of(plan: Plan) -> str:
    """Return the id of the Traffic Manager endpoint that leads to the source region."""
    source = plan.traffic.source
    return f"{plan.traffic.profile}/{source.type.value}/{source.name}".casefold()


def vantage_of(plan: str, point: str) -> str:
    """Return what a plan's probes from a vantage point are about."""
    return f"plans/{plan}/from/{point}"


class Word(Recorded):
    """What one class says: unhealthy, healthy or unknown, in words, and the signals it says so from."""

    witness: Witness
    verdict: Verdict
    says: str
    signals: tuple[Signal, ...] = ()


class Outlook(Recorded):
    """What all classes that count say of a region, as one plan sees it.

    ``cut_off`` when no vantage point sees the canary either: then it is we who are isolated, and nothing is concluded.
    ``explained`` when Resource Health knows of one machine alone that is down, or of some that were stopped on purpose:
    a closed front door then tells nothing of the region, however many classes found it closed, and they count as one.
    """

    words: tuple[Word, ...]
    met: bool
    cut_off: bool
    explained: bool = False

    @property
    def against(self) -> tuple[Word, ...]:
        """Return the classes that say the region is down."""
        return tuple(word for word in self.words if word.verdict is Verdict.UNHEALTHY)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Return what the classes that say the region is down say so from, the newest where there are many."""
        every = sorted(
            (s for word in self.against for s in word.signals), key=lambda s: (s.at, s.id)
        )
        return tuple(every[-TOLD:])


def outlook_of(watched: Watched, signals: Signals, moment: datetime) -> Outlook:
    """Return what the signals of its region mean for a plan at that time."""
    counted = watched.quorum.counted
    fresh = [
        s for s in map(Signal.model_validate, signals.values()) if moment - s.at <= HOLDS[s.witness]
    ]
    words = tuple(
        READERS[witness](watched, [s for s in fresh if s.witness is witness]) for witness in counted
    )
    cut_off = _cut_off(watched, fresh)
    explained = _explained(watched, fresh)
    against = [word.witness for word in words if word.verdict is Verdict.UNHEALTHY]
    voices = {FRONT_DOOR if explained and witness in FRONT_DOOR else witness for witness in against}
    seen = Witness.SYNTHETIC not in counted or Witness.SYNTHETIC in against
    met = len(voices) >= watched.quorum.needed and seen and not cut_off
    return Outlook(words=words, met=met, cut_off=cut_off, explained=explained)


def _cut_off(watched: Watched, fresh: Iterable[Signal]) -> bool:
    """Say whether every vantage point that was heard of has lost the canary too."""
    said = [s.verdict for s in fresh if s.witness is Witness.SYNTHETIC and _probed(watched, s)]
    return bool(said) and all(verdict is Verdict.UNKNOWN for verdict in said)


def _explained(watched: Watched, fresh: Iterable[Signal]) -> bool:
    """Say whether one machine, or somebody who stopped machines on purpose, explains a front door that is closed."""
    health = [s for s in fresh if s.witness is Witness.RESOURCE_HEALTH]
    ill, stopped = _machines_down(watched, health)
    return bool(stopped or ill) and len(ill) <= 1 < len(watched.machines)


def _probed(watched: Watched, signal: Signal) -> bool:
    points = watched.quorum.vantage.points if watched.quorum.vantage else ()
    return signal.resource in {watched.vantage(point) for point in points}


def _synthetic(watched: Watched, fresh: list[Signal]) -> Word:
    vantage = watched.quorum.vantage
    assert vantage is not None  # else the class is not counted
    mine = [s for s in fresh if _probed(watched, s)]
    missing = [s for s in mine if s.verdict is Verdict.UNHEALTHY]
    seeing = [s for s in mine if s.verdict is Verdict.HEALTHY]
    verdict = Verdict.UNKNOWN
    if len(missing) >= vantage.needed:
        verdict = Verdict.UNHEALTHY
    elif len(seeing) > len(vantage.points) - vantage.needed:
        verdict = Verdict.HEALTHY
    lost = [s for s in mine if s.verdict is Verdict.UNKNOWN]
    says = (
        f"{len(missing)} of {len(vantage.points)} vantage points miss the application, "
        f"{vantage.needed} are needed"
    )
    if lost:
        says += f"; cut off themselves: {', '.join(sorted(_name(s) for s in lost))}"
    return Word(witness=Witness.SYNTHETIC, verdict=verdict, says=says, signals=tuple(missing))


def _traffic_manager(watched: Watched, fresh: list[Signal]) -> Word:
    mine = [s for s in fresh if s.resource.casefold() == watched.endpoint]
    return _one_is_enough(Witness.TRAFFIC_MANAGER, mine, "the endpoint's state is not known")


def _resource_health(watched: Watched, fresh: list[Signal]) -> Word:
    return _share_of_machines(Witness.RESOURCE_HEALTH, watched, fresh, "unavailable")


def _replication(watched: Watched, fresh: list[Signal]) -> Word:
    return _share_of_machines(Witness.REPLICATION, watched, fresh, "replicating no more")


def _share_of_machines(witness: Witness, watched: Watched, fresh: list[Signal], state: str) -> Word:
    ill, stopped = _machines_down(watched, fresh)
    words = [s for s in fresh if s.resource.casefold() in watched.machines and not s.aspect]
    verdict = Verdict.UNKNOWN
    if len(ill) >= watched.quorum.machines * len(watched.machines):
        verdict = Verdict.UNHEALTHY
    elif words and all(s.verdict is Verdict.HEALTHY for s in words):
        verdict = Verdict.HEALTHY
    says = (
        f"{len(ill)} of {len(watched.machines)} machines {'is' if len(ill) == 1 else 'are'} {state}"
    )
    if stopped:
        says += (
            f"; stopped on purpose: {', '.join(sorted(last_segment(s.resource) for s in stopped))}"
        )
    return Word(witness=witness, verdict=verdict, says=says, signals=tuple(ill))


def _machines_down(watched: Watched, fresh: Iterable[Signal]) -> tuple[list[Signal], list[Signal]]:
    """Return the words of machines that are down by themselves, and of those that somebody stopped."""
    mine = [s for s in fresh if s.resource.casefold() in watched.machines]
    purposes = {s.resource.casefold(): s.at for s in mine if s.aspect == ON_PURPOSE}
    down = [s for s in mine if not s.aspect and s.verdict is Verdict.UNHEALTHY]
    stopped = [s for s in down if _on_purpose(s, purposes)]
    return [s for s in down if s not in stopped], stopped


def _on_purpose(signal: Signal, purposes: Mapping[str, datetime]) -> bool:
    said = purposes.get(signal.resource.casefold())
    return (
        said is not None
        and signal.at <= said + STOPPED_WITHIN
        and said <= signal.at + STOPPED_WITHIN
    )


def _service_health(watched: Watched, fresh: list[Signal]) -> Word:
    mine = [s for s in fresh if s.region == watched.region]
    return _one_is_enough(Witness.SERVICE_HEALTH, mine, "no incident is known")


def _metric(watched: Watched, fresh: list[Signal]) -> Word:
    mine = [s for s in fresh if s.resource.casefold() in watched.machines]
    return _one_is_enough(Witness.METRIC, mine, "no grave alert is known")


def _one_is_enough(witness: Witness, mine: list[Signal], nothing: str) -> Word:
    """Return the word of a class in which one witness speaks for the region."""
    ill = [s for s in mine if s.verdict is Verdict.UNHEALTHY]
    verdict = Verdict.UNKNOWN
    if ill:
        verdict = Verdict.UNHEALTHY
    elif any(s.verdict is Verdict.HEALTHY for s in mine):
        verdict = Verdict.HEALTHY
    told = ill or sorted(mine, key=lambda s: (s.at, s.id))[-1:]
    says = "; ".join(s.summary for s in sorted(told, key=lambda s: (s.at, s.id))[-3:]) or nothing
    return Word(witness=witness, verdict=verdict, says=says, signals=tuple(ill))


def _name(signal: Signal) -> str:
    return last_segment(signal.resource)


READERS: Mapping[Witness, Callable[[Watched, list[Signal]], Word]] = {
    Witness.SYNTHETIC: _synthetic,
    Witness.TRAFFIC_MANAGER: _traffic_manager,
    Witness.RESOURCE_HEALTH: _resource_health,
    Witness.SERVICE_HEALTH: _service_health,
    Witness.METRIC: _metric,
    Witness.REPLICATION: _replication,
}
