"""With permissions enforced as the templates give them, in two subscriptions: who drills cannot fail over."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.identity import Identities
from adapters.site_recovery import AzureSiteRecovery
from domain.errors import Permanent
from domain.replication import Terms, Verb
from local.azure.estate import Grant
from local.demo import events
from tests.identities import identities
from tests.journeys.test_lifecycle import by_hand
from tests.journeys.world import Json, world
from tests.local.azure.shop import EAST
from tests.roles.errands import SOON, briefly
from tests.roles.grants import APPLICATIONS, PLACES, SUBSCRIPTION, grant, grants, plan_apart

ITEM = f"{PLACES['vault'][0]}/{EAST}/replicationProtectedItems/web-prod-01"
MACHINES = "/providers/Microsoft.Compute/virtualMachines"


def quick(plan: Json) -> None:
    by_hand(plan)
    briefly(plan)
    plan_apart(plan)


def no_failover(estate: Json) -> None:
    grant(estate, ("observe", "drill"))
    estate["durations"] = SOON


def test_a_drill_needs_nobody_who_may_fail_over_and_whoever_drills_may_not(tmp_path: Path) -> None:
    with world(tmp_path, quick, no_failover, region_down=False) as w:
        drill = w.until_ended(w.ask("shop", "drill"))
        assert drill["outcome"] == "COMPLETED", drill["because"]
        assert w.evidence(drill["run"])["drill"]["clean"]
        before = len(w.accepted())

        stopped = w.ask("shop", "drill")
        w.host.run_until(lambda: len(w.accepted()) > before)
        said = w.http.post(f"/api/runs/{stopped}/controls", json={"verb": "cancel"})
        assert said.status_code == 202, said.text
        assert w.until_ended(stopped)["outcome"] == "CANCELLED"
        assert w.evidence(stopped)["drill"]["clean"], "what cannot be cancelled is waited for"
        before = len(w.accepted())

        failover = w.until_ended(w.fail_over(mode="graceful"))
        assert failover["outcome"] == "PARTIAL", failover
        assert "AuthorizationFailed" in failover["because"]
        assert "(asked as the identity failover; docs/permissions.md" in failover["because"]
        missing = w.evidence(failover["run"])["readiness"]["grants"]["missing"]
        assert "unplannedFailover/action" in missing[0], "it was told before anything moved"

        honest = identities()
        forged = Identities(honest.observe, honest.drill, failover=honest.drill)
        with pytest.raises(
            Permanent, match=r"AuthorizationFailed.*unplannedFailover/action"
        ) as refusal:
            AzureSiteRecovery(forged).start(ITEM, Verb.FAILOVER, Terms())
        assert refusal.value.code == "not_allowed"
        assert len(w.accepted()) == before
        refused = {
            (record.identity, record.action.rsplit("/", 2)[1])
            for record in w.azure.requests
            if record.status == 403
        }
        assert refused == {
            ("failover", "permissions"),
            ("failover", "unplannedFailover"),
            ("drill", "unplannedFailover"),
        }

        for scope, actions in grants("failover"):
            w.azure.permissions.give("failover", Grant(scope, tuple(actions)))
        before = len(w.azure.requests)
        allowed = w.approved_to_the_end(w.fail_over(mode="graceful"))
        assert allowed["outcome"] == "COMPLETED", allowed["because"]
        asked = w.azure.requests[before:]
        assert not [record for record in asked if record.status == 403]
        power = [r.path for r in asked if r.operation == "virtualMachines/list"]
        assert power == [f"{APPLICATIONS}{MACHINES}"], "one look, at the one subscription"

        for subscription in (SUBSCRIPTION, APPLICATIONS):
            machine = f"{subscription}/resourceGroups/shop-east{MACHINES}/db-prod-01"
            w.deliver(events.grid_event(machine, "Unavailable", w.clock.now()))
            alert = events.service_health_alert(subscription, "East US", w.clock.now())
            assert w.http.post("/api/alerts", json=alert).json()["regions"] == ["eastus"]
        w.host.settle()
        told = {signal["witness"]: signal["resource"] for signal in w.signals()["signals"]}
        assert told == {"resource_health": machine, "service_health": "servicehealth/3LVX-9D8"}
        assert len(w.signals()["signals"]) == 2, (
            "what two subscriptions say of one incident is one word"
        )
