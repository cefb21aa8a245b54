"""Health: Leeward's own probes of gates, of the source, and of where users are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import StepError
from domain.gate import Probe, Url
from domain.model import ArmId, Recorded
from domain.reach import Places, Reach
from domain.run import DnsAnswer, ProbeAnswer


class Probes(Protocol):
    """The network, as seen from where the app runs."""

    def ask(self, probes: Sequence[Probe], reach: Reach) -> tuple[ProbeAnswer, ...]:
        """Ask every probe once that the reach lets through."""
        ...

    def leads_to(self, name: str, target: str) -> tuple[DnsAnswer, ...]:
        """Ask every resolver where a name leads, and whether that is the target."""
        ...


class Machines(Protocol):
    """Azure Compute, read only."""

    def power(self, vms: Sequence[str]) -> Mapping[str, str]:
        """Return each machine's power: running, stopped or unknown."""
        ...


class Round(Recorded):
    """The probes of one round, and the plan's reach."""

    probes: tuple[Probe, ...]
    reach: Places | None = None


class Heard(Recorded):
    """What one round heard."""

    answers: tuple[ProbeAnswer, ...]

    @property
    def ok(self) -> bool:
        """Say whether every probe was answered well."""
        return all(answer.ok for answer in self.answers)


class SourceQuestion(Recorded):
    """The machines and probes of a region that should be down."""

    vms: dict[str, ArmId]
    probes: tuple[Probe, ...]
    reach: Places | None = None


class SourceSeen(Recorded):
    """What the source looked like: each machine's power by its plan name, and what its probes heard."""

    machines: dict[str, str]
    answers: tuple[ProbeAnswer, ...]


class PathQuestion(Recorded):
    """Where users should be sent, and the page that proves it."""

    fqdn: str
    target: str
    url: Url
    reach: Places | None = None


class PathSeen(Recorded):
    """Where users are sent, by every resolver, and what they get there."""

    dns: tuple[DnsAnswer, ...]
    http: tuple[ProbeAnswer, ...]

    @property
    def ok(self) -> bool:
        """Say whether every resolver that was heard, one at least, leads to the target and it answers.

        A resolver that cannot be reached tells of the network around the app, not of where users are sent.
        """
        heard = [a for a in self.dns if a.heard]
        return bool(heard) and all(a.ok for a in heard) and all(a.ok for a in self.http)


@dataclass(frozen=True, slots=True)
class Health:
    """Asks, and says what it heard; judging is the orchestrators' part."""

    probes: Probes
    machines: Machines

    def probe_round(self, round_: Round) -> Heard:
        """Ask every probe once."""
        return Heard(answers=self.probes.ask(round_.probes, Reach.of(round_.reach)))

    def look_at_source(self, question: SourceQuestion) -> SourceSeen:
        """Read the power of the source's machines and ask its probes; what cannot be read is unknown."""
        try:
            power = self.machines.power(list(question.vms.values()))
        except StepError:
            power = {}  # a region that is down may take its control plane along: that proves nothing
        return SourceSeen(
            machines={name: power.get(vm, "unknown") for name, vm in question.vms.items()},
            answers=self.probes.ask(question.probes, Reach.of(question.reach)),
        )

    def look_at_path(self, question: PathQuestion) -> PathSeen:
        """Ask every resolver where the profile's name leads, and fetch the page behind it."""
        return PathSeen(
            dns=self.probes.leads_to(question.fqdn, question.target),
            http=self.probes.ask((Probe(http=question.url),), Reach.of(question.reach)),
        )
