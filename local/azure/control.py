"""The control API: trouble and regions over plain HTTP, and a look at what was asked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from local.azure.directory import UnknownAccount
from local.azure.estate import Grant

if TYPE_CHECKING:
    from local.azure.simulator import Simulator


def control(simulator: Simulator, method: str, target: str, body: bytes) -> tuple[int, Any]:
    """Answer one request to ``/_simulator/...``."""
    url = urlsplit(target)
    parts = [unquote(part) for part in url.path.strip("/").split("/")[1:]]
    routes: dict[tuple[str, ...], Callable[[], tuple[int, Any]]] = {
        ("GET", "faults"): lambda: (200, [asdict(f) for f in simulator.faults.script()]),
        ("POST", "faults"): lambda: _add_fault(simulator, body),
        ("DELETE", "faults"): lambda: _clear(simulator),
        ("GET", "requests"): lambda: _requests(simulator, url.query),
        ("GET", "actions"): lambda: (200, _actions(simulator)),
        ("GET", "permissions"): lambda: (200, simulator.permissions.given()),
        ("POST", "permissions"): lambda: _give(simulator, body),
        ("DELETE", "permissions"): lambda: _take_back(simulator, body),
        ("GET", "traffic"): lambda: (200, _traffic(simulator)),
        ("GET", "clock"): lambda: (200, {"now": simulator.clock.now().isoformat()}),
    }
    if len(parts) == 2 and (method, parts[0]) == ("POST", "regions"):
        return _region(simulator, parts[1], body)
    if len(parts) == 2 and (method, parts[0]) == ("GET", "tokens"):
        return _token(simulator, parts[1])
    found = routes.get((method, *parts))
    if found is None:
        known = ", ".join(f"{verb} {name}" for verb, name in routes)
        return 404, {
            "error": f"{method} {url.path}: use {known}, GET tokens/{{name}} or POST regions/{{region}}"
        }
    return found()


def _token(simulator: Simulator, name: str) -> tuple[int, Any]:
    try:
        return 200, simulator.directory.token(name)
    except UnknownAccount as error:
        return 404, {"error": str(error)}


def _add_fault(simulator: Simulator, body: bytes) -> tuple[int, Any]:
    try:
        wish = json.loads(body)
        fault = simulator.faults.add(wish.pop("kind"), **wish)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return 400, {"error": f"not a fault: {error}; send {{'kind': 'throttle', ...}}"}
    return 201, asdict(fault)


def _clear(simulator: Simulator) -> tuple[int, Any]:
    simulator.faults.clear()
    return 200, []


def _region(simulator: Simulator, region: str, body: bytes) -> tuple[int, Any]:
    try:
        wish = json.loads(body)
    except ValueError:
        wish = None
    if not isinstance(wish, dict) or type(wish.get("down")) is not bool:
        return 400, {"error": 'send {"down": true} or {"down": false}'}
    try:
        simulator.set_region(region, down=wish["down"])
    except ValueError as error:
        return 404, {"error": str(error)}
    return 200, {"region": region, "down": wish["down"]}


def _requests(simulator: Simulator, query: str) -> tuple[int, Any]:
    after = parse_qs(query).get("after", ["0"])[0]
    if not after.isdigit():
        return 400, {"error": "after takes the ordinal of the last request that is known"}
    return 200, [record.wire() for record in simulator.requests if record.ordinal > int(after)]


def _actions(simulator: Simulator) -> list[dict[str, Any]]:
    """Return what each identity asked for, how often, and how often it was refused that."""
    asked = Counter((r.identity, r.action) for r in simulator.requests if r.action)
    refused = Counter(
        (r.identity, r.action) for r in simulator.requests if r.action and r.status == 403
    )
    return [
        {"identity": who, "action": what, "times": asked[who, what], "refused": refused[who, what]}
        for who, what in sorted(asked)
    ]


def _give(simulator: Simulator, body: bytes) -> tuple[int, Any]:
    try:
        wish = json.loads(body)
        grant = Grant(str(wish["scope"]), tuple(map(str, wish["actions"])))
        simulator.permissions.give(wish["identity"], grant)
    except (ValueError, KeyError, TypeError) as error:
        mend = "send {'identity': 'drill', 'scope': '/subscriptions/...', 'actions': [...]}"
        return 400, {"error": f"not a grant: {error}; {mend}"}
    return 201, simulator.permissions.given()


def _take_back(simulator: Simulator, body: bytes) -> tuple[int, Any]:
    if not body.strip():
        simulator.permissions.clear()
        return 200, []
    try:
        wish = json.loads(body)
        simulator.permissions.take(wish["identity"], wish["scope"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        mend = "send {'identity': 'failover', 'scope': '/subscriptions/...'}"
        return 400, {"error": f"not a grant: {error}; {mend}"}
    return 200, simulator.permissions.given()


def _traffic(simulator: Simulator) -> list[dict[str, Any]]:
    return [
        {
            "at": change.at.isoformat(),
            "profile": change.profile,
            "endpoints": {name: asdict(state) for name, state in change.endpoints.items()},
        }
        for change in simulator.traffic_history
    ]
