"""Who is asked what they may do, on whose account, and what becomes of the answer."""

from __future__ import annotations

import pytest

from activities.readiness import Asking, Preflight, Question
from domain.errors import Permanent, StepError, Transient
from domain.grants import LISTING, Grant, Grants, Identity
from domain.plan import Plan
from domain.request import Kind
from domain.run import Readiness
from tests.activities.ports import PermissionsInMemory, ProfileInMemory, VaultInMemory, item
from tests.domain.test_needs import ACCOUNT, with_runbook
from tests.plan_samples import PROFILE, VAULT, plan, tier

PLAN = plan(tiers=[tier("db", "a")])
FAILS_OVER, SHIFTS = (Identity.FAILOVER, VAULT), (Identity.FAILOVER, PROFILE)
DRILLS, LOOKS = (Identity.DRILL, VAULT), (Identity.OBSERVE, VAULT)
BARE = (Grant(actions=(LISTING,)),)


def look(
    permissions: PermissionsInMemory,
    kind: Kind = Kind.FAILOVER,
    asking: Asking = Asking.RUN,
    of: Plan = PLAN,
    **state: object,
) -> Readiness:
    vault = VaultInMemory().hold(item("a", **state))
    preflight = Preflight(vault, ProfileInMemory({"east": True, "west": False}), permissions)
    return preflight.assess_readiness(Question(plan=of, kind=kind, asking=asking))


def test_a_run_asks_who_acts_and_nobody_else() -> None:
    permissions = PermissionsInMemory()
    assert look(permissions).grants == Grants()
    assert permissions.asked == [FAILS_OVER, SHIFTS]
    for kind, asked in ((Kind.DRILL, [DRILLS]), (Kind.REPROTECT, []), (Kind.COMMIT, [])):
        permissions = PermissionsInMemory()
        look(permissions, kind)
        assert permissions.asked == asked, "what has nothing to do needs nothing"
    permissions = PermissionsInMemory()
    look(permissions, of=plan(tiers=[with_runbook(["failover"])]))
    assert permissions.asked == [FAILS_OVER, SHIFTS, (Identity.FAILOVER, ACCOUNT)]


def test_a_drill_that_waits_for_its_clean_up_is_cleaned_by_who_drills() -> None:
    permissions = PermissionsInMemory(says={DRILLS: BARE})
    found = look(permissions, allowed=("TestFailoverCleanup",))
    assert permissions.asked == [FAILS_OVER, SHIFTS, DRILLS]
    assert found.grants and "identity drill may not" in found.grants.missing[0]


def test_a_run_that_ends_at_its_look_asks_nobody() -> None:
    permissions = PermissionsInMemory()
    blocked = look(permissions, state="EnablingProtection", allowed=())
    assert not blocked.ready and blocked.grants is None
    assert look(permissions, asking=Asking.NOBODY).grants is None
    assert permissions.asked == []


@pytest.mark.parametrize("place", [FAILS_OVER, SHIFTS])
@pytest.mark.parametrize("said", [BARE, None])
def test_what_is_missing_blocks_a_look_by_day_and_no_run(
    place: tuple[Identity, str], said: tuple[Grant, ...] | None
) -> None:
    permissions = PermissionsInMemory(says={place: said})
    run = look(permissions)
    assert run.ready and run.grants
    (lack,) = run.grants.missing
    assert place[1] in lack and "Leeward Failover Operator" in lack
    by_day = look(permissions, asking=Asking.DAY)
    assert not by_day.ready and by_day.blockers == ()
    assert by_day.grants and by_day.grants.missing == (lack,)


def test_what_is_missing_is_said_in_words_and_a_round_trip_needs_the_way_home() -> None:
    permissions = PermissionsInMemory(says={FAILS_OVER: BARE})
    found = look(permissions, Kind.ROUND_TRIP)
    assert found.grants and "what a round trip needs on" in found.grants.missing[0]
    assert "and 1 more" not in found.grants.missing[0]
    assert "switchprotection/action" in found.grants.missing[0]


def test_by_day_a_look_at_a_settled_plan_asks_all_the_same() -> None:
    permissions = PermissionsInMemory(says={LOOKS: BARE})
    found = look(permissions, asking=Asking.DAY)
    assert set(permissions.asked) == {FAILS_OVER, SHIFTS, LOOKS, (Identity.OBSERVE, PROFILE)}
    assert (
        not found.ready and found.grants and "identity observe may not" in found.grants.missing[0]
    )


def test_whoever_is_refused_everywhere_in_a_run_has_the_observer_for_a_witness() -> None:
    permissions = PermissionsInMemory(says={FAILS_OVER: None, SHIFTS: None})
    found = look(permissions)
    assert permissions.asked == [FAILS_OVER, SHIFTS, LOOKS], "one request more, and one alone"
    assert found.grants and len(found.grants.missing) == 2
    permissions = PermissionsInMemory(says={FAILS_OVER: None, SHIFTS: None, LOOKS: None})
    found = look(permissions)
    assert found.ready and found.grants
    assert found.grants.missing == () and len(found.grants.to_know) == 2


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (Transient("no_answer", "cut off"), [FAILS_OVER]),
        (Transient("not_reached", "no way"), [FAILS_OVER]),
        (Transient("no_token", "no token"), [FAILS_OVER]),
        (Transient("throttled", "too many"), [FAILS_OVER, SHIFTS]),
        (Permanent("not_found", "no such vault"), [FAILS_OVER, SHIFTS]),
    ],
)
def test_what_azure_does_not_answer_is_said_and_no_more(
    error: StepError, asked: list[tuple[Identity, str]]
) -> None:
    permissions = PermissionsInMemory(says={FAILS_OVER: error})
    found = look(permissions)
    assert permissions.asked == asked, "nobody waits twice for who is silent"
    assert found.ready and found.grants and found.grants.missing == found.grants.to_know == ()
    assert len(found.grants.unread) == 3 - len(asked)
    assert f"on {VAULT} could not be read ({error.code})" in found.grants.unread[0]
    by_day = look(permissions, asking=Asking.DAY)
    assert by_day.ready, "unknown is not unready"
