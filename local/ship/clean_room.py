"""A virtual environment that holds what ``requirements.txt`` names and nothing else, and the app unpacked beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.ship.package import ShipRefused

INDEX = Path(__file__).with_name("index_app.py")


@dataclass(frozen=True, slots=True)
class CleanRoom:
    """The unpacked app and the Python that has only its requirements."""

    app: Path
    python: Path

    @classmethod
    def furnish(cls, package: Path, folder: Path) -> CleanRoom:
        """Unpack the zip into the folder and install its requirements beside it."""
        app, environment = folder / "app", folder / "env"
        with zipfile.ZipFile(package) as packed:
            packed.extractall(app)
        run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
        python = environment / "bin" / "python"
        install(python, "-r", str(app / "requirements.txt"))
        return cls(app, python)

    def index(self, settings: Mapping[str, str]) -> dict[str, Any]:
        """Load ``function_app`` as the worker does and return its functions, and what was imported from where."""
        said = run([str(self.python), str(INDEX)], cwd=self.app, settings=settings)
        indexed: dict[str, Any] = json.loads(said.splitlines()[-1])
        return indexed

    def sbom(self) -> str:
        """Return the CycloneDX bill of materials of the environment, the same text each time."""
        lister = [sys.executable, "-m", "cyclonedx_py", "environment", str(self.python)]
        # Holding its own output against the schema takes it ten times as long as the rest.
        told = ["--output-reproducible", "--of", "JSON", "--mc-type", "application"]
        return run([*lister, *told, "--no-validate"])


def install(python: Path, *what: str) -> None:
    """Install packages into the environment of that Python, which needs no pip and gets none."""
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    run([*pip, "install", "--quiet", "--disable-pip-version-check", *what])


def run(
    command: Sequence[str], cwd: Path | None = None, settings: Mapping[str, str] | None = None
) -> str:
    """Run a command with a clean environment and return what it said; raises ShipRefused when it fails."""
    kept = (
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_CONFIG_FILE",
    )
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env={**environment, **(settings or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ShipRefused(f"{' '.join(command[:4])} ... failed:\n{done.stderr[-3000:]}")
    return done.stdout
