"""Who chat accounts belong to: a YAML file or blob, read when it is asked for."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

import yaml
from pydantic import ValidationError

from adapters.container import Container, Credential, waited_out
from adapters.places import BlobUrl
from domain.chat import People, Person
from domain.errors import Permanent, Transient

LARGEST_FILE = 1_000_000
log = logging.getLogger("leeward.people")


class Directory(Protocol):
    """Who can tell whom an account belongs to."""

    def person(self, channel: str, account: str) -> Person | None:
        """Return whom an account belongs to, None where nobody says; raises Permanent ``people_unreadable``."""
        ...


class PeopleFile:
    """Reads the file afresh each time: whoever is struck from it is out at once."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def person(self, channel: str, account: str) -> Person | None:
        """Return whom an account belongs to, None where nobody says; raises Permanent ``people_unreadable``."""
        if self._path is None:
            return None
        try:
            return _person(self._path.read_bytes(), channel, account)
        except (OSError, ValueError, yaml.YAMLError, ValidationError) as error:
            raise _unreadable(self._path.name, error) from error


class PeopleBlob:
    """Reads the blob afresh each time; who cannot be looked up may do nothing."""

    def __init__(self, blob: BlobUrl, credential: Credential) -> None:
        self._container = Container(blob.container, credential)
        self._name = blob.name

    def person(self, channel: str, account: str) -> Person | None:
        """Return whom an account belongs to, None where nobody says; raises Permanent ``people_unreadable``."""
        try:
            with waited_out("people_unreadable", f"{self._name} cannot be read now"):
                read = self._container.read(self._name, LARGEST_FILE)
        except Transient as error:
            log.error("%s", error.message)
            raise Permanent(error.code, f"{self._name} cannot be read now; try again") from error
        if read is None:
            raise _unreadable(self._name, FileNotFoundError())
        try:
            return _person(read.data, channel, account)
        except (ValueError, yaml.YAMLError, ValidationError) as error:
            raise _unreadable(self._name, error) from error


def people_at(place: Path | BlobUrl | None, credential: Credential) -> Directory:
    """Return the people of the place that the setting names; nobody where it names none."""
    return PeopleBlob(place, credential) if isinstance(place, BlobUrl) else PeopleFile(place)


def _person(data: bytes, channel: str, account: str) -> Person | None:
    people = People.model_validate(yaml.safe_load(data.decode()) or {})
    known: dict[str, Person] = getattr(people, channel)
    return known.get(account)


def _unreadable(name: str, error: Exception) -> Permanent:
    return Permanent("people_unreadable", f"{name} cannot be read: {type(error).__name__}")
