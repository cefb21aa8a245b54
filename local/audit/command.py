"""``python -m local audit``: what ships, held against the database of known vulnerabilities by pip-audit.

pip-audit says nothing of a package that it could not look up, and ends well. Here no word on a package is no pass.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from local.processes import ROOT

USUAL = f"{shlex.quote(sys.executable)} -m pip_audit"
OPTIONS = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")
PASSED, FOUND, UNKNOWN = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to a parser."""
    parser.add_argument("--requirements", type=Path, default=ROOT / "requirements.txt")
    parser.add_argument("--auditor", default=USUAL, help="the command that audits, as pip-audit")


def run(args: argparse.Namespace) -> int:
    """Audit; the exit code is 0 only if every package was looked up and none is known to be vulnerable."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    command = [*shlex.split(args.auditor), "--requirement", str(args.requirements), *OPTIONS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        console.print(
            f"nothing was audited: the database of vulnerabilities could not be reached ({last})",
            style="bold red",
        )
        return UNKNOWN
    skipped = [package for package in packages if "skip_reason" in package]
    found = [(package, flaw) for package in packages for flaw in package.get("vulns", ())]
    for package, flaw in found:
        mended = ", ".join(flaw.get("fix_versions", ())) or "no version yet"
        console.print(f"{package['name']} {package['version']}: {flaw['id']}, mended in {mended}")
    if len(skipped) == len(packages):
        console.print(
            "nothing was audited: the database of vulnerabilities could not be reached, or knows "
            f"none of the {len(packages)} packages",
            style="bold red",
        )
        return UNKNOWN
    for package in skipped:
        console.print(f"{package['name']} was not audited: {package['skip_reason']}")
    if found or skipped:
        return FOUND if found else UNKNOWN
    console.print(f"{len(packages)} packages audited, none is known to be vulnerable")
    return PASSED
