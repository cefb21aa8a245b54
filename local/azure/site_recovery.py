"""Site Recovery over ARM: what each operation reads, refuses and starts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from local.azure.arm import Answer, Call, Route, route
from local.azure.faults import Fault
from local.azure.item_shape import ItemShape
from local.azure.item_verbs import ItemVerbs
from local.azure.items import ReplicatedItem
from local.azure.job_shape import JobShape
from local.azure.jobs import CAPACITY, Failure, Job
from local.azure.paths import CONTAINER, FABRIC, ITEM, MAPPING, VAULT
from local.azure.plan_verbs import PlanVerbs
from local.azure.refusals import Refusal, invalid, not_found, not_simulated
from local.azure.replication import Replication
from local.azure.setup_verbs import SetupVerbs
from local.azure.shapes import Shapes

RETRY_AFTER_SECONDS = "30"
VERSIONS = r"202[2-5]-\d\d-\d\d"


class SiteRecovery:
    """Answers for the one vault of the estate."""

    def __init__(self, replication: Replication, page_size: int) -> None:
        self.replication = replication
        self.estate = replication.estate
        self.shapes = Shapes(replication)
        self.item_shape = ItemShape(self.shapes)
        self.job_shape = JobShape(self.shapes)
        self._page_size = page_size

    def routes(self) -> list[Route]:
        """Return the operations that are simulated."""
        table: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
            ("GET", VAULT, "vaults/get", self.vault),
            ("GET", VAULT + "/replicationFabrics", "fabrics/list", self.list_fabrics),
            ("GET", FABRIC, "fabrics/get", self.fabric),
            (
                "GET",
                VAULT + "/replicationProtectionContainers",
                "containers/list",
                self.containers,
            ),
            (
                "GET",
                FABRIC + "/replicationProtectionContainers",
                "containers/list",
                self.containers,
            ),
            ("GET", CONTAINER, "containers/get", self.container),
            (
                "GET",
                VAULT + "/replicationProtectionContainerMappings",
                "containerMappings/list",
                self.mappings,
            ),
            ("GET", MAPPING, "containerMappings/list", self.mappings),
            ("GET", MAPPING + "/{mapping}", "containerMappings/get", self.mapping),
            ("GET", VAULT + "/replicationPolicies", "policies/list", self.policies),
            ("GET", VAULT + "/replicationPolicies/{policy}", "policies/get", self.policy),
            ("GET", VAULT + "/replicationProtectedItems", "protectedItems/list", self.items),
            ("GET", CONTAINER + "/replicationProtectedItems", "protectedItems/list", self.items),
            ("GET", ITEM, "protectedItems/get", self.item),
            ("GET", ITEM + "/recoveryPoints", "recoveryPoints/list", self.points),
            ("GET", ITEM + "/recoveryPoints/{point}", "recoveryPoints/get", self.point),
            ("GET", ITEM + "/operationresults/{job}", "operationResults/get", self.item_result),
            (
                "GET",
                CONTAINER + "/operationresults/{job}",
                "operationResults/get",
                self.container_result,
            ),
            ("GET", VAULT + "/replicationJobs", "jobs/list", self.jobs),
            ("GET", VAULT + "/replicationJobs/{job}", "jobs/get", self.job),
            ("POST", VAULT + "/replicationJobs/{job}/cancel", "jobs/cancel", self.cancel),
            ("GET", VAULT + "/replicationJobs/operationresults/{job}", "jobs/get", self.job),
            (
                "GET",
                VAULT + "/replicationOperationStatus/{job}",
                "operationStatus/get",
                self.operation_status,
            ),
        ]
        table += [*ItemVerbs(self).table(), *SetupVerbs(self).table(), *PlanVerbs(self).table()]
        return [
            route(method, template, operation, VERSIONS, self._in_vault(handler))
            for method, template, operation, handler in table
        ]

    def vault(self, call: Call) -> Answer:
        """Show the vault."""
        return Answer(200, self.shapes.vault())

    def list_fabrics(self, call: Call) -> Answer:
        """List the fabrics."""
        return self.page(call, self.estate.fabrics, self.shapes.fabric)

    def fabric(self, call: Call) -> Answer:
        """Show a fabric."""
        return Answer(200, self.shapes.fabric(named(self.estate.fabrics, call.params["fabric"])))

    def containers(self, call: Call) -> Answer:
        """List the containers of a fabric or of the vault."""
        found = [c for c in self.estate.containers if _here(call, "fabric", c.fabric)]
        return self.page(call, found, self.shapes.container)

    def container(self, call: Call) -> Answer:
        """Show a container."""
        found = named(self.estate.containers, call.params["container"])
        return Answer(200, self.shapes.container(found))

    def mappings(self, call: Call) -> Answer:
        """List the mappings of a container or of the vault."""
        found = [m for m in self.estate.mappings if _here(call, "container", m.source)]
        return self.page(call, found, self.shapes.mapping)

    def mapping(self, call: Call) -> Answer:
        """Show a container mapping."""
        found = named(self.estate.mappings, call.params["mapping"])
        return Answer(200, self.shapes.mapping(found))

    def policies(self, call: Call) -> Answer:
        """List the policies."""
        return self.page(call, self.estate.policies, self.shapes.policy)

    def policy(self, call: Call) -> Answer:
        """Show a policy."""
        found = named(self.estate.policies, call.params["policy"])
        return Answer(200, self.shapes.policy(found))

    def items(self, call: Call) -> Answer:
        """List the protected items of a container or of the vault."""
        every = self.replication.items.values()
        found = [item for item in every if _here(call, "container", item.primary.name)]
        return self.page(call, found, lambda item: self.item_shape.body(item, call.now))

    def item(self, call: Call) -> Answer:
        """Show a protected item."""
        return Answer(200, self.item_shape.body(self.find_item(call), call.now))

    def points(self, call: Call) -> Answer:
        """List the recovery points of an item, newest first."""
        item = self.find_item(call)
        found = list(self.replication.shelf.points(item, call.now))
        return self.page(call, found, lambda point: self.shapes.point(item, point))

    def point(self, call: Call) -> Answer:
        """Show a recovery point."""
        item = self.find_item(call)
        for point in self.replication.shelf.points(item, call.now):
            if point.name == call.params["point"].lower():
                return Answer(200, self.shapes.point(item, point))
        raise not_found(call.params["point"])

    def jobs(self, call: Call) -> Answer:
        """List the jobs, newest first."""
        newest = sorted(self.replication.jobs.values(), key=lambda job: -job.ordinal)
        return self.page(call, newest, lambda job: self.job_shape.body(job, call.now, full=False))

    def job(self, call: Call) -> Answer:
        """Show a job with its tasks."""
        job = self.replication.job(call.params["job"])
        return Answer(200, self.job_shape.body(job, call.now, full=True))

    def cancel(self, call: Call) -> Answer:
        """Cancel a job; that it ends at once, under its own operation id, is simulated."""
        job = self.replication.job(call.params["job"])
        self.replication.cancel(job, call.now)
        return self.accepted(call, job, f"{self.shapes.vault_id}/replicationJobs", strike=False)

    def operation_status(self, call: Call) -> Answer:
        """Show how an operation stands."""
        job = self.replication.job(call.params["job"])
        return Answer(200, self.job_shape.operation_status(job, call.now))

    def item_result(self, call: Call) -> Answer:
        """Show what an operation on an item led to; never recorded, so simulated."""
        job = self.replication.job(call.params["job"])
        if not job.is_over(call.now):
            return Answer(202)
        return Answer(200, self.item_shape.body(job.item, call.now) if job.item else None)

    def container_result(self, call: Call) -> Answer:
        """Show what an operation on a container led to; never recorded, so simulated."""
        job = self.replication.job(call.params["job"])
        if not job.is_over(call.now):
            return Answer(202)
        return self.container(call)

    def _in_vault(self, handler: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            vault = self.estate.vault
            named = (call.params["group"].lower(), call.params["vault"].lower())
            if named != (vault.resource_group.lower(), vault.name.lower()):
                raise Refusal(
                    404,
                    "ResourceNotFound",
                    f"The Resource 'Microsoft.RecoveryServices/vaults/{call.params['vault']}' "
                    f"under resource group '{call.params['group']}' was not found.",
                )
            if self.replication.world.is_down(vault.region, call.now):
                raise Refusal(
                    503,
                    "ServiceUnavailable",
                    f"The region '{vault.region}' of the vault does not answer.",
                )
            return handler(call)

        return answer

    def find_item(self, call: Call) -> ReplicatedItem:
        """Return the item that the path names."""
        params = call.params
        return self.replication.item(params["fabric"], params["container"], params["item"])

    def accepted(self, call: Call, job: Job, target: str, *, strike: bool = True) -> Answer:
        """Answer that a job was started: 202 without a body, the job in every header, a scripted fault struck."""
        if strike:
            self.strike(job, call.job_fault(call.item))
        job_id = self.shapes.job_id(job.name)
        status = f"{self.shapes.vault_id}/replicationOperationStatus/{job.name}"
        headers = [
            ("azure-asyncoperation", self._signed(call, status)),
            ("location", self._signed(call, f"{target}/operationresults/{job.name}")),
            ("retry-after", RETRY_AFTER_SECONDS),
            ("x-ms-request-id", job_id),
            ("x-ms-request-id", job_id),
            ("x-ms-operation-identifier", f"tenantId=simulated,objectId=simulated/{job.name}"),
        ]
        return Answer(202, None, headers, accepted=True)

    def strike(self, job: Job, fault: Fault | None) -> None:
        """Let a scripted fault strike a job that was just started."""
        if fault is not None and fault.kind == "job_stuck":
            self.replication.stall(job, fault.at)
        elif fault is not None and fault.kind == "capacity_refused":
            self.replication.fail(job, CAPACITY, fault.at)
        elif fault is not None:
            code = fault.code or "28020"
            message = fault.message or "The requested operation failed."
            self.replication.fail(job, Failure(code, message), fault.at)

    def _signed(self, call: Call, path: str) -> str:
        stamp = int(call.now.timestamp() * 10_000_000)
        return (
            f"{call.base}{quote(path)}?api-version={call.api_version}"
            f"&t={stamp}&c=simulated&s={secrets.token_urlsafe(16)}&h={secrets.token_urlsafe(8)}"
        )

    def activity(self, call: Call) -> str:
        """Return the activity id of a job that a call starts."""
        return f"{call.client_request_id or call.correlation_id} ActivityId: {call.correlation_id}"

    def page(
        self, call: Call, found: Sequence[Any], body: Callable[[Any], dict[str, Any]]
    ) -> Answer:
        """Answer with one page of a list, and the link to the next."""
        if call.argument("$filter"):
            raise not_simulated("$filter on a list")
        token = call.argument("skipToken") or call.argument("$skipToken")
        if token and not token.isdigit():
            raise invalid(
                f"The skip token '{token}' is not known.", "Follow the nextLink as it is."
            )
        start = int(token or 0)
        end = start + self._page_size
        link = None
        if end < len(found):
            link = f"{call.base}{quote(call.path)}?api-version={call.api_version}&skipToken={end}"
        return Answer(200, {"value": [body(one) for one in found[start:end]], "nextLink": link})


def named(among: Sequence[Any], name: str) -> Any:
    """Return what is called so, whatever its case; 404 where nothing is."""
    for one in among:
        if one.name.lower() == name.lower():
            return one
    raise not_found(name)


def _here(call: Call, level: str, name: str) -> bool:
    return level not in call.params or call.params[level].lower() == name.lower()
