"""Reading what Azure sends: tolerant of spellings, of lists that arrive as text and of missing parts.

Shapes: Event Grid's HealthResources events (both schemas carry the same ``data``) and Azure Monitor's common alert
schema. An event that is well-formed but none of ours is `Ignored` with the reason; nothing raises.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.regions import region_key
from domain.signals import ON_PURPOSE, Signal, Verdict, Witness

STATUS_CHANGED = "Microsoft.ResourceNotifications.HealthResources.AvailabilityStatusChanged"
ANNOTATED = "Microsoft.ResourceNotifications.HealthResources.ResourceAnnotated"
COMMON_SCHEMA = "azureMonitorCommonAlertSchema"
VIA_EVENT_GRID = "event grid"
VIA_ALERT = "alert"
LONGEST = 2000

# Degraded is not down, and unknown is not unhealthy.
STATES = {"unavailable": Verdict.UNHEALTHY, "available": Verdict.HEALTHY}
GRAVE = {"sev0", "sev1"}
# The rules that people write themselves, on metrics and on logs.
RULES = {"metric", "log"}


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that is not acted on, and why."""

    id: str
    because: str


Read = list[Signal] | Ignored


def health_event(kind: str, event_id: str, data: Any) -> Read:
    """Read an Event Grid event about the health of a resource."""
    kind, event_id = _text(kind), _text(event_id) or "without id"
    properties = _dig(data, "resourceInfo", "properties")
    if kind.casefold() == ANNOTATED.casefold():
        return _annotation(event_id, properties, data)
    if kind.casefold() != STATUS_CHANGED.casefold():
        return Ignored(event_id, f"events of type {kind or 'unknown'} are not acted on")
    resource, state = properties.get("targetResourceId"), properties.get("availabilityState")
    at = _occurred(properties, data)
    if not (isinstance(resource, str) and isinstance(state, str) and at):
        return Ignored(
            event_id, "the event does not say which resource is in which state since when"
        )
    return [
        Signal(
            id=event_id,
            witness=Witness.RESOURCE_HEALTH,
            verdict=STATES.get(state.casefold(), Verdict.UNKNOWN),
            resource=_text(resource),
            at=at,
            summary=f"Resource Health: {_name(resource)} is {_text(state)}",
            via=VIA_EVENT_GRID,
        )
    ]


def _annotation(event_id: str, properties: dict[str, Any], data: Any) -> Read:
    """Read why a resource is as it is: what somebody did on purpose is no sign of an outage."""
    resource, at = properties.get("targetResourceId"), _occurred(properties, data)
    if not (isinstance(resource, str) and at):
        return Ignored(event_id, "the annotation does not say of which resource since when")
    name = _text(properties.get("annotationName")) or "an annotation"
    context = _text(properties.get("context")) or "of unknown origin"
    if _plain(context) != "customerinitiated":
        because = f"annotation {name} ({context}) says why a resource is ill, not that it is"
        return Ignored(event_id, because)
    return [
        Signal(
            id=event_id,
            witness=Witness.RESOURCE_HEALTH,
            verdict=Verdict.UNKNOWN,
            resource=_text(resource),
            at=at,
            summary=f"Resource Health: {_name(resource)} was stopped on purpose ({name})",
            via=VIA_EVENT_GRID,
            aspect=ON_PURPOSE,
        )
    ]


def _occurred(properties: dict[str, Any], data: Any) -> datetime | None:
    return _time(
        properties.get("occurredTime") or _dig(data, "operationalInfo").get("resourceEventTime")
    )


def common_alert(body: dict[str, Any]) -> Read:
    """Read an alert of Azure Monitor's common schema."""
    essentials = _dig(body, "data", "essentials")
    alert_id = _text(essentials.get("alertId")) or _text(essentials.get("originAlertId"))
    alert_id = alert_id or "without id"
    if _plain(body.get("schemaId")) != COMMON_SCHEMA.casefold():
        return Ignored(
            alert_id, "it is not in the common alert schema; enable it on the action group"
        )
    at = _time(essentials.get("firedDateTime"))
    if _plain(essentials.get("monitorCondition")) == "resolved":
        # An alert keeps its id and the time it fired: only this tells its end from its beginning.
        at = _time(essentials.get("resolvedDateTime")) or at
    if at is None:
        return Ignored(alert_id, "the alert does not say when it fired")
    alert = Alert(alert_id, at, essentials, _dig(body, "data", "alertContext"))
    service = _plain(essentials.get("monitoringService"))
    if service == "servicehealth":
        return _service_health(alert)
    if service == "resourcehealth":
        return _resource_health(alert)
    if _plain(essentials.get("signalType")) in RULES:
        return _rule(alert)
    named = _text(essentials.get("monitoringService")) or "an unnamed service"
    return Ignored(alert_id, f"alerts of {named} are not acted on")


