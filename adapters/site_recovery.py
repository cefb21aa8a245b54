"""Azure Site Recovery through its SDK: read the items, start a verb, read a job.

A mutating call is sent once and its poller is never used: the job's id is in the 202 (in ``x-ms-request-id`` and in
``Location``), and the job and the item tell the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adapters.azure_errors import translated
from adapters.identity import Clients, Identities
from adapters.item_settings import body_of
from adapters.vault_reading import item_of, job_of, point_of
from domain.errors import Permanent, Transient
from domain.landing import Landed
from domain.model import last_segment, segment_after
from domain.points import Point
from domain.replication import Enabling, Job, ProtectedItem, Terms, Verb

CLEANUP_BODY = {"properties": {"comments": "Cleaned up by Leeward"}}


class AzureSiteRecovery:
    """The protected items and jobs of a vault."""

    def __init__(self, identities: Identities) -> None:
        self._as = identities

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault, page by page."""
        client, group, name = vault_at(self._as.observe, vault)
        with translated(f"listing the protected items of {name}"):
            return [
                item_of(found) for found in client.replication_protected_items.list(group, name)
            ]

    def start(self, item_id: str, verb: Verb, terms: Terms) -> str:
        """Start a verb on an item, as the identity that may do it, and return the job's name."""
        client, group, vault = vault_at(self._as.doing(verb), item_id)
        fabric = segment_after(item_id, "replicationFabrics")
        container = segment_after(item_id, "replicationProtectionContainers")
        items = client.replication_protected_items
        where = (group, vault, fabric, container, last_segment(item_id))
        accepted: list[Any] = []
        once = {"polling": False, "raw_response_hook": accepted.append}
        begin: dict[Verb, Callable[[], object]] = {
            Verb.FAILOVER: lambda: items.begin_unplanned_failover(*where, _failover(terms), **once),
            Verb.CHANGE_POINT: lambda: items.begin_apply_recovery_point(
                *where, _changed_point(terms), **once
            ),
            Verb.REPROTECT: lambda: (
                client.replication_protection_containers.begin_switch_protection(
                    group, vault, fabric, container, _reprotected(item_id, terms), **once
                )
            ),
            Verb.PROTECT: lambda: items.begin_create(*where, _protected(terms), **once),
            Verb.DRILL: lambda: items.begin_test_failover(*where, _drill(terms), **once),
            Verb.COMMIT: lambda: items.begin_failover_commit(*where, **once),
            Verb.DRILL_CLEANUP: lambda: items.begin_test_failover_cleanup(
                *where, CLEANUP_BODY, **once
            ),
        }
        with translated(f"starting {verb.value} of {last_segment(item_id)}"):
            begin[verb]()
        return job_name(accepted[0].http_response.headers)

    def job(self, vault: str, job: str) -> Job:
        """Return one job with its errors and the recovery point it used."""
        client, group, name = vault_at(self._as.observe, vault)
        with translated(f"reading job {job}"):
            return job_of(client.replication_jobs.get(group, name, job))

    def update(self, item: ProtectedItem, landed: Landed) -> str | None:
        """Ask for an item's settings to be changed and return the job's name."""
        client, group, vault = vault_at(self._as.failover, item.id)
        fabric = segment_after(item.id, "replicationFabrics")
        container = segment_after(item.id, "replicationProtectionContainers")
        accepted: list[Any] = []
        with translated(f"changing the settings of {item.name}"):
            client.replication_protected_items.begin_update(
                group,
                vault,
                fabric,
                container,
                last_segment(item.id),
                body_of(item, landed),
                polling=False,
                raw_response_hook=accepted.append,
            )
        answer = accepted[0].http_response
        return job_name(answer.headers) if answer.status_code == 202 else None

    def points(self, item_id: str) -> Sequence[Point]:
        """Return the recovery points of an item, newest first."""
        client, group, vault = vault_at(self._as.observe, item_id)
        where = (
            segment_after(item_id, "replicationFabrics"),
            segment_after(item_id, "replicationProtectionContainers"),
            last_segment(item_id),
        )
        with translated(f"listing the recovery points of {last_segment(item_id)}"):
            listed = client.recovery_points.list_by_replication_protected_items(
                group, vault, *where
            )
            points = [point_of(found) for found in listed]
        return sorted(points, key=lambda point: point.at, reverse=True)

    def cancel(self, vault: str, job: str) -> None:
        """Ask for the end of a job that runs; who may cancel one may cancel any, so the drilling identity may not."""
        client, group, name = vault_at(self._as.failover, vault)
        with translated(f"cancelling job {job}"):
            client.replication_jobs.begin_cancel(group, name, job, polling=False)


