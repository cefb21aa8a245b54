"""The real SDK clients against the simulator, through environment variables alone."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from local.azure.simulator import Simulator
from local.clock import ScaledClock
from tests.local.azure.shop import shop_estate

STORY = """
import os
import sys
import time

from azure.core.credentials import TokenCredential
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridPublisherClient
from azure.identity import ManagedIdentityCredential
from azure.mgmt.recoveryservicessiterecovery import SiteRecoveryManagementClient
from azure.mgmt.trafficmanager import TrafficManagerManagementClient

base = os.environ["ARM_ENDPOINT"]
credential = ManagedIdentityCredential(client_id=os.environ["OBSERVE_CLIENT_ID"])
asr = SiteRecoveryManagementClient(credential, sys.argv[1], base_url=base)
vault = ("shop-dr", "shop-vault")
items = list(asr.replication_protected_items.list(*vault))
assert [item.name for item in items] == ["db-prod-01", "app-prod-01", "web-prod-01"], items
place = (*vault, "asr-eastus", "shop-eastus", "db-prod-01")

def watch(headers):
    name = headers["x-ms-request-id"].split(",")[0].rpartition("/")[2]
    deadline = time.monotonic() + 20
    while (job := asr.replication_jobs.get(*vault, name)).properties.state == "InProgress":
        assert time.monotonic() < deadline, "the job does not end"
        time.sleep(0.05)
    assert job.properties.state == "Succeeded", job.properties.state
    assert job.properties.tasks, "a job that is read has tasks"
    return job

seen = []
asr.replication_protected_items.begin_unplanned_failover(
    *place,
    {"properties": {"failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "NotRequired",
                    "providerSpecificDetails": {"instanceType": "A2A"}}},
    polling=False,
    raw_response_hook=lambda response: seen.append(response.http_response.headers),
)
job = watch(seen[0])
assert job.properties.custom_details.protected_item_details[0].recovery_point_time
asr.replication_protected_items.begin_failover_commit(
    *place, polling=False,
    raw_response_hook=lambda response: seen.append(response.http_response.headers),
)
watch(seen[1])
item = asr.replication_protected_items.get(*place)
assert item.properties.protection_state == "UnplannedFailoverCommitted"

traffic = TrafficManagerManagementClient(credential, sys.argv[1], base_url=base)
traffic.endpoints.update(
    "shop-edge", "shop", "ExternalEndpoints", "west", {"properties": {"endpointStatus": "Enabled"}}
)
profile = traffic.profiles.get("shop-edge", "shop")
states = {e.name: e.properties.endpoint_status for e in profile.properties.endpoints}
assert states == {"east": "Enabled", "west": "Enabled"}, states

topic = EventGridPublisherClient(os.environ["EVENT_TOPIC_ENDPOINT"], credential)
topic.send(CloudEvent(source="/leeward", type="Leeward.RunEnded", data={"run": "one"}))
print("told")
"""


def test_the_sdk_fails_over_commits_and_switches_through_the_environment_alone() -> None:
    with Simulator(shop_estate(), ScaledClock(600)) as simulator:
        environment = {**os.environ, **simulator.environment()}
        told = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(STORY), simulator.estate.subscription],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        assert told.stdout == "told\n"
        assert simulator.published_events[0].event["type"] == "Leeward.RunEnded"
        accepted = [record.operation for record in simulator.requests if record.accepted]
        assert accepted == [
            "protectedItems/unplannedFailover",
            "protectedItems/failoverCommit",
            "endpoints/update",
            "events/publish",
        ]
