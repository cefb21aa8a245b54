"""The HTTP routes that the app registers, read from `function_app.py` itself: a new one is tested by being there."""

from __future__ import annotations

import os
import runpy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

NOWHERE = "https://127.0.0.1:9"
NOBODY = "00000000-0000-0000-0000-000000000000"
SETTINGS = {
    "ARM_ENDPOINT": NOWHERE,
    "OBSERVE_CLIENT_ID": "the observer's",
    "DRILL_CLIENT_ID": "the drill's",
    "FAILOVER_CLIENT_ID": "the failover's",
    "ENTRA_AUTHORITY": NOWHERE,
    "ENTRA_TENANT_ID": NOBODY,
    "ENTRA_CLIENT_ID": NOBODY,
    "PLAN_STORE": "plans",
    "EVIDENCE_STORE": "out/evidence",
}


@dataclass(frozen=True)
class Route:
    """One route with one of its methods."""

    name: str
    method: str
    template: str

    def path(self, **parts: str) -> str:
        """Return the path with its parts filled in; those that are not given get a harmless value."""
        filled = {"plan": "shop", "verb": "failover", "id": "failover-shop-nowhere"}
        filled |= {"region": "eastus", **parts}
        return "/api/" + self.template.format_map(filled)

    def parts(self) -> list[str]:
        """Return the names of the parts that a caller chooses."""
        return [part.strip("{}") for part in self.template.split("/") if part.startswith("{")]

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


@cache
def registered() -> tuple[Route, ...]:
    """Return every HTTP route of the app."""
    before = dict(os.environ)
    os.environ.update(SETTINGS)
    try:
        app = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    finally:
        os.environ.clear()
        os.environ.update(before)
    return tuple(
        Route(function.get_function_name(), str(getattr(method, "value", method)), trigger.route)
        for function in app.get_functions()
        if (trigger := function.get_trigger()).type == "httpTrigger"
        for method in trigger.methods
    )
