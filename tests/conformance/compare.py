"""Hold a simulated body against a recorded one: the same keys, kinds and casing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z?)")
OPEN = frozenset({"tags", "affectedObjectDetails"})
"""Maps whose keys are data."""


def differences(recorded: Any, simulated: Any, at: str = "$") -> Iterator[str]:
    """Yield every place where the two do not look alike; null goes with everything."""
    if recorded is None or simulated is None:
        return
    if type(recorded) is not type(simulated):
        yield f"{at}: {recorded!r} was recorded, {simulated!r} is simulated"
    elif isinstance(recorded, dict):
        yield from _keys(recorded, simulated, at)
    elif isinstance(recorded, list):
        for one in simulated:
            if recorded:
                yield from differences(recorded[0], one, f"{at}[]")
    elif isinstance(recorded, str):
        yield from _texts(recorded, simulated, at)


def _keys(recorded: dict[str, Any], simulated: dict[str, Any], at: str) -> Iterator[str]:
    if at.rpartition(".")[2] in OPEN:
        return
    for key in sorted(set(recorded) - set(simulated)):
        yield f"{at}.{key}: recorded, not simulated"
    for key in sorted(set(simulated) - set(recorded)):
        yield f"{at}.{key}: simulated, never recorded"
    for key in sorted(set(recorded) & set(simulated)):
        yield from differences(recorded[key], simulated[key], f"{at}.{key}")


def _texts(recorded: str, simulated: str, at: str) -> Iterator[str]:
    if recorded.lower().startswith("/subscriptions/") and simulated:
        if _kinds(recorded) != _kinds(simulated):
            yield f"{at}: {_kinds(recorded)} was recorded, {_kinds(simulated)} is simulated"
    elif (time := TIME.fullmatch(recorded)) is not None:
        found = TIME.fullmatch(simulated)
        never = simulated.startswith("0001-") or recorded.startswith(("0001-", "9999-"))
        if found is None or (not never and found[2] != time[2]):
            yield f"{at}: {recorded!r} was recorded, {simulated!r} is simulated"


def _kinds(resource_id: str) -> list[str]:
    """Return the segments of an id that are not names: their casing must agree."""
    segments = resource_id.strip("/").split("/")
    providers = next((i for i, s in enumerate(segments) if s.lower() == "providers"), None)
    if providers is None:
        return segments[::2]
    return [*segments[: providers + 1 : 2], segments[providers + 1], *segments[providers + 2 :: 2]]
