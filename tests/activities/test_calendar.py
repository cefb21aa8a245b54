from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.acting import Acting, Leaving
from activities.calendar import Calendar, Due, Lookup
from domain.acting import Wish
from domain.errors import Permanent
from domain.period import Period, PeriodState
from domain.plan import Plan
from domain.plan_rules import Mistake, PlanRefused
from tests.ledger_in_memory import LedgerInMemory
from tests.plan_samples import SUBSCRIPTION, plan

NETWORK = f"{SUBSCRIPTION}/resourceGroups/n/providers/Microsoft.Network/virtualNetworks/drill"
# Sundays: 1 March, 5 April, 3 May 2026.
MARCH = datetime(2026, 3, 1, 2, tzinfo=UTC)
APRIL = datetime(2026, 4, 5, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 3, 1, tzinfo=UTC)
BEFORE = datetime(2026, 2, 20, tzinfo=UTC)


class Shelf:
    """Plans that change."""

    def __init__(self, **schedule: Any) -> None:
        self.schedule: dict[str, Any] | None = {
            "when": "first Sunday 03:00",
            "zone": "Europe/Berlin",
            **schedule,
        }
        self.trouble: Exception | None = None
        self.policy: dict[str, Any] = {}

    def plan(self, name: str) -> Plan:
        if self.trouble:
            raise self.trouble
        return plan(
            drill={"network": NETWORK, "schedule": self.schedule} if self.schedule else None,
            policy=self.policy,
        )


class Desk:
    """A calendar and who looks at it."""

    def __init__(self, shelf: Shelf, ledger: LedgerInMemory, claim: str = "one") -> None:
        self.calendar = Calendar(shelf, ledger, Acting(ledger, claim))
        self.claim = claim

    def look(self, at: datetime) -> Due:
        return self.calendar.look_up_periods(Lookup(plan="shop", at=at, claim=self.claim))


def due_in_march(desk: Desk) -> Period:
    """Return the first period of a calendar that has been looked at before."""
    desk.look(BEFORE)
    due = desk.look(MARCH).due
    assert due is not None
    return due


def states(ledger: LedgerInMemory) -> list[tuple[str, str]]:
    return [(k.rsplit("/")[-1], ledger.entries[k]["state"]) for k in ledger.keys("periods/shop")]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def ledger() -> LedgerInMemory:
    return LedgerInMemory()


