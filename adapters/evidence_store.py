"""Where the evidence lies: a folder or a container with one folder per run.

Nothing that was kept is ever changed: evidence with other contents becomes a later edition beside the first,
``evidence.2.json`` after ``evidence.json``, and the newest is what is read.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path, PurePosixPath

from adapters.container import Container, Credential, waited_out
from adapters.places import ContainerUrl
from domain.errors import Permanent, Transient

LARGEST_EVIDENCE = 64_000_000


class StoredEvidence(ABC):
    """Keeps the files of each run's evidence; a file is there whole or not at all, and stays."""

    def keep(self, run: str, files: Mapping[str, str]) -> None:
        """Keep the files of a run; the same run may be kept again.

        Raises Transient ``evidence_not_kept`` when they cannot be written.
        """
        for name, text in files.items():
            data = text.encode()
            for edition in count(1):
                at = _edition(name, edition)
                if self._make(run, at, data) or self._held(run, at) == data:
                    break

    def text(self, run: str, name: str) -> str:
        """Return one file of a run's evidence, in its newest edition.

        Raises Permanent ``evidence_unknown``, Transient ``evidence_unreachable``.
        """
        newest = max((_number(name, at), at) for at in ("", *self._names(run)))
        data = self._held(run, newest[1]) if newest[0] else None
        if data is None:
            raise Permanent("evidence_unknown", f"run {run} has left no evidence yet")
        return data.decode()

    @abstractmethod
    def _make(self, run: str, name: str, data: bytes) -> bool:
        """Keep a file unless there is one, and say whether it was made; raises Transient."""

    @abstractmethod
    def _held(self, run: str, name: str) -> bytes | None:
        """Return what a file holds, None where there is none; raises Transient."""

    @abstractmethod
    def _names(self, run: str) -> Iterable[str]:
        """Return the names of a run's files; raises Transient."""


class FolderEvidence(StoredEvidence):
    """The evidence in a folder of one machine; that nothing is ever changed there is this class's word alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _make(self, run: str, name: str, data: bytes) -> bool:
        path = self._folder / run / name
        try:
            if path.exists():
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{name}.new")
            fresh.write_bytes(data)
            fresh.replace(path)
        except OSError as error:
            raise Transient(
                "evidence_not_kept", f"the evidence of {run} could not be written: {error}"
            ) from error
        return True

    def _held(self, run: str, name: str) -> bytes | None:
        try:
            return (self._folder / run / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreachable(run, error) from error

    def _names(self, run: str) -> Iterable[str]:
        try:
            return [path.name for path in (self._folder / run).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _unreachable(run, error) from error


class BlobEvidence(StoredEvidence):
    """The evidence in a container, whose retention keeps it from being replaced or deleted by anybody."""

    def __init__(self, container: ContainerUrl, credential: Credential) -> None:
        self._container = Container(container, credential)

    def _make(self, run: str, name: str, data: bytes) -> bool:
        with waited_out("evidence_not_kept", f"the evidence of {run} could not be written"):
            return self._container.make(f"{run}/{name}", data)

    def _held(self, run: str, name: str) -> bytes | None:
        with waited_out("evidence_unreachable", f"the evidence of {run} could not be read"):
            read = self._container.read(f"{run}/{name}", LARGEST_EVIDENCE)
            return None if read is None else read.data

    def _names(self, run: str) -> Iterable[str]:
        with waited_out("evidence_unreachable", f"the evidence of {run} could not be read"):
            return [PurePosixPath(blob.name).name for blob in self._container.listed(f"{run}/")]


def evidence_at(place: Path | ContainerUrl, credential: Credential) -> StoredEvidence:
    """Return the evidence store of the place that the setting names."""
    if isinstance(place, Path):
        return FolderEvidence(place)
    return BlobEvidence(place, credential)


def _edition(name: str, edition: int) -> str:
    stem, dot, ending = name.rpartition(".")
    return name if edition == 1 else f"{stem}.{edition}{dot}{ending}"


def _number(name: str, at: str) -> int:
    """Return which edition of a file another name is, 0 for none."""
    stem, dot, ending = map(re.escape, name.rpartition("."))
    found = re.fullmatch(rf"{stem}(?:\.([1-9]\d{{0,8}}))?{dot}{ending}", at)
    return int(found[1] or 1) if found else 0


def _unreachable(run: str, error: OSError) -> Transient:
    return Transient("evidence_unreachable", f"the evidence of {run} could not be read: {error}")