def vault_at(identity: Clients, arm_id: str) -> tuple[Any, str, str]:
    """Return an identity's client for a vault, the vault's resource group and its name."""
    client = identity.site_recovery(segment_after(arm_id, "subscriptions"))
    return client, segment_after(arm_id, "resourceGroups"), segment_after(arm_id, "vaults")


def job_name(headers: Any) -> str:
    """Return the job that a 202 names; a header sent twice arrives joined by a comma."""
    for header in ("x-ms-request-id", "Location", "Azure-AsyncOperation"):
        value = str(headers.get(header, "")).split(",")[0].split("?")[0].strip()
        if "/" in value:
            return last_segment(value)
    raise Transient(
        "no_job_named", "Azure accepted the request but named no job; the item will show it"
    )


def _failover(terms: Terms) -> dict[str, Any]:
    """Return the body of a failover; a failback too goes from primary to recovery, for its item was turned round."""
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "Required" if terms.graceful else "NotRequired",
            "providerSpecificDetails": _a2a(terms),
        }
    }


def _drill(terms: Terms) -> dict[str, Any]:
    return {
        "properties": {
            "failoverDirection": "PrimaryToRecovery",
            "networkType": "VmNetworkAsInput",
            "networkId": terms.network,
            "providerSpecificDetails": _a2a(terms),
        }
    }


def _protected(terms: Terms) -> dict[str, Any]:
    """Return the body that puts a machine under replication; raises Permanent without its terms."""
    how = terms.enabling
    if how is None:
        raise Permanent(
            "no_terms", "a machine cannot be protected without its disks and its target"
        )
    given = {
        "recoveryAzureNetworkId": how.network,
        "recoverySubnetName": how.subnet,
        "multiVmGroupName": how.group,
    }
    return {
        "properties": {
            "policyId": how.policy,
            "providerSpecificDetails": {
                "instanceType": "A2A",
                "fabricObjectId": how.vm,
                "recoveryContainerId": how.container,
                "recoveryResourceGroupId": how.resource_group,
                "vmManagedDisks": _disks(how),
                **{key: value for key, value in given.items() if value},
            },
        }
    }


def _changed_point(terms: Terms) -> dict[str, Any]:
    details = {"instanceType": "A2A"}
    return {"properties": {"recoveryPointId": terms.point, "providerSpecificDetails": details}}


def _reprotected(item_id: str, terms: Terms) -> dict[str, Any]:
    """Return the body that turns an item's replication round, as recorded; raises Permanent without its terms."""
    how = terms.enabling
    if how is None:
        raise Permanent(
            "no_terms", "a machine cannot be re-protected without its disks and its way back"
        )
    return {
        "properties": {
            "replicationProtectedItemName": last_segment(item_id),
            "providerSpecificDetails": {
                "instanceType": "A2A",
                "recoveryContainerId": how.container,
                "policyId": how.policy,
                "recoveryResourceGroupId": how.resource_group,
                "vmManagedDisks": _disks(how),
            },
        }
    }


def _disks(how: Enabling) -> list[dict[str, str]]:
    return [
        {
            "diskId": disk,
            "primaryStagingAzureStorageAccountId": how.cache,
            "recoveryResourceGroupId": how.resource_group,
        }
        for disk in how.disks
    ]


def _a2a(terms: Terms) -> dict[str, Any]:
    point = {"recoveryPointId": terms.point} if terms.point else {}
    return {"instanceType": "A2A", **point}
