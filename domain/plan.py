"""A recovery plan: which machines move in which order, how each tier proves itself, where traffic goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.model import ArmId, Duration, Model, Slug, same_id
from domain.regions import known_region

Region = Annotated[str, AfterValidator(known_region)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$")]
VAULT_KIND = "/providers/microsoft.recoveryservices/vaults/"
PROFILE_KIND = "/providers/microsoft.network/trafficmanagerprofiles/"

Place = tuple[str | int, ...]


class Probe(Model):
    """One question that only a working machine can answer: a TCP connect or an HTTP GET."""

    tcp: Address | None = None
    http: Url | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.tcp is None) == (self.http is None):
            raise ValueError("a probe asks one thing; give either tcp: host:port or http: URL")
        return self

    def __str__(self) -> str:
        return f"tcp {self.tcp}" if self.tcp else f"GET {self.http}"


class Gate(Model):
    """What must answer before the plan goes on: every probe, ``needed`` of the last ``of`` rounds."""

    probes: Annotated[tuple[Probe, ...], Field(min_length=1)]
    needed: Annotated[int, Field(ge=1, le=20)] = 2
    of: Annotated[int, Field(ge=1, le=20)] = 3
    every: Duration = timedelta(seconds=10)
    within: Duration = timedelta(minutes=10)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.needed > self.of:
            raise ValueError(f"needed: {self.needed} of: {self.of} can never pass; lower needed")
        return self


class Member(Model):
    """One protected machine: its name, and its protected item where that is called otherwise."""

    name: Name
    item: Name | None = None
    vm: ArmId | None = None

    @property
    def item_name(self) -> str:
        """Return the protected item's name in its container."""
        return self.item or self.name


class Tier(Model):
    """Machines that move together, and the gate they must pass."""

    name: Slug
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    after: tuple[Slug, ...] | None = None
    gate: Gate | None = None
    within: Duration = timedelta(hours=2)


class Source(Model):
    """The region that is protected, and the resource group its machines live in."""

    region: Region
    resource_group: ArmId


class Target(Model):
    """The region that the application recovers to."""

    region: Region


class Vault(Model):
    """The Recovery Services vault, and the container in which the items are protected."""

    id: ArmId
    region: Region
    fabric: Name
    container: Name

    @model_validator(mode="after")
    def _a_vault(self) -> Self:
        if VAULT_KIND not in self.id.casefold():
            raise ValueError("id is not a vault's; give .../Microsoft.RecoveryServices/vaults/NAME")
        return self

    def item_id(self, item: str) -> str:
        """Return the ARM id of a protected item of this container."""
        return (
            f"{self.id}/replicationFabrics/{self.fabric}"
            f"/replicationProtectionContainers/{self.container}/replicationProtectedItems/{item}"
        )


class EndpointType(StrEnum):
    """The kinds of Traffic Manager endpoint, as its URLs write them."""

    AZURE = "AzureEndpoints"
    EXTERNAL = "ExternalEndpoints"
    NESTED = "NestedEndpoints"


class Endpoint(Model):
    """One endpoint of the Traffic Manager profile."""

    name: Annotated[str, StringConstraints(pattern=r"^[^/?#%\\]{1,260}$")]
    type: EndpointType = EndpointType.EXTERNAL


class Traffic(Model):
    """Where users are sent, before and after, and what the target must answer first."""

    profile: ArmId
    source: Endpoint
    target: Endpoint
    gate: Gate
    verify: Url
    within: Duration = timedelta(minutes=15)

    @model_validator(mode="after")
    def _two_ends(self) -> Self:
        if PROFILE_KIND not in self.profile.casefold():
            raise ValueError(
                "profile is not a Traffic Manager profile's id; "
                "give .../Microsoft.Network/trafficManagerProfiles/NAME"
            )
        if self.source.name.casefold() == self.target.name.casefold():
            raise ValueError("source and target are one endpoint; name one per region")
        return self


class Approval(Model):
    """Whether a person must agree first, and for how long one is asked; a run that a signal opened always asks."""

    required: bool = True
    within: Duration = timedelta(minutes=30)


class Reaction(StrEnum):
    """What to do with traffic when the source could not be proved down."""

    PROCEED = "proceed"
    STOP = "stop"


class Fence(Model):
    """What must not be the case when traffic moves: a source that may still take writes."""

    silent: Reaction = Reaction.PROCEED
    answering: Reaction = Reaction.STOP
    probes: tuple[Probe, ...] = ()


class CommitMode(StrEnum):
    """Who ends the failover; a commit deletes the recovery points."""

    AUTO_AFTER = "auto_after"
    MANUAL = "manual"
    NEVER = "never"


class Commit(Model):
    """When the failover becomes final; the soak before it is also the window for a person's answer."""

    mode: CommitMode = CommitMode.MANUAL
    after: Duration = timedelta(minutes=10)
    within: Duration = timedelta(hours=1)


class Retry(Model):
    """How often a member's failed job is started again, and after which pause."""

    attempts: Annotated[int, Field(ge=1, le=5)] = 2
    pause: Duration = timedelta(minutes=1)


class Policy(Model):
    """The rules that the plan's owner set for every run."""

    approval: Approval = Approval()
    fence: Fence = Fence()
    commit: Commit = Commit()
    retry: Retry = Retry()
    deadline: Duration = timedelta(hours=6)


