"""App settings: what Core Tools puts into the environment before it starts an app."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

FILE = "local.settings.json"


class BadSettings(Exception):
    """local.settings.json cannot be used."""


class LentEnvironment:
    """Settings lent to the process's environment; `take_back` leaves it as it was."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def lend(self, settings: Mapping[str, str]) -> None:
        """Put settings into the environment."""
        for name, value in settings.items():
            self._before.setdefault(name, os.environ.get(name))
            os.environ[name] = value

    def take_back(self) -> None:
        """Put back what was there before."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before.clear()


def settings_of(directory: Path) -> dict[str, str]:
    """Return the `Values` of local.settings.json that the environment does not already have."""
    path = directory / FILE
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise BadSettings(f"{path} is not JSON: {error}") from error
    values = content.get("Values", {}) if isinstance(content, dict) else None
    if not isinstance(values, dict):
        raise BadSettings(f'{path} must be an object with "Values": {{"NAME": "value"}}')
    for name, value in values.items():
        if not isinstance(value, str):
            raise BadSettings(f'{path}: the value of {name} must be a string, as in "{value}"')
    return {name: value for name, value in values.items() if name not in os.environ}


def is_disabled(function: str, environ: Mapping[str, str]) -> bool:
    """Say whether an app setting disables a function; Linux apps write the name with underscores."""
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(environ.get(name, "").strip().casefold() in ("true", "1") for name in names)
