"""What every test gets: an environment of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.containers import azurite as azurite
from tests.containers import containers as containers

# How fast a machine is says nothing of the code: a property fails for what it finds, never for how long it took.
settings.register_profile("leeward", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("leeward")

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "CI", "PYTEST_", "COVERAGE_")


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """Take away what the machine happens to set, and put it back afterwards."""
    before = dict(os.environ)
    for name in before:
        if not name.startswith(KEPT):
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)
