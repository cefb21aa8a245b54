"""What a person sees when the app cannot start."""

from __future__ import annotations

import subprocess
import sys

from adapters.settings import REQUIRED
from tests.journeys.world import ROOT


def test_without_its_settings_the_app_does_not_start_and_names_every_missing_key_at_once() -> None:
    started = subprocess.run(
        [sys.executable, "-m", "local", "host", "--app", str(ROOT), "--port", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 1
    assert all(key in started.stderr for key in REQUIRED), started.stderr
    assert "Traceback" not in started.stderr
