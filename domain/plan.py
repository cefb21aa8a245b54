"""A recovery plan: which machines move in which order, how each tier proves itself, where traffic goes."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from graphlib import TopologicalSorter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from domain.action import Action
from domain.canonical import digest
from domain.gate import Gate
from domain.model import ArmId, Duration, Model, Slug, Terse, same_id
from domain.network import Nic
from domain.plan_rules import problems_of, waits
from domain.policy import Policy
from domain.protection import Drill, Name, Protection
from domain.quorum import Quorum
from domain.reach import Places
from domain.regions import known_region
from domain.route import Traffic

Region = Annotated[str, AfterValidator(known_region)]
VAULT_KIND = "/providers/microsoft.recoveryservices/vaults/"


class Way(StrEnum):
    """The direction of a run: out to the recovery region, or home again."""

    OUT = "out"
    HOME = "home"


class Engine(StrEnum):
    """Who starts the machines: Leeward, item by item, or Azure's own recovery plan."""

    LEEWARD = "leeward"
    ASR = "asr"


class Member(Terse):
    """One protected machine: its name, its protected item and machine where they are called otherwise.

    A run goes on without a member that is not ``required``, and says so. ``nics``, ``size`` and ``recovery_name`` are
    what the machine comes up with in the recovery region; what is not given is left as Azure has it.
    """

    name: Name
    item: Name | None = None
    vm: ArmId | None = None
    required: bool = True
    nics: tuple[Nic, ...] = ()
    size: Name | None = None
    recovery_name: Name | None = None
    multi_vm_group: Name | None = None

    @property
    def item_name(self) -> str:
        """Return the protected item's name in its container."""
        return self.item or self.name


class Tier(Model):
    """Machines that move together, the gate they must pass, and what is done before and after.

    ``gate`` is asked after a failover, ``home_gate`` after a failback, ``drill_gate`` of the machines of a drill.
    """

    name: Slug
    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    after: tuple[Slug, ...] | None = None
    gate: Gate | None = None
    home_gate: Gate | None = None
    drill_gate: Gate | None = None
    pre_actions: tuple[Action, ...] = ()
    post_actions: tuple[Action, ...] = ()
    within: Duration = timedelta(hours=2)


class Source(Model):
    """The region that is protected, and the resource group its machines live in."""

    region: Region
    resource_group: ArmId


class Target(Model):
    """The region that the application recovers to, and the resource group its machines come up in."""

    region: Region
    resource_group: ArmId | None = None


class Vault(Model):
    """The Recovery Services vault, and the containers in which the items are protected, out and home."""

    id: ArmId
    region: Region
    fabric: Name
    container: Name
    recovery_fabric: Name | None = None
    recovery_container: Name | None = None

    @model_validator(mode="after")
    def _a_vault(self) -> Self:
        if VAULT_KIND not in self.id.casefold():
            raise ValueError("id is not a vault's; give .../Microsoft.RecoveryServices/vaults/NAME")
        return self

    def item_id(self, item: str) -> str:
        """Return the ARM id of a protected item of the source's container."""
        return (
            f"{self.id}/replicationFabrics/{self.fabric}"
            f"/replicationProtectionContainers/{self.container}/replicationProtectedItems/{item}"
        )


class Plan(Model):
    """A whole recovery plan; an instance that breaks a rule cannot exist.

    ``reach`` is all that it may talk to. Every plan file says it; a run from before there was one has none.
    """

    schema_: Literal["leeward/plan/1"] = Field(alias="schema")
    name: Slug
    application: Slug | None = None
    description: str = ""
    depends_on: tuple[Slug, ...] = ()
    reach: Places | None = None
    source: Source
    target: Target
    vault: Vault
    engine: Engine = Engine.LEEWARD
    recovery_plans: tuple[Name, ...] = ()
    protection: Protection | None = None
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    traffic: Traffic
    drill: Drill | None = None
    signals: Quorum = Quorum()
    policy: Policy = Policy()

    @model_validator(mode="after")
    def _rules(self) -> Self:
        problems = tuple(problems_of(self))
        if problems:
            raise PydanticCustomError(
                "plan_rules",
                "{text}",
                {"text": "; ".join(p.what for p in problems), "problems": problems},
            )
        return self

    @model_serializer(mode="wrap")
    def _told(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What people approved before there was a reach keeps its digest.
        return {k: v for k, v in handler(self).items() if k != "reach" or v is not None}

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
        order = TopologicalSorter(waits(self.tiers))
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

    def going(self, way: Way) -> Plan:
        """Return the plan as a run of that direction reads it; home, everything with two ends is turned round.

        The fence's probes ask the source and the traffic gate's probes the target, so home they change places.
        """
        if way is Way.OUT:
            return self
        traffic, fence = self.traffic, self.policy.fence
        gate = traffic.gate.model_copy(update={"probes": fence.probes or traffic.gate.probes})
        turned = {
            "source": self.source.model_copy(
                update={
                    "region": self.target.region,
                    "resource_group": self.target.resource_group or self.source.resource_group,
                }
            ),
            "target": Target(region=self.source.region, resource_group=self.source.resource_group),
            "tiers": tuple(
                tier.model_copy(update={"gate": tier.home_gate, "home_gate": tier.gate})
                for tier in self.tiers
            ),
            "traffic": traffic.model_copy(
                update={"source": traffic.target, "target": traffic.source, "gate": gate}
            ),
            "policy": self.policy.model_copy(
                update={"fence": fence.model_copy(update={"probes": traffic.gate.probes})}
            ),
        }
        return self.model_copy(update=turned)

    def digest(self) -> str:
        """Return the SHA-256 of the plan's canonical JSON; what a person approves names it."""
        return digest(self.wire())
