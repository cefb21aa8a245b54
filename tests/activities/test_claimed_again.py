"""A wish that is delivered again after its run has left: whoever comes late makes no claim."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.acting import Acting, Leaving
from domain.acting import FENCED_OFF, Claim
from domain.errors import Permanent
from tests.activities.test_acting import AT, Pair, Told, acts, change, claimed, every_order, wish
from tests.ledger_in_memory import LedgerInMemory


def after(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def leaves(app: Acting, claim: Claim, run: str, minutes: float = 1) -> None:
    app.leave_application(Leaving(claim=claim, run=run, at=after(minutes)))


def test_a_wish_that_comes_again_after_its_run_has_left_makes_no_claim() -> None:
    pair = Pair()
    old = claimed(pair.west, "a")
    leaves(pair.west, old, "a")
    assert claimed(pair.west, "a") == old
    assert pair.west.holder("shop") is None
    with pytest.raises(Permanent, match="was given back") as refused:
        pair.west.hold_to(change(old))
    assert refused.value.code == FENCED_OFF


def test_it_makes_none_however_many_runs_have_come_and_gone_since() -> None:
    pair = Pair()
    old = claimed(pair.west, "a")
    leaves(pair.west, old, "a")
    for app, run, minutes in ((pair.third, "b", 90), (pair.west, "c", 200)):
        leaves(app, claimed(app, run, at=after(minutes)), run, minutes + 9)
    assert claimed(pair.west, "a") == old
    assert pair.west.holder("shop") is None


def test_it_makes_none_although_the_clocks_of_hosts_and_apps_differ() -> None:
    pair = Pair()
    old = claimed(pair.west, "a")
    leaves(pair.west, old, "a", -0.1)
    assert claimed(pair.west, "a") == old
    leaves(pair.third, claimed(pair.third, "b", at=after(-4)), "b", -3)
    assert claimed(pair.west, "a") == old
    assert pair.west.holder("shop") is None


def test_it_makes_none_after_its_run_was_taken_over() -> None:
    pair = Pair()
    old = claimed(pair.west, "a")
    new = claimed(pair.third, "b", over=old.token, at=after(30))
    leaves(pair.west, old, "a", 31)
    leaves(pair.third, new, "b", 60)
    assert claimed(pair.west, "a") == old
    assert pair.west.holder("shop") is None
    with pytest.raises(Permanent, match="app third took over"):
        pair.west.hold_to(change(old))


def test_a_word_to_take_over_that_comes_again_says_whom_its_run_took_over() -> None:
    pair = Pair()
    old = claimed(pair.west, "a")
    word = {"over": old.token, "by": "olivia", "reason": "west is dark", "at": after(30)}
    new = claimed(pair.third, "b", **word)
    leaves(pair.third, new, "b", 60)
    again = pair.third.claim_application(wish("b", **word))
    assert again.claim == new and str(again.instead_of) == "run a of app west"
    assert pair.third.holder("shop") is None


def test_a_leg_s_wish_that_comes_again_after_its_umbrella_has_left_makes_none() -> None:
    pair = Pair()
    whole = claimed(pair.west, "whole")
    leg = {"under": "whole", "at": after(5)}
    assert claimed(pair.west, "whole.1", **leg) == whole
    leaves(pair.west, whole, "whole", 60)
    assert claimed(pair.west, "whole.1", **leg) == whole
    assert pair.west.holder("shop") is None


def test_a_leg_s_wish_that_comes_again_after_its_umbrella_was_taken_over_makes_none() -> None:
    pair = Pair()
    whole = claimed(pair.west, "whole")
    leg = {"under": "whole", "at": after(5)}
    assert claimed(pair.west, "whole.1", **leg) == whole
    leaves(pair.third, claimed(pair.third, "b", over=whole.token, at=after(30)), "b", 60)
    assert claimed(pair.west, "whole.1", **leg) == whole
    assert pair.west.holder("shop") is None


def test_a_leg_that_begins_after_its_umbrella_was_ended_acts_by_a_claim_of_its_own() -> None:
    pair = Pair()
    leaves(pair.west, claimed(pair.west, "whole"), "whole")
    assert claimed(pair.west, "whole.1", under="whole", at=after(2)).token == 2


def test_a_run_of_the_same_name_that_begins_later_has_a_claim_of_its_own() -> None:
    pair = Pair()
    leaves(pair.west, claimed(pair.west, "a"), "a")
    assert claimed(pair.west, "a", at=after(2)).token == 2


def test_a_wish_that_waited_until_others_had_left_is_granted() -> None:
    pair = Pair()
    for app, run in ((pair.third, "b"), (pair.third, "c")):
        leaves(app, claimed(app, run, at=after(1)), run, 9)
    pair.ledger.entries["acting/shop/00000002"] = {}
    assert claimed(pair.west, "a", over=2).token == 3


def test_only_claims_that_were_held_since_the_wish_are_read_again() -> None:
    pair = Pair()
    for run, minutes in (("a", 0), ("b", 10), ("c", 20), ("d", 30)):
        leaves(pair.west, claimed(pair.west, run, at=after(minutes)), run, minutes + 1)
    pair.ledger.asked.clear()
    assert claimed(pair.west, "e", at=after(40)).token == 5
    assert [what for what, _ in pair.ledger.asked] == ["keys", "read", "claim"]
    leaves(pair.west, Claim(application="shop", token=5), "e", 41)
    pair.ledger.asked.clear()
    assert claimed(pair.west, "f", at=after(30)).token == 6, "it waited for eleven minutes"
    read = [key for what, key in pair.ledger.asked if what == "read"]
    assert read == [Claim(application="shop", token=n).key for n in (5, 4, 3)]


def test_no_wish_that_comes_again_leaves_an_application_held_in_any_order() -> None:
    def play(_: LedgerInMemory, told: Told) -> list[Callable[[Any], None]]:
        def again(ledger: Any) -> None:
            Acting(ledger, "west").claim_application(wish("run-west"))

        def west_then_third(ledger: Any) -> None:
            acts("west", told, times=0)(ledger)
            acts("third", told, times=0)(ledger)

        return [west_then_third, again]

    orders = 0
    for ledger, told in every_order(play):
        orders += 1
        runs = [entry["run"] for _, entry in sorted(ledger.entries.items())]
        assert runs == ["run-west", "run-third"], told
        assert all(entry["released_at"] for entry in ledger.entries.values()), told
        assert [what for _, what in told] == [1, "leaves", 2, "leaves"]
    assert orders > 100
