"""The ledger that all apps share: a folder with one file per entry, made by the first to come.

In a blob container or a table the same is a write that insists on there being nothing yet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domain.errors import Transient

SUFFIX = ".json"


class FolderLedger:
    """Keeps entries by key, as in ``periods/shop/20261206T080000Z``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, key: str, entry: dict[str, Any]) -> bool:
        """Make an entry unless there is one, and say whether this call made it; raises Transient."""
        path = self._room_for(key)
        try:
            # Hard links would make it whole at once, but shares know none; who finds it empty, waits.
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        except OSError as error:
            raise _unkept(key, error) from error
        try:
            with os.fdopen(file, "w", encoding="utf-8") as opened:
                opened.write(_text(entry))
        except OSError as error:
            raise _unkept(key, error) from error
        return True

    def keep(self, key: str, entry: dict[str, Any]) -> None:
        """Make an entry or replace it, in one piece; raises Transient."""
        path = self._room_for(key)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            fresh.write_text(_text(entry), encoding="utf-8")
            fresh.replace(path)
        except OSError as error:
            raise _unkept(key, error) from error

    def read(self, key: str) -> dict[str, Any] | None:
        """Return an entry, None where there is none, empty while it is being made; raises Transient."""
        try:
            text = self._path(key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unkept(key, error) from error
        try:
            entry = json.loads(text)
        except ValueError:
            return {}
        return entry if isinstance(entry, dict) else {}

    def keys(self, below: str) -> Sequence[str]:
        """Return the keys of the entries below a place, in order; raises Transient."""
        try:
            names = sorted(path.stem for path in (self._folder / below).glob(f"[!.]*{SUFFIX}"))
        except OSError as error:
            raise _unkept(below, error) from error
        return [f"{below}/{name}" for name in names]

    def _room_for(self, key: str) -> Path:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unkept(key, error) from error
        return path

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{SUFFIX}"


def _text(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False)


def _unkept(key: str, error: OSError) -> Transient:
    return Transient("ledger_unavailable", f"the ledger's {key} could not be reached: {error}")
