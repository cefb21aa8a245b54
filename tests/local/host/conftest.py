from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.host.front import running
from tests.local.host.starter import HOOK, Pair


@pytest.fixture(scope="module")
def running_starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running("http_starter", tmp_path_factory.mktemp("starter")) as pair:
        yield pair


@pytest.fixture
def starter(running_starter: Pair) -> Iterator[Pair]:
    """A host without instances: those that a test leaves are ended and forgotten."""
    yield running_starter
    host, client = running_starter
    for instance in client.get(f"{HOOK}/instances").json():
        client.post(f"{HOOK}/instances/{instance['instanceId']}/terminate")
    host.settle()
    client.delete(f"{HOOK}/instances?createdTimeFrom=2000-01-01T00:00:00Z")
