"""An HTTP answer before it is put on the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers; a header may occur more than once."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_json(cls, status: int, value: Any, headers: dict[str, str] | None = None) -> Answer:
        """Answer with a JSON body."""
        typed = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        return cls(status, json.dumps(value).encode(), tuple(typed.items()))

    @classmethod
    def of_text(cls, status: int, text: str) -> Answer:
        """Answer with a line of plain text."""
        return cls(status, text.encode(), (("Content-Type", "text/plain; charset=utf-8"),))
