"""The adapters with the real SDK clients, over TLS, against the simulated Azure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import pytest

from adapters.compute import AzureCompute, power_of
from adapters.event_topic import EventTopic
from adapters.identity import Clients, Identities
from adapters.site_recovery import AzureSiteRecovery
from adapters.traffic_manager import AzureTrafficManager
from domain.errors import Permanent, Transient
from domain.replication import JobState, Phase, ProtectedItem, Terms, Verb
from domain.route import Endpoint
from local.azure.estate import Subscription
from local.azure.fleet import make_estate
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from tests.identities import identities
from tests.journeys.world import shop_estate

GROUPS = "/subscriptions/5b9d1c1e-7a36-4c3f-9d55-0a1c2f3e4d5b/resourceGroups"
VAULT = f"{GROUPS}/shop-dr/providers/Microsoft.RecoveryServices/vaults/shop-vault"
PROFILE = f"{GROUPS}/shop-edge/providers/Microsoft.Network/trafficManagerProfiles/shop"
VMS = "providers/Microsoft.Compute/virtualMachines"
EAST_VM = f"{GROUPS}/shop-east/{VMS}"
EAST, WEST = Endpoint(name="east"), Endpoint(name="west")


@dataclass
class Azure:
    """The simulated Azure, and clients that know it by configuration alone."""

    simulator: Simulator
    clock: VirtualClock
    identities: Identities

    def later(self, seconds: int) -> None:
        """Let story time go on."""
        self.clock.advance(self.clock.now() + timedelta(seconds=seconds))


@pytest.fixture
def azure() -> Iterator[Azure]:
    clock = VirtualClock()
    with Simulator(shop_estate(), clock) as simulator:
        yield Azure(simulator, clock, _identities(simulator))


def _identities(simulator: Simulator) -> Identities:
    os.environ.update(simulator.environment())
    return identities()


def test_the_items_tell_what_a_wave_needs_to_know(azure: Azure) -> None:
    items = {item.name: item for item in AzureSiteRecovery(azure.identities).items(VAULT)}
    db = items["db-prod-01"]
    assert set(items) == {"db-prod-01", "app-prod-01", "web-prod-01"}
    assert (db.phase, db.health) == (Phase.PROTECTED, "Normal")
    assert "UnplannedFailover" in db.allowed
    assert db.scenario is None and db.scenario_job is None
    assert db.id.startswith("/subscriptions/") and db.id.casefold().startswith(VAULT.casefold())
    assert (db.vm or "").casefold() == f"{EAST_VM}/db-prod-01".casefold()
    point = db.latest_point_at
    assert point is not None
    assert timedelta(0) <= azure.clock.now() - point <= timedelta(minutes=15)


def test_every_page_of_the_items_is_read() -> None:
    estate = make_estate(members=25, tiers=1)
    with Simulator(estate, VirtualClock(), page_size=10) as simulator:
        vault = (
            f"/subscriptions/{estate.subscription}/resourceGroups/fleet-dr"
            "/providers/Microsoft.RecoveryServices/vaults/fleet-vault"
        )
        items = AzureSiteRecovery(_identities(simulator)).items(vault)
        lists = [r for r in simulator.requests if r.operation == "protectedItems/list"]
    assert len({item.name for item in items}) == 25
    assert len(lists) == 3


def test_a_failover_is_started_watched_and_committed(azure: Azure) -> None:
    vault = AzureSiteRecovery(azure.identities)
    item = _item(vault, "db-prod-01")
    job = vault.start(item.id, Verb.FAILOVER, Terms())
    moving = _item(vault, "db-prod-01")
    assert (moving.scenario, moving.scenario_job) == ("UnplannedFailover", job)
    assert vault.job(VAULT, job).verdict is JobState.RUNNING
    azure.later(200)
    arrived = _item(vault, "db-prod-01")
    assert arrived.phase is Phase.ARRIVED and "Commit" in arrived.allowed
    assert arrived.failed_over_at is None or arrived.failed_over_at <= azure.clock.now()
    ended = vault.job(VAULT, job)
    assert ended.verdict is JobState.SUCCEEDED and ended.recovery_point_at and ended.ended_at
    vault.start(item.id, Verb.COMMIT, Terms())
    azure.later(60)
    assert _item(vault, "db-prod-01").phase is Phase.COMMITTED


def test_a_job_that_failed_says_why(azure: Azure) -> None:
    azure.simulator.faults.add("capacity_refused", item="db-prod-01")
    vault = AzureSiteRecovery(azure.identities)
    job = vault.start(_item(vault, "db-prod-01").id, Verb.FAILOVER, Terms())
    azure.later(200)
    failed = vault.job(VAULT, job)
    assert (failed.verdict, failed.error_code) == (JobState.FAILED, "150097")
    assert failed.error


def test_a_verb_that_the_state_forbids_is_refused_for_good(azure: Azure) -> None:
    vault = AzureSiteRecovery(azure.identities)
    with pytest.raises(Permanent, match="starting commit of db-prod-01"):
        vault.start(_item(vault, "db-prod-01").id, Verb.COMMIT, Terms())


@pytest.mark.parametrize("fault", ["error", "throttle", "lost"])
def test_a_mutating_call_is_sent_once_whatever_comes_of_it(azure: Azure, fault: str) -> None:
    azure.simulator.faults.add(fault, operation="protectedItems/unplannedFailover", times=None)
    vault = AzureSiteRecovery(azure.identities)
    with pytest.raises(Transient):
        vault.start(_item(vault, "db-prod-01").id, Verb.FAILOVER, Terms())
    sent = [
        r for r in azure.simulator.requests if r.method == "POST" and "events" not in r.operation
    ]
    assert [r.operation for r in sent] == ["protectedItems/unplannedFailover"]


def test_the_wish_of_a_throttled_server_is_handed_on(azure: Azure) -> None:
    azure.simulator.faults.add("throttle", operation="protectedItems/list", retry_after=17)
    with pytest.raises(Transient) as refused:
        AzureSiteRecovery(azure.identities).items(VAULT)
    assert refused.value.after == timedelta(seconds=17)


def test_a_vault_that_is_not_there_is_no_matter_of_waiting(azure: Azure) -> None:
    with pytest.raises(Permanent) as refused:
        AzureSiteRecovery(azure.identities).items(VAULT.replace("shop-vault", "no-vault"))
    assert refused.value.code == "not_found"


def test_one_endpoint_is_changed_and_nothing_else_of_the_profile(azure: Azure) -> None:
    manager = AzureTrafficManager(azure.identities)
    before = manager.profile(PROFILE)
    manager.set_endpoint(PROFILE, WEST, enabled=True)
    after = manager.profile(PROFILE)
    assert (before.fqdn, before.ttl_seconds) == ("shop.trafficmanager.net", 30)
    assert [e.enabled for e in before.endpoints] == [True, False]
    assert [e.enabled for e in after.endpoints] == [True, True]
    assert [e.target for e in after.endpoints] == [e.target for e in before.endpoints]
    assert before.endpoint("EAST") == before.endpoint("east")


def test_an_endpoint_that_is_not_there_is_refused_for_good(azure: Azure) -> None:
    with pytest.raises(Permanent):
        AzureTrafficManager(azure.identities).set_endpoint(
            PROFILE, Endpoint(name="north"), enabled=True
        )


def test_the_power_of_all_machines_costs_one_request(azure: Azure) -> None:
    vms = [f"{EAST_VM}/db-prod-01", f"{EAST_VM}/WEB-prod-01", f"{EAST_VM}/nobody"]
    world = azure.simulator.world
    db = next(m for m in world.machines if m.facts.name == "db-prod-01")
    world.power_off(db, azure.clock.now())
    assert AzureCompute(azure.identities.observe).power(vms) == dict(
        zip(vms, ["stopped", "running", "unknown"], strict=True)
    )
    assert azure.simulator.arm_requests() == 1


def test_the_power_of_machines_of_two_subscriptions_costs_two_requests() -> None:
    apart = Subscription("7a20e9f6-41c5-4b62-9f0e-2f1f6f3f8b21", ("shop-east",))
    estate = replace(shop_estate(), other_subscriptions=(apart,))
    group = estate.group_id("shop-east")
    there = [f"{group}/{VMS}/{name}" for name in ("db-prod-01", "app-prod-01", "web-prod-01")]
    vms = [*there, f"{GROUPS}/canary/{VMS}/canary", f"{EAST_VM}/db-prod-01"]
    with Simulator(estate, VirtualClock()) as simulator:
        power = AzureCompute(_identities(simulator).observe).power(vms)
        assert [*power.values()] == ["running"] * 4 + ["unknown"]
        assert simulator.arm_requests() == 2


@pytest.mark.parametrize(
    ("state", "power"),
    [
        ("running", "running"),
        ("starting", "running"),
        ("stopping", "running"),
        ("deallocating", "running"),
        ("stopped", "stopped"),
        ("deallocated", "stopped"),
        ("unknown", "unknown"),
        ("never heard of", "unknown"),
    ],
)
def test_only_a_machine_that_has_stopped_counts_as_stopped(state: str, power: str) -> None:
    statuses = [{"code": "ProvisioningState/succeeded"}, {"code": f"PowerState/{state}"}]
    assert power_of({"properties": {"instanceView": {"statuses": statuses}}}) == power


def test_the_power_of_machines_of_a_dark_region_is_unknown(azure: Azure) -> None:
    azure.simulator.set_region("eastus", down=True)
    vm = f"{EAST_VM}/db-prod-01"
    assert AzureCompute(azure.identities.observe).power([vm]) == {vm: "unknown"}


def test_an_answer_of_compute_that_cannot_be_read_is_a_matter_of_waiting() -> None:
    class Garbled:
        """A client whose every answer is a page of something else."""

        status_code = 200

        def site_recovery(self, subscription: str) -> Garbled:
            return self

        def send_request(self, request: object) -> Garbled:
            return self

        def json(self) -> object:
            return ["no", "machines"]

    with pytest.raises(Transient, match="cannot be read"):
        AzureCompute(cast(Clients, Garbled())).power([f"{EAST_VM}/db-prod-01"])


def test_a_notice_keeps_its_id_however_often_it_is_sent(azure: Azure) -> None:
    topic = EventTopic(azure.identities.observe, os.environ["EVENT_TOPIC_ENDPOINT"])
    assert topic.publish("Leeward.RunEnded", "runs/run-1", {"outcome": "COMPLETED"})
    assert topic.publish("Leeward.RunEnded", "runs/run-1", {"outcome": "COMPLETED"})
    assert topic.publish("Leeward.RunEnded", "runs/run-1", {"outcome": "PARTIAL"})
    events = [published.event for published in azure.simulator.published_events]
    assert events[0]["id"] == events[1]["id"] != events[2]["id"]
    assert (events[0]["type"], events[0]["subject"]) == ("Leeward.RunEnded", "runs/run-1")
    assert events[0]["data"] == {"outcome": "COMPLETED"}


def test_without_a_topic_nobody_is_told_and_nothing_fails(azure: Azure) -> None:
    assert not EventTopic(azure.identities.observe, None).publish(
        "Leeward.RunEnded", "runs/run-1", {}
    )
    assert azure.simulator.published_events == []


def test_an_identity_endpoint_that_is_gone_is_a_matter_of_waiting(azure: Azure) -> None:
    os.environ["IDENTITY_ENDPOINT"] = "http://127.0.0.1:9/msi/token"
    with pytest.raises(Transient) as refused:
        AzureSiteRecovery(azure.identities).items(VAULT)
    assert refused.value.code in {"no_token", "not_reached"}


def _item(vault: AzureSiteRecovery, name: str) -> ProtectedItem:
    return next(item for item in vault.items(VAULT) if item.name == name)
