"""What the watchdog has found is shown a page at a time, and no more of it is read than is shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import pytest

from activities.acting import Acting
from domain.request import Kind
from domain.standstill import Finding, Standstill
from orchestrators.names import begun_of, leg_id, run_id
from tests.ledger_in_memory import LedgerInMemory
from tests.triggers.conftest import Doors
from tests.triggers.test_api import problem
from tests.triggers.test_views import OneShelf
from triggers.watchdog import Watchdog

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def kept(many: int) -> tuple[LedgerInMemory, list[str]]:
    """Return a ledger with findings on so many runs of two kinds, and the runs in the order of their beginnings."""
    ledger, runs = LedgerInMemory(), []
    for number in range(many):
        kind = (Kind.FAILOVER, Kind.DRILL)[number % 2]
        at = LONG_AGO + timedelta(hours=number)
        run = run_id(kind, "shop", at, f"{number:04x}")
        finding = Finding(run=run, standstill=Standstill.LATE, because="it is late", at=at)
        ledger.claim(finding.key, finding.wire())
        runs.append(run)
    return ledger, runs


def show(ledger: LedgerInMemory, href: str = "/api/findings") -> Any:
    query = dict(parse_qsl(urlsplit(href).query))
    request = func.HttpRequest("GET", "/", params=query, body=b"")
    watchdog = Watchdog(OneShelf(), ledger, Acting(ledger, "here"))
    return json.loads(watchdog.show_findings(request).get_body())


def test_findings_are_listed_newest_run_first_page_after_page() -> None:
    ledger, runs = kept(7)
    seen: list[str] = []
    href: str | None = "/api/findings?limit=3"
    pages = 0
    while href:
        page = show(ledger, href)
        seen += [finding["run"] for finding in page["findings"]]
        href, pages = page["next"], pages + 1
    assert seen == runs[::-1]
    assert pages == 3


def test_of_a_thousand_findings_those_that_are_shown_are_read() -> None:
    ledger, runs = kept(1000)
    page = show(ledger)
    assert [finding["run"] for finding in page["findings"]] == runs[:-21:-1]
    assert [what for what, _ in ledger.asked].count("read") == 20
    assert [what for what, _ in ledger.asked].count("keys") == 1


def test_a_finding_that_is_just_being_made_is_left_out_and_the_page_goes_on_after_it() -> None:
    ledger, runs = kept(3)
    ledger.entries[f"findings/{runs[-1]}.late"] = {}
    page = show(ledger, "/api/findings?limit=1")
    assert page["findings"] == []
    assert show(ledger, page["next"])["findings"][0]["run"] == runs[-2]


@pytest.mark.parametrize(
    ("query", "why"),
    [("limit=0", "limit is a number from 1 to 100"), ("plan=shop", "plan is no filter")],
)
def test_a_query_that_is_not_understood_is_400(doors: Doors, query: str, why: str) -> None:
    assert why in problem(doors.http.get(f"/api/findings?{query}"), 400)


def test_when_a_run_began_is_told_by_its_id_whatever_its_plan_is_called() -> None:
    run = run_id(Kind.ROUND_TRIP, "shop-20300101-000000", LONG_AGO, "4f1c")
    assert begun_of(run) == begun_of(leg_id(run, 1)) == "20260101-000000"
    assert begun_of("by-hand") == ""
