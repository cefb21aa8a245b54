"""The findings of the watchdog: each is entered once it was told, so that nobody hears of it twice."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from activities.calendar import Ledger
from domain.model import Recorded
from domain.standstill import Finding

log = logging.getLogger("leeward.watchdog")


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
        if self.ledger.claim(finding.key, finding.wire()):
            # An alert rule of infra/ listens for these words.
            log.error("watchdog: stuck run %s: %s", finding.run, finding.because)
        return Known(known=True)
