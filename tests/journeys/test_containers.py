"""The whole app with nothing in folders: plans, evidence, ledger and record lie in containers of a real Azurite."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from adapters.places import ContainerUrl
from cli.main import main as leeward
from tests.containers import Containers
from tests.journeys.test_failover import unavailable
from tests.journeys.world import ROOT, World, world

STORES = ("PLAN_STORE", "EVIDENCE_STORE", "LEDGER")


@pytest.fixture
def stores(containers: Containers) -> dict[str, ContainerUrl]:
    return {key: containers.fresh() for key in STORES}


def test_an_outage_is_handled_with_all_that_is_kept_in_containers(
    tmp_path: Path, containers: Containers, stores: dict[str, ContainerUrl]
) -> None:
    told = tmp_path / "evidence.json"
    settings = {key: str(url) for key, url in stores.items()}
    with world(
        tmp_path, stores=settings, trusted=containers.azurite.certificate, region_down=False
    ) as w:
        _spoil_and_mend(w, containers.opened(stores["PLAN_STORE"]))
        w.azure.set_region("eastus", down=True)
        unavailable(w)
        run = w.incident_run()
        shown = w.approved_to_the_end(run)
        record = w.evidence(run)
        told.write_text(w.http.get(f"/api/runs/{run}/evidence").text)

    assert (shown["outcome"], record["run"]["outcome"]) == ("COMPLETED", "COMPLETED")
    assert leeward(["verify", str(told)]) == 0

    kept = _files(containers, stores["EVIDENCE_STORE"])
    assert kept[f"{run}/evidence.json"] == told.read_bytes()
    assert {f"{run}/evidence.{kind}" for kind in ("json", "md", "html")} <= kept.keys()
    lines = [json.loads(line) for name in kept if "signals/" in name for line in _lines(kept[name])]
    assert sum(line["what"] == "event" for line in lines) == 2
    assert [line["run"] for line in lines if line["what"] == "incident"] == [run]

    entered = _files(containers, stores["LEDGER"])
    assert json.loads(entered["verdicts/shop.json"])["colour"] == "green"
    assert sum(name.startswith("changes/shop/") for name in entered) == 3
    assert not (tmp_path / "evidence").exists() and not (tmp_path / "ledger").exists()


def test_while_the_plans_cannot_be_reached_the_doors_say_so_and_nobody_is_told_that_there_are_none(
    tmp_path: Path, containers: Containers, stores: dict[str, ContainerUrl]
) -> None:
    late = ContainerUrl(containers.azurite.account_url, f"late-{stores['LEDGER'].name}")
    settings = {key: str(url) for key, url in {**stores, "PLAN_STORE": late}.items()}
    with world(
        tmp_path, stores=settings, trusted=containers.azurite.certificate, region_down=False
    ) as w:
        for method, path in (
            ("GET", "/api/plans"),
            ("GET", "/api/plans/shop"),
            ("GET", "/api/plans/shop/diff"),
            ("POST", "/api/plans/shop/failover"),
            ("GET", "/api/signals/eastus"),
        ):
            answer = w.http.request(method, path, json={} if method == "POST" else None)
            assert answer.status_code == 503, f"{path}: {answer.text}"
            assert answer.headers["Retry-After"] == "10"
            assert containers.azurite.account_url not in answer.text
        containers.opened(late).create_container()
        assert w.http.get("/api/plans/shop").status_code == 404
        containers.opened(late).upload_blob("shop.yaml", (ROOT / "plans/shop.yaml").read_bytes())
        assert w.http.get("/api/plans/shop").status_code == 200


def _spoil_and_mend(w: World, plans: ContainerClient) -> None:
    """Let the plan turn bad and good again before the sweep's eyes; each change is claimed in the ledger."""
    assert w.http.post("/admin/functions/keep_sweep", json={}).is_success
    good = (ROOT / "plans/shop.yaml").read_bytes()
    for data, colour in ((good, "green"), (b"schema: leeward/plan/1\n", "red"), (good, "green")):
        plans.upload_blob("shop.yaml", data, overwrite=True)
        w.host.run_until(partial(_shows, w, colour))
    w.host.engine.terminate("sweep", "the test goes on alone")
    w.host.settle()


def _shows(w: World, colour: str) -> bool:
    verdicts = w.http.get("/api/readiness").json()["verdicts"]
    return [verdict["colour"] for verdict in verdicts] == [colour]


def _files(containers: Containers, url: ContainerUrl) -> dict[str, bytes]:
    client = containers.opened(url)
    return {name: client.download_blob(name).readall() for name in client.list_blob_names()}


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines()
