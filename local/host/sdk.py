"""What the host changes about the SDK in its own process: its speed and its noise, no value."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any

_NOTICES = r"azure\.(durable_)?functions(\.|$)"


def remember_timestamps() -> None:
    """Let the SDK parse each timestamp once.

    Every turn hands the SDK the whole history again, and nearly nine tenths of a replay went into
    `dateutil` reading timestamps it had read the turn before. The parser is the SDK's own and its
    answers are immutable, so remembering them changes no value. Azure pays the full price.
    """
    module: Any = importlib.import_module("azure.durable_functions.models.history.HistoryEvent")
    parse: Callable[[str], datetime] = module.dt_parse
    if not hasattr(parse, "cache_info"):
        module.dt_parse = functools.lru_cache(maxsize=100_000)(parse)


def hush_notices() -> None:
    """Keep the SDK's notices to an app's author from becoming failures.

    A worker prints them to its log. Embedded in a process that turns warnings into errors, a
    notice would fail whichever orchestration happened to be the first to meet it.
    """
    # Filters put in front of this one hide it, so it has to be the first.
    first = warnings.filters[0] if warnings.filters else None
    if first is None or getattr(first[3], "pattern", None) != _NOTICES:
        warnings.filterwarnings("ignore", module=_NOTICES)
