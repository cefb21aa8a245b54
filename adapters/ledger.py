"""The ledger that all apps share: a folder or a container with one file per entry, made by the first to come."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from adapters.container import Container, Credential, waited_out
from adapters.places import ContainerUrl
from domain.errors import Transient

SUFFIX = ".json"
LARGEST_ENTRY = 1_000_000


class Ledger(Protocol):
    """Entries by key, as in ``periods/shop/20261206T080000Z``."""

    def claim(self, key: str, entry: dict[str, Any]) -> bool:
        """Make an entry unless there is one, and say whether this call made it; raises Transient."""
        ...

    def keep(self, key: str, entry: dict[str, Any]) -> None:
        """Make an entry or replace it, in one piece; raises Transient."""
        ...

    def read(self, key: str) -> dict[str, Any] | None:
        """Return an entry, None where there is none, empty while it is being made; raises Transient."""
        ...

    def keys(self, below: str) -> Sequence[str]:
        """Return the keys of the entries below a place, in order; raises Transient."""
        ...


class FolderLedger:
    """The entries in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, key: str, entry: dict[str, Any]) -> bool:
        """Make an entry unless there is one, and say whether this call made it; raises Transient."""
        path = self._room_for(key)
        try:
            return _make_whole(path, _text(entry))
        except FileExistsError:
            return False
        except OSError as error:
            raise _unkept(key, error) from error

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
            text = self._path(key).read_text("utf-8", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unkept(key, error) from error
        return _entry(text)

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


class BlobLedger:
    """The entries in a container, each a blob: a claim insists on there being none yet."""

    def __init__(self, container: ContainerUrl, credential: Credential) -> None:
        self._container = Container(container, credential)

    def claim(self, key: str, entry: dict[str, Any]) -> bool:
        """Make an entry unless there is one, and say whether this call made it; raises Transient."""
        with _reaching(key):
            return self._container.make(f"{key}{SUFFIX}", _text(entry).encode())

    def keep(self, key: str, entry: dict[str, Any]) -> None:
        """Make an entry or replace it, in one piece; raises Transient."""
        with _reaching(key):
            self._container.put(f"{key}{SUFFIX}", _text(entry).encode())

    def read(self, key: str) -> dict[str, Any] | None:
        """Return an entry, None where there is none; raises Transient."""
        with _reaching(key):
            read = self._container.read(f"{key}{SUFFIX}", LARGEST_ENTRY)
        return None if read is None else _entry(read.data.decode(errors="replace"))

    def keys(self, below: str) -> Sequence[str]:
        """Return the keys of the entries below a place, in order; raises Transient."""
        with _reaching(below):
            names = [blob.name for blob in self._container.listed(f"{below}/")]
        return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def ledger_at(place: Path | ContainerUrl, credential: Credential) -> Ledger:
    """Return the ledger of the place that the setting names."""
    return FolderLedger(place) if isinstance(place, Path) else BlobLedger(place, credential)


def _reaching(key: str) -> AbstractContextManager[None]:
    return waited_out("ledger_unavailable", f"the ledger's {key} could not be reached")


def _entry(text: str) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _make_whole(path: Path, text: str) -> bool:
    """Make a file that is not there yet; raises FileExistsError, or OSError with nothing left behind.

    A link makes it whole at once, so that nobody ever finds it torn. Shares know no links: there it is made first
    and written then, and taken away again if that fails.
    """
    fresh = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        fresh.write_text(text, encoding="utf-8")
        try:
            os.link(fresh, path)
            return True
        except FileExistsError:
            raise
        except OSError:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    finally:
        fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def _text(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False)


def _unkept(key: str, error: OSError) -> Transient:
    return Transient("ledger_unavailable", f"the ledger's {key} could not be reached: {error}")
