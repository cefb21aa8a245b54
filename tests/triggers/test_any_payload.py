"""No JSON that anybody may send makes the reader of events fall over, and what it reads can be kept."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.signals import Signal
from tests.triggers.test_payloads import VM, alert_of, availability, resource_health, service_health
from triggers.payloads import COMMON_SCHEMA, STATUS_CHANGED, Ignored, common_alert, health_event

words = st.one_of(
    st.text(st.characters()),
    st.sampled_from(
        [STATUS_CHANGED, COMMON_SCHEMA, "Fired", "Sev0", "Resource Health", "ServiceHealth", "Metric",
         "Incident", "Active", "2026-03-14T02:41:07Z", "0001-01-01T00:00:00+14:00", VM, "[[1]]",
         "\ud800", '[{"ImpactedRegions":[{"RegionName":"\\ud800"}]}]', "East US"]
    ),
)  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "schemaId",
    "data",
    "essentials",
    "alertContext",
    "properties",
    "alertId",
    "firedDateTime",
    "monitoringService",
    "signalType",
    "severity",
    "monitorCondition",
    "alertTargetIDs",
    "incidentType",
    "stage",
    "impactedServices",
    "region",
    "trackingId",
    "title",
    "currentHealthStatus",
    "cause",
    "resourceInfo",
    "operationalInfo",
    "occurredTime",
    "availabilityState",
    "targetResourceId",
    "alertRule",
]


def corrupted(draw: st.DrawFn, value: Any) -> Any:
    """Replace parts of a good event, here and there, by anything."""
    if draw(st.integers(0, 5)) == 0:
        return draw(anything)
    if isinstance(value, dict):
        kept = {key: corrupted(draw, inner) for key, inner in value.items()}
        if draw(st.integers(0, 3)) == 0:
            kept[draw(st.sampled_from(KEYS))] = draw(anything)
        return kept
    if isinstance(value, list):
        return [corrupted(draw, inner) for inner in value]
    return value


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    good = [resource_health(), service_health(), alert_of("Platform"), availability()]
    return corrupted(draw, copy.deepcopy(draw(st.sampled_from(good))))


def sound(read: list[Signal] | Ignored) -> None:
    """What was read can be kept: it is JSON, and no text in it is broken."""
    kept = [s.wire() for s in read] if isinstance(read, list) else [[read.id, read.because]]
    json.dumps(kept, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert read != []


@settings(deadline=None, max_examples=300)
@given(spoilt() | st.dictionaries(st.sampled_from(KEYS) | words, anything, max_size=4))
def test_no_json_makes_the_reading_of_an_alert_fail(body: Any) -> None:
    sound(common_alert(body if isinstance(body, dict) else {"data": body}))


@settings(deadline=None, max_examples=300)
@given(kind=words | st.just(STATUS_CHANGED), event=words, data=spoilt() | anything)
def test_no_json_makes_the_reading_of_an_event_fail(kind: str, event: str, data: Any) -> None:
    sound(health_event(kind, event, data))
    sound(health_event(STATUS_CHANGED, event, data))


def test_nesting_to_the_readers_own_limit_is_no_trouble() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    for key in ("monitoringService", "alertId", "severity", "signalType", "alertTargetIDs"):
        sound(common_alert(alert_of("Platform", **{key: deep})))
    sound(health_event(STATUS_CHANGED, "e", availability(targetResourceId=deep)))
