"""The ports of the activities, played in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.errors import StepError
from domain.gate import Probe
from domain.grants import LISTING, Grant, Identity
from domain.reach import Reach, host_of
from domain.replication import RULES, Job, ProtectedItem, Terms, Verb
from domain.route import Endpoint
from domain.run import DnsAnswer, EndpointState, ProbeAnswer, ProfileState
from tests.plan_samples import VAULT, plan

CONTAINER = plan().vault


def item(name: str, **changes: object) -> ProtectedItem:
    """Return a protected item that may fail over, with parts of it replaced."""
    known: dict[str, object] = {
        "id": CONTAINER.item_id(name),
        "name": name,
        "fabric": "f",
        "container": "c",
        "state": "Protected",
        "state_description": "Protected",
        "allowed": ("UnplannedFailover", "TestFailover"),
        "health": "Normal",
    }
    return ProtectedItem.model_validate({**known, **changes})


@dataclass
class VaultInMemory:
    """A vault that remembers what was started, and how often it was asked."""

    known: dict[str, ProtectedItem] = field(default_factory=dict)
    jobs: dict[str, Job | StepError] = field(default_factory=dict)
    starts: list[tuple[str, Verb]] = field(default_factory=list)
    refuses: dict[str, StepError] = field(default_factory=dict)
    loses_the_answer_for: set[str] = field(default_factory=set)
    lists: int = 0
    single: list[str] = field(default_factory=list)

    def hold(self, *items: ProtectedItem) -> VaultInMemory:
        self.known.update({each.name: each for each in items})
        return self

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        assert vault == VAULT
        self.lists += 1
        return tuple(self.known.values())

    def start(self, item_id: str, verb: Verb, terms: Terms) -> str:
        name = item_id.rsplit("/", 1)[-1]
        if name in self.refuses:
            raise self.refuses[name]
        self.starts.append((name, verb))
        job = f"job-{len(self.starts)}"
        scenario = RULES[verb].scenario
        known = self.known.get(name) or item(name, state="EnablingProtection")
        self.known[name] = known.model_copy(
            update={"scenario": scenario, "scenario_job": job, "allowed": ()}
        )
        if name in self.loses_the_answer_for:
            raise self.lost
        return job

    lost: StepError = field(default_factory=lambda: StepError("lost", "lost"))

    def cancel(self, vault: str, job: str) -> None:
        self.cancelled.append(job)

    cancelled: list[str] = field(default_factory=list)

    def job(self, vault: str, job: str) -> Job:
        self.single.append(job)
        found = self.jobs[job]
        if isinstance(found, StepError):
            raise found
        return found


@dataclass
class ProfileInMemory:
    """A Traffic Manager profile that refuses nothing, and remembers what was written."""

    endpoints: dict[str, bool]
    writes: list[tuple[str, bool]] = field(default_factory=list)

    def profile(self, profile: str) -> ProfileState:
        return ProfileState(
            fqdn="shop.trafficmanager.net",
            ttl_seconds=30,
            endpoints=tuple(
                EndpointState(
                    name=name,
                    type="ExternalEndpoints",
                    target=f"{name}.example.com",
                    status="Enabled" if on else "Disabled",
                    monitor="Online" if on else "Inactive",
                )
                for name, on in self.endpoints.items()
            ),
        )

    def set_endpoint(self, profile: str, endpoint: Endpoint, enabled: bool) -> None:
        self.writes.append((endpoint.name, enabled))
        known = next(name for name in self.endpoints if name.casefold() == endpoint.name.casefold())
        self.endpoints[known] = enabled
        assert any(self.endpoints.values()), "users are left with nothing"


@dataclass
class NetworkInMemory:
    """A network in which the probes of some addresses are answered, and some names lead out of every reach."""

    answering: frozenset[str] = frozenset()
    led_away: frozenset[str] = frozenset()

    def ask(self, probes: Sequence[Probe], reach: Reach) -> tuple[ProbeAnswer, ...]:
        return tuple(
            ProbeAnswer(
                probe=str(p),
                ok=str(p) in self.answering,
                heard="said",
                asked=str(p) not in self.led_away
                and not reach.refuses(host_of(p.http or f"tcp://{p.tcp}") or ""),
            )
            for p in probes
        )

    def leads_to(self, name: str, target: str) -> tuple[DnsAnswer, ...]:
        return (DnsAnswer(resolver="9.9.9.9", answer=target, ok=True),)


@dataclass
class ComputeInMemory:
    """Machines with a power, or a Compute that cannot be reached."""

    powers: dict[str, str] = field(default_factory=dict)
    down: StepError | None = None

    def power(self, vms: Sequence[str]) -> Mapping[str, str]:
        if self.down:
            raise self.down
        return {vm: self.powers.get(vm, "unknown") for vm in vms}


@dataclass
class PermissionsInMemory:
    """What each identity may do: everything, but for what ``says`` otherwise, by identity and resource."""

    says: dict[tuple[Identity, str], Sequence[Grant] | StepError | None] = field(
        default_factory=dict
    )
    asked: list[tuple[Identity, str]] = field(default_factory=list)

    def granted(self, identity: Identity, scope: str) -> Sequence[Grant] | None:
        self.asked.append((identity, scope))
        said = self.says.get((identity, scope), (Grant(actions=("*", LISTING)),))
        if isinstance(said, StepError):
            raise said
        return said
