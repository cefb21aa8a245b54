"""What a durable client binding hands to a function: where the management API is."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from azure.durable_functions.models.utils import http_utils

from local.host.app import Function, LoadedApp
from local.host.ncrontab import resolve_settings

WEBHOOK = "/runtime/webhooks/durabletask"
RPC = "/durabletask"
_PLACEHOLDER = "INSTANCEID"


@dataclass(frozen=True, slots=True)
class DurableUrls:
    """The addresses of the management API of one host."""

    origin: str
    task_hub: str
    connection: str = "Storage"
    key: str | None = None

    def client(self, task_hub: str | None = None, connection: str | None = None) -> str:
        """Return the JSON text of a durable client binding.

        The SDK calls back to ``rpcBaseUrl``: like the extension's local endpoint it wants no key,
        and answers nobody but this machine.
        """
        base = self.origin + WEBHOOK
        code = self._code()
        start = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
        return json.dumps(
            {
                "taskHubName": task_hub or self.task_hub,
                "creationUrls": {
                    "createNewInstancePostUri": f"{start}?{code}",
                    "createAndWaitOnNewInstancePostUri": f"{start}?timeout={{timeoutInSeconds}}"
                    f"&pollingInterval={{intervalInSeconds}}&{code}",
                },
                "managementUrls": self.management(_PLACEHOLDER, None, task_hub, connection),
                "baseUrl": base,
                "httpBaseUrl": base,
                "requiredQueryStringParameters": code,
                "rpcBaseUrl": f"{self.origin}{RPC}/",
            }
        )

    def management(
        self,
        instance_id: str,
        origin: str | None = None,
        task_hub: str | None = None,
        connection: str | None = None,
    ) -> dict[str, str]:
        """Return the id and the eight addresses to watch and steer one instance."""
        instance = f"{origin or self.origin}{WEBHOOK}/instances/{quote_plus(instance_id)}"
        hub = quote_plus(task_hub or self.task_hub)
        query = f"taskHub={hub}&connection={quote_plus(connection or self.connection)}"
        if self.key:
            query += "&" + self._code()
        return {
            "id": instance_id,
            "statusQueryGetUri": f"{instance}?{query}",
            "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{query}",
            "terminatePostUri": f"{instance}/terminate?reason={{text}}&{query}",
            "rewindPostUri": f"{instance}/rewind?reason={{text}}&{query}",
            "purgeHistoryDeleteUri": f"{instance}?{query}",
            "restartPostUri": f"{instance}/restart?{query}",
            "suspendPostUri": f"{instance}/suspend?reason={{text}}&{query}",
            "resumePostUri": f"{instance}/resume?reason={{text}}&{query}",
        }

    def _code(self) -> str:
        return f"code={quote_plus(self.key)}" if self.key else ""


def task_hub_of(host_json: Mapping[str, Any]) -> str:
    """Return the task hub that host.json names, or the one Core Tools falls back to."""
    durable = host_json.get("extensions", {}).get("durableTask", {})
    return resolve_settings(str(durable.get("hubName") or "TestHubName"), os.environ)


def default_version_of(host_json: Mapping[str, Any]) -> str | None:
    """Return the version that host.json gives to orchestrations started without one."""
    durable = host_json.get("extensions", {}).get("durableTask", {})
    version = durable.get("defaultVersion")
    return None if version is None else str(version)


def end_client_session(app: LoadedApp) -> None:
    """Close the SDK's connections, which belong to the loop of the app that is about to end.

    The SDK keeps one session per process and has no call to end it; a later app of this process
    would be given connections of a loop that is gone.
    """
    if http_utils._client_session is not None:
        ending = Function("end_client_session", {}, (), http_utils._close_session, is_async=True)
        app.submit(ending, {}).result()
    http_utils._session_lock = asyncio.Lock()
