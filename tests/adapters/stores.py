"""The two families of stores, folders and containers, behind one face, so that one suite holds both to one contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

import pytest

from adapters.evidence_store import StoredEvidence, evidence_at
from adapters.ledger import Ledger, ledger_at
from adapters.people_file import Directory, people_at
from adapters.places import BlobUrl, ContainerUrl
from adapters.plan_store import StoredPlans, plans_at
from adapters.signal_record import SignalRecord, record_at
from tests.containers import Containers, Pass

FAMILIES = ("folder", "container")


class Place(ABC):
    """One empty place, and the stores of the app on it."""

    place: Path | ContainerUrl

    @property
    def plans(self) -> StoredPlans:
        return plans_at(self.place, Pass)

    @property
    def evidence(self) -> StoredEvidence:
        return evidence_at(self.place, Pass)

    @property
    def ledger(self) -> Ledger:
        return ledger_at(self.place, Pass)

    @property
    def record(self) -> SignalRecord:
        return record_at(self.place, Pass)

    @property
    @abstractmethod
    def people(self) -> Directory:
        """Return the people of the file ``people.yaml``."""

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Put a file there, past the stores."""

    @abstractmethod
    def take_away(self, name: str) -> None:
        """Remove a file, past the stores."""

    @abstractmethod
    def files(self) -> dict[str, bytes]:
        """Return what is there, past the stores."""


class Folder(Place):
    def __init__(self, place: Path) -> None:
        self.place: Path = place

    @property
    def people(self) -> Directory:
        return people_at(self.place / "people.yaml", Pass)

    def put(self, name: str, data: bytes) -> None:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def take_away(self, name: str) -> None:
        (self.place / name).unlink()

    def files(self) -> dict[str, bytes]:
        found: Iterable[Path] = (path for path in self.place.rglob("*") if path.is_file())
        return {path.relative_to(self.place).as_posix(): path.read_bytes() for path in found}


class Container(Place):
    def __init__(self, containers: Containers, place: ContainerUrl) -> None:
        self.place: ContainerUrl = place
        self.client = containers.opened(place)

    @property
    def people(self) -> Directory:
        return people_at(BlobUrl(self.place, "people.yaml"), Pass)

    def put(self, name: str, data: bytes) -> None:
        self.client.upload_blob(name, data, overwrite=True)

    def take_away(self, name: str) -> None:
        self.client.delete_blob(name)

    def files(self) -> dict[str, bytes]:
        names = list(self.client.list_blob_names())
        return {name: self.client.download_blob(name).readall() for name in names}


def place_of(family: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    """Return an empty place of a family; Azurite is asked for by the one that needs it."""
    if family == "folder":
        return Folder(folder)
    containers: Containers = request.getfixturevalue("containers")
    return Container(containers, containers.fresh())


def lost_place_of(family: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    """Return a place of a family that can neither be read nor written."""
    if family == "folder":
        folder.joinpath("taken").write_text("a file")
        return Folder(folder / "taken")
    containers: Containers = request.getfixturevalue("containers")
    return Container(containers, ContainerUrl(containers.azurite.account_url, "never-made"))