class Problem(Model):
    """One thing wrong with a plan: where it stands, what it is, and the mend."""

    place: Place
    what: str


class Plan(Model):
    """A whole recovery plan; an instance that breaks a rule cannot exist."""

    schema_: Literal["leeward/plan/1"] = Field(alias="schema")
    name: Slug
    application: Slug | None = None
    description: str = ""
    source: Source
    target: Target
    vault: Vault
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    traffic: Traffic
    policy: Policy = Policy()

    @model_validator(mode="after")
    def _rules(self) -> Self:
        problems = tuple(_problems(self))
        if problems:
            raise PydanticCustomError(
                "plan_rules",
                "{text}",
                {"text": "; ".join(p.what for p in problems), "problems": problems},
            )
        return self

    @property
    def app(self) -> str:
        """Return the application that a run of this plan locks."""
        return self.application or self.name

    @property
    def members(self) -> tuple[Member, ...]:
        """Return every member of every tier."""
        return tuple(member for tier in self.tiers for member in tier.members)

    def vm_id(self, member: Member) -> str:
        """Return the ARM id of a member's machine in the source region."""
        return (
            member.vm
            or f"{self.source.resource_group}/providers/Microsoft.Compute/virtualMachines/{member.name}"
        )

    def protects(self, resource_id: str) -> bool:
        """Say whether the resource is a machine of this plan's source region."""
        return any(same_id(self.vm_id(member), resource_id) for member in self.members)

    def ordered_tiers(self) -> tuple[Tier, ...]:
        """Return the tiers in the order they move: after what they wait for, else as written."""
        order = TopologicalSorter(_waits(self.tiers))
        order.prepare()
        position = {tier.name: index for index, tier in enumerate(self.tiers)}
        moved: list[Tier] = []
        ready: list[str] = []
        while order.is_active():
            ready = sorted([*ready, *order.get_ready()], key=lambda name: position[name])
            first = ready.pop(0)
            moved.append(self.tiers[position[first]])
            order.done(first)
        return tuple(moved)

    def digest(self) -> str:
        """Return the SHA-256 of the plan's canonical JSON; a decision binds to it."""
        text = json.dumps(self.wire(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a plan file."""

    line: int
    what: str


class PlanRefused(Exception):
    """A plan file that does not hold a valid plan; ``mistakes`` are in the order of the file."""

    def __init__(self, where: str, mistakes: list[Mistake]) -> None:
        self.where = where
        self.mistakes = sorted(mistakes, key=lambda mistake: mistake.line)
        super().__init__("\n".join(f"{where}, line {m.line}: {m.what}" for m in self.mistakes))


def _waits(tiers: tuple[Tier, ...]) -> dict[str, tuple[str, ...]]:
    """Return what each tier waits for: what it says, else the tier written before it."""
    waits: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for tier in tiers:
        waits[tier.name] = before if tier.after is None else tier.after
        before = (tier.name,)
    return waits


def _problems(plan: Plan) -> Iterator[Problem]:
    """Yield what is wrong with a plan whose parts are each in order."""
    if plan.source.region == plan.target.region:
        yield Problem(
            place=("target", "region"),
            what=f"source and target are both {plan.target.region}; recover to another region",
        )
    if plan.vault.region == plan.source.region:
        yield Problem(
            place=("vault", "region"),
            what=f"the vault lies in {plan.vault.region}, the region it must survive; "
            f"use a vault in {plan.target.region}",
        )
    yield from _repeats(
        ((("tiers", index, "name"), tier.name) for index, tier in enumerate(plan.tiers)),
        "tier {name!r} is there twice; give each tier its own name",
    )
    members = [
        (("tiers", t, "members", m), member)
        for t, tier in enumerate(plan.tiers)
        for m, member in enumerate(tier.members)
    ]
    twice = "member {name!r} is there twice; a machine moves once, so keep it in one tier"
    repeated = list(_repeats(((place, member.name) for place, member in members), twice))
    yield from repeated or _repeats(
        ((place, member.item_name) for place, member in members),
        "protected item {name!r} is there twice; each member has an item of its own",
    )
    yield from _order_problems(plan.tiers)


def _repeats(names: Iterable[tuple[Place, str]], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, name in names:
        if name.casefold() in seen:
            yield Problem(place=place, what=what.format(name=name))
        seen.add(name.casefold())


def _order_problems(tiers: tuple[Tier, ...]) -> Iterator[Problem]:
    names = [tier.name for tier in tiers]
    unknown = False
    for index, tier in enumerate(tiers):
        for position, other in enumerate(tier.after or ()):
            if other not in names:
                unknown = True
                yield Problem(
                    place=("tiers", index, "after", position),
                    what=f"tier {tier.name!r} comes after {other!r}, which is no tier of this plan; "
                    f"use one of {', '.join(names)}",
                )
    if unknown or len(set(names)) < len(names):
        return
    try:
        TopologicalSorter(_waits(tiers)).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        yield Problem(
            place=("tiers", names.index(circle[0]), "after"),
            what=f"the tiers wait for each other in a circle: {' after '.join(circle)}; "
            "drop one of these `after`",
        )
