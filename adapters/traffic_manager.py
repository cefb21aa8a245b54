"""Azure Traffic Manager through its SDK: read a profile, enable or disable one endpoint."""

from __future__ import annotations

from typing import Any

from adapters.azure_errors import translated
from adapters.identity import Clients, Identities
from domain.model import last_segment, segment_after
from domain.route import Endpoint
from domain.run import EndpointState, ProfileState


class AzureTrafficManager:
    """The profiles that decide where users are sent."""

    def __init__(self, identities: Identities) -> None:
        self._as = identities

    def profile(self, profile: str) -> ProfileState:
        """Return the profile as it stands."""
        client, group, name = _profile(self._as.observe, profile)
        with translated(f"reading Traffic Manager profile {name}"):
            found = client.profiles.get(group, name)
        properties = found.properties
        return ProfileState(
            fqdn=properties.dns_config.fqdn,
            ttl_seconds=properties.dns_config.ttl,
            endpoints=tuple(_endpoint(endpoint) for endpoint in properties.endpoints or ()),
        )

    def set_endpoint(self, profile: str, endpoint: Endpoint, enabled: bool) -> None:
        """Enable or disable one endpoint; nothing else of it is sent, so nothing else can change."""
        client, group, name = _profile(self._as.failover, profile)
        status = "Enabled" if enabled else "Disabled"
        with translated(f"setting endpoint {endpoint.name} of {name} to {status}"):
            client.endpoints.update(
                group,
                name,
                endpoint.type.value,
                endpoint.name,
                {"properties": {"endpointStatus": status}},
            )


def _profile(identity: Clients, profile: str) -> tuple[Any, str, str]:
    client = identity.traffic_manager(segment_after(profile, "subscriptions"))
    return client, segment_after(profile, "resourceGroups"), last_segment(profile)


def _endpoint(found: Any) -> EndpointState:
    properties = found.properties
    return EndpointState(
        name=found.name,
        type=last_segment(found.type),
        target=properties.target or "",
        status=str(getattr(properties.endpoint_status, "value", properties.endpoint_status)),
        monitor=str(
            getattr(properties.endpoint_monitor_status, "value", properties.endpoint_monitor_status)
        ),
    )
