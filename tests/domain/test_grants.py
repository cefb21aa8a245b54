"""What is missing from what an identity was given, and what is said of it."""

from __future__ import annotations

import pytest

from domain.grants import LISTING, Grant, Grants, Heard, Identity, Need, Role, judge_grants, missing

VAULT = "/subscriptions/s/resourceGroups/dr/providers/Microsoft.RecoveryServices/vaults/v"
PROFILE = (
    "/subscriptions/s/resourceGroups/edge/providers/Microsoft.Network/trafficManagerProfiles/p"
)
COMMIT = "Microsoft.RecoveryServices/vaults/replicationProtectedItems/failoverCommit/action"
CURRENT = Heard(granted=(Grant(actions=(LISTING,)),))
REFUSED = Heard()


@pytest.mark.parametrize(
    ("given", "excluded", "covered"),
    [
        ((COMMIT,), (), True),
        ((COMMIT.upper(),), (), True),
        (("*",), (), True),
        (("*/action",), (), True),
        (("Microsoft.RecoveryServices/*/failoverCommit/*",), (), True),
        (("Microsoft.RecoveryServices/vaults/*",), ("*/FAILOVERCOMMIT/action",), False),
        (("Microsoft.RecoveryServices/vaults/*",), ("*/unplannedFailover/action",), True),
        (("*/read",), (), False),
        ((COMMIT.removesuffix("/action"),), (), False),
        ((f"x{COMMIT}", f"{COMMIT}s"), (), False),
        ((COMMIT.replace("vaults", "v.ults"), COMMIT.replace("vaults", "v?ults")), (), False),
        ((), (), False),
    ],
)
def test_an_action_is_given_by_name_or_wildcard_in_any_case_unless_it_is_excluded(
    given: tuple[str, ...], excluded: tuple[str, ...], covered: bool
) -> None:
    assert Grant(actions=given, excluded=excluded).covers(COMMIT) is covered
    left = missing([COMMIT], [Grant(actions=given, excluded=excluded)])
    assert left == (() if covered else (COMMIT,))


def test_what_one_role_excludes_another_gives_all_the_same() -> None:
    contributor = Grant(actions=("*",), excluded=("Microsoft.RecoveryServices/*",))
    assert missing(["a/read", COMMIT], [contributor]) == (COMMIT,)
    assert missing(["a/read", COMMIT], [contributor, Grant(actions=(COMMIT,))]) == ()
    assert missing([COMMIT, "a/read"], []) == (COMMIT, "a/read")


def need(action: str, scope: str = VAULT, vital: bool = True) -> Need:
    return Need(Identity.FAILOVER, scope, action, Role.FAILOVER_OPERATOR, vital)


def judged(needs: list[Need], **heard: Heard) -> Grants:
    places = {
        "vault": (Identity.FAILOVER, VAULT),
        "profile": (Identity.FAILOVER, PROFILE),
        "witness": (Identity.OBSERVE, VAULT),
    }
    return judge_grants(needs, {places[name]: said for name, said in heard.items()}, "failover")


def test_what_is_missing_is_named_with_identity_resource_and_mend() -> None:
    found = judged([need(COMMIT), need("a/write", vital=False)], vault=CURRENT)
    assert found == Grants(
        missing=(
            f"the identity failover may not do what a failover needs on {VAULT}; assign it the role "
            "Leeward Failover Operator there, as `azd provision` does (docs/deploy.md, A grant is missing). "
            f"It lacks {COMMIT}",
        ),
        to_know=(
            f"the identity failover may not do what may be needed on {VAULT}; assign it the role "
            "Leeward Failover Operator there, as `azd provision` does (docs/deploy.md, A grant is missing). "
            "It lacks a/write",
        ),
    )
    everything = Heard(granted=(Grant(actions=("*",)),))
    assert judged([need(COMMIT), need("a/write", vital=False)], vault=everything) == Grants()


def test_who_lacks_much_is_told_so_in_few_names() -> None:
    found = judged([need(f"{n}/write") for n in "abcde"], vault=CURRENT)
    (said,) = found.missing
    assert said.endswith("It lacks a/write, b/write, c/write and 2 more")
    (said,) = judged([need(f"{n}/write") for n in "abc"], vault=CURRENT).missing
    assert said.endswith("It lacks a/write, b/write, c/write")


def test_a_refusal_is_proof_where_a_role_of_this_version_is_seen() -> None:
    for witness in ({"witness": CURRENT}, {"profile": CURRENT}):
        found = judged([need(COMMIT)], vault=REFUSED, **witness)
        assert len(found.missing) == 1 and found.missing[0].endswith(f"It lacks {COMMIT}")
        assert not found.to_know


def test_a_refusal_alone_or_beside_a_role_of_another_kind_proves_nothing() -> None:
    reader = Heard(granted=(Grant(actions=("*/read",)),))
    silent = Heard(trouble="no_answer")
    for witness in ({}, {"witness": REFUSED}, {"witness": reader}, {"witness": silent}):
        found = judged([need(COMMIT)], vault=REFUSED, **witness)
        assert found.missing == ()
        (said,) = found.to_know
        assert said.startswith(
            f"the identity failover may not list what it may do on {VAULT}: it lacks the role Leeward Failover "
            "Operator there, or the roles in Azure are older than this app; assign them anew"
        )


def test_no_answer_is_no_finding_and_who_was_not_asked_is_not_spoken_of() -> None:
    found = judged([need(COMMIT), need("x/write", PROFILE)], vault=Heard(trouble="throttled"))
    assert found == Grants(
        unread=(f"what the identity failover may do on {VAULT} could not be read (throttled)",)
    )
    assert found.told == found.unread
