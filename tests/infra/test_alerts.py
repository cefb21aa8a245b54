"""The alert rules listen for words that Leeward really says when something is wrong with it."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activities.findings import Findings
from activities.sweep import Round
from adapters.boundary import on_wire
from adapters.ledger import FolderLedger
from domain.errors import Transient
from domain.standstill import Finding, Standstill
from tests.infra.templates import read_templates


def _listens_for(rule: str) -> list[str]:
    """Return the words that a rule looks for among the app's lines."""
    rules = read_templates()["modules/alerts.bicep"]
    found = re.search(rf"name: '{rule}'.*?query: '([^\n]*)'\n", rules, re.DOTALL)
    assert found, f"there is no rule {rule}"
    words = re.findall(r'Message has "([^"]+)"', found[1])
    assert words, f"{rule} listens for nothing"
    return words


def test_a_stuck_run_is_heard_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    finding = Finding(
        run="failover-shop-1",
        standstill=next(iter(Standstill)),
        because="silent since 02:00",
        at=datetime(2026, 3, 14, 3, 0, tzinfo=UTC),
    )
    enter = on_wire(Findings(FolderLedger(tmp_path)).enter_finding)
    with caplog.at_level(logging.WARNING):
        enter(finding.wire())
        enter(finding.wire())
    heard = [line for line in caplog.messages if all(w in line for w in _listens_for("stuck-run"))]
    assert heard == ["watchdog: stuck run failover-shop-1: silent since 02:00"]


def test_a_failing_sweep_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def sweep_readiness(self, asked: Round) -> Round:
            raise Transient("ledger_unavailable", "the ledger could not be reached")

    asked: dict[str, Any] = Round(at=datetime(2026, 3, 14, tzinfo=UTC), claim="c").wire()
    with caplog.at_level(logging.WARNING):
        on_wire(Broken().sweep_readiness)(asked)
    assert any(
        all(word in line for word in _listens_for("failing-sweep")) for line in caplog.messages
    )
