"""The record of everything that came in and everything that was concluded: one file per day, beside the evidence."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from adapters.container import Container, Credential, waited_out
from adapters.places import ContainerUrl
from domain.errors import Transient

BELOW = "signals"
MOST_PARTS = 1000


class SignalRecord(Protocol):
    """Lines of JSON, none of which is ever changed."""

    def keep(self, what: str, entry: dict[str, Any]) -> None:
        """Append one entry; raises Transient ``record_not_kept`` when it cannot be written."""
        ...


class FolderRecord:
    """Appends lines of JSON; each is there whole before `keep` returns, and none is ever changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, what: str, entry: dict[str, Any]) -> None:
        """Append one entry; raises Transient ``record_not_kept`` when it cannot be written."""
        now = datetime.now(UTC)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # One write to a file opened for appending: lines of several processes do not mix.
            file = os.open(
                self._folder / f"{now:%Y%m%d}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640
            )
            try:
                _write_whole(file, _line(now, what, entry))
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise Transient(
                "record_not_kept", f"the record could not be written: {error}"
            ) from error


class BlobRecord:
    """Appends to a blob, which a container's retention allows and nothing else; a full one is followed by another.

    A line whose answer was lost may be there twice, never not at all.
    """

    def __init__(self, container: ContainerUrl, credential: Credential) -> None:
        self._container = Container(container, credential)
        self._part = ("", 1)

    def keep(self, what: str, entry: dict[str, Any]) -> None:
        """Append one entry; raises Transient ``record_not_kept`` when it cannot be written."""
        now = datetime.now(UTC)
        day, line = f"{now:%Y%m%d}", _line(now, what, entry)
        last_day, part = self._part
        part = part if day == last_day else 1
        while part <= MOST_PARTS:
            with waited_out("record_not_kept", "the record could not be written"):
                if self._container.append(f"{BELOW}/{_part_of(day, part)}", line):
                    self._part = (day, part)
                    return
            part += 1
        raise Transient("record_not_kept", f"the record of {day} has no room left")


def record_at(place: Path | ContainerUrl, credential: Credential) -> SignalRecord:
    """Return the record that lies beside the evidence of the place that the setting names."""
    if isinstance(place, Path):
        return FolderRecord(place / BELOW)
    return BlobRecord(place, credential)


def _part_of(day: str, part: int) -> str:
    return f"{day}.jsonl" if part == 1 else f"{day}-{part}.jsonl"


def _line(now: datetime, what: str, entry: dict[str, Any]) -> bytes:
    line = json.dumps({"kept": now.isoformat(), "what": what, **entry}, ensure_ascii=False)
    return f"{line}\n".encode("utf-8", "replace")


def _write_whole(file: int, data: bytes) -> None:
    written = os.write(file, data)
    if written < len(data):
        raise OSError(f"only {written} of {len(data)} bytes fitted")
