"""The Traffic Manager profile of a plan: where users are sent, before and after."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from domain.gate import Gate, Url
from domain.model import ArmId, Duration, Model

PROFILE_KIND = "/providers/microsoft.network/trafficmanagerprofiles/"


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
    """Where users are sent, before and after, and what the target must answer first.

    ``maintenance`` is where a graceful run sends them while the machines move; ``drain`` is how long the source may
    then finish what it had begun.
    """

    profile: ArmId
    source: Endpoint
    target: Endpoint
    gate: Gate
    verify: Url
    maintenance: Endpoint | None = None
    drain: Duration = timedelta(minutes=1)
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
        if self.maintenance and self.maintenance.name.casefold() in {
            self.source.name.casefold(),
            self.target.name.casefold(),
        }:
            raise ValueError("maintenance is the source or the target; name an endpoint of its own")
        return self
