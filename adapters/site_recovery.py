"""Azure Site Recovery through its SDK: read the items, start a verb, read a job.

A mutating call is sent once and its poller is never used: the job's id is in the 202 (in ``x-ms-request-id`` and in
``Location``), and the job and the item tell the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.azure_errors import translated
from adapters.identity import Clients
from domain.errors import Transient
from domain.model import last_segment, segment_after
from domain.replication import Job, ProtectedItem, Verb

# What Azure writes where there is no time: .NET's zero, and SQL's.
NO_TIME_BEFORE = datetime(1900, 1, 1, tzinfo=UTC)
FAILOVER_BODY = {
    "properties": {
        "failoverDirection": "PrimaryToRecovery",
        "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": {"instanceType": "A2A"},
    }
}
CLEANUP_BODY = {"properties": {"comments": "Cleaned up by Leeward before a failover"}}


class AzureSiteRecovery:
    """The protected items and jobs of a vault."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        """Return every protected item of the vault, page by page."""
        client, group, name = self._vault(vault)
        with translated(f"listing the protected items of {name}"):
            return [_item(found) for found in client.replication_protected_items.list(group, name)]

    def start(self, item_id: str, verb: Verb) -> str:
        """Start a verb on an item and return the job's name."""
        client, group, vault = self._vault(item_id)
        fabric = segment_after(item_id, "replicationFabrics")
        container = segment_after(item_id, "replicationProtectionContainers")
        items = client.replication_protected_items
        where = (group, vault, fabric, container, last_segment(item_id))
        accepted: list[Any] = []
        once = {"polling": False, "raw_response_hook": accepted.append}
        begin: dict[Verb, Callable[[], object]] = {
            Verb.FAILOVER: lambda: items.begin_unplanned_failover(*where, FAILOVER_BODY, **once),
            Verb.COMMIT: lambda: items.begin_failover_commit(*where, **once),
            Verb.DRILL_CLEANUP: lambda: items.begin_test_failover_cleanup(
                *where, CLEANUP_BODY, **once
            ),
        }
        with translated(f"starting {verb.value} of {last_segment(item_id)}"):
            begin[verb]()
        return _job_name(accepted[0].http_response.headers)

    def job(self, vault: str, job: str) -> Job:
        """Return one job with its errors and the recovery point it used."""
        client, group, name = self._vault(vault)
        with translated(f"reading job {job}"):
            return _job(client.replication_jobs.get(group, name, job))

    def _vault(self, arm_id: str) -> tuple[Any, str, str]:
        client = self._clients.site_recovery(segment_after(arm_id, "subscriptions"))
        return client, segment_after(arm_id, "resourceGroups"), segment_after(arm_id, "vaults")


def _job_name(headers: Any) -> str:
    """Return the job that a 202 names; a header sent twice arrives joined by a comma."""
    for header in ("x-ms-request-id", "Location", "Azure-AsyncOperation"):
        value = str(headers.get(header, "")).split(",")[0].split("?")[0].strip()
        if "/" in value:
            return last_segment(value)
    raise Transient(
        "no_job_named", "Azure accepted the request but named no job; the item will show it"
    )


def _item(found: Any) -> ProtectedItem:
    properties = found.properties
    details = properties.provider_specific_details or {}
    scenario = properties.current_scenario
    running = scenario is not None and scenario.scenario_name not in (None, "", "None")
    return ProtectedItem(
        id="/subscriptions" + found.id[len("/subscriptions") :],  # ASR writes /Subscriptions
        name=found.name,
        state=properties.protection_state or "",
        state_description=properties.protection_state_description or "",
        allowed=tuple(properties.allowed_operations or ()),
        health=properties.replication_health or "",
        scenario=scenario.scenario_name if running else None,
        scenario_job=last_segment(scenario.job_id) if running and scenario.job_id else None,
        vm=details.get("fabricObjectId"),
        rpo_seconds=details.get("rpoInSeconds"),
        rpo_calculated_at=_time(getattr(details, "last_rpo_calculated_time", None)),
        failed_over_at=_time(properties.last_successful_failover_time),
    )


def _job(found: Any) -> Job:
    properties = found.properties
    error = next(iter(properties.errors or ()), None)
    said = error.service_error_details if error else None
    custom = properties.custom_details or {}
    moved = next(iter(custom.get("protectedItemDetails") or ()), None)
    return Job(
        name=found.name,
        state=properties.state or "",
        started_at=_time(properties.start_time),
        ended_at=_time(properties.end_time),
        recovery_point_at=_time(getattr(moved, "recovery_point_time", None)),
        error_code=said.code if said else None,
        error=_sentence(said) if said else None,
    )


def _sentence(said: Any) -> str:
    parts = (said.message, said.possible_causes, said.recommended_action)
    return " ".join(part.strip() for part in parts if part)


def _time(value: datetime | None) -> datetime | None:
    """Return an aware time; Azure's zero times mean that there is none, and may lack their zone."""
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return None if aware < NO_TIME_BEFORE else aware.astimezone(UTC)
