"""Two applications of one estate fail over in one run, through the app's own doors: first the core, then the shop."""

from __future__ import annotations

import copy
from pathlib import Path

import yaml

from tests.journeys.world import ROOT, Json, World, world

HOSTS = {
    "east": ("core-eastus.example.com", "203.0.113.11"),
    "west": ("core-westus.example.com", "198.51.100.11"),
}


def with_core(estate: Json) -> None:
    """Give the machines that the shop is built on a name and a profile of their own."""
    for end, (host, address) in HOSTS.items():
        name = {
            "host": host,
            "address": address,
            "region": f"{end}us",
            "machine": "app-prod-01",
            "port": 8080,
        }
        estate["public_names"].append(name)
    profile = copy.deepcopy(estate["traffic_profiles"][0])
    profile |= {"name": "core", "fqdn": "core.trafficmanager.net"}
    profile["monitor"] |= {"port": 8080}
    for endpoint in profile["endpoints"]:
        endpoint["target"] = HOSTS[endpoint["name"]][0]
    estate["traffic_profiles"].append(profile)


def shop_on_core(plan: Json) -> None:
    plan["depends_on"] = ["core"]
    plan["tiers"] = plan["tiers"][2:]


def write_core(folder: Path) -> None:
    """Write the plan of the database and the application servers, which serve others."""
    plan: Json = yaml.safe_load((ROOT / "plans/shop.yaml").read_text())
    plan["name"] = "core"
    plan["reach"] += ["core.trafficmanager.net", HOSTS["east"][0], HOSTS["west"][0]]
    plan["tiers"] = plan["tiers"][:2]
    traffic = plan["traffic"]
    traffic["profile"] = traffic["profile"].removesuffix("shop") + "core"
    traffic["gate"]["probes"] = [{"http": f"http://{HOSTS['west'][0]}:8080/healthz"}]
    traffic["verify"] = "http://core.trafficmanager.net:8080/healthz"
    plan["policy"]["fence"]["probes"] = [{"http": f"http://{HOSTS['east'][0]}:8080/healthz"}]
    (folder / "core.yaml").write_text(yaml.safe_dump(plan))


def test_the_shop_takes_along_what_it_depends_on_and_the_core_goes_first(tmp_path: Path) -> None:
    with world(tmp_path, shop_on_core, with_core) as w:
        write_core(tmp_path / "plans")
        run = w.fail_over()
        assert run.startswith("umbrella-shop-")
        asked = w.until_asked(run)
        assert asked["says"].startswith("failover of 2 applications with 3 machines: core ")
        assert busy(w, "core") == f"core is held by run {run}"
        shown = w.approved_to_the_end(run)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        assert [child["plan"] for child in shown["children"]] == ["core", "shop"]
        assert {child["outcome"] for child in shown["children"]} == {"COMPLETED"}
        core, shop = (w.evidence(child["run"]) for child in shown["children"])
        assert core["run"]["under"] == shop["run"]["under"] == run
        assert core["traffic"]["verified"]
        assert shop["traffic"]["verified"]
        assert core["traffic"]["switchedAt"] < shop["tiers"][0]["startedAt"]
        assert shop["tiers"][0]["startedAt"] < core["commit"]["startedAt"]
        record = w.evidence(run)
        assert [child["evidenceSha256"] for child in record["children"]]
        assert len(record["decisions"]) == 1
        listed = w.http.get("/api/runs").json()["runs"]
        assert {r["run"] for r in listed} == {run, *(child["run"] for child in shown["children"])}
        alone = w.fail_over(with_dependencies=False)
        assert alone.startswith("failover-shop-")
        again = w.until_ended(alone)
        assert (again["outcome"], again["because"][:31]) == (
            "DECLINED",
            "the application serves from Wes",
        )


def busy(w: World, plan: str) -> str:
    answer = w.http.post(f"/api/plans/{plan}/failover")
    assert answer.status_code == 409
    return str(answer.json()["detail"])


def test_an_incident_moves_the_shop_after_what_it_depends_on(tmp_path: Path) -> None:
    with world(tmp_path, shop_on_core, with_core, watched=True) as w:
        write_core(tmp_path / "plans")

        def opened(plan: str) -> list[str]:
            found = w.host.engine.query(id_prefix=f"failover-{plan}-")[0]
            return [s.instance_id for s in found if s.instance_id.endswith("-incident")]

        w.host.run_until(lambda: bool(opened("core") or opened("shop")))
        if opened("core"):  # whichever was seen first, the shop never moves before the core
            (core,) = opened("core")
            assert w.approved_to_the_end(core)["outcome"] == "COMPLETED"
        w.host.run_until(lambda: bool(opened("shop")))
        (shop,) = opened("shop")
        assert w.show(shop)["kind"] == "umbrella"
        assert w.until_asked(shop)["says"].startswith("failover of 2 applications")
        shown = w.approved_to_the_end(shop)
        assert shown["outcome"] == "COMPLETED", shown["because"]
        assert [child["plan"] for child in shown["children"]][-1] == "shop"
