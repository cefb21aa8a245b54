"""Containers in a real Azurite: one process per worker, a fresh container wherever one is asked for."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.storage.blob import ContainerClient

from adapters.places import ContainerUrl, container_at
from local.azure.tokens import storage_token
from local.azurite import Azurite, objection

BLOCKS = 8
"""How many blocks an append blob takes here; Azure's 50,000 are too many to come to the end of."""


class Pass:
    """A credential with the token that a managed identity would get for Azure Storage."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token."""
        assert scopes == ("https://storage.azure.com/.default",)
        expires = int(time.time()) + 3600
        return AccessToken(storage_token("a-test", expires), expires)


@dataclass
class Containers:
    """Makes containers, and looks into them past the adapters."""

    azurite: Azurite

    def fresh(self) -> ContainerUrl:
        """Return the address of a new, empty container."""
        return container_at(self.azurite.make_container(f"c-{uuid.uuid4().hex}"))

    def opened(self, url: ContainerUrl) -> ContainerClient:
        """Return a client of the test's own."""
        return ContainerClient(url.account, url.name, Pass())

    def names(self, url: ContainerUrl) -> list[str]:
        """Return the names of all blobs."""
        return sorted(self.opened(url).list_blob_names())


def go_without(why: str | None, environ: Mapping[str, str]) -> None:
    """Skip what needs Azurite where it cannot be run; in CI nothing may be left out."""
    if why is None:
        return
    if environ.get("CI", "").lower() == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Run Azurite for the tests of this worker; where it cannot be run they are skipped, but never in CI."""
    go_without(objection(), os.environ)
    with Azurite(tmp_path_factory.mktemp("azurite"), blocks=BLOCKS) as running:
        yield running


@pytest.fixture
def containers(azurite: Azurite, clean_environment: None) -> Containers:
    """Give a test containers of its own, and the trust in the certificate that they answer with."""
    os.environ["REQUESTS_CA_BUNDLE"] = str(azurite.certificate)
    return Containers(azurite)
