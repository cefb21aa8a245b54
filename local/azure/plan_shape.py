"""The bodies of recovery plans, as recorded, and of their runs: trees of tasks that lead to each machine's own job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from local.azure.items import ReplicatedItem
from local.azure.job_shape import NEVER
from local.azure.recovery_plans import Moving, PlanGroup, PlanRun, RecoveryPlan, Stage
from local.azure.shapes import KIND, Shapes, ticks

Json = dict[str, Any]
GROUPS = {"Failover": "Failover", "Together": "Failover", "Boot": "Boot"}
# Which operations of the machines a plan offers: the first two are recorded, the order of the rest is simulated.
OFFERED = ("UnplannedFailover", "TestFailover", "Commit")


class PlanShape:
    """Writes the recovery plans of one vault."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.replication = shapes.replication

    def plan_id(self, name: str) -> str:
        """Return the id of a plan."""
        return f"{self.shapes.vault_id}/replicationRecoveryPlans/{name}"

    def find(self, plan: RecoveryPlan) -> dict[str, ReplicatedItem]:
        """Return the items of a plan that live where it says; one that was re-protected has left it (simulated)."""
        every = {
            self.shapes.item_id(item).lower(): item for item in self.replication.items.values()
        }
        return {name: every[name.lower()] for name in plan.items if name.lower() in every}

    def allowed(self, plan: RecoveryPlan, now: datetime) -> list[str]:
        """Return what a plan offers: what any of its machines does, the clean-up of a drill before all else."""
        if plan.run is not None and not plan.run.job.is_over(now):
            return []
        allows = {what for item in self.find(plan).values() for what in item.allowed()}
        if "TestFailoverCleanup" in allows:
            return ["TestFailoverCleanup"]
        return [what for what in OFFERED if what in allows]

    def body(self, plan: RecoveryPlan, now: datetime) -> Json:
        """Write a plan."""
        run, found = plan.run, self.find(plan)
        state = run.job.state(now) if run else (None, None)
        properties: Json = {
            "friendlyName": plan.name,
            "primaryFabricId": self.shapes.fabric_id(plan.primary_fabric),
            "primaryFabricFriendlyName": self._region(plan.primary_fabric),
            "recoveryFabricId": self.shapes.fabric_id(plan.recovery_fabric),
            "recoveryFabricFriendlyName": self._region(plan.recovery_fabric),
            "failoverDeploymentModel": plan.model,
            "replicationProviders": ["A2A"],
            "allowedOperations": self.allowed(plan, now),
            "currentScenario": self._scenario(run) if run else None,
            "currentScenarioStatus": state[0],
            "currentScenarioStatusDescription": state[1],
            "groups": [self._group(group, found) for group in plan.groups],
            "providerSpecificDetails": [],
        }
        properties |= {key: ticks(at) for key, at in plan.last.items()}
        return {
            "id": self.plan_id(plan.name),
            "name": plan.name,
            "type": f"{KIND}/replicationRecoveryPlans",
            "properties": properties,
        }

    def tasks(self, run: PlanRun, now: datetime) -> list[Json]:
        """Write the tree of a run."""
        return [self._stage(run, stage, now) for stage in run.stages]

    def _region(self, fabric: str) -> str:
        estate = self.shapes.estate
        return estate.region(estate.fabric(fabric).region).display_name

    def _scenario(self, run: PlanRun) -> Json:
        return {
            "scenarioName": run.scenario.name,
            "jobId": self.shapes.job_id(run.job.name),
            "startTime": ticks(run.job.started),
        }

    def _group(self, group: PlanGroup, found: dict[str, ReplicatedItem]) -> Json:
        """Write a group; Azure answers each machine's id with a GUID of its own, as recorded."""
        return {
            "groupType": group.kind,
            "replicationProtectedItems": [
                {
                    "id": self.shapes.item_id(found[item]) if item in found else item,
                    "virtualMachineId": str(found[item].guid) if item in found else None,
                }
                for item in group.items
            ],
            "startGroupActions": group.before,
            "endGroupActions": group.after,
        }

    def _stage(self, run: PlanRun, stage: Stage, now: datetime) -> Json:
        state, description = self._state(run, stage, now)
        node = _node(stage.task, stage.friendly, state, description, stage.began, stage.ended)
        if stage.kind in GROUPS:
            children = [self._member(run, one, now) for one in stage.moving if stage.began]
            return node | {
                "taskType": "RecoveryPlanGroupTaskDetails",
                "customDetails": None,
                "groupTaskCustomDetails": {
                    "instanceType": "RecoveryPlanGroupTaskDetails",
                    "name": stage.friendly,
                    "groupId": stage.task,
                    "rpGroupType": GROUPS[stage.kind],
                    "childTasks": children,
                },
            }
        if stage.action is None:
            return node
        child = node | self._action(stage)
        return node | {
            "taskType": "InlineWorkflowTaskDetails",
            "customDetails": None,
            "groupTaskCustomDetails": {
                "instanceType": "InlineWorkflowTaskDetails",
                "childTasks": [child] if stage.began else [],
                "workflowIds": [],
            },
        }

    def _state(self, run: PlanRun, stage: Stage, now: datetime) -> tuple[str, str]:
        if stage.skipped and stage.began is not None:
            return "Other", "Skipped"
        if stage.began is None:
            return "NotStarted", "NotStarted"
        if stage.failed:
            return "Failed", "Failed"
        if stage.ended is not None:
            return "Succeeded", "Completed"
        return run.job.state(now)

    def _action(self, stage: Stage) -> Json:
        """Write the task of an action."""
        action = stage.action or {}
        details = action["customDetails"]
        kinds: dict[str, Json] = {
            "ManualActionDetails": {
                "instanceType": "ManualActionTaskDetails",
                "name": action["actionName"],
                "instructions": details.get("description"),
                "observation": None,
            },
            "AutomationRunbookActionDetails": {
                "instanceType": "AutomationRunbookTaskDetails",
                "name": action["actionName"],
                "runbookId": details.get("runbookId"),
            },
            "ScriptActionDetails": {
                "instanceType": "ScriptActionTaskDetails",
                "name": action["actionName"],
                "path": details.get("path"),
            },
        }
        told = kinds[stage.kind]
        return {"taskType": told["instanceType"], "customDetails": told}

    def _member(self, run: PlanRun, one: Moving, now: datetime) -> Json:
        """Write one machine of a group: the task that leads to its own job."""
        job, name = one.job, one.item.source.name
        if job is None:
            state = ("Failed", one.refused) if one.refused else ("NotStarted", "NotStarted")
            return _node(run.scenario.name, name, *state, None, None)
        over = job.ends if job.is_over(now) else None
        node = _node(run.scenario.name, name, *job.state(now), job.started, over)
        return node | {
            "name": name,
            "taskType": "JobTaskDetails",
            "customDetails": {
                "jobTask": {
                    "jobId": self.shapes.job_id(job.name),
                    "jobFriendlyName": job.scenario.friendly_name,
                    "targetObjectId": str(one.item.guid),
                    "targetObjectName": name,
                    "targetInstanceType": job.scenario.target_type,
                    "jobScenarioName": job.scenario.name,
                },
                "instanceType": "JobTaskDetails",
            },
        }


def _node(
    task: str,
    friendly: str,
    state: str,
    description: str,
    began: datetime | None,
    ended: datetime | None,
) -> Json:
    return {
        "taskId": task,
        "name": task,
        "startTime": ticks(began) if began else NEVER,
        "endTime": ticks(ended) if ended else NEVER,
        "allowedActions": [],
        "friendlyName": friendly,
        "state": state,
        "stateDescription": description,
        "taskType": "TaskDetails",
        "customDetails": {"instanceType": "TaskDetails"},
        "groupTaskCustomDetails": None,
        "errors": [],
    }
