"""What it takes to replicate an application: policy, cache storage, networks; and what a drill needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from domain.action import Action
from domain.model import ArmId, Duration, Model, in_words
from domain.period import DrillSchedule

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
STORAGE_KIND = "/providers/microsoft.storage/storageaccounts/"
NETWORK_KIND = "/providers/microsoft.network/virtualnetworks/"
LONGEST_RETENTION = timedelta(days=15)
HOUR = timedelta(hours=1)
SHORTEST_DRILL = timedelta(minutes=30)
"""What a drill takes besides its hold: recorded test failovers take four minutes a tier, their clean-up two."""


class ReplicationPolicy(Model):
    """How often recovery points are made and how long they are kept; Azure keeps 15 days at most."""

    name: Name
    crash_consistent: Duration = timedelta(minutes=5)
    app_consistent: Duration = HOUR
    retention: Duration = timedelta(days=1)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.retention > LONGEST_RETENTION:
            raise ValueError("retention is beyond the 15 days that Azure keeps; write P15D or less")
        if self.app_consistent < HOUR:
            raise ValueError("app_consistent is below the hour that Azure allows; write PT1H")
        return self


class Ends(Model):
    """Two resources of a kind, one per region."""

    source: ArmId
    target: ArmId


class Protection(Model):
    """How the plan's machines are replicated: replication to the target region, and back after a failover."""

    policy: ReplicationPolicy
    cache: Ends
    networks: Ends
    within: Duration = timedelta(hours=8)

    @model_validator(mode="after")
    def _kinds(self) -> Self:
        for kind, ends in ((STORAGE_KIND, self.cache), (NETWORK_KIND, self.networks)):
            for arm_id in (ends.source, ends.target):
                if kind not in f"{arm_id.casefold()}/":
                    raise ValueError(f"{arm_id} is not of the kind {kind.strip('/')}")
        return self


class Budget(Model):
    """What a round trip may cost: how long the machines may be away, how long users may wait, how many VM-hours.

    ``home`` is kept for the way home, half of all the time unless given: once no more is left, the machines go.
    """

    longest: Duration
    home: Duration | None = None
    downtime: Duration | None = None
    vm_hours: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _a_way_out(self) -> Self:
        if self.home and self.home >= self.longest:
            raise ValueError("home leaves no time for the way out; keep it below longest")
        return self


class Drill(Model):
    """How the plan is rehearsed: in which isolated network, for how long, and what is done once all is cleaned up.

    ``budget`` is that of a round trip, which moves the application itself and has to have one.
    """

    network: ArmId
    approval: bool = False
    hold: Duration | None = None
    grace: Duration = timedelta(minutes=15)
    hooks: tuple[Action, ...] = ()
    deadline: Duration = timedelta(hours=6)
    budget: Budget | None = None
    schedule: DrillSchedule | None = None

    @model_validator(mode="after")
    def _enough_time(self) -> Self:
        least = (self.hold or timedelta(0)) + SHORTEST_DRILL
        if self.deadline < least:
            raise ValueError(
                f"deadline is {in_words(self.deadline)}, and to come up, hold and clean up takes "
                f"{in_words(least)} at least; give it more"
            )
        return self

    @model_validator(mode="after")
    def _a_network(self) -> Self:
        if NETWORK_KIND not in f"{self.network.casefold()}/":
            raise ValueError(
                "network is not a virtual network's id; give .../Microsoft.Network/virtualNetworks/NAME"
            )
        return self
