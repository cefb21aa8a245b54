"""Azure Automation over ARM: accounts, runbooks, and jobs that take their time.

simulated: no recording of Automation was at hand. Paths, statuses and the shape of a job are those of its REST
reference (jobs, 2023-11-01); durations, the words of failures and the 409 to a second job of a name are ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from local.azure.arm import Answer, Call, Route, route
from local.azure.estate import AutomationAccount, Estate, ScriptedRunbook
from local.azure.faults import Fault
from local.azure.refusals import Refusal, invalid, resource_not_found
from local.azure.shapes import ticks
from local.azure.world import World

VERSIONS = r"20\d\d-\d\d-\d\d(-preview)?"
KIND = "Microsoft.Automation/automationAccounts"
_ACCOUNT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + KIND + "/{account}"
_JOB = _ACCOUNT + "/jobs/{job}"
NEW, ACTIVATING = timedelta(seconds=5), timedelta(seconds=15)


@dataclass(slots=True)
class AutomationJob:
    """A job: which runbook, with which parameters, and how its story goes."""

    name: str
    runbook: ScriptedRunbook
    parameters: dict[str, str]
    created: datetime
    fault: Fault | None = None
    stopped: datetime | None = None

    def status(self, now: datetime) -> str:
        """Return the status at an instant."""
        ran = now - self.created
        ends = ACTIVATING + timedelta(seconds=self.runbook.seconds)
        if self.stopped is not None and self.stopped <= now:
            return "Stopped"
        if ran < NEW:
            return "New"
        if ran < ACTIVATING:
            return "Activating"
        if ran < ends or (self.fault is not None and self.fault.kind == "job_stuck"):
            return "Running"
        return "Failed" if self.exception else "Completed"

    @property
    def exception(self) -> str | None:
        """Return what the job will fail with, if it will."""
        if self.fault is not None and self.fault.kind == "job_failed":
            return self.fault.message or "The runbook was made to fail."
        return self.runbook.fails or None


@dataclass(slots=True)
class Automation:
    """Answers for the Automation accounts of the estate."""

    estate: Estate
    world: World
    jobs: dict[tuple[str, str], AutomationJob] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Return the operations that are simulated."""
        table = [
            ("GET", _ACCOUNT, "automationAccounts/get", self.get),
            ("GET", _JOB, "automationJobs/get", self.job),
            ("PUT", _JOB, "automationJobs/create", self.create),
            ("GET", f"{_JOB}/output", "automationJobs/output", self.output),
            ("POST", f"{_JOB}/stop", "automationJobs/stop", self.stop),
        ]
        return [route(method, path, name, VERSIONS, door) for method, path, name, door in table]

    def get(self, call: Call) -> Answer:
        """Show an account."""
        account = self._account(call)
        return Answer(
            200,
            {
                "id": self._id(account),
                "name": account.name,
                "type": KIND,
                "location": account.region,
                "properties": {"state": "Ok", "sku": {"name": "Basic"}},
            },
        )

    def create(self, call: Call) -> Answer:
        """Start a job of a runbook under the name that the path gives it."""
        account = self._account(call)
        properties = call.body().get("properties") or {}
        wanted = (properties.get("runbook") or {}).get("name", "")
        runbook = next((r for r in account.runbooks if r.name.lower() == wanted.lower()), None)
        if runbook is None:
            raise Refusal(404, "NotFound", f"The Runbook '{wanted}' was not found.")
        parameters = properties.get("parameters") or {}
        if not all(isinstance(value, str) for value in parameters.values()):
            raise invalid("The value of a parameter is not a text.", "Send every value as a text.")
        key = (account.name, call.params["job"].lower())
        if key in self.jobs:
            raise Refusal(409, "Conflict", f"The job '{call.params['job']}' already exists.")
        call.params = {**call.params, "item": runbook.name}  # what faults and records call it
        job = AutomationJob(
            call.params["job"], runbook, parameters, call.now, call.job_fault(runbook.name)
        )
        self.jobs[key] = job
        return Answer(201, self._show(account, job, call.now), accepted=True)

    def job(self, call: Call) -> Answer:
        """Show a job."""
        return Answer(200, self._show(self._account(call), self._job(call), call.now))

    def output(self, call: Call) -> Answer:
        """Show what a job wrote, as plain text."""
        self._account(call)
        job = self._job(call)
        over = job.status(call.now) in ("Completed", "Failed")
        return Answer(200, text=job.runbook.output if over else "")

    def stop(self, call: Call) -> Answer:
        """Stop a job that runs."""
        self._account(call)
        job = self._job(call)
        if job.status(call.now) in ("Completed", "Failed", "Stopped"):
            raise Refusal(400, "BadRequest", f"The job '{job.name}' is over and cannot be stopped.")
        job.stopped = call.now
        return Answer(200, accepted=True)

    def _account(self, call: Call) -> AutomationAccount:
        group, name = call.params["group"], call.params["account"]
        for account in self.estate.automation_accounts:
            key = (account.resource_group.lower(), account.name.lower())
            if key == (group.lower(), name.lower()):
                if self.world.is_down(account.region, call.now):
                    raise Refusal(
                        503,
                        "ServiceUnavailable",
                        f"The resource provider in region '{account.region}' does not answer.",
                    )
                return account
        raise resource_not_found(KIND, name, group)

    def _job(self, call: Call) -> AutomationJob:
        found = self.jobs.get((self._account(call).name, call.params["job"].lower()))
        if found is None:
            raise Refusal(404, "NotFound", f"The job '{call.params['job']}' was not found.")
        return found

    def _id(self, account: AutomationAccount) -> str:
        return f"{self.estate.group_id(account.resource_group)}/providers/{KIND}/{account.name}"

    def _show(
        self, account: AutomationAccount, job: AutomationJob, now: datetime
    ) -> dict[str, Any]:
        status = job.status(now)
        ends = job.stopped or job.created + ACTIVATING + timedelta(seconds=job.runbook.seconds)
        over = status in ("Completed", "Failed", "Stopped")
        return {
            "id": f"{self._id(account)}/jobs/{job.name}",
            "name": job.name,
            "type": f"{KIND}/jobs",
            "properties": {
                "jobId": str(uuid5(NAMESPACE_URL, f"{account.name}/{job.name}")),
                "creationTime": ticks(job.created),
                "provisioningState": "Processing" if not over else "Succeeded",
                "status": status,
                "statusDetails": "None",
                "startedBy": "",
                "startTime": ticks(job.created + ACTIVATING)
                if now - job.created >= ACTIVATING
                else None,
                "endTime": ticks(ends) if over else None,
                "lastModifiedTime": ticks(min(now, ends)),
                "exception": job.exception if status == "Failed" else None,
                "parameters": job.parameters,
                "runbook": {"name": job.runbook.name},
                "runOn": "",
            },
        }
