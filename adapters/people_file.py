"""Who chat accounts belong to: a YAML file beside the plans, read when it is asked for."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from domain.chat import People, Person
from domain.errors import Permanent


class PeopleFile:
    """Reads the file afresh each time: whoever is struck from it is out at once."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def person(self, channel: str, account: str) -> Person | None:
        """Return whom an account belongs to, None where nobody says; raises Permanent ``people_unreadable``."""
        if self._path is None:
            return None
        try:
            people = People.model_validate(yaml.safe_load(self._path.read_text("utf-8")) or {})
        except (OSError, ValueError, yaml.YAMLError, ValidationError) as error:
            raise Permanent(
                "people_unreadable", f"{self._path.name} cannot be read: {type(error).__name__}"
            ) from error
        known: dict[str, Person] = getattr(people, channel)
        return known.get(account)