def test_what_was_due_before_anybody_knew_the_schedule_was_due_to_nobody(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    found = Desk(shelf, ledger).look(MARCH + timedelta(hours=1))
    assert (found.due, found.untold, found.next) == (None, (), APRIL)
    assert states(ledger) == []


def test_a_period_is_due_from_its_moment_to_the_end_of_the_grace(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    desk = Desk(shelf, ledger)
    assert desk.look(BEFORE).next == MARCH
    assert desk.look(MARCH - timedelta(seconds=1)).due is None
    for late in (timedelta(0), timedelta(hours=6)):
        found = desk.look(MARCH + late)
        assert found.due is not None
        assert found.due.due == MARCH
        assert found.plan is not None


def test_after_the_grace_it_is_missed_once_and_told_by_whoever_entered_it(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    one, other = Desk(shelf, ledger), Desk(shelf, ledger, "other")
    one.look(BEFORE)
    late = MARCH + timedelta(hours=6, seconds=1)
    found = one.look(late)
    assert found.due is None
    assert [(p.due, p.state) for p in found.untold] == [(MARCH, PeriodState.MISSED)]
    assert other.look(late).untold == ()
    assert one.look(late).untold == found.untold, "until it is noted that it was told"
    one.calendar.note_period(found.untold[0].model_copy(update={"told": True}))
    assert one.look(late).untold == ()


def test_of_several_periods_the_newest_is_caught_up_and_the_others_are_missed(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    desk = Desk(shelf, ledger)
    desk.look(BEFORE)
    found = desk.look(APRIL + timedelta(hours=2))
    assert found.due is not None
    assert found.due.due == APRIL
    assert states(ledger) == [("20260301T020000Z", "missed")]
    found = desk.look(MAY + timedelta(days=1))
    assert found.due is None
    assert [state for _, state in states(ledger)] == ["missed"] * 3


def test_a_period_that_another_app_has_claimed_is_not_due(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    one, other = Desk(shelf, ledger), Desk(shelf, ledger, "other")
    one.look(BEFORE)
    mine, yours = one.look(MARCH).due, other.look(MARCH).due
    assert mine is not None
    assert yours is not None
    assert one.calendar.claim_period(mine).ours
    assert one.calendar.claim_period(mine).ours, "delivered twice"
    assert not other.calendar.claim_period(yours).ours
    assert other.look(MARCH).due is None
    one.calendar.note_period(mine.model_copy(update={"state": PeriodState.STARTED}))
    assert one.look(MARCH + timedelta(days=1)).untold == ()


def test_a_claim_whose_period_has_started_is_not_given_again(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    desk = Desk(shelf, ledger)
    due = due_in_march(desk)
    desk.calendar.claim_period(due)
    desk.calendar.note_period(due.model_copy(update={"state": PeriodState.STARTED}))
    assert not desk.calendar.claim_period(due).ours


def test_what_was_claimed_and_never_started_is_entered_as_missed_after_the_grace(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    one, other = Desk(shelf, ledger), Desk(shelf, ledger, "other")
    due = due_in_march(one)
    one.calendar.claim_period(due)
    assert other.look(MARCH + timedelta(hours=6)).untold == (), "it may still be starting"
    late = MARCH + timedelta(hours=6, seconds=1)
    (missed,) = other.look(late).untold
    assert missed.because == "it was claimed, and whoever claimed it has not started it"
    assert states(ledger) == [("20260301T020000Z", "missed")]
    started = due.model_copy(update={"state": PeriodState.STARTED})
    one.calendar.note_period(started)
    assert other.look(late).untold == (), "what has started is left alone"


def test_what_is_ours_and_has_not_begun_is_due_again_within_the_grace(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    one, other = Desk(shelf, ledger), Desk(shelf, ledger, "other")
    due = due_in_march(one)
    one.calendar.claim_period(due)
    waits = due.model_copy(update={"run": "drill-1", "because": "shop is held by run x"})
    one.calendar.note_period(waits)
    last = MARCH + timedelta(hours=6)
    assert one.look(last).due == waits, "with the run that did not get its application"
    assert other.look(last).due is None, "nobody takes it over"
    assert one.calendar.claim_period(waits).ours
    (missed,) = one.look(last + timedelta(seconds=1)).untold
    assert (missed.state, missed.because) == (PeriodState.MISSED, "shop is held by run x")


def test_what_is_ours_and_has_not_begun_can_still_be_left_out(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    one, other = Desk(shelf, ledger), Desk(shelf, ledger, "other")
    due = due_in_march(one)
    one.calendar.claim_period(due)
    left_out = due.model_copy(update={"state": PeriodState.SKIPPED, "because": "a freeze"})
    assert not other.calendar.claim_period(left_out.model_copy(update={"claim": "other"})).ours
    assert states(ledger) == [("20260301T020000Z", "claimed")]
    assert one.calendar.claim_period(left_out).ours
    assert one.calendar.claim_period(left_out).ours, "delivered twice"
    assert states(ledger) == [("20260301T020000Z", "skipped")]
    assert not one.calendar.claim_period(due).ours


def test_what_is_due_says_which_run_of_which_app_acts_on_the_application(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    desk, third = Desk(shelf, ledger), Acting(ledger, "third")
    claim = third.claim_application(Wish(application="shop", run="x", at=BEFORE)).claim
    assert claim is not None
    assert desk.look(BEFORE).held is None, "nothing is due"
    assert desk.look(MARCH).held == "run x of app third"
    third.leave_application(Leaving(claim=claim, run="x", at=MARCH))
    assert desk.look(MARCH).held is None


def test_a_changed_schedule_counts_from_when_it_was_seen(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    desk = Desk(shelf, ledger)
    desk.look(BEFORE)
    shelf.schedule = {"when": "0 0 4 1 * *"}
    found = desk.look(MARCH + timedelta(hours=3))
    assert found.due is None
    assert found.next == datetime(2026, 4, 1, 4, tzinfo=UTC)


def test_a_blackout_is_told_with_what_is_due(shelf: Shelf, ledger: LedgerInMemory) -> None:
    shelf.policy = {"blackout": [{"name": "close", "when": "0 0 0 1 3 *", "lasts": "P1D"}]}
    desk = Desk(shelf, ledger)
    assert desk.look(BEFORE).blackout is None
    assert desk.look(MARCH).blackout == "blackout close until 2026-03-02 00:00 UTC"


def test_a_plan_without_a_schedule_has_no_calendar(shelf: Shelf, ledger: LedgerInMemory) -> None:
    desk = Desk(shelf, ledger)
    shelf.schedule = None
    assert not desk.look(BEFORE).scheduled
    shelf.trouble = Permanent("plan_unknown", "there is no such plan")
    assert not desk.look(BEFORE).scheduled


def test_a_plan_that_is_broken_for_now_keeps_its_calendar(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    shelf.trouble = PlanRefused("shop.yaml", [Mistake(3, "unknown key")])
    found = Desk(shelf, ledger).look(BEFORE)
    assert found.scheduled
    assert found.trouble == "shop.yaml, line 3: unknown key"


def test_an_entry_that_is_just_being_made_is_nobody_s_yet(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    desk = Desk(shelf, ledger)
    due = due_in_march(desk)
    ledger.entries[due.key] = {}
    assert desk.look(MARCH).due is None
    assert not desk.calendar.claim_period(due).ours


def test_the_key_of_a_period_is_the_same_in_every_app() -> None:
    period = Period(
        plan="shop",
        kind="drill",
        due=MARCH.astimezone(),
        state="claimed",
        claim="x",
        at=MARCH,
    )
    assert period.key == "periods/shop/20260301T020000Z"


def test_a_note_that_comes_late_changes_nothing_of_what_came_after_it(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    desk = Desk(shelf, ledger)
    due = due_in_march(desk)
    desk.calendar.claim_period(due)
    story: list[Period] = []
    course: list[dict[str, object]] = [
        {"state": PeriodState.STARTED, "run": "drill-1"},
        {"state": PeriodState.CLAIMED, "because": "shop is held by run x"},
        {"state": PeriodState.STARTED, "run": "drill-2", "because": None},
        {"state": PeriodState.ENDED, "outcome": "COMPLETED"},
    ]
    for minute, more in enumerate(course):
        before = story[-1] if story else due
        at = MARCH + timedelta(minutes=minute)
        note = before.model_copy(update={"at": at, **more})
        assert desk.calendar.note_period(note) == note
        story.append(note)
        for late in story[:-1]:
            assert desk.calendar.note_period(late) == note
        assert desk.calendar.note_period(note) == note, "delivered twice"
    assert states(ledger) == [("20260301T020000Z", "ended")]
    assert desk.look(MARCH + timedelta(hours=3)).due is None, "no drill is held twice"


@pytest.mark.parametrize(
    ("stands", "late"),
    [
        ({"state": PeriodState.ENDED}, {"state": PeriodState.CLAIMED}),
        ({"state": PeriodState.SKIPPED}, {"state": PeriodState.STARTED}),
        ({"state": PeriodState.MISSED}, {"state": PeriodState.CLAIMED}),
        ({"state": PeriodState.SKIPPED, "told": True}, {"state": PeriodState.SKIPPED}),
    ],
)
def test_what_came_to_an_end_in_the_same_moment_stays_so(
    shelf: Shelf, ledger: LedgerInMemory, stands: dict[str, object], late: dict[str, object]
) -> None:
    desk = Desk(shelf, ledger)
    due = due_in_march(desk)
    ended = desk.calendar.note_period(due.model_copy(update=stands))
    assert desk.calendar.note_period(due.model_copy(update=late)) == ended


def test_an_older_period_is_missed_for_the_reason_for_which_it_did_not_begin(
    shelf: Shelf, ledger: LedgerInMemory
) -> None:
    shelf.schedule = {"when": "0 0 3 * * *", "grace": "P2D"}
    desk = Desk(shelf, ledger)
    desk.look(datetime(2026, 3, 1, tzinfo=UTC))
    due = desk.look(datetime(2026, 3, 1, 4, tzinfo=UTC)).due
    assert due is not None
    desk.calendar.claim_period(due)
    waits = {"run": "drill-1", "because": "shop is held by run x"}
    desk.calendar.note_period(due.model_copy(update=waits))
    (missed,) = desk.look(datetime(2026, 3, 2, 4, tzinfo=UTC)).untold
    assert (missed.state, missed.because) == (PeriodState.MISSED, "shop is held by run x")
