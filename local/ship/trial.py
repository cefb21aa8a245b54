"""The trial: the unpacked zip runs the demo's failover, with nothing but its own requirements to import from."""

from __future__ import annotations

import ast
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console

from local.demo.play import DemoBroke, play
from local.demo.screen import Screen
from local.processes import ROOT, Home
from local.ship.clean_room import CleanRoom, install
from local.ship.package import ShipRefused

ESTATE = ROOT / "local/estates/shop.yaml"
# What `local/host` needs beyond what a Functions app has anyway; in Azure the host is no Python at all.
HOST_LIBRARIES = ("starlette", "uvicorn", "croniter")


def furnish_host(room: CleanRoom, folder: Path) -> Home:
    """Set up the local host beside the room: its code, and the libraries that the app must do without."""
    packages = folder / "packages"
    shutil.copytree(
        ROOT / "local", folder / "local", ignore=shutil.ignore_patterns("__pycache__", "ship")
    )
    wanted = [f"{name}=={metadata.version(name)}" for name in HOST_LIBRARIES]
    install(
        room.python,
        "--target",
        str(packages),
        "--constraint",
        str(room.app / "requirements.txt"),
        *wanted,
    )
    return Home(room.python, folder, packages)


def check_imports(app: Path, borrowed: frozenset[str]) -> None:
    """Refuse an app that imports what only the host brought: in Azure it would be missing."""
    for path in sorted(app.rglob("*.py")):
        missing = sorted(_imported(path) & borrowed)
        if missing:
            raise ShipRefused(
                f"{path.relative_to(app)} imports {missing[0]}, which requirements.txt does not bring; "
                f"add it to pyproject.toml and run: make lock"
            )


def borrowed_names(home: Home) -> frozenset[str]:
    """Return the top-level names that can be imported only because the host is there."""
    own = home.python.parent.parent
    site_packages = next(own.glob("lib/python*/site-packages"))
    assert home.packages is not None
    return frozenset(_names_in(home.packages) - _names_in(site_packages))


def try_out(app: Path, home: Home, out: Path, speed: float) -> dict[str, Any]:
    """Run the demo's failover with the app and return its evidence; raises ShipRefused unless it completed."""
    try:
        evidence = play(app, ESTATE, out, speed, Screen(Console(quiet=True)), home)
    except DemoBroke as broke:
        logs = "\n".join(f"--- the end of {name}\n{end}" for name, end in broke.logs.items())
        raise ShipRefused(f"the demo broke off: {broke}\n{logs}") from broke
    outcome = evidence["run"]["outcome"]
    if outcome != "COMPLETED":
        raise ShipRefused(f"the demo's failover ended {outcome}; its evidence lies in {out}")
    return evidence


def _names_in(folder: Path) -> set[str]:
    return {
        path.stem
        for path in folder.iterdir()
        if (path.is_dir() or path.suffix == ".py") and path.suffix != ".dist-info"
    }


def _imported(path: Path) -> set[str]:
    """Return the top-level names of all imports in a file, those inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names
