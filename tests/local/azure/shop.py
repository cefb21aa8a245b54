"""The shop's simulated Azure on virtual time, and a plain HTTP client for it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from local.azure.estate import Estate
from local.azure.estate_file import load_estate
from local.azure.simulator import Simulator
from local.clock import VirtualClock

SHOP = Path(__file__).parents[3] / "local" / "estates" / "shop.yaml"
BEGAN = datetime(2026, 3, 1, 10, 0, 0, tzinfo=UTC)
ASR = "2025-08-01"
EAST = "replicationFabrics/asr-eastus/replicationProtectionContainers/shop-eastus"
WEST = "replicationFabrics/asr-westus/replicationProtectionContainers/shop-westus"
FAILOVER = {
    "properties": {
        "failoverDirection": "PrimaryToRecovery",
        "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": {"instanceType": "A2A"},
    }
}


SUBSCRIPTION = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b"
WESTERN = f"{SUBSCRIPTION}/resourceGroups/shop-west/providers"
DRILL_NETWORK = f"{WESTERN}/Microsoft.Network/virtualNetworks/shop-west-drill"


def switch(name: str) -> dict[str, Any]:
    """Return the body that re-protects an item which failed over to West US."""
    disk = {
        "diskId": f"{WESTERN}/Microsoft.Compute/disks/{name}_OsDisk_1",
        "primaryStagingAzureStorageAccountId": f"{WESTERN}/Microsoft.Storage/storageAccounts/shopcachewest",
        "recoveryResourceGroupId": f"{SUBSCRIPTION}/resourceGroups/shop-east",
    }
    details = {"instanceType": "A2A", "vmManagedDisks": [disk]}
    return {
        "properties": {"replicationProtectedItemName": name, "providerSpecificDetails": details}
    }


def shop_estate(*, pending_drill: tuple[str, ...] = ()) -> Estate:
    """Return the shop; the items named wait for the clean-up of a drill."""
    estate = load_estate(SHOP)
    items = tuple(replace(item, pending_drill=item.name in pending_drill) for item in estate.items)
    return replace(estate, items=items)


class Arm:
    """A client that holds a token and knows the paths of the shop."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        environment = simulator.environment()
        trust = ssl.create_default_context(cafile=environment["REQUESTS_CA_BUNDLE"])
        self.http = httpx.Client(base_url=simulator.arm_endpoint, verify=trust, trust_env=False)
        self.token = self.fetch_token("https://management.azure.com")
        estate = simulator.estate
        self.root = f"/subscriptions/{estate.subscription}/resourceGroups"
        self.vault = f"{self.root}/shop-dr/providers/Microsoft.RecoveryServices/vaults/shop-vault"
        self.profile = (
            f"{self.root}/shop-edge/providers/Microsoft.Network/trafficmanagerprofiles/shop"
        )

    def fetch_token(self, resource: str) -> str:
        environment = self.simulator.environment()
        answer = self.http.get(
            environment["IDENTITY_ENDPOINT"],
            params={"resource": resource, "api-version": "2019-08-01"},
            headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
        )
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def send(
        self, method: str, path: str, body: Any = None, version: str = ASR, **query: str
    ) -> httpx.Response:
        return self.http.request(
            method,
            path,
            params={"api-version": version, **query},
            json=body,
            headers={"authorization": f"Bearer {self.token}"},
        )

    def vault_get(self, path: str = "", **query: str) -> httpx.Response:
        return self.send("GET", f"{self.vault}/{path}".rstrip("/"), **query)

    def item(self, name: str, container: str = EAST) -> dict[str, Any]:
        answer = self.vault_get(f"{container}/replicationProtectedItems/{name}")
        body: dict[str, Any] = answer.raise_for_status().json()
        return body

    def act(self, name: str, verb: str, body: Any = None, container: str = EAST) -> httpx.Response:
        path = f"{self.vault}/{container}/replicationProtectedItems/{name}/{verb}"
        return self.send("POST", path, body)

    def fail_over(self, name: str) -> str:
        return job_of(self.act(name, "unplannedFailover", FAILOVER))

    def job(self, job: str) -> dict[str, Any]:
        body: dict[str, Any] = self.vault_get(f"replicationJobs/{job}").raise_for_status().json()
        return body

    def traffic(
        self, method: str = "GET", path: str = "", body: Any = None, version: str = "2026-09-01"
    ) -> httpx.Response:
        return self.send(method, self.profile + path, body, version)

    def enable(self, endpoint: str, status: str = "Enabled") -> httpx.Response:
        body = {"properties": {"endpointStatus": status}}
        return self.traffic("PATCH", f"/ExternalEndpoints/{endpoint}", body)

    def endpoint_states(self) -> dict[str, str]:
        endpoints = self.traffic().raise_for_status().json()["properties"]["endpoints"]
        return {e["name"]: e["properties"]["endpointMonitorStatus"] for e in endpoints}

    def instance_view(self, group: str, machine: str) -> httpx.Response:
        path = f"{self.root}/{group}/providers/Microsoft.Compute/virtualMachines/{machine}"
        return self.send("GET", f"{path}/instanceView", version="2024-07-01")

    def later(self, seconds: float) -> None:
        clock = self.simulator.clock
        assert isinstance(clock, VirtualClock)
        clock.advance(clock.now() + timedelta(seconds=seconds))

    def bring_west_up(self) -> None:
        """Fail every machine over and wait until the last has booted."""
        for name in ("db-prod-01", "app-prod-01", "web-prod-01"):
            self.fail_over(name)
        self.later(240)


def job_of(answer: httpx.Response) -> str:
    """Return the job that a 202 names."""
    assert answer.status_code == 202, answer.text
    return answer.headers["location"].partition("/operationresults/")[2].partition("?")[0]


@contextmanager
def running(estate: Estate | None = None, **wishes: Any) -> Iterator[Arm]:
    """Run the shop's Azure, beginning on a Sunday morning of 2026."""
    with Simulator(estate or shop_estate(), VirtualClock(BEGAN), **wishes) as simulator:
        arm = Arm(simulator)
        try:
            yield arm
        finally:
            arm.http.close()
