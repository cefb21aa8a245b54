"""Two apps, one ledger: whatever the order of their steps, one of them acts, and the past is fenced off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Semaphore, Thread
from typing import Any

import pytest

from activities.acting import Acting, Leaving
from activities.traffic import EndpointChange
from domain.acting import FENCED_OFF, MUST_NOT_ACT, Claim, Wish
from domain.errors import Permanent, Transient
from domain.route import Endpoint
from tests.adapters.stores import FAMILIES, place_of
from tests.ledger_in_memory import LedgerInMemory

AT = datetime(2026, 11, 22, 20, 15, tzinfo=UTC)
PROFILE = "/subscriptions/s/resourceGroups/g/providers/p/x"


def wish(run: str, **more: object) -> Wish:
    return Wish.model_validate({"application": "shop", "run": run, "at": AT, **more})


def change(claim: Claim | None) -> EndpointChange:
    return EndpointChange(
        profile=PROFILE, endpoint=Endpoint(name="west"), enabled=True, claim=claim
    )


def claimed(app: Acting, run: str, **more: object) -> Claim:
    found = app.claim_application(wish(run, **more)).claim
    assert found is not None
    return found


@dataclass
class Pair:
    """Two apps on one ledger."""

    ledger: LedgerInMemory = field(default_factory=LedgerInMemory)

    def __post_init__(self) -> None:
        self.west = Acting(self.ledger, "west")
        self.third = Acting(self.ledger, "third")


def test_tokens_grow_over_both_apps() -> None:
    pair = Pair()
    tokens = []
    for app, run in ((pair.west, "a"), (pair.third, "b"), (pair.third, "c"), (pair.west, "d")):
        claim = claimed(app, run)
        tokens.append(claim.token)
        assert app.leave_application(Leaving(claim=claim, run=run, at=AT)).taken_over is None
    assert tokens == [1, 2, 3, 4]


def test_the_second_app_learns_who_holds_the_application() -> None:
    pair = Pair()
    claimed(pair.west, "a")
    refused = pair.third.claim_application(wish("b"))
    assert refused.claim is None
    assert str(refused.held) == "run a of app west"
    assert str(pair.third.holder("shop")) == "run a of app west"
    assert pair.third.holder("other") is None


def test_what_is_delivered_twice_has_one_effect() -> None:
    pair = Pair()
    claim = claimed(pair.west, "a")
    assert claimed(pair.west, "a") == claim
    leaving = Leaving(claim=claim, run="a", at=AT)
    pair.west.leave_application(leaving)
    later = claimed(pair.third, "b")
    assert pair.west.leave_application(leaving).taken_over is None, "it was released before"
    assert pair.third.holder("shop") is not None
    assert len(pair.ledger.entries) == later.token == 2


def test_a_run_under_another_one_leaves_its_claim_alone() -> None:
    pair = Pair()
    claim = claimed(pair.west, "whole")
    leg = pair.west.claim_application(wish("leg", under="whole"))
    assert (leg.claim, leg.holder) == (claim, "whole")
    pair.west.leave_application(Leaving(claim=claim, run="leg", at=AT))
    assert pair.west.holder("shop") is not None


def test_who_was_taken_over_must_not_act_any_more() -> None:
    pair = Pair()
    old = claimed(pair.west, "a")
    pair.west.hold_to(change(old))
    new = claimed(pair.third, "b", over=old.token, by="carol", reason="west is dark")
    pair.third.hold_to(change(new))
    with pytest.raises(Permanent, match=MUST_NOT_ACT) as refused:
        pair.west.hold_to(change(old))
    assert refused.value.code == FENCED_OFF
    assert "app third took over shop at 2026-11-22 20:15:00 UTC with run b" in str(refused.value)
    left = pair.west.leave_application(Leaving(claim=old, run="a", at=AT))
    assert left.taken_over is not None and "app third took over" in left.taken_over
    pair.third.hold_to(change(new))
    kept = pair.ledger.entries[new.key]
    assert (kept["by"], kept["reason"], kept["over"]) == ("carol", "west is dark", old.token)


def test_a_claim_is_taken_over_once_and_the_next_person_has_to_look_again() -> None:
    pair = Pair()
    old = claimed(pair.west, "a")
    claimed(pair.third, "b", over=old.token)
    late = Acting(pair.ledger, "fourth").claim_application(wish("c", over=old.token))
    assert late.claim is None and str(late.held) == "run b of app third"


def test_nobody_acts_blind() -> None:
    pair = Pair()
    claim = claimed(pair.west, "a")
    pair.ledger.reachable = False
    for act in (
        lambda: pair.west.hold_to(change(claim)),
        lambda: pair.third.claim_application(wish("b")),
        lambda: pair.west.leave_application(Leaving(claim=claim, run="a", at=AT)),
    ):
        with pytest.raises(Transient, match="could not be reached"):
            act()


def test_a_request_without_a_claim_is_refused() -> None:
    with pytest.raises(Permanent, match="EndpointChange came without the claim"):
        Pair().west.hold_to(change(None))


def test_a_claim_that_is_just_being_made_is_waited_for() -> None:
    pair = Pair()
    pair.ledger.entries["acting/shop/00000001"] = {}
    with pytest.raises(Transient, match="claim 1, which says no more"):
        pair.third.claim_application(wish("b"))
    assert claimed(pair.third, "b", over=1).token == 2, "a person may go over it"


def test_holding_to_a_claim_costs_two_reads() -> None:
    pair = Pair()
    claim = claimed(pair.west, "a")
    assert [what for what, _ in pair.ledger.asked] == ["keys", "claim"]
    pair.ledger.asked.clear()
    pair.west.hold_to(change(claim))
    assert pair.ledger.asked == [("read", claim.key), ("read", claim.next.key)]


def empty(pair: Pair) -> None:
    pair.ledger.entries.clear()


def exchange(pair: Pair) -> None:
    pair.ledger.entries.clear()
    claimed(pair.third, "z")


def tear(pair: Pair) -> None:
    for key in pair.ledger.entries:
        pair.ledger.entries[key] = {}


def give_back(pair: Pair) -> None:
    held = pair.west.holder("shop")
    assert held is not None
    pair.west.release(held, AT)


@pytest.mark.parametrize(
    ("done", "why"),
    [
        (empty, "claim 1 on shop cannot be read in the ledger any more"),
        (exchange, "claim 1 on shop is that of run z of app third in this ledger, not of app west"),
        (tear, "claim 1 on shop cannot be read in the ledger any more"),
        (give_back, "claim 1 on shop of run a of app west was given back at 2026-11-22 20:15:00"),
    ],
)
def test_a_claim_that_the_ledger_does_not_hold_any_more_is_none(
    done: Callable[[Pair], None], why: str
) -> None:
    pair = Pair()
    claim = claimed(pair.west, "a")
    pair.west.hold_to(change(claim))
    done(pair)
    with pytest.raises(Permanent, match=why) as refused:
        pair.west.hold_to(change(claim))
    assert refused.value.code == FENCED_OFF
    assert MUST_NOT_ACT in str(refused.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_place_that_apps_share_keeps_the_chain(
    family: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place = place_of(family, request, tmp_path)
    west, third = Acting(place.ledger, "west"), Acting(place.ledger, "third")
    old = claimed(west, "a")
    assert str(third.claim_application(wish("b")).held) == "run a of app west"
    west.leave_application(Leaving(claim=old, run="a", at=AT))
    newer = claimed(third, "b")
    assert newer.token == 2
    third.hold_to(change(newer))
    assert claimed(west, "c", over=2).token == 3
    with pytest.raises(Permanent) as fenced:
        third.hold_to(change(newer))
    assert fenced.value.code == FENCED_OFF


# -- every order of their steps ------------------------------------------------------------


class Player(Thread):
    """One who plays a story on the ledger, a request at a time, each when it is called up."""

    def __init__(self, ledger: LedgerInMemory, story: Callable[[Any], None]) -> None:
        super().__init__(daemon=True)
        self._ledger, self._story = ledger, story
        self._go, self._rests = Semaphore(0), Semaphore(0)
        self.over = False
        self.trouble: BaseException | None = None

    def run(self) -> None:
        try:
            self._story(self)
        except BaseException as error:
            self.trouble = error
        self.over = True
        self._rests.release()

    def begin(self) -> None:
        """Come to the first request."""
        self.start()
        self._rests.acquire()

    def step(self) -> None:
        """Make the next request, and come to the one after it."""
        self._go.release()
        self._rests.acquire()

    def __getattr__(self, name: str) -> Any:
        """Be a ledger: each request waits until it is called up."""
        ask = getattr(self._ledger, name)

        def waits(*args: Any) -> Any:
            self._rests.release()
            self._go.acquire()
            return ask(*args)

        return waits


Told = list[tuple[str, object]]
Play = Callable[[LedgerInMemory, Told], list[Callable[[Any], None]]]


def every_order(play: Play) -> Iterator[tuple[LedgerInMemory, Told]]:
    """Play the stories in every order in which their requests can reach the ledger."""
    left: list[list[int]] = [[]]
    while left:
        order = left.pop()
        ledger, told = LedgerInMemory(), Told()
        players = [Player(ledger, story) for story in play(ledger, told)]
        for player in players:
            player.begin()
        taken = 0
        while ready := [n for n, player in enumerate(players) if not player.over]:
            if taken == len(order):
                left += [[*order, other] for other in ready[1:]]
                order = [*order, ready[0]]
            players[order[taken]].step()
            taken += 1
        for player in players:
            assert player.trouble is None, player.trouble
        yield ledger, told


def acts(name: str, told: Told, over: int | None = None, times: int = 1) -> Callable[[Any], None]:
    """Return the story of an app: claim, act so many times if it may, leave."""

    def story(ledger: Any) -> None:
        app = Acting(ledger, name)
        found = app.claim_application(wish(f"run-{name}", over=over))
        if found.claim is None:
            told.append((name, "waits"))
            return
        told.append((name, found.claim.token))
        goes_on(app, found.claim, name, told, times)

    return story


def goes_on(app: Acting, claim: Claim, name: str, told: Told, times: int) -> None:
    for _ in range(times):
        try:
            app.hold_to(change(claim))
            told.append((name, "acts"))
        except Permanent as refused:
            told.append((name, refused.code))
    left = app.leave_application(Leaving(claim=claim, run=f"run-{name}", at=AT))
    told.append((name, "is taken over" if left.taken_over else "leaves"))


def test_of_two_that_claim_one_acts_at_a_time_in_every_order() -> None:
    orders = 0
    for _, told in every_order(lambda _, told: [acts("west", told), acts("third", told)]):
        orders += 1
        holds: str | None = None
        tokens = [what for _, what in told if isinstance(what, int)]
        assert tokens == [*range(1, len(tokens) + 1)]
        for name, what in told:
            if isinstance(what, int):
                assert holds is None, told
                holds = name
            elif what == "acts":
                assert holds == name, told
            elif what == "leaves":
                holds = None
            else:
                assert what == "waits" and holds is not None, told
    assert orders > 100


def test_once_it_is_taken_over_the_old_app_never_acts_again_in_every_order() -> None:
    def play(ledger: LedgerInMemory, told: Told) -> list[Callable[[Any], None]]:
        old = claimed(Acting(ledger, "west"), "run-west")

        def goes_on_in_west(stepped: Any) -> None:
            goes_on(Acting(stepped, "west"), old, "west", told, times=1)

        return [goes_on_in_west, acts("third", told, over=old.token)]

    orders = fenced_off = 0
    for _, told in every_order(play):
        orders += 1
        since = told.index(("third", 2))
        assert ("west", "acts") not in told[since:], told
        assert ("third", "acts") in told[since:], told
        fenced_off += ("west", FENCED_OFF) in told
        assert (("west", FENCED_OFF) in told) <= (("west", "is taken over") in told), told
    assert orders > 100 and 0 < fenced_off < orders


def test_of_two_that_take_over_the_same_claim_one_does_in_every_order() -> None:
    def play(ledger: LedgerInMemory, told: Told) -> list[Callable[[Any], None]]:
        old = claimed(Acting(ledger, "west"), "run-west")
        return [acts(name, told, over=old.token, times=0) for name in ("third", "fourth")]

    for ledger, told in every_order(play):
        taken = [entry for entry in ledger.entries.values() if entry["over"] is not None]
        assert [entry["over"] for entry in taken] == [1], told


def test_a_take_over_that_is_delivered_twice_still_says_whom_it_took_over() -> None:
    pair = Pair()
    old = claimed(pair.west, "a")
    word = wish("b", over=old.token, by="olivia", reason="west is dark")
    first, again = (pair.third.claim_application(word) for _ in range(2))
    assert first == again
    assert again.instead_of and str(again.instead_of) == "run a of app west"


def test_what_somebody_laid_beside_the_claims_is_none() -> None:
    pair = Pair()
    pair.ledger.keep("acting/shop/readme", {"text": "do not touch"})
    pair.ledger.keep("acting/shop/99", {})
    assert claimed(pair.west, "a").token == 1
    assert pair.third.holder("shop") is not None
