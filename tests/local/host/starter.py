"""The app that starts what it is asked to over HTTP: how a test asks it, and the engine's own webhook."""

from __future__ import annotations

from typing import Any

import httpx

from local.host.host import Host

HOOK = "/runtime/webhooks/durabletask"
Pair = tuple[Host, httpx.Client]


def ask(client: httpx.Client, call: str, target: str = "", **given: Any) -> httpx.Response:
    """Let the app make a call on the SDK's client."""
    return client.post(f"/api/client/{call}", json={"target": target, **given})


def start(pair: Pair, name: str, instance: str, given: Any = None) -> httpx.Response:
    host, client = pair
    answer = client.post(f"/api/start/{name}?id={instance}", json=given)
    host.settle()
    return answer


def state(client: httpx.Client, instance: str) -> str:
    return str(client.get(f"{HOOK}/instances/{instance}").json()["runtimeStatus"])
