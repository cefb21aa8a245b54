"""A draft is sealed alike every time, and kept in its three forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from activities.evidence import Archive, Draft
from domain.canonical import digest
from domain.evidence import Evidence, RunFacts, Timing
from domain.run import Fact, Outcome

NIGHT = datetime(2026, 3, 14, 2, 40, tzinfo=UTC)


@dataclass
class Shelf:
    kept: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def keep(self, run: str, files: Mapping[str, str]) -> None:
        self.kept.append((run, dict(files)))


def draft(*facts: str) -> Draft:
    run = RunFacts(
        id="failover-shop-1",
        plan="shop",
        plan_digest="0" * 64,
        source="eastus",
        target="westus",
        requested_by="alice",
        reason="a test",
        started_at=NIGHT,
        ended_at=NIGHT + timedelta(minutes=5),
        outcome=Outcome.COMPLETED,
        because="it serves",
        version="0",
    )
    return Draft(
        evidence=Evidence(run=run, timing=Timing(total=300)),
        facts=tuple(Fact(at=NIGHT, what=what) for what in facts),
    )


def archive(shelf: Shelf) -> Archive:
    return Archive(shelf, lambda record: f"# {record['run']['id']}", lambda record: "<html>")


def test_a_draft_is_kept_in_three_forms_and_known_by_its_digest() -> None:
    shelf = Shelf()
    sealed = archive(shelf).seal_evidence(draft("one", "two"))
    ((run, files),) = shelf.kept
    assert run == "failover-shop-1"
    assert files["evidence.md"] == "# failover-shop-1"
    assert files["evidence.html"] == "<html>"
    record = json.loads(files["evidence.json"])
    assert [link["what"] for link in record["chain"]][:2] == ["one", "two"]
    assert sealed.sha256 == digest(record)


def test_the_same_draft_gives_the_same_files() -> None:
    shelf = Shelf()
    first = archive(shelf).seal_evidence(draft("one"))
    again = archive(shelf).seal_evidence(Draft.model_validate(draft("one").wire()))
    assert first == again
    assert shelf.kept[0] == shelf.kept[1]


def test_another_fact_gives_another_digest() -> None:
    one, two = (archive(Shelf()).seal_evidence(draft(what)) for what in ("one", "two"))
    assert one.sha256 != two.sha256
