from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.grants import Grants
from domain.run import Readiness
from domain.verdict import Colour, Verdict, grants_as_known, is_stale, unread, verdict_of

AT = datetime(2026, 3, 14, 3, tzinfo=UTC)
LAST = Verdict(
    plan="shop",
    number=1,
    colour=Colour.GREEN,
    since=AT,
    looked_at=AT,
    read_at=AT,
    digest="d",
    mark="m",
)


def test_what_blocks_is_red_what_is_odd_or_half_done_is_yellow() -> None:
    assert verdict_of(Readiness(ready=True)) == (Colour.GREEN, ())
    red = Readiness(ready=False, blockers=("no item",), warnings=("old",))
    assert verdict_of(red) == (Colour.RED, ("no item", "old"))
    assert verdict_of(Readiness(ready=True, warnings=("old",))) == (Colour.YELLOW, ("old",))
    drill = Readiness(ready=True, pending_drills=("db-01",))
    assert verdict_of(drill) == (Colour.YELLOW, ("a drill of db-01 waits for its clean-up",))
    half = Readiness(ready=True, to_commit=("db-01",))
    assert verdict_of(half) == (Colour.YELLOW, ("the failover of db-01 is not committed",))


def test_a_missing_grant_is_red_and_what_cannot_be_told_of_grants_is_yellow() -> None:
    doubts = Grants(to_know=("lacks b",), unread=("no answer",))
    odd = Readiness(ready=True, warnings=("old",), grants=doubts)
    assert verdict_of(odd) == (Colour.YELLOW, ("old", "lacks b", "no answer"))
    lacking = doubts.model_copy(update={"missing": ("lacks a",)})
    red = odd.model_copy(update={"grants": lacking})
    assert verdict_of(red) == (Colour.RED, ("lacks a", "old", "lacks b", "no answer"))
    assert verdict_of(Readiness(ready=True, grants=Grants())) == (Colour.GREEN, ())


def test_grants_that_were_not_read_are_as_they_were_for_an_hour() -> None:
    known = Grants(missing=("lacks a",), to_know=("lacks b",))
    last = LAST.model_copy(update={"grants": known, "grants_at": AT})
    blind = Grants(missing=("lacks c",), unread=("no answer",))
    soon, late = AT + timedelta(minutes=59), AT + timedelta(hours=1)
    assert grants_as_known(blind, last, soon) == (
        Grants(missing=("lacks a", "lacks c"), to_know=("lacks b",)),
        AT,
    )
    assert grants_as_known(blind, last, late) == (blind, AT)
    assert grants_as_known(blind, LAST, soon) == grants_as_known(blind, None, soon) == (blind, None)
    assert grants_as_known(Grants(), last, soon) == (Grants(), soon), "what was read holds"


def test_a_verdict_is_old_after_a_quarter_of_an_hour_or_when_something_changed() -> None:
    later = AT + timedelta(minutes=14, seconds=59)
    assert not is_stale(LAST, later, "d", "m")
    assert is_stale(LAST, AT + timedelta(minutes=15), "d", "m")
    assert is_stale(LAST, later, "another plan", "m")
    assert is_stale(LAST, later, "d", "news of the region")
    assert is_stale(None, AT, "d", "m")


def test_azure_that_cannot_be_read_leaves_the_verdict_for_an_hour() -> None:
    red = LAST.model_copy(update={"colour": Colour.RED, "reasons": ("no item",)})
    assert unread(red, AT + timedelta(minutes=59)) == (Colour.RED, ("no item",))
    blind = (Colour.YELLOW, ("Azure could not be read since 2026-03-14 03:00 UTC",))
    assert unread(red, AT + timedelta(hours=1)) == blind
    assert unread(red, AT + timedelta(hours=9)) == blind, "one change, not one per look"
    assert unread(None, AT) == (Colour.YELLOW, ("Azure could not be read yet",))
