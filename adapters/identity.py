"""Who the app is to Azure, and one SDK client per subscription for what goes to the resource manager."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient
    from azure.mgmt.trafficmanager import TrafficManagerManagementClient

T = TypeVar("T")

# Retries are durable timers: azure-core's own would send a POST twice, and would sleep inside an activity.
CALM: dict[str, Any] = {"retry_total": 0, "connection_timeout": 10, "read_timeout": 60}


class Clients:
    """Builds each client once per process, importing its package (0.5 s and more) when first needed."""

    def __init__(self, arm_endpoint: str, arm_audience: str, client_id: str) -> None:
        self._arm_endpoint = arm_endpoint
        self._arm_audience = arm_audience
        self._client_id = client_id
        self._built: dict[tuple[str, str], object] = {}
        self._lock = RLock()

    def credential(self) -> TokenCredential:
        """Return the credential of the app's managed identity."""

        def build() -> TokenCredential:
            from azure.identity import ManagedIdentityCredential

            return ManagedIdentityCredential(client_id=self._client_id)

        return self._once("credential", "", build)

    def site_recovery(self, subscription: str) -> SiteRecoveryManagementClient:
        """Return the Site Recovery client of a subscription."""

        def build() -> SiteRecoveryManagementClient:
            from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient

            return SiteRecoveryManagementClient(self.credential(), subscription, **self._arm())

        return self._once("site_recovery", subscription, build)

    def traffic_manager(self, subscription: str) -> TrafficManagerManagementClient:
        """Return the Traffic Manager client of a subscription."""

        def build() -> TrafficManagerManagementClient:
            from azure.mgmt.trafficmanager import TrafficManagerManagementClient

            return TrafficManagerManagementClient(self.credential(), subscription, **self._arm())

        return self._once("traffic_manager", subscription, build)

    def _arm(self) -> dict[str, Any]:
        scope = f"{self._arm_audience}/.default"
        return {"base_url": self._arm_endpoint, "credential_scopes": [scope], **CALM}

    def _once(self, kind: str, key: str, build: Callable[[], T]) -> T:
        with self._lock:
            if (kind, key) not in self._built:
                self._built[kind, key] = build()
            return cast(T, self._built[kind, key])
