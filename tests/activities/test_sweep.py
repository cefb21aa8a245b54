"""One look per plan and quarter of an hour, one listing per vault, one word per change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from activities.sweep import Round, Sweep, Swept
from domain.errors import StepError, Transient
from domain.grants import LISTING, Grant, Identity
from domain.plan import Plan
from domain.plan_rules import Mistake, PlanRefused
from domain.replication import ProtectedItem
from domain.verdict import Colour, verdict_in
from tests.activities.ports import PermissionsInMemory, ProfileInMemory, VaultInMemory, item
from tests.ledger_in_memory import LedgerInMemory
from tests.plan_samples import PROFILE, VAULT, plan, tier

AT = datetime(2026, 3, 14, 3, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


class Vault(VaultInMemory):
    """A vault that may be out of reach."""

    away = False

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        if self.away:
            raise Transient("throttled", "too many requests")
        return super().items(vault)


class Shelf:
    """Plans, some of them broken."""

    def __init__(self, *plans: Plan) -> None:
        self.plans: dict[str, Plan | PlanRefused | StepError] = {each.name: each for each in plans}

    def each(self) -> Sequence[tuple[str, Plan | PlanRefused | StepError]]:
        return list(self.plans.items())


class Post:
    """A sweep, and what it sweeps."""

    def __init__(
        self, shelf: Shelf, ledger: LedgerInMemory, vault: Vault, claim: str = "one"
    ) -> None:
        self.shelf, self.ledger, self.vault = shelf, ledger, vault
        self.claim = claim
        profiles = ProfileInMemory({"east": True, "west": False})
        self.permissions = PermissionsInMemory()
        self.activity = Sweep(shelf, ledger, vault, profiles, self.permissions)

    def look(self, after: timedelta, **marks: str) -> Swept:
        asked = Round(at=AT + after, claim=self.claim, marks=marks)
        swept = self.activity.sweep_readiness(asked)
        for change in swept.untold:
            self.activity.note_change(change.model_copy(update={"told": True}))
        return swept

    def colour(self, name: str = "shop") -> Colour:
        verdict = verdict_in(self.ledger.read(f"verdicts/{name}"))
        assert verdict is not None
        return verdict.colour


@pytest.fixture
def post() -> Post:
    mine = plan(tiers=[tier("db", "a")])
    vault = Vault()
    vault.hold(item("a"))
    return Post(Shelf(mine), LedgerInMemory(), vault)


def test_a_plan_that_is_well_when_first_seen_is_no_news(post: Post) -> None:
    swept = post.look(timedelta(0))
    assert (swept.looked, swept.untold, swept.regions) == (1, (), ("eastus",))
    assert post.colour() is Colour.GREEN


def test_a_plan_is_looked_at_every_quarter_and_earlier_when_something_changed(post: Post) -> None:
    assert post.look(timedelta(0), eastus="calm").looked == 1
    assert post.look(timedelta(minutes=5), eastus="calm").looked == 0
    assert post.look(timedelta(minutes=10), eastus="replication is ill").looked == 1
    assert post.look(timedelta(minutes=12), eastus="replication is ill").looked == 0
    post.shelf.plans["shop"] = plan(tiers=[tier("db", "a")], description="mended")
    assert post.look(timedelta(minutes=14), eastus="replication is ill").looked == 1
    assert post.look(timedelta(minutes=14) + QUARTER, eastus="replication is ill").looked == 1


def test_a_change_is_told_once_with_what_was_before(post: Post) -> None:
    post.look(timedelta(0))
    post.vault.known["a"] = item("a", health="Critical")
    (change,) = post.look(QUARTER).untold
    assert (change.before, change.colour) == (Colour.GREEN, Colour.YELLOW)
    assert "replication of a is critical" in change.reasons[0]
    assert post.look(2 * QUARTER).untold == ()
    post.vault.known.clear()
    (change,) = post.look(3 * QUARTER).untold
    assert (change.before, change.colour) == (Colour.YELLOW, Colour.RED)
    post.vault.hold(item("a"))
    (change,) = post.look(4 * QUARTER).untold
    assert change.colour is Colour.GREEN


def test_two_apps_on_one_ledger_tell_a_change_once_between_them(post: Post) -> None:
    other = Post(post.shelf, post.ledger, post.vault, "other")
    post.look(timedelta(0))
    post.vault.known.clear()
    stands = post.ledger.entries["verdicts/shop"]
    mine = post.look(QUARTER).untold
    post.ledger.entries["verdicts/shop"] = stands  # both had read it before either kept its own
    assert len(mine) == 1
    assert other.look(QUARTER).untold == ()


def test_a_change_that_could_not_be_told_stays_untold(post: Post) -> None:
    post.vault.known.clear()
    asked = Round(at=AT, claim="one")
    (first,) = post.activity.sweep_readiness(asked).untold
    assert post.activity.sweep_readiness(asked).untold == (first,)
    post.activity.note_change(first.model_copy(update={"told": True}))
    assert post.activity.sweep_readiness(asked).untold == ()


def test_a_vault_is_listed_once_for_all_its_plans(post: Post) -> None:
    for name in ("bank", "mail"):
        post.shelf.plans[name] = plan(name=name, tiers=[tier("db", "a")])
    assert post.look(timedelta(0)).looked == 3
    assert post.vault.lists == 1


def test_azure_out_of_reach_is_no_change_for_an_hour(post: Post) -> None:
    post.look(timedelta(0))
    post.vault.away = True
    assert post.look(3 * QUARTER).untold == ()
    assert post.colour() is Colour.GREEN
    assert post.ledger.entries["verdicts/shop"]["trouble"] == "too many requests"
    (change,) = post.look(4 * QUARTER).untold
    assert change.reasons == ("Azure could not be read since 2026-03-14 03:00 UTC",)
    assert post.look(5 * QUARTER).untold == ()
    post.vault.away = False
    (change,) = post.look(6 * QUARTER).untold
    assert (change.colour, change.trouble) == (Colour.GREEN, None)


def test_a_plan_that_is_not_valid_is_red_with_its_mistakes(post: Post) -> None:
    post.look(timedelta(0))
    post.shelf.plans["shop"] = PlanRefused("shop.yaml", [Mistake(3, "unknown key")])
    post.shelf.plans["gone"] = Transient("plans_unreachable", "looked at in the next sweep")
    (change,) = post.look(timedelta(minutes=5)).untold
    assert change.colour is Colour.RED
    assert change.reasons == ("the plan is not valid: shop.yaml, line 3: unknown key",)


FAILS_OVER, LOOKS = (Identity.FAILOVER, VAULT), (Identity.OBSERVE, VAULT)
BARE = (Grant(actions=(LISTING,)),)


def test_a_missing_grant_is_red_once_and_green_once_it_is_given(post: Post) -> None:
    post.look(timedelta(0))
    post.permissions.says[FAILS_OVER] = BARE
    (change,) = post.look(QUARTER).untold
    assert (change.before, change.colour) == (Colour.GREEN, Colour.RED)
    assert "identity failover may not" in change.reasons[0] and VAULT in change.reasons[0]
    assert post.look(2 * QUARTER).untold == ()
    post.permissions.says.clear()
    (change,) = post.look(3 * QUARTER).untold
    assert change.colour is Colour.GREEN


def test_each_identity_is_asked_once_about_a_resource_in_a_sweep(post: Post) -> None:
    for name in ("bank", "mail"):
        post.shelf.plans[name] = plan(name=name, tiers=[tier("db", "a")])
    post.look(timedelta(0))
    assert sorted(post.permissions.asked) == [
        (Identity.FAILOVER, VAULT),
        (Identity.FAILOVER, PROFILE),
        (Identity.OBSERVE, VAULT),
        (Identity.OBSERVE, PROFILE),
    ]
    post.look(QUARTER)
    assert len(post.permissions.asked) == 8, "the next sweep asks anew"


SILENT = Transient("no_answer", "Azure took it and did not answer")


def elsewhere(name: str) -> tuple[str, Plan]:
    """Return a profile of its own, and a plan that uses it."""
    profile = f"{PROFILE}-{name}"
    mine = plan(tiers=[tier("db", "a")]).wire()["traffic"]
    return profile, plan(name=name, tiers=[tier("db", "a")], traffic={**mine, "profile": profile})


def test_a_resource_that_was_silent_is_not_asked_about_in_that_sweep_again(post: Post) -> None:
    post.permissions.says[LOOKS] = SILENT
    post.look(timedelta(0))
    assert sorted(post.permissions.asked) == sorted(
        [LOOKS, (Identity.OBSERVE, PROFILE), (Identity.FAILOVER, PROFILE)]
    )
    post.permissions.says[LOOKS] = Transient("throttled", "too many requests")
    post.look(QUARTER)
    assert len(post.permissions.asked) == 3 + 4, "who answers at all is no silence"


def test_where_three_resources_are_silent_azure_is_and_nobody_waits_on(post: Post) -> None:
    for name in ("a", "b", "c", "d"):
        profile, post.shelf.plans[name] = elsewhere(name)
        for identity in Identity:
            post.permissions.says[identity, profile] = SILENT
    post.shelf.plans["shop"] = post.shelf.plans.pop("shop")
    post.look(timedelta(0))
    places = [scope for _, scope in post.permissions.asked if scope != VAULT]
    assert places == [f"{PROFILE}-{name}" for name in ("a", "b", "c")]


def test_one_silent_resource_hides_nothing_that_others_lack(post: Post) -> None:
    profile, bank = elsewhere("bank")
    post.shelf.plans = {"bank": bank, **post.shelf.plans}
    post.look(timedelta(0))
    for identity in Identity:
        post.permissions.says[identity, profile] = SILENT
    post.permissions.says[Identity.FAILOVER, PROFILE] = BARE
    post.look(QUARTER)
    assert post.colour("shop") is Colour.RED


def test_what_a_plan_lacked_before_it_changed_is_not_held_against_it(post: Post) -> None:
    post.permissions.says[Identity.FAILOVER, PROFILE] = BARE
    post.look(timedelta(0))
    assert post.colour() is Colour.RED
    profile, moved = elsewhere("shop")
    post.shelf.plans["shop"] = moved
    post.permissions.says[Identity.OBSERVE, profile] = Transient("throttled", "too many")
    post.look(timedelta(minutes=5))
    assert post.colour() is Colour.YELLOW


def test_grants_that_cannot_be_read_are_as_they_were_for_an_hour(post: Post) -> None:
    post.permissions.says[FAILS_OVER] = BARE
    post.look(timedelta(0))
    assert post.colour() is Colour.RED
    post.permissions.says[FAILS_OVER] = Transient("throttled", "too many requests")
    assert post.look(3 * QUARTER).untold == ()
    assert post.colour() is Colour.RED
    (change,) = post.look(4 * QUARTER).untold
    assert change.colour is Colour.YELLOW
    said = f"what the identity failover may do on {VAULT} could not be read (throttled)"
    assert change.reasons == (said,)
    post.permissions.says.clear()
    (change,) = post.look(5 * QUARTER).untold
    assert change.colour is Colour.GREEN


def test_a_grant_that_is_seen_to_be_missing_while_others_cannot_be_read_is_told(post: Post) -> None:
    post.look(timedelta(0))
    post.permissions.says[LOOKS] = Transient("throttled", "too many requests")
    assert post.look(QUARTER).untold == ()
    post.permissions.says[Identity.FAILOVER, PROFILE] = BARE
    (change,) = post.look(2 * QUARTER).untold
    assert change.colour is Colour.RED and PROFILE in change.reasons[0]


def test_grants_that_could_never_be_read_are_yellow_at_once(post: Post) -> None:
    post.permissions.says[LOOKS] = Transient("throttled", "too many requests")
    (change,) = post.look(timedelta(0)).untold
    assert change.colour is Colour.YELLOW
