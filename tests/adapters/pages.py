"""The pages of records of every kind, and what a browser would find in one."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from adapters.evidence_pages import html
from domain.evidence import Evidence, seal
from tests.evidence_samples import (
    FACTS,
    acted,
    declined,
    drilled,
    hostile,
    large,
    partial,
    protected,
    whole,
)

MADE = (whole, declined, partial, large, hostile, protected, drilled, acted)
ALL = {each.__name__: each for each in MADE}
samples = pytest.mark.parametrize("evidence", [make() for make in ALL.values()], ids=list(ALL))
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """What a browser would find in a page: its tags, its words, and whether each tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.crooked: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.crooked.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def sealed(evidence: Evidence) -> dict[str, Any]:
    return seal(evidence, FACTS)


def page(evidence: Evidence) -> Page:
    return Page(html(sealed(evidence)))
