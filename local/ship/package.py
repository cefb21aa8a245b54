"""The zip: the tracked files that ``.funcignore`` lets through, the same bytes for the same files."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

# The oldest time that a zip can say; file times would make every checkout another package.
SAME_TIME = (1980, 1, 1, 0, 0, 0)
NEVER = ("local/", "tests/", "cli/", "infra/", "docs/", ".")
NEEDED = ("function_app.py", "host.json", "requirements.txt")


class ShipRefused(Exception):
    """What was packed may not leave; says why."""


def files_to_ship(app: Path) -> list[str]:
    """Return the files of the app that go to Azure, sorted; a file that git does not know never goes."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=app, check=True, capture_output=True, text=True
    ).stdout
    ignored = GitIgnoreSpec.from_lines((app / ".funcignore").read_text("utf-8").splitlines())
    tracked = (name for name in listed.split("\0") if name and (app / name).is_file())
    return sorted(name for name in tracked if not ignored.match_file(name))


def check_files(names: Sequence[str]) -> None:
    """Refuse a package that lacks what Azure needs, or holds what is not for it; raises ShipRefused."""
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise ShipRefused(f"{', '.join(missing)} is not packed; look at .funcignore")
    foreign = [name for name in names if name.startswith(NEVER) or name.endswith(".pyc")]
    if foreign:
        raise ShipRefused(
            f"{foreign[0]} and {len(foreign) - 1} more are not for Azure; add them to .funcignore"
        )


def write_zip(app: Path, names: Sequence[str], target: Path) -> str:
    """Write the zip and return its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in names:
            entry = zipfile.ZipInfo(name, SAME_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whatever this machine is
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, (app / name).read_bytes())
    return hashlib.sha256(target.read_bytes()).hexdigest()
