"""Who the app is to Azure: three identities, and for each one SDK client per subscription.

Which identity a request goes out with follows from what the request does, here and nowhere else: no caller names one,
but to have it asked what it may do itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from adapters.azure_errors import AGENT
from domain.grants import Identity
from domain.replication import Verb

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient
    from azure.mgmt.trafficmanager import TrafficManagerManagementClient

T = TypeVar("T")

# Retries are durable timers: azure-core's own would send a POST twice, and would sleep inside an activity.
CALM: dict[str, Any] = {"retry_total": 0, "connection_timeout": 10, "read_timeout": 60}
# All that the drilling identity may do; every other verb moves or remakes what people rely on.
REHEARSING = frozenset({Verb.DRILL, Verb.DRILL_CLEANUP})


class Clients:
    """One identity's clients, each built once per process, its package (0.5 s and more) imported when first needed."""

    def __init__(
        self, arm_endpoint: str, arm_audience: str, client_id: str, name: str = "app"
    ) -> None:
        self._arm_endpoint = arm_endpoint
        self._arm_audience = arm_audience
        self._client_id = client_id
        self._name = name
        self._built: dict[tuple[str, str], object] = {}
        self._lock = RLock()

    def credential(self) -> TokenCredential:
        """Return the credential of this managed identity."""

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
        agent = {"user_agent": f"{AGENT}{self._name}"}
        return {"base_url": self._arm_endpoint, "credential_scopes": [scope], **agent, **CALM}

    def _once(self, kind: str, key: str, build: Callable[[], T]) -> T:
        with self._lock:
            if (kind, key) not in self._built:
                self._built[kind, key] = build()
            return cast(T, self._built[kind, key])


@dataclass(frozen=True, slots=True)
class Identities:
    """The clients of the identity that looks, of the one that rehearses, and of the one that fails over."""

    observe: Clients
    drill: Clients
    failover: Clients

    @classmethod
    def of(
        cls, arm_endpoint: str, arm_audience: str, observe: str, drill: str, failover: str
    ) -> Identities:
        """Return the clients of three identities by their client ids."""
        named = {"observe": observe, "drill": drill, "failover": failover}
        return cls(
            *(Clients(arm_endpoint, arm_audience, client, name) for name, client in named.items())
        )

    def doing(self, verb: Verb) -> Clients:
        """Return the clients of the identity that may do a verb."""
        return self.drill if verb in REHEARSING else self.failover

    def itself(self, identity: Identity) -> Clients:
        """Return the clients of an identity that is asked what it may do: nobody else can say."""
        match identity:
            case Identity.OBSERVE:
                return self.observe
            case Identity.DRILL:
                return self.drill
            case Identity.FAILOVER:
                return self.failover
