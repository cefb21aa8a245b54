"""The people and apps of the simulated tenant, and the tokens that they send."""

from __future__ import annotations

from collections.abc import Generator

import httpx

from local.azure.directory import Directory

ALICE, BOB, RITA = "alice@shop.example", "bob@shop.example", "rita@shop.example"
MONITOR, PIPELINE = "azure-monitor", "pipeline"


class Callers(httpx.Auth):
    """Sends a token with every request that has none: of Azure Monitor with alerts, of Alice otherwise."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._tokens: dict[str, str] = {}

    def headers(self, name: str) -> dict[str, str]:
        """Return the headers with which somebody calls."""
        if name not in self._tokens:
            self._tokens[name] = self._directory.token(name)
        return {"Authorization": f"Bearer {self._tokens[name]}"}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token."""
        if "Authorization" not in request.headers:
            name = MONITOR if request.url.path.endswith("/alerts") else ALICE
            request.headers.update(self.headers(name))
        yield request
