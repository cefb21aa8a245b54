"""One stage for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.orchestrators.stage import Stage, raised


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Raise the curtain for one test."""
    with raised(tmp_path) as raised_stage:
        yield raised_stage
