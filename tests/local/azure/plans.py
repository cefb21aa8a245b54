"""A client for the recovery plans of the shop's simulated vault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from tests.local.azure.shop import DRILL_NETWORK, EAST, Arm, job_of

Json = dict[str, Any]
A2A = [
    {
        "instanceType": "A2A",
        "recoveryPointType": "Latest",
        "multiVmSyncPointOption": "UsePerVmRecoveryPoint",
    }
]


def run_body(direction: str = "PrimaryToRecovery", **more: object) -> Json:
    """Return the body of a failover."""
    given = {"failoverDirection": direction, "sourceSiteOperations": "NotRequired"}
    return {"properties": {**given, "providerSpecificDetails": A2A, **more}}


def drill_body() -> Json:
    """Return the body of a test failover."""
    where = {"networkType": "VmNetworkAsInput", "networkId": DRILL_NETWORK}
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            **where,
            "providerSpecificDetails": A2A,
        }
    }


def manual(name: str, *types: str, says: str = "Look at the ledger.") -> Json:
    """Return a manual action."""
    return {
        "actionName": name,
        "failoverTypes": list(types or ("UnplannedFailover",)),
        "failoverDirections": ["PrimaryToRecovery"],
        "customDetails": {"instanceType": "ManualActionDetails", "description": says},
    }


@dataclass
class Plans:
    """The plans of the vault, over ARM."""

    arm: Arm

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        root = f"{self.arm.vault}/replicationRecoveryPlans"
        return self.arm.send(method, f"{root}/{path}".rstrip("/"), body)

    def body(self, *groups: list[str], actions: Json | None = None) -> Json:
        """Return a body with one Boot group for each list; ``actions`` come before the last."""
        machines = f"{self.arm.root}/shop-east/providers/Microsoft.Compute/virtualMachines"
        boots: list[Json] = [
            {
                "groupType": "Boot",
                "replicationProtectedItems": [
                    {
                        "id": f"{self.arm.vault}/{EAST}/replicationProtectedItems/{name}",
                        "virtualMachineId": f"{machines}/{name}",
                    }
                    for name in names
                ],
            }
            for names in groups
        ]
        if actions:
            boots[-1]["startGroupActions"] = [actions]
        fabrics = f"{self.arm.vault}/replicationFabrics"
        return {
            "properties": {
                "primaryFabricId": f"{fabrics}/asr-eastus",
                "recoveryFabricId": f"{fabrics}/asr-westus",
                "failoverDeploymentModel": "ResourceManager",
                "groups": boots,
            }
        }

    def make(self, *groups: list[str], actions: Json | None = None, name: str = "shop") -> None:
        """Make a plan and wait until it is there."""
        answer = self.send("PUT", name, self.body(*groups, actions=actions))
        assert answer.status_code == 202, answer.text
        self.arm.later(2)

    def show(self, name: str = "shop") -> Json:
        """Return a plan."""
        found: Json = self.send("GET", name).raise_for_status().json()
        return found

    def start(self, verb: str, body: Json | None = None, name: str = "shop") -> str:
        """Start a verb and return its job."""
        return job_of(self.send("POST", f"{name}/{verb}", body))

    def state(self, job: str) -> str:
        """Return the state of a job."""
        return str(self.arm.job(job)["properties"]["state"])

    def tasks(self, job: str) -> dict[str, str]:
        """Return the state of each task of a job by its friendly name."""
        tasks = self.arm.job(job)["properties"]["tasks"]
        return {task["friendlyName"]: task["state"] for task in tasks}

    def items(self) -> dict[str, str]:
        """Return the state of each item."""
        names = ("db-prod-01", "app-prod-01", "web-prod-01")
        return {n: self.arm.item(n)["properties"]["protectionState"] for n in names}
