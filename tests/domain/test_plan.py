from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.gate import Gate, Probe
from domain.plan import Plan
from domain.plan_rules import Problem
from domain.policy import Commit, CommitMode, Fence, Policy, Reaction
from domain.route import EndpointType
from tests.plan_samples import PROFILE, SUBSCRIPTION, VAULT, plan, plan_data, tier


def problems(**changes: Any) -> list[Problem]:
    with pytest.raises(ValidationError) as refused:
        plan(**changes)
    (detail,) = refused.value.errors()
    assert detail["type"] == "plan_rules"
    found: tuple[Problem, ...] = detail["ctx"]["problems"]
    assert detail["msg"] == "; ".join(problem.what for problem in found)
    return list(found)


def said(data: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        Plan.model_validate(data)
    return str(refused.value)


def test_the_smallest_plan_has_cautious_defaults() -> None:
    smallest = plan()
    assert smallest.policy == Policy()
    assert smallest.policy.approval.required
    assert smallest.policy.commit == Commit(mode=CommitMode.MANUAL)
    assert smallest.policy.fence == Fence(silent=Reaction.PROCEED, answering=Reaction.STOP)
    assert smallest.traffic.gate.needed == 2
    assert smallest.traffic.source.type is EndpointType.EXTERNAL
    assert smallest.app == "shop"


def test_an_application_may_be_named_apart_from_the_plan() -> None:
    assert plan(application="storefront").app == "storefront"


def test_a_plan_survives_its_wire_form() -> None:
    whole = plan(policy={"deadline": "P400D", "retry": {"pause": "PT0.5S"}})
    assert Plan.model_validate(json.loads(json.dumps(whole.wire()))) == whole
    assert whole.policy.deadline == timedelta(days=400)


def test_items_and_machines_are_found_by_their_ids() -> None:
    vm = f"{SUBSCRIPTION}/resourceGroups/other/providers/Microsoft.Compute/virtualMachines/x"
    members = [{"name": "db-01", "item": "guid-1"}, {"name": "x", "vm": vm}]
    mine = plan(tiers=[{"name": "db", "members": members}])
    first, second = mine.members
    assert mine.vault.item_id(first.item_name) == (
        f"{VAULT}/replicationFabrics/f/replicationProtectionContainers/c"
        "/replicationProtectedItems/guid-1"
    )
    assert second.item_name == "x"
    by_name = (
        f"{SUBSCRIPTION}/resourceGroups/east/providers/Microsoft.Compute/virtualMachines/db-01"
    )
    assert [mine.vm_id(member) for member in mine.members] == [by_name, vm]
    assert mine.protects(by_name.upper())
    assert mine.protects(vm)
    elsewhere = by_name.replace(by_name.split("/")[2], "another-subscription")
    assert not mine.protects(elsewhere), "a machine of the same name in another subscription"
    assert not mine.protects(by_name + "0")


def test_a_plan_recovers_to_another_region() -> None:
    data = plan_data()
    vault = {**data["vault"], "region": "centralus"}
    (problem,) = problems(target={"region": "East US"}, vault=vault)
    assert problem.place == ("target", "region")
    assert problem.what == "source and target are both eastus; recover to another region"


def test_a_vault_does_not_lie_in_the_region_it_must_survive() -> None:
    (problem,) = problems(vault={**plan_data()["vault"], "region": "East US"})
    assert problem.place == ("vault", "region")
    assert problem.what.endswith("use a vault in westus")


def test_tiers_have_names_of_their_own() -> None:
    (problem,) = problems(tiers=[tier("db"), tier("web"), tier("db", "other")])
    assert problem.place == ("tiers", 2, "name")
    assert "tier 'db' is there twice" in problem.what


def test_a_machine_is_a_member_once_whatever_its_case() -> None:
    (problem,) = problems(tiers=[tier("db", "a", "b"), tier("web", "c", "A")])
    assert problem.place == ("tiers", 1, "members", 1)
    assert problem.what == "member 'A' is there twice; a machine moves once, so keep it in one tier"


def test_two_members_do_not_share_a_protected_item() -> None:
    (problem,) = problems(
        tiers=[{"name": "db", "members": [{"name": "a"}, {"name": "b", "item": "A"}]}]
    )
    assert problem.place == ("tiers", 0, "members", 1)
    assert "protected item 'A' is there twice" in problem.what


def test_a_tier_waits_for_tiers_of_this_plan() -> None:
    (problem,) = problems(tiers=[tier("db"), tier("web", after=["db", "cache"])])
    assert problem.place == ("tiers", 1, "after", 1)
    assert problem.what.endswith("which is no tier of this plan; use one of db, web")


@pytest.mark.parametrize(
    ("tiers", "circle"),
    [
        ([tier("a", after=["a"])], {"a after a"}),
        (
            [tier("a", after=["c"]), tier("b", after=["a"]), tier("c", after=["b"])],
            {"a after c after b after a", "b after a after c after b", "c after b after a after c"},
        ),
        # b says nothing, so it comes after a, which waits for b
        ([tier("a", after=["b"]), tier("b")], {"a after b after a", "b after a after b"}),
    ],
)
def test_tiers_do_not_wait_for_each_other_in_a_circle(
    tiers: list[dict[str, Any]], circle: set[str]
) -> None:
    (problem,) = problems(tiers=tiers)
    assert problem.place[0] == "tiers"
    assert problem.place[2] == "after"
    prefix, _, rest = problem.what.partition(": ")
    assert prefix == "the tiers wait for each other in a circle"
    assert rest.removesuffix("; drop one of these `after`") in circle


def test_all_that_is_wrong_is_said_at_once() -> None:
    vault = {**plan_data()["vault"], "region": "eastus"}
    found = problems(vault=vault, tiers=[tier("a", "x"), tier("a", "x", after=["z"])])
    assert [problem.place for problem in found] == [
        ("vault", "region"),
        ("tiers", 1, "name"),
        ("tiers", 1, "members", 0),
        ("tiers", 1, "after", 0),
    ]


names = st.lists(st.text("abcdefghij", min_size=1, max_size=3), min_size=1, max_size=8, unique=True)


@st.composite
def tier_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tiers in any order whose `after` never closes a circle."""
    order = draw(names)
    tiers = []
    for index, name in enumerate(order):
        before = order[:index]
        after = draw(st.lists(st.sampled_from(before), max_size=3)) if before else []
        tiers.append(tier(name, after=after))
    return draw(st.permutations(tiers))


@given(tier_lists())
def test_tiers_move_after_what_they_wait_for(tiers: list[dict[str, Any]]) -> None:
    moved = [each.name for each in plan(tiers=tiers).ordered_tiers()]
    assert sorted(moved) == sorted(each["name"] for each in tiers)
    for each in tiers:
        for other in each["after"]:
            assert moved.index(other) < moved.index(each["name"])


@given(tier_lists())
def test_tiers_move_as_early_as_their_place_in_the_plan_allows(tiers: list[dict[str, Any]]) -> None:
    """Stable: a tier moves before one written earlier only if that one had to wait."""
    waits = {each["name"]: set(each["after"]) for each in tiers}
    written = [each["name"] for each in tiers]
    moved = [each.name for each in plan(tiers=tiers).ordered_tiers()]
    for step, name in enumerate(moved):
        done = set(moved[:step])
        free = [other for other in written if other not in done and waits[other] <= done]
        assert name == free[0]


@given(names)
def test_tiers_that_say_nothing_move_as_written(order: list[str]) -> None:
    moved = plan(tiers=[tier(name) for name in order]).ordered_tiers()
    assert [each.name for each in moved] == order


def _leaves(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*place, key))]
    if isinstance(value, list):
        return [leaf for i, inner in enumerate(value) for leaf in _leaves(inner, (*place, i))]
    return [place]


NETWORKS = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks"
STORES = f"{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Storage/storageAccounts"
CHANGES: dict[tuple[str | int, ...], dict[str, Any]] = {
    ("name",): {"name": "other"},
    ("application",): {"application": "other"},
    ("description",): {"description": "other"},
    ("reach",): {"reach": ["west.example.com", "shop.example.com"]},
    ("source",): {"source": {**plan_data()["source"], "region": "centralus"}},
    ("target",): {"target": {"region": "westus2"}},
    ("vault",): {"vault": {**plan_data()["vault"], "container": "c2"}},
    ("tiers",): {"tiers": [tier("db", "db-02")]},
    ("tiers", "after"): {"tiers": [tier("db", "db-01", after=[])]},
    ("traffic",): {"traffic": {**plan_data()["traffic"], "verify": "https://shop.example.com/"}},
    ("policy",): {"policy": {"deadline": "PT5H"}},
    ("signals",): {"signals": {"sustained": "PT2M"}},
    ("depends_on",): {"depends_on": ["billing"]},
    ("engine",): {"engine": "asr", "recovery_plans": ["shop"]},
    ("recovery_plans",): {"recovery_plans": ["shop"]},
    ("drill",): {"drill": {"network": f"{NETWORKS}/drill"}},
    ("protection",): {
        "target": {"region": "westus", "resource_group": f"{SUBSCRIPTION}/resourceGroups/west"},
        "vault": {**plan_data()["vault"], "recovery_fabric": "g", "recovery_container": "d"},
        "protection": {
            "policy": {"name": "shop-24h"},
            "cache": {"source": f"{STORES}/east", "target": f"{STORES}/west"},
            "networks": {"source": f"{NETWORKS}/east", "target": f"{NETWORKS}/west"},
        },
    },
}


def test_every_top_key_is_tried_for_the_digest() -> None:
    assert {place[0] for place in CHANGES} | {"schema"} == set(plan().wire())


@pytest.mark.parametrize("change", CHANGES.values(), ids=map(str, CHANGES))
def test_the_digest_changes_with_any_change(change: dict[str, Any]) -> None:
    assert plan(**change).digest() != plan().digest()


@given(seconds=st.integers(1, 10**6), other=st.integers(1, 10**6))
def test_two_digests_are_the_same_only_for_the_same_plan(seconds: int, other: int) -> None:
    one, two = (plan(policy={"deadline": timedelta(seconds=s)}) for s in (seconds, other))
    assert (one.digest() == two.digest()) == (seconds == other)


def test_the_digest_is_of_the_plan_and_not_of_how_it_was_written() -> None:
    turned = dict(reversed(plan_data().items()))
    spelt = {**turned, "target": {"region": "West US"}, "policy": {"deadline": "PT360M"}}
    assert Plan.model_validate(spelt).digest() == plan().digest()
    assert len(plan().digest()) == 64


def test_a_probe_asks_one_thing() -> None:
    for wrong in ({}, {"tcp": "a:1", "http": "http://a/"}):
        with pytest.raises(ValidationError, match="give either tcp: host:port or http: URL"):
            Probe.model_validate(wrong)
    assert str(Probe(tcp="10.2.1.4:5432")) == "tcp 10.2.1.4:5432"
    assert str(Probe(http="http://a/healthz")) == "GET http://a/healthz"


@pytest.mark.parametrize(
    "url",
    ["ftp://a/", "http://user@a/", "http://a/#part", "http:///", "a", "http://a b/", "file:///etc"],
)
def test_a_probe_takes_plain_urls_alone(url: str) -> None:
    with pytest.raises(ValidationError):
        Probe(http=url)


@pytest.mark.parametrize("address", ["a", "a:", ":1", "a:b", "a:123456", "a/b:1", "a:1\n"])
def test_a_probe_takes_host_and_port_alone(address: str) -> None:
    with pytest.raises(ValidationError):
        Probe(tcp=address)


def test_a_gate_that_can_never_pass_is_refused() -> None:
    probes = (Probe(tcp="a:1"),)
    with pytest.raises(ValidationError, match="needed: 4 of: 3 can never pass; lower needed"):
        Gate(probes=probes, needed=4, of=3)
    assert Gate(probes=probes, needed=3, of=3).needed == 3


def test_ids_are_of_the_kind_that_they_are_given_for() -> None:
    assert "id is not a vault's" in said(plan_data(vault={**plan_data()["vault"], "id": PROFILE}))
    traffic = plan_data()["traffic"]
    assert "profile is not a Traffic Manager profile's id" in said(
        plan_data(traffic={**traffic, "profile": VAULT})
    )


def test_traffic_has_two_ends() -> None:
    traffic = {**plan_data()["traffic"], "target": {"name": "East"}}
    assert "source and target are one endpoint" in said(plan_data(traffic=traffic))


@pytest.mark.parametrize(
    "bad", ["Shop", "-shop", "shop_1", "s" * 41, "", "shop/..", "shop\n", "sh\u00f6p"]
)
def test_a_name_that_could_break_a_url_is_refused(bad: str) -> None:
    assert "name" in said(plan_data(name=bad))


def test_every_leaf_of_a_plan_is_checked_against_unknown_neighbours() -> None:
    parents = {leaf[:-1] for leaf in _leaves(plan_data()) if isinstance(leaf[-1], str)}
    assert len(parents) >= 9
    for place in parents:
        data = plan_data()
        inner: Any = data
        for part in place:
            inner = inner[part]
        inner["surprise"] = 1
        assert "surprise" in said(data)


def test_a_round_trip_is_scheduled_only_where_it_can_come_home() -> None:
    network = f"{SUBSCRIPTION}/resourceGroups/n/providers/Microsoft.Network/virtualNetworks/drill"
    drill = {"network": network, "schedule": {"when": "first Sunday 03:00", "kind": "round_trip"}}
    (problem,) = problems(drill=drill)
    assert problem.place == ("drill", "schedule", "kind")
    assert "a protection section" in problem.what
    assert "policy.fence.probes" in problem.what
    drill["schedule"] = {"when": "first Sunday 03:00"}
    assert plan(drill=drill).drill is not None
