"""An action of Azure's own recovery plan and Leeward's word for it, both ways; what Leeward has no word for is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from domain.action import Action, AsrScope, Occasion, Runbook

OUT, HOME = "PrimaryToRecovery", "RecoveryToPrimary"
DRILLS = {"TestFailover", "TestFailoverCleanup"}
MOVES = {"UnplannedFailover", "PlannedFailover", "Failback"}
CLOCK = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d\d):(\d\d)(?:\.\d+)?")
ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")
LONGEST = 40

Json = dict[str, Any]


def slug(text: str, otherwise: str) -> str:
    """Return a name as Leeward writes names: lower case, words of a CamelCase one apart, hyphens between."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    plain = re.sub(r"[^a-z0-9]+", "-", apart.lower()).strip("-")
    return plain[:LONGEST].rstrip("-") or otherwise


def distinct(name: str, taken: Iterable[str]) -> str:
    """Return the name, with the first number that tells it from those that are taken."""
    others, number, found = set(taken), 1, name
    while found in others:
        number += 1
        found = f"{name[: LONGEST - 3]}-{number}"
    return found


def action_of(given: Mapping[str, Any], name: str) -> Action | str:
    """Return Leeward's word for an action of Azure's plan, or why it has none."""
    told = str(given.get("actionName") or "an action")
    types, ways = _texts(given.get("failoverTypes")), _texts(given.get("failoverDirections"))
    details = given.get("customDetails") or {}
    occasions = _occasions(types, ways)
    if not occasions:
        return (
            f"action {told!r} is for {', '.join(types) or 'nothing'}, which no run of Leeward does"
        )
    timeout = details.get("timeout")
    scope = AsrScope(
        failover_types=types,
        directions=ways,
        location=details.get("fabricLocation"),
        script=details.get("path"),
        name=told,
        timeout=str(timeout) if timeout else None,
    )
    common: Json = {"name": name, "on": occasions, "asr": scope}
    within = _duration(scope.timeout)
    if within:
        common["within"] = within
    try:
        return _kind_of(details, told, common)
    except ValidationError as error:
        return f"action {told!r} cannot be taken over: {error.errors()[0]['msg']}"


def _kind_of(details: Mapping[str, Any], told: str, common: Json) -> Action | str:
    match details.get("instanceType"):
        case "ManualActionDetails":
            return Action(**common, manual=str(details.get("description") or told)[:2000])
        case "AutomationRunbookActionDetails":
            account, _, runbook = str(details.get("runbookId") or "").rpartition("/runbooks/")
            return Action(**common, runbook=Runbook(account=account, name=runbook))
        case "ScriptActionDetails":
            says = (
                f"Run the script {details.get('path')}: Leeward cannot, and for A2A Azure does not"
            )
            return Action(**common, manual=says[:2000])
        case other:
            return f"action {told!r} is of a kind that is not known: {other}"


def asr_action(action: Action) -> Json | None:
    """Return an action as Azure's plan has it; None for an HTTP call or a wait, which only Leeward does."""
    scope = action.asr
    if scope and scope.script:
        details: Json = {"instanceType": "ScriptActionDetails", "path": scope.script}
    elif action.runbook:
        runbook = f"{action.runbook.account}/runbooks/{action.runbook.name}"
        details = {"instanceType": "AutomationRunbookActionDetails", "runbookId": runbook}
    elif action.manual is not None:
        details = {"instanceType": "ManualActionDetails", "description": action.manual}
    else:
        return None
    if details["instanceType"] != "ManualActionDetails":
        details["timeout"] = scope.timeout if scope else _iso(action.within)
        details["fabricLocation"] = (scope.location if scope else None) or "Recovery"
    return {
        "actionName": (scope.name if scope else None) or action.name,
        "failoverTypes": list(scope.failover_types if scope else _types(action.on)),
        "failoverDirections": list(scope.directions if scope else _ways(action.on)),
        "customDetails": details,
    }


def same_actions(one: Sequence[Json], other: Sequence[Json]) -> bool:
    """Say whether two lists of actions do the same in the same order, whatever Azure adds to them."""
    return [_essence(action) for action in one] == [_essence(action) for action in other]


def _essence(action: Json) -> Json:
    details = action.get("customDetails") or {}
    return {
        "name": action.get("actionName"),
        "types": sorted(_texts(action.get("failoverTypes"))),
        "ways": sorted(_texts(action.get("failoverDirections"))),
        "details": {
            key: str(value).casefold() for key, value in details.items() if value is not None
        },
    }


def _occasions(types: Sequence[str], ways: Sequence[str]) -> tuple[Occasion, ...]:
    moves = any(kind in MOVES for kind in types)
    found = {
        Occasion.DRILL: any(kind in DRILLS for kind in types) and OUT in ways,
        Occasion.FAILOVER: moves and OUT in ways,
        Occasion.FAILBACK: moves and HOME in ways,
    }
    return tuple(occasion for occasion, there in found.items() if there)


def _types(on: Sequence[Occasion]) -> list[str]:
    moves = Occasion.FAILOVER in on or Occasion.FAILBACK in on
    return [
        *(["TestFailover"] if Occasion.DRILL in on else []),
        *(["UnplannedFailover"] if moves else []),
    ]


def _ways(on: Sequence[Occasion]) -> list[str]:
    out = Occasion.FAILOVER in on or Occasion.DRILL in on
    return [*([OUT] if out else []), *([HOME] if Occasion.FAILBACK in on else [])]


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list | tuple) else ()


def _duration(text: str | None) -> timedelta | None:
    """Return a timeout of Azure's, which is written as .NET writes time spans or as ISO 8601."""
    found = CLOCK.fullmatch(text or "") or ISO.fullmatch(text or "")
    if not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) or None


def _iso(duration: timedelta) -> str:
    return f"PT{round(duration.total_seconds())}S"
