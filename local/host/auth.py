"""Access keys: function, host, master and system keys, kept in a JSON file beside the state."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one host."""

    master: str
    host: dict[str, str] = field(default_factory=dict)
    system: dict[str, str] = field(default_factory=dict)
    functions: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def keep(cls, path: Path, functions: Iterable[str]) -> Keys:
        """Read the keys in ``path``, make the ones that are missing, and write them back."""
        known = _read(path)
        named = known.get("functions", {})
        keys = cls(
            master=known.get("master") or _fresh(),
            host=known.get("host") or {"default": _fresh()},
            system={
                name: known.get("system", {}).get(name) or _fresh()
                for name in ("durabletask_extension", "eventgrid_extension")
            },
            functions={name: named.get(name) or {"default": _fresh()} for name in functions},
        )
        keys.write(path)
        return keys

    def write(self, path: Path) -> None:
        """Write the keys for the eyes of this user alone."""
        text = json.dumps(
            {
                "master": self.master,
                "host": self.host,
                "system": self.system,
                "functions": self.functions,
            },
            indent=2,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
        fresh.replace(path)

    def open_function(self, name: str, level: str, presented: str | None) -> bool:
        """Say whether a presented key opens a function of that auth level."""
        if level.lower() == "anonymous":
            return True
        if level.lower() == "admin":
            return self.open_admin(presented)
        own = self.functions.get(name, {})
        return _one_of(presented, [*own.values(), *self.host.values(), self.master])

    def open_webhook(self, extension: str, presented: str | None) -> bool:
        """Say whether a presented key opens the webhooks of an extension."""
        return _one_of(presented, [self.system[extension], self.master])

    def open_admin(self, presented: str | None) -> bool:
        """Say whether a presented key opens the admin interface."""
        return _one_of(presented, [self.master])


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"{path}: not JSON ({error}); mend it, or delete it for new keys"
        ) from error
    if not isinstance(known, dict):
        raise ValueError(f"{path}: not a JSON object; mend it, or delete it for new keys")
    return known


def _fresh() -> str:
    return secrets.token_urlsafe(32)


def _one_of(presented: str | None, keys: Iterable[str]) -> bool:
    if not presented:
        return False
    return any(hmac.compare_digest(presented.encode(), key.encode()) for key in keys)