@dataclass(frozen=True, slots=True)
class Alert:
    """The parts of a common alert."""

    id: str
    at: datetime
    essentials: dict[str, Any]
    context: dict[str, Any]

    def signal(
        self,
        witness: Witness,
        verdict: Verdict,
        resource: str,
        summary: str,
        region: str | None = None,
    ) -> Signal:
        """Return a signal of this alert; an alert tells of several resources under ids of their own."""
        return Signal(
            id=f"{self.id}#{_text(resource)}#{region or ''}#{self.at.isoformat()}",
            witness=witness,
            verdict=verdict,
            resource=_text(resource),
            region=region,
            at=self.at,
            summary=_text(summary),
            via=VIA_ALERT,
        )


def _service_health(alert: Alert) -> Read:
    properties = _dig(alert.context, "properties")
    if properties.get("IsSynthetic") is True or _plain(properties.get("IsSynthetic")) == "true":
        return Ignored(alert.id, "it is a synthetic Service Health event")
    kind = _text(properties.get("incidentType"))
    if kind.casefold() != "incident":
        return Ignored(alert.id, f"Service Health {kind or 'of no type'} is no incident")
    stage = _text(properties.get("stage")) or _text(alert.context.get("status"))
    verdict = Verdict.UNHEALTHY if stage.casefold() == "active" else Verdict.UNKNOWN
    if stage.casefold() in ("resolved", "rca"):
        verdict = Verdict.HEALTHY
    tracking = _text(properties.get("trackingId")) or alert.id
    title = _text(properties.get("title")) or "incident"
    regions = list(dict.fromkeys(_regions(properties)))
    if not regions:
        return Ignored(alert.id, "the incident names no region")
    return [
        alert.signal(
            Witness.SERVICE_HEALTH,
            verdict,
            f"servicehealth/{tracking}",
            f"Service Health {tracking} ({stage}): {title}",
            region,
        )
        for region in regions
    ]


def _regions(properties: dict[str, Any]) -> Iterator[str]:
    for service in _list(properties.get("impactedServices")):
        for region in _list(_dig(service).get("ImpactedRegions")):
            name = _dig(region).get("RegionName")
            if isinstance(name, str) and region_key(name) != "global":
                yield region_key(_text(name))
    name = _text(properties.get("region"))
    if name and region_key(name) != "global":
        yield region_key(name)


def _resource_health(alert: Alert) -> Read:
    properties = _dig(alert.context, "properties")
    state = _text(properties.get("currentHealthStatus"))
    if _plain(properties.get("cause")) == "userinitiated":
        return Ignored(alert.id, "somebody stopped the resource on purpose")
    verdict = STATES.get(state.casefold(), Verdict.UNKNOWN)
    return _per_target(
        alert, Witness.RESOURCE_HEALTH, verdict, f"Resource Health: {{name}} is {state}"
    )


def _rule(alert: Alert) -> Read:
    condition = _plain(alert.essentials.get("monitorCondition"))
    verdict = Verdict.HEALTHY if condition == "resolved" else Verdict.UNKNOWN
    if condition == "fired" and _plain(alert.essentials.get("severity")) in GRAVE:
        verdict = Verdict.UNHEALTHY
    rule = _text(alert.essentials.get("alertRule"))
    return _per_target(
        alert,
        Witness.METRIC,
        verdict,
        f"{_plain(alert.essentials.get('signalType'))} alert {rule} on {{name}}",
    )


def _per_target(alert: Alert, witness: Witness, verdict: Verdict, summary: str) -> Read:
    targets = [t for t in _list(alert.essentials.get("alertTargetIDs")) if isinstance(t, str)]
    if not targets:
        return Ignored(alert.id, "the alert names no target")
    return [alert.signal(witness, verdict, t, summary.replace("{name}", _name(t))) for t in targets]


def _dig(value: Any, *keys: str) -> dict[str, Any]:
    """Return the object below the keys, an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Iterable[Any]:
    """Return a list; real alerts send some lists as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Return a text as it can be kept: bounded, and without half characters; what is no text is empty."""
    if not isinstance(value, str):
        return ""
    return value[:LONGEST].encode("utf-8", "replace").decode()


def _plain(value: Any) -> str:
    """Return a word without the spaces and capitals that differ from source to source."""
    return _text(value).replace(" ", "").casefold()


def _name(resource: str) -> str:
    return _text(resource.rstrip("/").rsplit("/", 1)[-1])


def _time(value: Any) -> datetime | None:
    """Return an aware time; Azure writes seven decimals, and sometimes leaves the zone out."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the first and the last day of the calendar have no UTC
        return None
