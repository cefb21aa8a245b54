"""The ledger that all apps share, in memory; it can be out of reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import Transient


@dataclass
class LedgerInMemory:
    """Keeps entries as a folder or a container does, and remembers what it was asked."""

    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    reachable: bool = True

    def claim(self, key: str, entry: dict[str, Any]) -> bool:
        self._ask("claim", key)
        if key in self.entries:
            return False
        self.entries[key] = dict(entry)
        return True

    def keep(self, key: str, entry: dict[str, Any]) -> None:
        self._ask("keep", key)
        self.entries[key] = dict(entry)

    def read(self, key: str) -> dict[str, Any] | None:
        self._ask("read", key)
        return self.entries.get(key)

    def keys(self, below: str) -> Sequence[str]:
        self._ask("keys", below)
        return sorted(key for key in self.entries if key.rpartition("/")[0] == below)

    def _ask(self, what: str, key: str) -> None:
        self.asked.append((what, key))
        if not self.reachable:
            raise Transient("ledger_unavailable", f"the ledger's {key} could not be reached")
