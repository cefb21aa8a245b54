from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.azure.shop import Arm, running


@pytest.fixture
def arm() -> Iterator[Arm]:
    with running() as client:
        yield client
