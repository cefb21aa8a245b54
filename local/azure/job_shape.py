"""The bodies of jobs and operations: the tree of tasks, the errors, the details, as recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from local.azure.estate import Container
from local.azure.items import ReplicatedItem
from local.azure.jobs import Job, TaskView
from local.azure.shapes import KIND, Shapes, long_ticks, ticks

NEVER = "0001-01-01T00:00:00"


class JobShape:
    """Writes jobs of one vault."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.replication = shapes.replication
        self.estate = shapes.estate

    def body(self, job: Job, now: datetime, *, full: bool) -> dict[str, Any]:
        """Write a job; the list leaves tasks and details out, as recorded."""
        state, description = job.state(now)
        properties: dict[str, Any] = {
            "activityId": job.activity_id if full else None,
            "scenarioName": job.scenario.name,
            "friendlyName": job.scenario.friendly_name,
            "state": state,
            "stateDescription": description,
            "tasks": self._tasks(job, now) if full else [],
            "errors": self._errors(job, now),
            "startTime": ticks(job.started),
        }
        if job.ends is not None and job.is_over(now):
            properties["endTime"] = ticks(job.ends)
        properties |= {
            "allowedActions": _actions(job, now),
            "targetObjectId": self._target_id(job),
            "targetObjectName": job.item.source.name if job.item else job.subject,
            "targetInstanceType": job.scenario.target_type,
            "customDetails": self._job_details(job, now) if full else None,
        }
        return {
            "id": self.shapes.job_id(job.name),
            "name": job.name,
            "type": f"{KIND}/replicationJobs",
            "properties": properties,
        }

    def operation_status(self, job: Job, now: datetime) -> dict[str, Any]:
        """Write what the polling URL of an operation answers; a failed one was never recorded."""
        over = job.ends is not None and job.is_over(now)
        state = job.state(now)[0]
        failed = job.failure if state == "Failed" else None
        return {
            "id": None,
            "name": job.name,
            # the SDK stops polling at "Canceled" alone, jobs say "Cancelled" (simulated)
            # and no source shows what the operation of a suspended job says (simulated)
            "status": {"Cancelled": "Canceled", "Suspended": "InProgress"}.get(state, state),
            "startTime": long_ticks(job.started),
            "endTime": long_ticks(job.ends) if over and job.ends else None,
            "error": {"code": failed.code, "message": failed.message} if failed else None,
            "properties": None,
            "percentComplete": None,
        }

    def _target_id(self, job: Job) -> str:
        return str(job.item.guid if job.item else self.replication.identify(job.subject))

    def _tasks(self, job: Job, now: datetime) -> list[dict[str, Any]]:
        return job.tree(now) if job.tree else [self._task(job, view) for view in job.tasks(now)]

    def _task(self, job: Job, view: TaskView) -> dict[str, Any]:
        failed = view.state == "Failed"
        group = job.child is not None and view.task.task_id == "ProtectReplicaTask"
        return {
            "taskId": view.task.task_id,
            "name": view.task.name or view.task.task_id,
            "startTime": ticks(view.started) if view.started else NEVER,
            "endTime": ticks(view.ended) if view.ended else NEVER,
            "allowedActions": [],
            "friendlyName": view.task.friendly_name,
            "state": view.state,
            "stateDescription": view.description,
            "taskType": "GroupTaskDetails" if group else "TaskDetails",
            "customDetails": None if group else {"instanceType": "TaskDetails"},
            "groupTaskCustomDetails": self._group(job, view) if group else None,
            "errors": [self._error(job, view.task.task_id)] if failed else [],
        }

    def _group(self, job: Job, view: TaskView) -> dict[str, Any]:
        """Write the one child of a re-protection; its own job cannot be read (simulated)."""
        assert job.child is not None and job.item is not None
        name = job.item.source.name
        child: dict[str, Any] = {
            "taskId": "EnableDr",
            "name": name,
            "startTime": ticks(view.started) if view.started else NEVER,
            "endTime": ticks(view.ended) if view.ended else NEVER,
            "allowedActions": [],
            "friendlyName": name,
            "state": view.state,
            "stateDescription": view.description,
            "taskType": "JobTaskDetails",
            "customDetails": {
                "jobTask": {
                    "jobId": self.shapes.job_id(job.child),
                    "jobFriendlyName": "Enable replication",
                    "targetObjectId": str(job.item.guid),
                    "targetObjectName": name,
                    "targetInstanceType": "Vm",
                    "jobScenarioName": "EnableDr",
                },
                "instanceType": "JobTaskDetails",
            },
            "groupTaskCustomDetails": None,
            "errors": [],
        }
        started = [child] if view.started else []
        return {"instanceType": "GroupTaskDetails", "childTasks": started}

    def _errors(self, job: Job, now: datetime) -> list[dict[str, Any]]:
        if job.state(now)[0] != "Failed":
            return []
        views = [] if job.tree else job.tasks(now)
        failed = [view.task.task_id for view in views if view.state == "Failed"]
        return [self._error(job, failed[0] if failed else "")]

    def _error(self, job: Job, task_id: str) -> dict[str, Any]:
        failure = job.failure
        assert failure is not None and job.ends is not None
        return {
            "serviceErrorDetails": {
                "code": failure.code,
                "message": failure.message,
                "possibleCauses": failure.causes,
                "recommendedAction": failure.action,
                "activityId": job.activity_id.rpartition(" ")[2],
            },
            "providerErrorDetails": None,
            "errorLevel": "Error",
            "creationTime": ticks(job.ends),
            "taskId": task_id,
        }

    def _job_details(self, job: Job, now: datetime) -> dict[str, Any]:
        item = job.item
        if item is None:
            return {"instanceType": "AsrJobDetails", "affectedObjectDetails": {}}
        details: dict[str, Any] = {
            "instanceType": "AsrJobDetails",
            "affectedObjectDetails": self._affected(item),
        }
        match job.scenario.name:
            case "UnplannedFailover":
                details["instanceType"] = "FailoverJobDetails"
                details["protectedItemDetails"] = [self._failed_over(job, item)]
            case "TestFailover":
                details |= {
                    "instanceType": "TestFailoverJobDetails",
                    "testFailoverStatus": job.state(now)[1],
                    "comments": "",
                    "networkName": job.details.get("network", ""),
                    "networkFriendlyName": job.details.get("network", ""),
                    "networkType": job.details.get("network_type", ""),
                    "protectedItemDetails": [self._failed_over(job, item)],
                }
            case "SwitchReplicationGroupProtection":
                details |= {
                    "instanceType": "SwitchProtectionJobDetails",
                    "newReplicationProtectedItemId": self._new_home(job, item, now),
                }
        return details

    def _affected(self, item: ReplicatedItem) -> dict[str, str]:
        affected = {
            "primaryVmId": str(item.guid),
            "primaryVmName": item.source.name,
            "recoveryVmId": "",
            "recoveryVmName": item.source.name,
            "protectionProfileId": str(self.replication.identify(f"policy {item.policy}")),
        }
        for side, container in (("primary", item.primary), ("recovery", item.recovery)):
            affected |= self._side(side, container)
        return affected

    def _side(self, side: str, container: Container) -> dict[str, str]:
        fabric = self.estate.fabric(container.fabric)
        return {
            f"{side}CloudId": str(self.replication.identify(f"container {container.name}")),
            f"{side}CloudName": container.name,
            f"{side}VmmId": str(self.replication.identify(f"fabric {fabric.name}")),
            f"{side}VmmName": self.estate.region(fabric.region).display_name,
            f"{side}FabricProviderId": "Azure",
        }

    def _failed_over(self, job: Job, item: ReplicatedItem) -> dict[str, Any]:
        point = job.details.get("point")
        test = item.test_machine.facts.name if item.test_machine else None
        return {
            "name": str(item.guid),
            "friendlyName": item.source.name,
            "testVmName": test,
            "testVmFriendlyName": test,
            "networkConnectionStatus": None,
            "networkFriendlyName": item.settings.network.rpartition("/")[2],
            "subnet": item.settings.subnet,
            "recoveryPointId": point.name if point else None,
            "recoveryPointTime": ticks(point.time) if point else None,
        }

    def _new_home(self, job: Job, item: ReplicatedItem, now: datetime) -> str | None:
        """Return the item's new id: null at first, there before the job ends, as recorded."""
        if job.tasks(now)[-1].started is None:
            return None
        container = self.shapes.container_id(item.recovery)
        path = f"{container}/replicationProtectedItems/{item.name}"
        return path.replace("/Subscriptions/", "/subscriptions/")


def _actions(job: Job, now: datetime) -> list[str]:
    if job.is_over(now):
        return []
    return ["Cancel", "Resume"] if job.suspended else ["Cancel"]
