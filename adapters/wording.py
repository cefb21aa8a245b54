"""How the pages write times and other people's words."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

# Backslash takes the meaning from all of these in Markdown; entities take it from what starts a link by itself.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#|~!$])")
_BY_ENTITY = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "@": "&#64;",
    "://": "&#58;//",
    "www.": "www&#46;",
}
_ENTITIES = re.compile("|".join(map(re.escape, _BY_ENTITY)), re.IGNORECASE)


def plain(text: str) -> str:
    """Return text in one line, with what would steer a reader's eye or break XML made visible."""
    line = " ".join(text.split())
    return "".join("\N{REPLACEMENT CHARACTER}" if _unseen(c) else c for c in line)


def _unseen(char: str) -> bool:
    """Say whether a character is a control, a direction mark, half a pair or none at all."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def for_markdown(value: object) -> str:
    """Return a value as Markdown that shows it and does nothing else: no link, no HTML, no table cell."""
    text = _MARKDOWN.sub(r"\\\1", plain(str(value)))
    return _ENTITIES.sub(lambda found: _BY_ENTITY[found.group().casefold()], text)


def elapsed(seconds: float) -> str:
    """Return a duration as mm:ss, or h:mm:ss from an hour on."""
    sign = "-" if seconds < 0 else ""
    minutes, rest = divmod(abs(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes:02}:{rest:02}"


def clock(at: datetime) -> str:
    """Return a moment as people write it, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
