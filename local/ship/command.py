"""``python -m local ship``: pack the app, install it alone, index it, list its functions and what it is made of."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console

from local.processes import ROOT
from local.ship.clean_room import CleanRoom
from local.ship.licences import Policy, licences
from local.ship.package import ShipRefused, check_files, files_to_ship, write_zip
from local.ship.trial import borrowed_names, check_imports, furnish_host, try_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to a parser."""
    parser.add_argument("--app", type=Path, default=ROOT, help="the folder of function_app.py")
    parser.add_argument("--out", type=Path, default=Path("out"), help="where the zip goes")
    parser.add_argument(
        "--speed", type=float, default=60.0, help="story seconds per wall second of the trial"
    )


def run(args: argparse.Namespace) -> int:
    """Make the package and prove it; the exit code is 0 only if it may leave."""
    console = Console(highlight=False)
    package = args.out / "leeward.zip"
    try:
        names = files_to_ship(args.app)
        check_files(names)
        digest = write_zip(args.app, names, package)
        console.print(
            f"packed {len(names)} files, {package.stat().st_size:,} bytes", soft_wrap=True
        )
        with tempfile.TemporaryDirectory(prefix="leeward-ship-") as folder:
            room = CleanRoom.furnish(package, Path(folder))
            indexed = room.index(example_settings(args.app))
            check_index(indexed, room)
            sbom = room.sbom()
            check_licences(sbom, (args.app / "licences.toml").read_text(encoding="utf-8"))
            home = furnish_host(room, Path(folder) / "host")
            check_imports(room.app, borrowed_names(home))
            tried = try_out(room.app, home, args.out / "trial", args.speed)
    except ShipRefused as refused:
        package.unlink(missing_ok=True)
        console.print(f"not shipped: {refused}", style="bold red", soft_wrap=True, markup=False)
        return 1
    (args.out / "leeward.sbom.json").write_text(sbom, encoding="utf-8")
    (args.out / "licences.txt").write_text(licences(sbom), encoding="utf-8")
    for kind, count in sorted(Counter(f["trigger"] for f in indexed["functions"]).items()):
        named = ", ".join(sorted(f["name"] for f in indexed["functions"] if f["trigger"] == kind))
        console.print(f"{count:3} {kind}: {named}", soft_wrap=True)
    console.print(
        f"started from the zip with its own requirements alone, it failed the demo's shop over: "
        f"{tried['run']['outcome']}, evidence in {args.out}/trial",
        soft_wrap=True,
    )
    console.print(f"sha256 {digest}  {package}", soft_wrap=True)
    console.print(
        f"bill of materials {args.out}/leeward.sbom.json, licences {args.out}/licences.txt"
    )
    return 0


def example_settings(app: Path) -> dict[str, str]:
    """Return the settings that a developer would begin with: indexing must need no more."""
    example = json.loads((app / "local.settings.json.example").read_text("utf-8"))
    values: dict[str, str] = example["Values"]
    return values


def check_licences(sbom: str, policy: str) -> None:
    """Refuse components that the policy does not let ship."""
    objections = Policy.read(policy).objections(sbom)
    if objections:
        raise ShipRefused("\n  ".join(["licences stand in the way:", *objections]))


def check_index(indexed: dict[str, Any], room: CleanRoom) -> None:
    """Refuse an app without functions, or one that imports from beyond itself and its requirements."""
    if not indexed["functions"]:
        raise ShipRefused("the app has no functions")
    homes = (str(room.app.resolve()), str(room.python.parent.parent), sys.base_prefix)
    strange = [file for file in indexed["files"] if not file.startswith(homes)]
    if strange:
        raise ShipRefused(f"the app imports {strange[0]}, which is not in the package")
