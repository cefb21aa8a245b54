"""The shop before anybody protected it: set up, replicated, given its addresses, and moved; or refused in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.world import Json, World, world

WEST = (
    "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups/shop-west"
    "/providers/Microsoft.Network"
)
UPDATE = ("protectedItems/update", "db-prod-01")


def unprotected(estate: Json) -> None:
    """Leave nothing in the vault; the networks and the cache accounts are there."""
    for part in ("fabrics", "containers", "policies", "container_mappings", "protected_items"):
        estate[part] = []


def protect(w: World) -> tuple[Json, Json]:
    """Protect the shop, and return what the run shows and its evidence."""
    run = w.ask("shop", "protect")
    return w.until_ended(run), w.evidence(run)


def addresses(w: World, region: str = "westus") -> dict[str, str]:
    """Return the address that each machine of a region has now."""
    now = w.clock.now()
    there = [m for m in w.azure.world.machines if m.facts.region == region and m.exists(now)]
    return {m.facts.name: m.facts.private_ip for m in there}


def nic(plan: Json, member: int = 0) -> Json:
    found: Json = plan["tiers"][member]["members"][0]["nics"][0]
    return found


def test_the_shop_is_protected_from_nothing_and_a_second_run_changes_nothing(
    tmp_path: Path,
) -> None:
    with world(tmp_path, estate=unprotected, region_down=False) as w:
        run = w.ask("shop", "protect")
        shares: set[str] = set()

        def ended() -> bool:
            shown = w.show(run)
            shares.update(state for state in shown["members"].values() if state.endswith("%"))
            return bool(shown["state"] == "ended")

        w.host.run_until(ended)
        shown, record = w.show(run), w.evidence(run)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        report = record["protection"]
        assert Counter(p["kind"] for p in report["pieces"]) == {
            "fabric": 2,
            "replication policy": 1,
            "container": 2,
            "network mapping": 2,
            "container mapping": 2,
            "settings of a machine": 3,
        }
        assert {p["outcome"] for p in report["pieces"]} == {"made"}
        assert all(m["outcome"] == "arrived" for m in report["members"])
        assert shares, "how far the replication has come is shown"
        made = w.accepted()
        assert Counter(operation for operation, _ in made) == {
            "fabrics/create": 2,
            "policies/create": 1,
            "containers/create": 2,
            "networkMappings/create": 2,
            "containerMappings/create": 2,
            "protectedItems/create": 3,
            "protectedItems/update": 3,
        }
        shown, record = protect(w)
        assert shown["because"].endswith("all was in place, nothing was changed")
        assert {p["outcome"] for p in record["protection"]["pieces"]} == {"there"}
        assert w.accepted() == made
        w.azure.set_region("eastus", down=True)
        moved = w.approved_to_the_end(w.fail_over())
        assert moved["outcome"] == "COMPLETED", moved["because"]
        assert addresses(w) == {
            "db-prod-01": "10.2.1.4",
            "app-prod-01": "10.2.2.4",
            "web-prod-01": "10.2.3.4",
        }


def test_a_machine_keeps_its_address_where_the_target_has_the_same_range(tmp_path: Path) -> None:
    def same_range(estate: Json) -> None:
        unprotected(estate)
        west = next(n for n in estate["networks"] if n["name"] == "shop-west-vnet")
        west["subnets"][0]["prefix"] = "10.1.1.0/24"

    def keep(plan: Json) -> None:
        nic(plan)["address"] = "keep"
        del plan["tiers"][0]["gate"]  # from here, both regions' 10.1.1.4 look alike

    with world(tmp_path, keep, same_range, region_down=False) as w:
        shown, _ = protect(w)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        w.azure.set_region("eastus", down=True)
        moved = w.approved_to_the_end(w.fail_over())
        assert moved["outcome"] == "COMPLETED", moved["because"]
        assert addresses(w)["db-prod-01"] == "10.1.1.4"


def test_a_new_static_address_is_given_to_a_machine_that_is_protected_already(
    tmp_path: Path,
) -> None:
    hangs = {
        "public_ip": f"{WEST}/publicIPAddresses/db-ip",
        "pools": [f"{WEST}/loadBalancers/db/backendAddressPools/all"],
        "nsg": f"{WEST}/networkSecurityGroups/db",
    }

    def elsewhere(plan: Json) -> None:
        plan.setdefault("drill", {"network": f"{WEST}/virtualNetworks/shop-west-drill"})
        drill = {"subnet": "db", "address": "10.9.1.44"}
        nic(plan).update(hangs, address="10.2.1.77", drill=drill)
        plan["tiers"][0]["members"][0]["size"] = "Standard_D4s_v5"
        plan["tiers"][0]["gate"]["probes"] = [{"tcp": "10.2.1.77:5432"}]

    with world(tmp_path, elsewhere, region_down=False) as w:
        shown, record = protect(w)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        made = {p["name"]: p["outcome"] for p in record["protection"]["pieces"]}
        assert made["db-prod-01"] == "made" and made["app-prod-01"] == "there"
        assert w.accepted().count(UPDATE) == 1
        items = {item.facts.name: item for item in w.azure.replication.items.values()}
        settings = items["db-prod-01"].settings
        assert (settings.test_subnet, settings.test_address) == ("db", "10.9.1.44")
        assert settings.test_network.endswith("/virtualNetworks/shop-west-drill")
        w.azure.set_region("eastus", down=True)
        moved = w.approved_to_the_end(w.fail_over())
        assert moved["outcome"] == "COMPLETED", moved["because"]
        assert addresses(w)["db-prod-01"] == "10.2.1.77"
        there = (r for r in w.azure.world.resources if r.kind == "nic" and r.group == "shop-west")
        nic_there = next(r for r in there if r.machine.facts.name == "db-prod-01")
        assert nic_there.machine.facts.size == "Standard_D4s_v5"
        for what, arm_id in hangs.items():
            found = nic_there.details[what]
            assert (list(found) if what == "pools" else found) == arm_id


def taken(estate: Json) -> None:
    """Let another machine have the address that the database is to have."""
    unprotected(estate)
    estate["virtual_machines"].append(
        {
            "name": "squatter",
            "resource_group": "shop-west",
            "region": "westus",
            "network": "shop-west-vnet",
            "subnet": "db",
            "private_ip": "10.2.1.4",
        }
    )


def vault_in_east(estate: Json) -> None:
    unprotected(estate)
    estate["vault"]["region"] = "eastus"


def unmanaged(estate: Json) -> None:
    unprotected(estate)
    estate["virtual_machines"][0]["managed"] = False


def reserved(plan: Json) -> None:
    nic(plan)["address"] = "10.2.1.3"


def outside(plan: Json) -> None:
    nic(plan)["address"] = "keep"


def no_subnet(plan: Json) -> None:
    nic(plan)["subnet"] = "gone"


def cache_elsewhere(plan: Json) -> None:
    plan["protection"]["cache"]["source"] = plan["protection"]["cache"]["target"]


def unknown_machine(plan: Json) -> None:
    plan["tiers"][0]["members"][0]["name"] = "db-prod-99"


@pytest.mark.parametrize(
    ("plan", "estate", "says"),
    [
        (None, taken, "10.2.1.4, which db-prod-01 asks for, is taken in shop-west-vnet"),
        (reserved, unprotected, "10.2.1.3 is one of the five addresses that Azure reserves"),
        (outside, unprotected, "10.1.1.4 lies outside 10.2.1.0/24"),
        (no_subnet, unprotected, "shop-west-vnet has no subnet gone for db-prod-01"),
        (None, vault_in_east, "the vault shop-vault lies in East US, the region it must survive"),
        (None, unmanaged, "of db-prod-01 are not managed; convert them"),
        (cache_elsewhere, unprotected, "the cache account shopcachewest lies in West US"),
        (unknown_machine, unprotected, "there is no machine db-prod-99 for db-prod-99"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_could_not_come_up_is_refused_before_anything_is_touched(
    tmp_path: Path,
    plan: Callable[[Json], None] | None,
    estate: Callable[[Json], None],
    says: str,
) -> None:
    with world(tmp_path, plan, estate, region_down=False) as w:
        shown, record = protect(w)
        assert shown["outcome"] == "FAILED"
        assert says in shown["because"]
        assert len(record["readiness"]["blockers"]) == 1, record["readiness"]["blockers"]
        assert w.accepted() == []


def test_a_piece_that_is_there_otherwise_is_left_and_named(tmp_path: Path) -> None:
    def short(estate: Json) -> None:
        estate["policies"][0]["history_minutes"] = 60

    with world(tmp_path, estate=short, region_down=False) as w:
        shown, _ = protect(w)
        assert shown["outcome"] == "FAILED"
        assert "its retention in minutes is 60, the plan wants 1440" in shown["because"]
        assert w.accepted() == []


def test_a_machine_that_azure_will_not_protect_leaves_the_others_protected(tmp_path: Path) -> None:
    with world(tmp_path, estate=unprotected, region_down=False) as w:
        w.azure.faults.add(
            "job_failed", operation="protectedItems/create", item="app-prod-01", times=9
        )
        shown, record = protect(w)
        outcomes = {m["name"]: m["outcome"] for m in record["protection"]["members"]}
        assert outcomes == {
            "db-prod-01": "arrived",
            "app-prod-01": "failed",
            "web-prod-01": "arrived",
        }
        assert shown["outcome"] == "PARTIAL"
        assert "2 of 3 machines are protected in West US; app-prod-01: " in shown["because"]


@pytest.mark.parametrize(
    "operation",
    [
        "fabrics/create",
        "containerMappings/create",
        "protectedItems/create",
        "protectedItems/update",
    ],
)
def test_an_answer_that_was_lost_after_acceptance_does_nothing_twice(
    tmp_path: Path, operation: str
) -> None:
    with world(tmp_path, estate=unprotected, region_down=False) as w:
        w.azure.faults.add("lost", operation=operation, times=2)
        shown, _ = protect(w)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        items = [item for op, item in w.accepted() if op == operation and item]
        assert len(items) == len(set(items))
        assert len(w.azure.replication.items) == 3
        setup = w.azure.setup
        assert (len(setup.fabrics), len(setup.mappings)) == (2, 2)
