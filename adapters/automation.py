"""Azure Automation over the resource manager's REST surface: jobs of runbooks, started under names of our own.

No SDK of Automation is among what ships, so the requests go through the pipeline of a client that is (Automation
REST reference, jobs, 2023-11-01). A job's name is given by whoever creates it, so a start that is sent again finds the
job instead of making a second one.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest, HttpResponse

from adapters.azure_errors import translated
from adapters.identity import Clients, Identities
from domain.action import RunbookJob
from domain.errors import Transient
from domain.model import last_segment, segment_after

VERSION = "2023-11-01"


class AzureAutomation:
    """The jobs of Automation accounts."""

    def __init__(self, identities: Identities) -> None:
        self._as = identities

    def job(self, account: str, job: str) -> RunbookJob | None:
        """Return a job, None where there is none of that name."""
        with translated(f"read job {job} of account {last_segment(account)}"):
            answer = _send(self._as.observe, "GET", account, job)
            return None if answer.status_code == 404 else _job(_good(answer))

    def start(self, account: str, job: str, runbook: str, parameters: dict[str, Any]) -> RunbookJob:
        """Start a job of that name; one that is there already is adopted."""
        body = {"properties": {"runbook": {"name": runbook}, "parameters": _as_texts(parameters)}}
        with translated(f"start runbook {runbook} of account {last_segment(account)}"):
            answer = _send(self._as.failover, "PUT", account, job, body)
            if answer.status_code == 409:
                found = _send(self._as.observe, "GET", account, job)
                if found.status_code == 200:
                    return _job(found)
            return _job(_good(answer))

    def output(self, account: str, job: str) -> str:
        """Return what a job wrote."""
        with translated(f"read the output of job {job} of account {last_segment(account)}"):
            answer = _send(self._as.observe, "GET", account, f"{job}/output")
            return "" if answer.status_code == 404 else _good(answer).text()

    def stop(self, account: str, job: str) -> None:
        """Tell a job to stop."""
        with translated(f"stop job {job} of account {last_segment(account)}"):
            _good(_send(self._as.failover, "POST", account, f"{job}/stop"))


def _send(
    identity: Clients, method: str, account: str, rest: str, body: dict[str, Any] | None = None
) -> HttpResponse:
    client = identity.site_recovery(segment_after(account, "subscriptions"))
    url = f"{quote(account)}/jobs/{quote(rest)}?api-version={VERSION}"
    answer: HttpResponse = client.send_request(HttpRequest(method, url, json=body))
    return answer


def _good(answer: HttpResponse) -> HttpResponse:
    if not 200 <= answer.status_code < 300:
        raise HttpResponseError(response=answer)
    return answer


def _job(answer: HttpResponse) -> RunbookJob:
    try:
        properties = answer.json()["properties"]
        return RunbookJob(status=properties["status"], exception=properties.get("exception"))
    except (ValueError, KeyError, TypeError) as error:
        raise Transient("answer_unreadable", "Automation's answer cannot be read") from error


def _as_texts(parameters: dict[str, Any]) -> dict[str, str]:
    """Return parameters as Automation takes them: every value a text, an object as its JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
    }
