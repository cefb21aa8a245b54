"""The recorded events of Azure, where they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

EVENTS = Path(__file__).resolve().parents[3] / "shared" / "wire" / "events"


def recorded(name: str) -> Any:
    """Return one recorded event; skip the test, aloud, where the recordings are not at hand."""
    path = EVENTS / name
    if not path.is_file():
        why = f"{path} is missing; put the recorded events beside the repository to run this test"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return json.loads(path.read_text(encoding="utf-8"))
