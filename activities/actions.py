"""What is done around a tier: HTTP calls and Automation runbooks, each started once and told apart by its mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from domain.acting import Claim
from domain.action import HttpAnswered, HttpCall, Runbook, RunbookJob, fitted
from domain.errors import Transient
from domain.model import Recorded
from domain.reach import Places, Reach

DONE = "completed"
# Automation's own words for a job that will not move again; a suspended one waits for somebody at its console.
OVER = (DONE, "failed", "stopped", "suspended", "removing")


class HttpOrder(Recorded):
    """One call, the mark by which its receiver can tell a second delivery, and the plan's reach."""

    call: HttpCall
    mark: str
    reach: Places | None = None
    claim: Claim | None = None


class RunbookOrder(Recorded):
    """One run of a runbook: ``job`` is its name in the account, a UUID; ``context`` goes with its parameters."""

    runbook: Runbook
    job: str
    context: dict[str, Any] | None = None
    claim: Claim | None = None


class JobSeen(Recorded):
    """How a runbook's job stands, and what it wrote once it is over."""

    status: str
    over: bool = False
    done: bool = False
    adopted: bool = False
    output: str | None = None
    error: str | None = None


class Web(Protocol):
    """Whoever a plan wants told of a run."""

    def send(self, call: HttpCall, mark: str, reach: Reach) -> HttpAnswered:
        """Send one call; raises StepError where there was no answer, or the reach does not let it through."""
        ...


class Automation(Protocol):
    """Azure Automation accounts."""

    def job(self, account: str, job: str) -> RunbookJob | None:
        """Return a job, None where there is none of that name."""
        ...

    def start(self, account: str, job: str, runbook: str, parameters: dict[str, Any]) -> RunbookJob:
        """Start a job of that name."""
        ...

    def output(self, account: str, job: str) -> str:
        """Return what a job wrote."""
        ...

    def stop(self, account: str, job: str) -> None:
        """Tell a job to stop."""
        ...


@dataclass(frozen=True, slots=True)
class Actions:
    """Does what the plan has done around its tiers; when, and what a failure means, is the orchestrators' part."""

    web: Web
    automation: Automation

    def call_http(self, order: HttpOrder) -> HttpAnswered:
        """Send one call."""
        return self.web.send(order.call, order.mark, Reach.of(order.reach))

    def start_runbook(self, order: RunbookOrder) -> JobSeen:
        """Start a runbook's job, or adopt the one that an earlier delivery of the same step started."""
        account = order.runbook.account
        found = self.automation.job(account, order.job)
        if found is not None:
            return self._seen(order, found, adopted=True)
        parameters: dict[str, Any] = dict(order.runbook.parameters)
        if order.context is not None:
            parameters["RecoveryPlanContext"] = order.context
        started = self.automation.start(account, order.job, order.runbook.name, parameters)
        return self._seen(order, started)

    def check_runbook(self, order: RunbookOrder) -> JobSeen:
        """Return how a runbook's job stands; raises Transient while the service does not know it yet."""
        found = self.automation.job(order.runbook.account, order.job)
        if found is None:
            raise Transient("job_not_seen", f"the job {order.job} is not to be seen yet")
        return self._seen(order, found)

    def stop_runbook(self, order: RunbookOrder) -> JobSeen:
        """Tell a runbook's job to stop, unless it is over."""
        seen = self.check_runbook(order)
        if not seen.over:
            self.automation.stop(order.runbook.account, order.job)
        return seen

    def _seen(self, order: RunbookOrder, job: RunbookJob, adopted: bool = False) -> JobSeen:
        status = job.status.casefold()
        over = status in OVER
        return JobSeen(
            status=job.status,
            over=over,
            done=status == DONE,
            adopted=adopted,
            output=fitted(self.automation.output(order.runbook.account, order.job))
            if over
            else None,
            error=fitted(job.exception or "") if over and status != DONE else None,
        )
