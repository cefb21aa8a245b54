"""The pages of a record stand alone and whole, and words of others do nothing in them."""

from __future__ import annotations

import re

from adapters.evidence_pages import html, markdown
from domain.evidence import Evidence
from tests.adapters.pages import page, samples, sealed
from tests.evidence_samples import (
    HOSTILE,
    RUN,
    hostile,
    whole,
)


@samples
def test_a_page_is_whole_and_stands_alone(evidence: Evidence) -> None:
    found = page(evidence)
    assert found.open == []
    assert found.crooked == []
    assert not {"script", "img", "iframe", "link", "object", "a", "form"} & set(found.tags)
    for _, key, value in found.attributes:
        assert not key.startswith("on")
        assert key not in ("href", "src", "style", "action")
        assert "://" not in value or key in ("xmlns", "title")
    text = html(sealed(evidence))
    assert "@import" not in text
    assert "url(" not in text


def test_a_page_forbids_its_browser_to_load_or_run_anything() -> None:
    assert (
        "meta",
        "content",
        "default-src 'none'; style-src 'unsafe-inline'",
    ) in page(whole()).attributes


def test_hostile_words_are_shown_and_do_nothing() -> None:
    found = page(hostile())
    shown = " ".join(HOSTILE.replace("\u202e", "\ufffd").split())
    assert found.text.count(shown) >= 15
    assert "\u202e" not in html(sealed(hostile()))
    plain = page(whole())
    assert found.tags.count("svg") == plain.tags.count("svg") == 1
    assert set(found.tags) <= set(plain.tags) | {"h3", "ul", "li", "p"}


def test_hostile_words_do_nothing_in_markdown() -> None:
    text = markdown(sealed(hostile()))
    assert "<script" not in text
    assert "\u202e" not in text
    assert not re.search(r"(?<!\\)\]\((?!\\)", text)
    assert not re.search(r"(?<!\\)`x", text)
    assert not re.search(r"^# head", text, re.M)
    tags = re.findall(r"<[^>]*>", text)
    assert set(tags) == {"<details>", "<summary>", "</summary>", "</details>"}


@samples
def test_every_markdown_table_has_rows_of_one_width(evidence: Evidence) -> None:
    lines = markdown(sealed(evidence)).splitlines()
    rules = [i for i, line in enumerate(lines) if re.fullmatch(r"\|(-+:?\||-*:\||--:\|)+", line)]
    assert len(rules) >= 4
    for rule in rules:
        width = lines[rule].count("|")
        above, below = lines[rule - 1], lines[rule + 1 :]
        assert len(re.findall(r"(?<!\\)\|", above)) == width
        for line in below:
            if not line.startswith("|"):
                break
            assert len(re.findall(r"(?<!\\)\|", line)) == width, line


def test_markdown_turns_no_word_of_others_into_a_link_or_a_mention() -> None:
    run = RUN.model_copy(update={"reason": "see https://x.example and WWW.y.example, @all"})
    text = markdown(sealed(whole().model_copy(update={"run": run})))
    assert "see https&#58;//x.example and www&#46;y.example, &#64;all" in text
