"""Evidence: seal the record of a run and keep it, for machines, for people and for a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain.canonical import digest
from domain.evidence import Evidence, file_text, seal
from domain.model import Recorded
from domain.run import Fact

Page = Callable[[Mapping[str, Any]], str]


class EvidenceStore(Protocol):
    """Where evidence is kept."""

    def keep(self, run: str, files: Mapping[str, str]) -> None:
        """Keep the files of a run; the same run may be kept again."""
        ...


class Draft(Recorded):
    """A finished record and the facts that its chain is made of."""

    evidence: Evidence
    facts: tuple[Fact, ...]


class Sealed(Recorded):
    """What the sealed record is known by."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Archive:
    """Seals and keeps; the same draft gives the same files."""

    store: EvidenceStore
    markdown: Page
    html: Page

    def seal_evidence(self, draft: Draft) -> Sealed:
        """Make the chain, keep the record in its three forms, and return its digest."""
        record = seal(draft.evidence, draft.facts)
        files = {
            "evidence.json": file_text(record),
            "evidence.md": self.markdown(record),
            "evidence.html": self.html(record),
        }
        self.store.keep(draft.evidence.run.id, files)
        return Sealed(sha256=digest(record))
