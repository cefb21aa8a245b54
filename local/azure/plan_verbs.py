"""Recovery plans over ARM: kept, run, committed, cleaned up and resumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from local.azure import jobs
from local.azure.arm import Answer, Call
from local.azure.item_verbs import Row
from local.azure.items import RecoveryPoint, ReplicatedItem
from local.azure.jobs import Job, Scenario
from local.azure.paths import PLAN, VAULT
from local.azure.plan_shape import PlanShape
from local.azure.recovery_plans import (
    BOOT_GROUPS_AT_MOST,
    ITEMS_AT_MOST,
    PlanGroup,
    PlanRun,
    RecoveryPlan,
    Start,
    stages_of,
)
from local.azure.refusals import Refusal, group_member, invalid, not_allowed, not_found

if TYPE_CHECKING:
    from local.azure.site_recovery import SiteRecovery

Json = dict[str, Any]
POINTS = {
    "Latest": "",
    "LatestProcessed": "",
    "LatestCrashConsistent": "",
    "LatestApplicationConsistent": "ApplicationConsistent",
}
DIRECTIONS = ("PrimaryToRecovery", "RecoveryToPrimary")
LAST = {
    "UnplannedFailover": "lastUnplannedFailoverTime",
    "TestFailover": "lastTestFailoverTime",
}


class PlanVerbs:
    """The operations on recovery plans of one vault."""

    def __init__(self, site: SiteRecovery) -> None:
        self.site = site
        self.setup = site.estate
        self.replication = site.replication
        self.plans = site.replication.plans
        self.shape = PlanShape(site.shapes)

    def table(self) -> list[Row]:
        """Return the operations that are simulated."""
        kind = "recoveryPlans"
        return [
            ("GET", VAULT + "/replicationRecoveryPlans", f"{kind}/list", self.show_all),
            ("GET", PLAN, f"{kind}/get", self.show),
            ("PUT", PLAN, f"{kind}/create", self.create),
            ("PATCH", PLAN, f"{kind}/update", self.update),
            ("DELETE", PLAN, f"{kind}/delete", self.delete),
            ("POST", f"{PLAN}/unplannedFailover", f"{kind}/unplannedFailover", self.fail_over),
            ("POST", f"{PLAN}/testFailover", f"{kind}/testFailover", self.test_failover),
            ("POST", f"{PLAN}/failoverCommit", f"{kind}/failoverCommit", self.commit),
            (
                "POST",
                f"{PLAN}/testFailoverCleanup",
                f"{kind}/testFailoverCleanup",
                self.clean_up,
            ),
            ("POST", f"{PLAN}/failoverCancel", f"{kind}/failoverCancel", self.cancel_failover),
            ("POST", f"{PLAN}/reProtect", f"{kind}/reProtect", self.reprotect),
            ("POST", f"{PLAN}/plannedFailover", f"{kind}/plannedFailover", self.planned),
            ("GET", f"{PLAN}/operationresults/{{job}}", "operationResults/get", self.result),
            ("POST", VAULT + "/replicationJobs/{job}/resume", "jobs/resume", self.resume),
        ]

    def show_all(self, call: Call) -> Answer:
        """List the plans."""
        plans = list(self.plans.values())
        return self.site.page(call, plans, lambda plan: self.shape.body(plan, call.now))

    def show(self, call: Call) -> Answer:
        """Show a plan."""
        return Answer(200, self.shape.body(self._plan(call), call.now))

    def result(self, call: Call) -> Answer:
        """Show what an operation on a plan led to; never recorded, so simulated."""
        if not self.replication.job(call.params["job"]).is_over(call.now):
            return Answer(202)
        plan = self.plans.get(call.params["plan"].lower())
        return Answer(200, self.shape.body(plan, call.now)) if plan else Answer(204)

    def create(self, call: Call) -> Answer:
        """Start making a plan, or making one that is there anew (simulated)."""
        given = _properties(call)
        plan = RecoveryPlan(
            name=call.params["plan"],
            primary_fabric=self._fabric(given, "primaryFabricId"),
            recovery_fabric=self._fabric(given, "recoveryFabricId"),
            model=str(given.get("failoverDeploymentModel") or "NotApplicable"),
            groups=self._groups(given),
        )
        return self._save(call, plan)

    def update(self, call: Call) -> Answer:
        """Start giving a plan other groups."""
        plan = self._plan(call)
        return self._save(call, replace(plan, groups=self._groups(_properties(call))))

    def delete(self, call: Call) -> Answer:
        """Start deleting a plan."""
        name = self._plan(call).name

        def finish(_at: datetime) -> None:
            self.plans.pop(name.lower(), None)

        activity = self.site.activity(call)
        job = self.replication.start_setup(jobs.DELETE_PLAN, name, call.now, activity, finish)
        return self.site.accepted(call, job, self.shape.plan_id(name), strike=False)

    def fail_over(self, call: Call) -> Answer:
        """Start failing a plan over."""
        given = _properties(call)
        shuts_down = given.get("sourceSiteOperations") == "Required"
        kind = _point_kind(given)

        def start(item: ReplicatedItem, now: datetime) -> Job:
            point = self._point(item, kind, now)
            return self.replication.fail_over(
                item, point, shuts_down, now, self.site.activity(call), together=True
            )

        return self._run(call, jobs.UNPLANNED_FAILOVER, start, given, shuts_down)

    def test_failover(self, call: Call) -> Answer:
        """Start a test failover of a plan."""
        given = _properties(call)
        network, kind = str(given.get("networkId") or ""), _point_kind(given)
        if network and self.setup.estate.networks and self.setup.network(network) is None:
            raise invalid(
                f"The network '{network}' does not exist.", "Send the id of a virtual network."
            )

        def start(item: ReplicatedItem, now: datetime) -> Job:
            point = self._point(item, kind, now)
            job = self.replication.rehearse(item, network, point, now, self.site.activity(call))
            job.details["network_type"] = str(given.get("networkType") or "")
            return job

        return self._run(call, jobs.TEST_FAILOVER, start, given)

    def commit(self, call: Call) -> Answer:
        """Start committing every machine of a plan that waits for it, all side by side (simulated)."""
        return self._run(call, jobs.COMMIT_FAILOVER, self._simply(call, jobs.COMMIT_FAILOVER))

    def clean_up(self, call: Call) -> Answer:
        """Start cleaning a plan's test failover up, all machines side by side (simulated)."""
        begin = self._simply(call, jobs.TEST_FAILOVER_CLEANUP)

        def start(item: ReplicatedItem, now: datetime) -> Job:
            job = begin(item, now)
            leftover = call.leftover(item.name)
            if leftover is not None:
                job.details["leaves"] = frozenset(leftover)
            return job

        return self._run(call, jobs.TEST_FAILOVER_CLEANUP, start)

    def cancel_failover(self, call: Call) -> Answer:
        """Refuse to take a failover back: no machine of A2A ever offers it (simulated code)."""
        plan = self._plan(call)
        raise not_allowed("CancelFailover", plan.name, self.shape.allowed(plan, call.now))

    def planned(self, call: Call) -> Answer:
        """Refuse a planned failover: it is not offered for A2A (simulated code)."""
        plan = self._plan(call)
        raise not_allowed("PlannedFailover", plan.name, self.shape.allowed(plan, call.now))

    def reprotect(self, call: Call) -> Answer:
        """Refuse to re-protect: Azure's own PowerShell refuses it for plans of A2A under this name."""
        raise Refusal(
            400,
            "BadRequest",
            f"The recovery plan '{self._plan(call).name}' cannot be re-protected.",
            detail="UnsupportedReplicationProviderForReprotect",
            causes="The replication provider A2A does not re-protect by recovery plan.",
            action="Re-protect each replicated item with switchprotection.",
        )

    def resume(self, call: Call) -> Answer:
        """Go on with a plan whose job waits for a manual action."""
        job = self.replication.job(call.params["job"])
        run = next((p.run for p in self.plans.values() if p.run and p.run.job is job), None)
        if run is None or not job.suspended:
            raise not_allowed("Resume", job.name, ["Cancel"] if not job.is_over(call.now) else [])
        run.resume(call.now)
        target = f"{self.site.shapes.vault_id}/replicationJobs"
        return self.site.accepted(call, job, target, strike=False)

    def _run(
        self,
        call: Call,
        scenario: Scenario,
        start: Start,
        given: Json | None = None,
        shuts_down: bool = False,
    ) -> Answer:
        plan, now = self._plan(call), call.now
        allowed = self.shape.allowed(plan, now)
        if scenario.operation not in allowed:
            raise not_allowed(scenario.operation, plan.name, allowed)
        direction = (given or {}).get("failoverDirection", DIRECTIONS[0])
        if direction not in DIRECTIONS:
            raise invalid(
                f"The failover direction '{direction}' is not known.", "Send one of the two."
            )
        found = self.shape.find(plan)
        able = {name: it for name, it in found.items() if scenario.operation in it.allowed()}
        self._demand_groups(able.values())
        whole = replace(
            scenario,
            friendly_name=f"Recovery plan: {scenario.friendly_name}",
            target_type="RecoveryPlan",
        )
        job = self.replication.start_plan(whole, plan.name, now, self.site.activity(call))
        stages = stages_of(plan, able, whole, direction, shuts_down)

        def struck(item: ReplicatedItem, at: datetime) -> Job:
            begun = start(item, at)
            self.site.strike(begun, call.job_fault(item.name))
            return begun

        run = plan.run = PlanRun(
            self.replication, plan, job, stages, struck, self.replication.plans_flatter
        )
        job.tree = partial(self.shape.tasks, run)
        if whole.operation in LAST:
            plan.last[LAST[whole.operation]] = now
        run.advance(now)
        return self.site.accepted(call, job, self.shape.plan_id(plan.name), strike=False)

    def _simply(self, call: Call, scenario: Scenario) -> Start:
        def start(item: ReplicatedItem, now: datetime) -> Job:
            return self.replication.start(item, scenario, now, self.site.activity(call))

        return start

    def _demand_groups(self, moving: Any) -> None:
        """Refuse to move a part of a consistency group (documented; simulated code)."""
        names = {item.name for item in moving}
        groups = {item.group for item in moving if item.group}
        for other in self.replication.items.values():
            if other.group in groups and other.name not in names:
                raise group_member(other.name, other.group)

    def _point(self, item: ReplicatedItem, kind: str, now: datetime) -> str:
        """Return the newest point of a kind; of another kind where there is none (simulated)."""
        points: list[RecoveryPoint] = list(self.replication.shelf.points(item, now)) if kind else []
        return next((point.name for point in points if point.kind == kind), "")

    def _save(self, call: Call, plan: RecoveryPlan) -> Answer:
        def finish(_at: datetime) -> None:
            self.plans[plan.name.lower()] = plan

        activity = self.site.activity(call)
        job = self.replication.start_setup(jobs.SAVE_PLAN, plan.name, call.now, activity, finish)
        return self.site.accepted(call, job, self.shape.plan_id(plan.name), strike=False)

    def _plan(self, call: Call) -> RecoveryPlan:
        plan = self.plans.get(call.params["plan"].lower())
        if plan is None:
            raise not_found(call.params["plan"])
        return plan

    def _fabric(self, given: Json, key: str) -> str:
        wanted = str(given.get(key) or "").rpartition("/")[2]
        for fabric in self.setup.fabrics:
            if fabric.name.lower() == wanted.lower():
                return fabric.name
        raise not_found(wanted or key)

    def _groups(self, given: Json) -> list[PlanGroup]:
        """Return the groups of a body after the two empty ones that every plan begins with, as recorded."""
        sent = [
            PlanGroup(
                kind=str(group.get("groupType")),
                items=[
                    str(item.get("id")) for item in group.get("replicationProtectedItems") or ()
                ],
                before=list(group.get("startGroupActions") or ()),
                after=list(group.get("endGroupActions") or ()),
            )
            for group in given.get("groups") or ()
        ]
        boots = [group for group in sent if group.kind == "Boot"]
        first = {group.kind: group for group in sent if group.kind in ("Shutdown", "Failover")}
        self._demand_order(sent, boots)
        return [
            first.get("Shutdown", PlanGroup("Shutdown")),
            first.get("Failover", PlanGroup("Failover")),
            *boots,
        ]

    def _demand_order(self, sent: Any, boots: Any) -> None:
        """Refuse what breaks the documented limits of a plan (simulated code)."""
        known = {self.site.shapes.item_id(i).lower() for i in self.replication.items.values()}
        items = [item for group in boots for item in group.items]
        if not items:
            raise invalid("The recovery plan has no machines.", "Send Boot groups with items.")
        if len(boots) > BOOT_GROUPS_AT_MOST or len(items) > ITEMS_AT_MOST:
            raise invalid(
                f"A recovery plan has at most {BOOT_GROUPS_AT_MOST} groups and {ITEMS_AT_MOST} items.",
                "Split the recovery plan.",
            )
        if any(group.items for group in sent if group.kind != "Boot"):
            raise invalid("Only Boot groups hold machines.", "Move the items to a Boot group.")
        if len({item.lower() for item in items}) < len(items):
            raise invalid("A machine is in the plan twice.", "Keep each item in one group.")
        for item in items:
            if item.lower() not in known:
                raise not_found(item.rpartition("/")[2])


def _properties(call: Call) -> Json:
    properties = call.body().get("properties")
    if not isinstance(properties, dict):
        raise invalid("The body has no properties.", "Send properties.")
    return properties


def _point_kind(given: Json) -> str:
    """Return the kind of point that a body asks for; A2A takes its choice in a list of provider details."""
    details = given.get("providerSpecificDetails") or []
    own = next((one for one in details if one.get("instanceType") == "A2A"), None)
    if own is None or own.get("recoveryPointType") not in POINTS:
        raise invalid(
            "The provider specific details are missing, not of instanceType A2A, or name no recoveryPointType.",
            "Send properties.providerSpecificDetails with instanceType A2A and a recoveryPointType.",
        )
    return POINTS[own["recoveryPointType"]]
