"""The findings of the watchdog: each is entered once it was told, so that nobody hears of it twice."""

from __future__ import annotations

from dataclasses import dataclass

from activities.calendar import Ledger
from domain.model import Recorded
from domain.standstill import Finding


class Known(Recorded):
    """Whether a finding was told before."""

    known: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """Keeps what the watchdog has found and told."""

    ledger: Ledger

    def look_for_finding(self, finding: Finding) -> Known:
        """Say whether the finding was told before."""
        return Known(known=self.ledger.read(finding.key) is not None)

    def enter_finding(self, finding: Finding) -> Known:
        """Enter a finding that was told; entered twice it stays as it was."""
        self.ledger.claim(finding.key, finding.wire())
        return Known(known=True)
