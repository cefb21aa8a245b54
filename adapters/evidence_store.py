"""Where the evidence lies: a folder with one folder per run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from domain.errors import Permanent, Transient


class FolderEvidence:
    """Keeps the files of each run's evidence; a file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, run: str, files: Mapping[str, str]) -> None:
        """Write the files of a run, each in one piece; the same run may be kept again.

        Raises Transient ``evidence_not_kept`` when the folder cannot be written.
        """
        folder = self._folder / run
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                fresh = folder / f".{name}.new"
                fresh.write_text(text, encoding="utf-8")
                fresh.replace(folder / name)
        except OSError as error:
            raise Transient(
                "evidence_not_kept", f"the evidence of {run} could not be written: {error}"
            ) from error

    def text(self, run: str, name: str) -> str:
        """Return one file of a run's evidence; raises Permanent ``evidence_unknown``."""
        path = self._folder / run / name
        if not path.is_file():
            raise Permanent("evidence_unknown", f"run {run} has left no evidence yet")
        return path.read_text(encoding="utf-8")
