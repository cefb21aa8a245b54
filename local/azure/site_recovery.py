"""Site Recovery over ARM: what each operation reads, refuses and starts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from local.azure import jobs
from local.azure.arm import Answer, Call, Route, route
from local.azure.item_shape import ItemShape
from local.azure.job_shape import JobShape
from local.azure.jobs import CAPACITY, Failure, Job, Scenario
from local.azure.refusals import Refusal, invalid, not_found, not_simulated
from local.azure.replication import ReplicatedItem, Replication
from local.azure.shapes import Shapes

RETRY_AFTER_SECONDS = "30"
VERSIONS = r"202[2-5]-\d\d-\d\d"
_VAULT = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.RecoveryServices/vaults/{vault}"
)
_FABRIC = _VAULT + "/replicationFabrics/{fabric}"
_CONTAINER = _FABRIC + "/replicationProtectionContainers/{container}"
_ITEM = _CONTAINER + "/replicationProtectedItems/{item}"
_MAPPING = _CONTAINER + "/replicationProtectionContainerMappings"


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
            ("GET", _VAULT, "vaults/get", self.vault),
            ("GET", _VAULT + "/replicationFabrics", "fabrics/list", self.list_fabrics),
            ("GET", _FABRIC, "fabrics/get", self.fabric),
            (
                "GET",
                _VAULT + "/replicationProtectionContainers",
                "containers/list",
                self.containers,
            ),
            (
                "GET",
                _FABRIC + "/replicationProtectionContainers",
                "containers/list",
                self.containers,
            ),
            ("GET", _CONTAINER, "containers/get", self.container),
            (
                "GET",
                _VAULT + "/replicationProtectionContainerMappings",
                "containerMappings/list",
                self.mappings,
            ),
            ("GET", _MAPPING, "containerMappings/list", self.mappings),
            ("GET", _MAPPING + "/{mapping}", "containerMappings/get", self.mapping),
            ("GET", _VAULT + "/replicationPolicies", "policies/list", self.policies),
            ("GET", _VAULT + "/replicationPolicies/{policy}", "policies/get", self.policy),
            ("GET", _VAULT + "/replicationProtectedItems", "protectedItems/list", self.items),
            ("GET", _CONTAINER + "/replicationProtectedItems", "protectedItems/list", self.items),
            ("GET", _ITEM, "protectedItems/get", self.item),
            (
                "POST",
                _ITEM + "/unplannedFailover",
                "protectedItems/unplannedFailover",
                self.fail_over,
            ),
            ("POST", _ITEM + "/failoverCommit", "protectedItems/failoverCommit", self.commit),
            ("POST", _ITEM + "/testFailover", "protectedItems/testFailover", self.test_failover),
            (
                "POST",
                _ITEM + "/testFailoverCleanup",
                "protectedItems/testFailoverCleanup",
                self.clean_up,
            ),
            ("POST", _CONTAINER + "/switchprotection", "containers/switchProtection", self.switch),
            ("GET", _ITEM + "/recoveryPoints", "recoveryPoints/list", self.points),
            ("GET", _ITEM + "/recoveryPoints/{point}", "recoveryPoints/get", self.point),
            ("GET", _ITEM + "/operationresults/{job}", "operationResults/get", self.item_result),
            (
                "GET",
                _CONTAINER + "/operationresults/{job}",
                "operationResults/get",
                self.container_result,
            ),
            ("GET", _VAULT + "/replicationJobs", "jobs/list", self.jobs),
            ("GET", _VAULT + "/replicationJobs/{job}", "jobs/get", self.job),
            ("POST", _VAULT + "/replicationJobs/{job}/cancel", "jobs/cancel", self.cancel),
            ("GET", _VAULT + "/replicationJobs/operationresults/{job}", "jobs/get", self.job),
            (
                "GET",
                _VAULT + "/replicationOperationStatus/{job}",
                "operationStatus/get",
                self.operation_status,
            ),
        ]
        return [
            route(method, template, operation, VERSIONS, self._in_vault(handler))
            for method, template, operation, handler in table
        ]

    def vault(self, call: Call) -> Answer:
        """Show the vault."""
        return Answer(200, self.shapes.vault())

    def list_fabrics(self, call: Call) -> Answer:
        """List the fabrics."""
        return self._page(call, self.estate.fabrics, self.shapes.fabric)

    def fabric(self, call: Call) -> Answer:
        """Show a fabric."""
        return Answer(200, self.shapes.fabric(_named(self.estate.fabrics, call.params["fabric"])))

    def containers(self, call: Call) -> Answer:
        """List the containers of a fabric or of the vault."""
        found = [c for c in self.estate.containers if _here(call, "fabric", c.fabric)]
        return self._page(call, found, self.shapes.container)

    def container(self, call: Call) -> Answer:
        """Show a container."""
        found = _named(self.estate.containers, call.params["container"])
        return Answer(200, self.shapes.container(found))

    def mappings(self, call: Call) -> Answer:
        """List the mappings of a container or of the vault."""
        found = [m for m in self.estate.mappings if _here(call, "container", m.source)]
        return self._page(call, found, self.shapes.mapping)

    def mapping(self, call: Call) -> Answer:
        """Show a container mapping."""
        found = _named(self.estate.mappings, call.params["mapping"])
        return Answer(200, self.shapes.mapping(found))

    def policies(self, call: Call) -> Answer:
        """List the policies."""
        return self._page(call, self.estate.policies, self.shapes.policy)

    def policy(self, call: Call) -> Answer:
        """Show a policy."""
        found = _named(self.estate.policies, call.params["policy"])
        return Answer(200, self.shapes.policy(found))

    def items(self, call: Call) -> Answer:
        """List the protected items of a container or of the vault."""
        every = self.replication.items.values()
        found = [item for item in every if _here(call, "container", item.primary.name)]
        return self._page(call, found, lambda item: self.item_shape.body(item, call.now))

    def item(self, call: Call) -> Answer:
        """Show a protected item."""
        return Answer(200, self.item_shape.body(self._item(call), call.now))

    def points(self, call: Call) -> Answer:
        """List the recovery points of an item, newest first."""
        item = self._item(call)
        found = list(self.replication.points(item, call.now))
        return self._page(call, found, lambda point: self.shapes.point(item, point))

    def point(self, call: Call) -> Answer:
        """Show a recovery point."""
        item = self._item(call)
        for point in self.replication.points(item, call.now):
            if point.name == call.params["point"].lower():
                return Answer(200, self.shapes.point(item, point))
        raise not_found(call.params["point"])

    def fail_over(self, call: Call) -> Answer:
        """Start an unplanned failover."""
        item = self._item(call)
        wish = _a2a(call)
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
        point = str(wish["providerSpecificDetails"].get("recoveryPointId") or "")
        activity = self._activity(call)
        job = self.replication.fail_over(item, point, shutdown == "Required", call.now, activity)
        job.details["point"] = item.failover_point
        return self._accepted(call, job, self.shapes.item_id(item))

    def commit(self, call: Call) -> Answer:
        """Start committing a failover; it needs no body."""
        return self._begin(call, jobs.COMMIT_FAILOVER)

    def test_failover(self, call: Call) -> Answer:
        """Start a test failover."""
        item = self._item(call)
        wish = _a2a(call)
        network = str(wish.get("networkId") or "")
        self.replication.demand(item, jobs.TEST_FAILOVER)
        point = next(self.replication.points(item, call.now), None)
        answer = self._begin(call, jobs.TEST_FAILOVER)
        if item.running is not None:
            item.running.details |= {
                "network": network.rpartition("/")[2],
                "network_type": str(wish.get("networkType") or ""),
                "point": point,
            }
        return answer

    def clean_up(self, call: Call) -> Answer:
        """Start taking the machines of a test failover away."""
        return self._begin(call, jobs.TEST_FAILOVER_CLEANUP)

    def switch(self, call: Call) -> Answer:
        """Start re-protecting an item the other way round."""
        wish = _a2a(call)
        name = str(wish.get("replicationProtectedItemName") or "")
        item = self.replication.item(call.params["fabric"], call.params["container"], name)
        call.params["item"] = name
        job = self.replication.switch(item, call.now, self._activity(call))
        return self._accepted(call, job, self.shapes.container_id(item.primary))

    def jobs(self, call: Call) -> Answer:
        """List the jobs, newest first."""
        newest = sorted(self.replication.jobs.values(), key=lambda job: -job.ordinal)
        return self._page(call, newest, lambda job: self.job_shape.body(job, call.now, full=False))

    def job(self, call: Call) -> Answer:
        """Show a job with its tasks."""
        job = self.replication.job(call.params["job"])
        return Answer(200, self.job_shape.body(job, call.now, full=True))

    def cancel(self, call: Call) -> Answer:
        """Cancel a job; that it ends at once, under its own operation id, is simulated."""
        job = self.replication.job(call.params["job"])
        self.replication.cancel(job, call.now)
        return self._accepted(call, job, f"{self.shapes.vault_id}/replicationJobs", strike=False)

    def operation_status(self, call: Call) -> Answer:
        """Show how an operation stands."""
        job = self.replication.job(call.params["job"])
        return Answer(200, self.job_shape.operation_status(job, call.now))

    def item_result(self, call: Call) -> Answer:
        """Show what an operation on an item led to; never recorded, so simulated."""
        job = self.replication.job(call.params["job"])
        if not job.is_over(call.now):
            return Answer(202)
        return Answer(200, self.item_shape.body(job.item, call.now))

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

    def _item(self, call: Call) -> ReplicatedItem:
        params = call.params
        return self.replication.item(params["fabric"], params["container"], params["item"])

    def _begin(self, call: Call, scenario: Scenario) -> Answer:
        item = self._item(call)
        job = self.replication.start(item, scenario, call.now, self._activity(call))
        return self._accepted(call, job, self.shapes.item_id(item))

    def _accepted(self, call: Call, job: Job, target: str, *, strike: bool = True) -> Answer:
        fault = call.job_fault() if strike else None
        if fault is not None and fault.kind == "job_stuck":
            self.replication.stall(job, fault.at)
        elif fault is not None and fault.kind == "capacity_refused":
            self.replication.fail(job, CAPACITY, fault.at)
        elif fault is not None:
            code = fault.code or "28020"
            message = fault.message or "The requested operation failed."
            self.replication.fail(job, Failure(code, message), fault.at)
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

    def _signed(self, call: Call, path: str) -> str:
        stamp = int(call.now.timestamp() * 10_000_000)
        return (
            f"{call.base}{quote(path)}?api-version={call.api_version}"
            f"&t={stamp}&c=simulated&s={secrets.token_urlsafe(16)}&h={secrets.token_urlsafe(8)}"
        )

    def _activity(self, call: Call) -> str:
        return f"{call.client_request_id or call.correlation_id} ActivityId: {call.correlation_id}"

    def _page(
        self, call: Call, found: Sequence[Any], body: Callable[[Any], dict[str, Any]]
    ) -> Answer:
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


def _named(among: Sequence[Any], name: str) -> Any:
    for one in among:
        if one.name.lower() == name.lower():
            return one
    raise not_found(name)


def _here(call: Call, level: str, name: str) -> bool:
    return level not in call.params or call.params[level].lower() == name.lower()


def _a2a(call: Call) -> dict[str, Any]:
    wish = call.body().get("properties")
    details = wish.get("providerSpecificDetails") if isinstance(wish, dict) else None
    if not isinstance(details, dict) or details.get("instanceType") != "A2A":
        raise invalid(
            "The provider specific details are missing or not of instanceType A2A.",
            "Send properties.providerSpecificDetails with instanceType A2A.",
        )
    assert isinstance(wish, dict)
    return wish
