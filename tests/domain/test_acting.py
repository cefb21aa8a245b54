"""Who may make the next claim on an application, and who may not."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.acting import (
    MUST_NOT_ACT,
    Adopt,
    Claim,
    Entry,
    Held,
    Make,
    Wait,
    Wish,
    chain_of,
    claim_at,
    entry_in,
    fenced,
    step,
)

AT = datetime(2026, 11, 22, 20, 15, tzinfo=UTC)
THIRD = Claim(application="shop", token=3)


def wish(run: str = "b", **more: object) -> Wish:
    return Wish.model_validate({"application": "shop", "run": run, "at": AT, **more})


def entry(run: str = "a", app: str = "west", **more: object) -> Entry:
    return Entry.model_validate({"app": app, "run": run, "at": AT, **more})


def test_the_first_claim_has_the_first_number() -> None:
    made = step(None, None, wish(), "west")
    assert made == Make(Claim(application="shop", token=1), entry("b"))


def test_after_a_released_claim_comes_the_next_number() -> None:
    made = step(THIRD, entry(released_at=AT), wish(), "third")
    assert made == Make(Claim(application="shop", token=4), entry("b", "third"))


def test_a_held_application_is_waited_for_whichever_app_holds_it() -> None:
    for app in ("west", "third"):
        found = step(THIRD, entry(), wish(), app)
        assert found == Wait(Held(claim=THIRD, entry=entry()))
        assert str(found.held) == "run a of app west"


def test_a_run_that_claims_twice_has_one_claim() -> None:
    assert step(THIRD, entry("b"), wish("b"), "west") == Adopt(THIRD)


def test_a_run_of_the_same_name_in_another_app_is_another_run() -> None:
    assert isinstance(step(THIRD, entry("b"), wish("b"), "third"), Wait)


def test_a_run_goes_on_under_the_claim_of_a_run_above_it() -> None:
    assert step(THIRD, entry("whole"), wish("leg", under="whole"), "west") == Adopt(THIRD)
    far = wish("whole.3.9", under="whole.3")
    assert step(THIRD, entry("whole"), far, "west") == Adopt(THIRD)
    assert isinstance(step(THIRD, entry("whole"), wish("x", under="whole2.3"), "west"), Wait)


def test_a_person_takes_over_exactly_the_claim_that_was_meant() -> None:
    told = {"by": "carol", "reason": "west is dark"}
    made = step(THIRD, entry(), wish(over=3, **told), "third")
    fourth = Claim(application="shop", token=4)
    assert made == Make(
        fourth, entry("b", "third", over=3, **told), Held(claim=THIRD, entry=entry())
    )
    assert isinstance(step(fourth, entry("c", "else"), wish(over=3), "third"), Wait), "too late"


def test_what_is_free_is_claimed_plainly_although_a_person_said_to_take_over() -> None:
    made = step(THIRD, entry(released_at=AT), wish(over=3, by="carol"), "third")
    assert isinstance(made, Make)
    assert (made.entry.over, made.entry.by, made.instead_of) == (None, None, None)


def test_a_claim_that_cannot_be_read_is_held_by_somebody() -> None:
    found = step(THIRD, None, wish(), "third")
    assert isinstance(found, Wait)
    assert str(found.held) == "claim 3, which says no more"
    assert isinstance(step(THIRD, None, wish(over=3), "third"), Make)


def test_claims_are_kept_in_the_order_of_their_numbers() -> None:
    keys = [Claim(application="shop", token=n).key for n in (1, 9, 10, 99_999_999)]
    assert keys == sorted(keys)
    assert [claim_at(key).token for key in keys] == [1, 9, 10, 99_999_999]
    assert all(key.startswith(f"{chain_of('shop')}/") for key in keys)


def test_an_entry_that_is_being_made_says_nothing_yet() -> None:
    assert entry_in({}) is None
    assert entry_in(None) is None
    assert entry_in(entry().wire()) == entry()


def test_a_fenced_run_is_told_who_took_over_and_when() -> None:
    told = fenced(THIRD, entry("r9", "third"))
    assert told == (
        f"app third took over shop at 2026-11-22 20:15:00 UTC with run r9; {MUST_NOT_ACT}"
    )
    assert fenced(THIRD, None) == f"another app took over shop; {MUST_NOT_ACT}"
