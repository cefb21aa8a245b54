"""The record of everything that came in and everything that was concluded: a folder with one file per day."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.errors import Transient


class FolderRecord:
    """Appends lines of JSON; each is there whole before `keep` returns, and none is ever changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, what: str, entry: dict[str, Any]) -> None:
        """Append one entry; raises Transient ``record_not_kept`` when it cannot be written."""
        now = datetime.now(UTC)
        line = json.dumps({"kept": now.isoformat(), "what": what, **entry}, ensure_ascii=False)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # One write to a file opened for appending: lines of several processes do not mix.
            file = os.open(
                self._folder / f"{now:%Y%m%d}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640
            )
            try:
                _write_whole(file, f"{line}\n".encode("utf-8", "replace"))
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise Transient("record_not_kept", f"the record cannot be written: {error}") from error


def _write_whole(file: int, data: bytes) -> None:
    written = os.write(file, data)
    if written < len(data):
        raise OSError(f"only {written} of {len(data)} bytes fitted")
