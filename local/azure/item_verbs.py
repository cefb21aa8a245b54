"""What may be done with a protected item over ARM: each verb reads its body, refuses or starts a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from local.azure import jobs
from local.azure.arm import Answer, Call
from local.azure.items import ReplicatedItem, Settings
from local.azure.jobs import Scenario
from local.azure.paths import CONTAINER, ITEM
from local.azure.refusals import invalid

if TYPE_CHECKING:
    from local.azure.site_recovery import SiteRecovery

Row = tuple[str, str, str, Callable[[Call], Answer]]


class ItemVerbs:
    """The mutating operations on items of one vault."""

    def __init__(self, site: SiteRecovery) -> None:
        self.site = site
        self.replication = site.replication
        self.setup = site.estate

    def table(self) -> list[Row]:
        """Return the operations that are simulated."""
        item, kind = ITEM, "protectedItems"
        return [
            ("PATCH", item, f"{kind}/update", self.update),
            ("POST", f"{item}/unplannedFailover", f"{kind}/unplannedFailover", self.fail_over),
            ("POST", f"{item}/applyRecoveryPoint", f"{kind}/applyRecoveryPoint", self.change_point),
            ("POST", f"{item}/failoverCommit", f"{kind}/failoverCommit", self.commit),
            ("POST", f"{item}/testFailover", f"{kind}/testFailover", self.test_failover),
            ("POST", f"{item}/testFailoverCleanup", f"{kind}/testFailoverCleanup", self.clean_up),
            ("POST", f"{item}/remove", f"{kind}/remove", self.remove),
            ("DELETE", item, f"{kind}/purge", self.remove),
            ("POST", f"{CONTAINER}/switchprotection", "containers/switchProtection", self.switch),
        ]

    def fail_over(self, call: Call) -> Answer:
        """Start an unplanned failover."""
        item = self.site.find_item(call)
        wish = a2a(call)
        if wish.get("failoverDirection") != "PrimaryToRecovery":
            raise invalid(
                f"The failover direction '{wish.get('failoverDirection')}' is not possible.",
                "Send failoverDirection PrimaryToRecovery, for a failback too.",
            )
        shutdown = wish.get("sourceSiteOperations")
        if shutdown not in ("Required", "NotRequired"):
            raise invalid(
                f"sourceSiteOperations '{shutdown}' is not known.", "Send Required or NotRequired."
            )
        job = self.replication.fail_over(
            item, _point(wish), shutdown == "Required", call.now, self.site.activity(call)
        )
        return self._accepted(call, job, item)

    def change_point(self, call: Call) -> Answer:
        """Start putting a machine that has failed over on another point."""
        item = self.site.find_item(call)
        wish = a2a(call)
        point = str(wish.get("recoveryPointId") or "")
        if not point:
            raise invalid("No recovery point is named.", "Send properties.recoveryPointId.")
        job = self.replication.change_point(item, point, call.now, self.site.activity(call))
        return self._accepted(call, job, item)

    def commit(self, call: Call) -> Answer:
        """Start committing a failover; it needs no body."""
        return self._begin(call, jobs.COMMIT_FAILOVER)

    def test_failover(self, call: Call) -> Answer:
        """Start a test failover."""
        item = self.site.find_item(call)
        wish = a2a(call)
        network = str(wish.get("networkId") or "")
        if network and self.setup.estate.networks and self.setup.network(network) is None:
            raise invalid(
                f"The network '{network}' does not exist.", "Send the id of a virtual network."
            )
        job = self.replication.rehearse(
            item, network, _point(wish), call.now, self.site.activity(call)
        )
        job.details["network_type"] = str(wish.get("networkType") or "")
        return self._accepted(call, job, item)

    def clean_up(self, call: Call) -> Answer:
        """Start taking the machines of a test failover away."""
        item = self.site.find_item(call)
        job = self.replication.start(
            item, jobs.TEST_FAILOVER_CLEANUP, call.now, self.site.activity(call)
        )
        leftover = call.leftover(call.item)
        if leftover is not None:
            job.details["leaves"] = frozenset(leftover)
        return self._accepted(call, job, item)

    def remove(self, call: Call) -> Answer:
        """Start taking an item out of replication."""
        item = self.site.find_item(call)
        job = self.replication.disable(item, call.now, self.site.activity(call))
        return self._accepted(call, job, item)

    def update(self, call: Call) -> Answer:
        """Start changing where and as what an item comes up; the settings show once the job has ended (simulated)."""
        item = self.site.find_item(call)
        wish = call.body().get("properties") or {}
        settings = self._settings(item, wish)
        job = self.replication.start(
            item, jobs.UPDATE, call.now, self.site.activity(call), allowed=item.running is None
        )

        def settle(_at: object) -> None:
            item.settings = settings

        job.finish = settle
        return self._accepted(call, job, item)

    def _settings(self, item: ReplicatedItem, wish: dict[str, Any]) -> Settings:
        """Return an item's settings with what a body changes; what it leaves out stays (simulated)."""
        given: dict[str, Any] = {
            "name": wish.get("recoveryAzureVMName"),
            "size": wish.get("recoveryAzureVMSize"),
            "network": wish.get("selectedRecoveryAzureNetworkId"),
            "test_network": wish.get("selectedTfoAzureNetworkId"),
        }
        details = wish.get("providerSpecificDetails") or {}
        given["test_name"] = details.get("tfoAzureVMName")
        group = str(details.get("recoveryResourceGroupId") or "")
        given["group"] = group.rpartition("/")[2] or None
        for nic in wish.get("vmNics") or ():
            given |= {
                "nsg": nic.get("recoveryNetworkSecurityGroupId"),
                "test_nsg": nic.get("tfoNetworkSecurityGroupId"),
            }
            for config in nic.get("ipConfigs") or ():
                given |= {
                    "subnet": config.get("recoverySubnetName"),
                    "address": config.get("recoveryStaticIPAddress"),
                    "public_ip": config.get("recoveryPublicIPAddressId"),
                    "pools": _tuple(config.get("recoveryLBBackendAddressPoolIds")),
                    "test_subnet": config.get("tfoSubnetName"),
                    "test_address": config.get("tfoStaticIPAddress"),
                    "test_public_ip": config.get("tfoPublicIPAddressId"),
                    "test_pools": _tuple(config.get("tfoLBBackendAddressPoolIds")),
                }
        changes = {key: value for key, value in given.items() if value is not None}
        return replace(item.settings, **changes)

    def switch(self, call: Call) -> Answer:
        """Start re-protecting an item the other way round, where everything that takes is there."""
        wish = a2a(call)
        name = str(wish.get("replicationProtectedItemName") or "")
        params = call.params
        item = self.replication.item(params["fabric"], params["container"], name)
        params["item"] = name
        self.replication.demand(item, jobs.SWITCH_PROTECTION)
        details = wish["providerSpecificDetails"]
        if self.setup.mapping_between(item.recovery.name, item.primary.name) is None:
            raise invalid(
                f"The container '{item.recovery.name}' has no mapping to '{item.primary.name}'.",
                "Create the reverse container mapping first.",
            )
        disks = details.get("vmManagedDisks") or []
        cache = self._demand_disks(item, disks)
        group = str(details.get("recoveryResourceGroupId") or "").rpartition("/")[2]
        job = self.replication.switch(item, group, cache, call.now, self.site.activity(call))
        return self._accepted_at(call, job, self.site.shapes.container_id(item.primary))

    def _demand_disks(self, item: ReplicatedItem, disks: list[dict[str, Any]]) -> str:
        """Refuse disks that are not the new machine's, and a cache account of another region (simulated code)."""
        machine = item.recovered
        own = {
            self.setup.resource_id(r.group, "Microsoft.Compute/disks", r.name).lower()
            for r in self.replication.world.resources
            if r.machine is machine and r.kind == "disk"
        }
        named = {str(disk.get("diskId", "")).lower() for disk in disks}
        if not named or not named <= own:
            raise invalid(
                "VMDisksMissing: managed disk details are not provided, or are not the machine's.",
                "Send the managed disks of the machine that the failover made.",
            )
        cache = str(disks[0].get("primaryStagingAzureStorageAccountId") or "")
        account = self.setup.storage(cache)
        region = self.replication.region_of(item.recovery)
        if self.setup.estate.storage_accounts and (account is None or account.region != region):
            raise invalid(
                f"The cache storage account '{cache}' is not in the region '{region}'.",
                "Send a storage account of the region in which the machine runs now.",
            )
        return cache

    def _begin(self, call: Call, scenario: Scenario) -> Answer:
        item = self.site.find_item(call)
        job = self.replication.start(item, scenario, call.now, self.site.activity(call))
        return self._accepted(call, job, item)

    def _accepted(self, call: Call, job: jobs.Job, item: ReplicatedItem) -> Answer:
        return self._accepted_at(call, job, self.site.shapes.item_id(item))

    def _accepted_at(self, call: Call, job: jobs.Job, target: str) -> Answer:
        return self.site.accepted(call, job, target)


def a2a(call: Call) -> dict[str, Any]:
    """Return the properties of a body whose provider is A2A."""
    wish = call.body().get("properties")
    details = wish.get("providerSpecificDetails") if isinstance(wish, dict) else None
    if not isinstance(details, dict) or details.get("instanceType") != "A2A":
        raise invalid(
            "The provider specific details are missing or not of instanceType A2A.",
            "Send properties.providerSpecificDetails with instanceType A2A.",
        )
    assert isinstance(wish, dict)
    return wish


def _point(wish: dict[str, Any]) -> str:
    return str(wish["providerSpecificDetails"].get("recoveryPointId") or "")


def _tuple(value: list[str] | None) -> tuple[str, ...] | None:
    return tuple(value) if value is not None else None
