"""The kill switch among the app's settings."""

from __future__ import annotations

from collections.abc import Mapping

KEY = "KILL_SWITCH"
OFF = {"", "0", "off", "false", "no"}


class EnvironmentKillSetting:
    """Reads the setting each time it is asked; whatever does not say off is on."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def pulled(self) -> str | None:
        """Return what the setting says while it is on, None while it is off."""
        said = self._environ.get(KEY, "").strip()
        return None if said.casefold() in OFF else said[:200]
