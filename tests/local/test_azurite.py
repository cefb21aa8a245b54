"""Azurite may be missing on a machine, but never in CI, and whoever lacks it is told what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import azurite as module
from local.azurite import Azurite
from tests.containers import go_without

ROOT = Path(__file__).parents[2]


def test_where_azurite_is_missing_its_tests_are_skipped_with_the_mend() -> None:
    with pytest.raises(pytest.skip.Exception, match="run: make azurite"):
        go_without(module.MISSING, {})
    go_without(None, {})


def test_in_ci_nothing_is_left_out() -> None:
    with pytest.raises(pytest.fail.Exception, match="run: make azurite"):
        go_without(module.MISSING, {"CI": "true"})
    go_without(None, {"CI": "true"})


def test_what_is_missing_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRAM", tmp_path / "main.js")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module.objection() == "Azurite needs Node.js, which is not installed"
    with pytest.raises(module.NotThere, match=r"Node\.js"):
        Azurite(tmp_path).start()
    (tmp_path / "node").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "node").chmod(0o755)
    assert module.objection() == module.MISSING
    (tmp_path / "main.js").write_text("")
    assert module.objection() is None
    with pytest.raises(module.NotThere, match="Azurite did not start"):
        Azurite(tmp_path).start()


HOLDER = """
import sys, time
from pathlib import Path
from local.azurite import Azurite
with Azurite(Path(sys.argv[1])) as storage:
    print(storage._process.pid, flush=True)
    time.sleep(600)
"""


def test_it_ends_with_whoever_started_it_however_that_ended(
    azurite: Azurite, tmp_path: Path
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    assert _runs(pid)
    holder.kill()
    holder.communicate()
    deadline = time.monotonic() + 30
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return True  # no /proc here, and the process is there
    except ProcessLookupError:
        return False
