"""Azure's own recovery plans through the SDK: read, kept, started, resumed; and the tree of a plan's job.

As with items, a mutating call is sent once and its poller is never used; what is there is read first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from adapters.azure_errors import translated
from adapters.identity import Identities
from adapters.site_recovery import CLEANUP_BODY, job_name, vault_at
from adapters.vault_reading import job_of
from domain.asr_plan import AsrPlan, read
from domain.asr_run import POINT_TYPES, JobTree, PlanStanding, PlanTerms, Task
from domain.errors import Permanent
from domain.model import last_segment
from domain.replication import Verb

SEEN = {"properties": {"comments": "Decided in Leeward"}}
OUT = "PrimaryToRecovery"

Json = dict[str, Any]


class AzureRecoveryPlans:
    """The recovery plans of a vault."""

    def __init__(self, identities: Identities) -> None:
        self._as = identities

    def plan(self, vault: str, name: str) -> AsrPlan | None:
        """Return a recovery plan, None where the vault has none of that name."""
        client, group, vault_name = vault_at(self._as.observe, vault)
        with translated(f"reading recovery plan {name}"):
            try:
                found = client.replication_recovery_plans.get(group, vault_name, name)
            except ResourceNotFoundError:
                return None
        return read({"name": found.name, "properties": _plain(found)["properties"]})

    def standing(self, vault: str, name: str) -> PlanStanding:
        """Return how a recovery plan stands; raises Permanent where there is none."""
        client, group, vault_name = vault_at(self._as.observe, vault)
        with translated(f"reading recovery plan {name}"):
            found = client.replication_recovery_plans.get(group, vault_name, name)
        scenario = found.properties.current_scenario
        job = scenario.job_id if scenario else None
        return PlanStanding(
            name=found.name,
            allowed=tuple(found.properties.allowed_operations or ()),
            scenario=scenario.scenario_name if scenario else None,
            job=last_segment(job) if job else None,
        )

    def save(self, vault: str, name: str, body: Mapping[str, Any]) -> str:
        """Create a recovery plan, or give the one that is there the body's groups, and return the job's name.

        Actions that Azure's plan has on its Shutdown and Failover groups stay: Leeward has no step for them.
        """
        client, group, vault_name = vault_at(self._as.failover, vault)
        plans = client.replication_recovery_plans
        accepted: list[Any] = []
        once = {"polling": False, "raw_response_hook": accepted.append}
        there = self.plan(vault, name)
        with translated(f"saving recovery plan {name}"):
            if there is None:
                plans.begin_create(group, vault_name, name, dict(body), **once)
            else:
                kept = [
                    {
                        "groupType": group_there.kind,
                        "replicationProtectedItems": [],
                        "startGroupActions": list(group_there.before),
                        "endGroupActions": list(group_there.after),
                    }
                    for group_there in there.groups
                    if group_there.kind != "Boot" and (group_there.before or group_there.after)
                ]
                groups = [*kept, *body["properties"]["groups"]]
                update = {"properties": {"groups": groups}}
                plans.begin_update(group, vault_name, name, update, **once)
        return job_name(accepted[0].http_response.headers)

    def start(self, vault: str, name: str, verb: Verb, terms: PlanTerms) -> str:
        """Start a verb on a recovery plan, as the identity that may do it, and return the job's name."""
        client, group, vault_name = vault_at(self._as.doing(verb), vault)
        plans = client.replication_recovery_plans
        where = (group, vault_name, name)
        accepted: list[Any] = []
        once = {"polling": False, "raw_response_hook": accepted.append}
        begin: dict[Verb, Callable[[], object]] = {
            Verb.FAILOVER: lambda: plans.begin_unplanned_failover(*where, _failover(terms), **once),
            Verb.DRILL: lambda: plans.begin_test_failover(*where, _drill(terms), **once),
            Verb.COMMIT: lambda: plans.begin_failover_commit(*where, **once),
            Verb.DRILL_CLEANUP: lambda: plans.begin_test_failover_cleanup(
                *where, CLEANUP_BODY, **once
            ),
        }
        if verb not in begin:
            raise Permanent("not_by_plan", f"{verb.value} is not done by recovery plan")
        with translated(f"starting {verb.value} of recovery plan {name}"):
            begin[verb]()
        return job_name(accepted[0].http_response.headers)

    def tree(self, vault: str, job: str) -> JobTree:
        """Return a job with all its tasks."""
        client, group, vault_name = vault_at(self._as.observe, vault)
        with translated(f"reading job {job}"):
            found = client.replication_jobs.get(group, vault_name, job)
        tasks = found.properties.tasks or ()
        return JobTree(job=job_of(found), tasks=tuple(_task(task) for task in tasks))

    def resume(self, vault: str, job: str) -> None:
        """Let a job go on that waits at a manual step; who may resume one may resume any, as with cancelling."""
        client, group, vault_name = vault_at(self._as.failover, vault)
        with translated(f"resuming job {job}"):
            client.replication_jobs.begin_resume(group, vault_name, job, SEEN, polling=False)


def _task(task: Any) -> Task:
    """Return a task with those below it; the leaves lead to machines' jobs, or to a person's step."""
    custom = task.custom_details or {}
    group = task.group_task_custom_details or {}
    kind = custom.get("instanceType")
    led = custom.get("jobTask") or {}
    manual = kind == "ManualActionTaskDetails"
    name = custom.get("name") if manual else None
    job = led.get("jobId")
    return Task(
        name=name or task.friendly_name or task.name or "",
        state=task.state or "",
        machine=led.get("targetObjectName") if kind == "JobTaskDetails" else None,
        machine_job=last_segment(job) if job else None,
        instructions=str(custom.get("instructions") or "") if manual else None,
        children=tuple(_task(child) for child in group.get("childTasks") or ()),
    )


def _failover(terms: PlanTerms) -> Json:
    return {
        "properties": {
            "failoverDirection": OUT,
            "sourceSiteOperations": "Required" if terms.graceful else "NotRequired",
            "providerSpecificDetails": _a2a(terms),
        }
    }


def _drill(terms: PlanTerms) -> Json:
    return {
        "properties": {
            "failoverDirection": OUT,
            "networkType": "VmNetworkAsInput",
            "networkId": terms.network,
            "providerSpecificDetails": _a2a(terms),
        }
    }


def _a2a(terms: PlanTerms) -> list[Json]:
    return [
        {
            "instanceType": "A2A",
            "recoveryPointType": POINT_TYPES[terms.point],
            "multiVmSyncPointOption": terms.sync.value,
        }
    ]


def _plain(model: Any) -> Json:
    """Return an SDK model as the JSON that it was read from."""
    plain: Json = json.loads(json.dumps(model.as_dict(), default=str))
    return plain
