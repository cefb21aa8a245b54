"""Traffic: read the profile, and set one endpoint without ever leaving users with none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.acting import Claim
from domain.errors import Permanent
from domain.model import ArmId, Recorded
from domain.route import Endpoint
from domain.run import ProfileState


class TrafficManager(Protocol):
    """The profiles that decide where users are sent."""

    def profile(self, profile: str) -> ProfileState:
        """Return the profile as it stands."""
        ...

    def set_endpoint(self, profile: str, endpoint: Endpoint, enabled: bool) -> None:
        """Enable or disable one endpoint."""
        ...


class ProfileQuestion(Recorded):
    """Which profile is to be read."""

    profile: ArmId


class EndpointChange(Recorded):
    """One endpoint to be enabled or disabled."""

    profile: ArmId
    endpoint: Endpoint
    enabled: bool
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """Changes one endpoint at a time, and looks before it leaps: the profile has no ETag to lean on."""

    manager: TrafficManager

    def read_profile(self, question: ProfileQuestion) -> ProfileState:
        """Return the profile as it stands."""
        return self.manager.profile(question.profile)

    def set_endpoint(self, change: EndpointChange) -> ProfileState:
        """Enable or disable one endpoint and return the profile as it then stands.

        Raises Permanent ``last_endpoint`` where that would leave no endpoint enabled: users would get NXDOMAIN.
        """
        before = self.manager.profile(change.profile)
        found = before.endpoint(change.endpoint.name)
        if found is None:
            raise Permanent(
                "endpoint_unknown",
                f"the profile {before.fqdn} has no endpoint {change.endpoint.name}",
            )
        if found.enabled == change.enabled:
            return before
        others = [e for e in before.endpoints if e.enabled and e.name != found.name]
        if not change.enabled and not others:
            raise Permanent(
                "last_endpoint",
                f"endpoint {found.name} is the last one enabled in {before.fqdn}; enable another one first",
            )
        self.manager.set_endpoint(change.profile, change.endpoint, change.enabled)
        return self.manager.profile(change.profile)
