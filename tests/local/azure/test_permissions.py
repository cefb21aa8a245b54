"""Who may do what: actions named as Azure names them, scopes, and the refusal."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from local.azure.estate import EstateError, Grant
from local.azure.estate_file import parse_estate
from local.azure.permissions import action_of
from local.azure.simulator import Simulator
from local.clock import VirtualClock
from tests.local.azure.shop import EAST, SHOP, SUBSCRIPTION, Arm, shop_estate

GROUP = f"{SUBSCRIPTION}/resourceGroups/shop-dr"
VAULT = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/shop-vault"
RSV = "Microsoft.RecoveryServices/vaults"
ITEMS = f"{RSV}/replicationFabrics/replicationProtectionContainers/replicationProtectedItems"
ITEM = f"{VAULT}/{EAST}/replicationProtectedItems/db-prod-01"
PROFILE = f"{SUBSCRIPTION}/resourceGroups/shop-edge/providers/Microsoft.Network/trafficmanagerprofiles/shop"
MACHINES = "providers/Microsoft.Compute/virtualMachines"


@pytest.fixture
def arm() -> Iterator[Arm]:
    with Simulator(shop_estate(), VirtualClock()) as simulator:
        arm = Arm(simulator)
        yield arm
        arm.http.close()


@pytest.mark.parametrize(
    ("method", "path", "action", "scope"),
    [
        ("GET", VAULT, f"{RSV}/read", VAULT),
        (
            "GET",
            f"{VAULT}/replicationProtectedItems",
            f"{RSV}/replicationProtectedItems/read",
            VAULT,
        ),
        ("GET", ITEM, f"{ITEMS}/read", ITEM),
        ("PUT", ITEM, f"{ITEMS}/write", ITEM),
        ("PATCH", ITEM, f"{ITEMS}/write", ITEM),
        ("POST", f"{ITEM}/unplannedFailover", f"{ITEMS}/unplannedFailover/action", ITEM),
        ("GET", f"{ITEM}/recoveryPoints", f"{ITEMS}/recoveryPoints/read", ITEM),
        (
            "GET",
            f"{ITEM}/operationresults/j",
            f"{ITEMS}/operationresults/read",
            f"{ITEM}/operationresults/j",
        ),
        (
            "GET",
            f"{VAULT}/replicationJobs/operationresults/j",
            f"{RSV}/replicationJobs/operationresults/read",
            f"{VAULT}/replicationJobs/operationresults/j",
        ),
        (
            "GET",
            f"{VAULT}/replicationOperationStatus/j",
            f"{RSV}/replicationOperationStatus/read",
            f"{VAULT}/replicationOperationStatus/j",
        ),
        (
            "POST",
            f"{VAULT}/replicationJobs/j/cancel",
            f"{RSV}/replicationJobs/cancel/action",
            f"{VAULT}/replicationJobs/j",
        ),
        (
            "POST",
            f"{VAULT}/{EAST}/switchprotection",
            f"{RSV}/replicationFabrics/replicationProtectionContainers/switchprotection/action",
            f"{VAULT}/{EAST}",
        ),
        (
            "PATCH",
            f"{PROFILE}/ExternalEndpoints/west",
            "Microsoft.Network/trafficManagerProfiles/externalEndpoints/write",
            f"{PROFILE}/ExternalEndpoints/west",
        ),
        ("DELETE", PROFILE, "Microsoft.Network/trafficManagerProfiles/delete", PROFILE),
        (
            "GET",
            f"{SUBSCRIPTION}/{MACHINES}",
            "Microsoft.Compute/virtualMachines/read",
            SUBSCRIPTION,
        ),
        ("GET", f"{GROUP}/{MACHINES}", "Microsoft.Compute/virtualMachines/read", GROUP),
        (
            "GET",
            f"{GROUP}/{MACHINES}/a/instanceView",
            "Microsoft.Compute/virtualMachines/instanceView/read",
            f"{GROUP}/{MACHINES}/a",
        ),
        (
            "GET",
            f"{GROUP}/providers/Microsoft.Authorization/locks",
            "Microsoft.Authorization/locks/read",
            GROUP,
        ),
        (
            "GET",
            f"{VAULT}/providers/Microsoft.Authorization/permissions",
            "Microsoft.Authorization/permissions/read",
            VAULT,
        ),
        (
            "GET",
            f"{GROUP}/providers/Microsoft.Network/virtualNetworks/n/CheckIPAddressAvailability",
            "Microsoft.Network/virtualNetworks/checkIpAddressAvailability/read",
            f"{GROUP}/providers/Microsoft.Network/virtualNetworks/n",
        ),
        (
            "GET",
            f"{GROUP}/providers/Microsoft.Automation/automationAccounts/a/jobs/j/output",
            "Microsoft.Automation/automationAccounts/jobs/output/read",
            f"{GROUP}/providers/Microsoft.Automation/automationAccounts/a/jobs/j",
        ),
    ],
)
def test_an_action_is_named_as_the_lists_of_operations_name_it(
    method: str, path: str, action: str, scope: str
) -> None:
    assert action_of(method, path) == (action, scope)


def control(arm: Arm, method: str, what: str, **body: object) -> httpx.Response:
    url = f"{arm.simulator.proxy_endpoint}/_simulator/{what}"
    return httpx.request(method, url, json=body or None, trust_env=False)


def test_whoever_was_given_nothing_may_do_nothing_once_somebody_was_given_something(
    arm: Arm,
) -> None:
    assert arm.vault_get("").status_code == 200
    given = control(
        arm, "POST", "permissions", identity="system", scope=GROUP, actions=[f"{RSV}/*/read"]
    )
    assert given.status_code == 201, given.text
    assert arm.vault_get("replicationProtectedItems").status_code == 200
    refused = arm.vault_get("")
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert error["code"] == "AuthorizationFailed"
    assert f"perform action '{RSV}/read' over scope '{VAULT}'" in error["message"]
    assert error["message"].endswith("please refresh your credentials.")
    assert arm.act("db-prod-01", "failoverCommit").status_code == 403
    asked = {(a["identity"], a["action"]): a for a in control(arm, "GET", "actions").json()}
    assert asked["system", f"{RSV}/read"] == {
        "identity": "system",
        "action": f"{RSV}/read",
        "times": 2,
        "refused": 1,
    }
    assert control(arm, "DELETE", "permissions").json() == []
    assert arm.vault_get("").status_code == 200


def test_a_grant_reaches_down_and_not_sideways(arm: Arm) -> None:
    permissions = arm.simulator.permissions
    permissions.give("system", Grant(f"{VAULT.upper()}/", ("*",)))
    assert arm.vault_get("replicationProtectedItems").status_code == 200
    permissions.clear()
    permissions.give("system", Grant(VAULT[:-1], ("*",)))
    assert arm.vault_get("replicationProtectedItems").status_code == 403
    permissions.give("drill", Grant(VAULT, ("*",)))
    assert arm.vault_get("replicationProtectedItems").status_code == 403, "it is another's"


def own(arm: Arm, scope: str) -> httpx.Response:
    """Ask what the caller may do somewhere."""
    headers = {"Authorization": f"Bearer {arm.token}"}
    path = f"{scope}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
    return arm.http.get(path, headers=headers)


def entry(*actions: str) -> dict[str, list[str]]:
    return {"actions": [*actions], "notActions": [], "dataActions": [], "notDataActions": []}


def test_whoever_asks_is_told_what_they_were_given_here_and_above_if_they_may_ask(arm: Arm) -> None:
    assert own(arm, VAULT).json() == {"value": [entry("*")]}, "nobody was given anything"
    permissions, may_ask = arm.simulator.permissions, "Microsoft.Authorization/permissions/read"
    permissions.give("system", Grant(GROUP, (f"{RSV}/*",)))
    refused = own(arm, VAULT)
    assert refused.status_code == 403
    assert f"perform action '{may_ask}' over scope '{VAULT}'" in refused.text
    permissions.give("system", Grant(VAULT, (may_ask, f"{RSV}/read")))
    permissions.give("system", Grant(f"{VAULT}/replicationPolicies/p", ("*",)))
    permissions.give("drill", Grant(VAULT, ("*",)))
    assert own(arm, VAULT).json()["value"] == [entry(f"{RSV}/*"), entry(may_ask, f"{RSV}/read")]
    assert own(arm, GROUP).status_code == 403, "what is given below says nothing here"


def test_one_grant_is_taken_back_and_the_others_stay(arm: Arm) -> None:
    for who, scope in (("system", GROUP), ("system", VAULT), ("drill", VAULT)):
        control(arm, "POST", "permissions", identity=who, scope=scope, actions=["*"])
    left = control(arm, "DELETE", "permissions", identity="system", scope=VAULT.upper())
    assert [(g["identity"], g["scope"]) for g in left.json()] == [
        ("system", GROUP),
        ("drill", VAULT),
    ]
    again = control(arm, "DELETE", "permissions", identity="system", scope=VAULT)
    assert again.status_code == 400
    assert "was given nothing at" in again.json()["error"]
    control(arm, "DELETE", "permissions", identity="system", scope=GROUP)
    assert arm.vault_get("").status_code == 403, "who has nothing left may do nothing"


def test_a_list_of_the_subscription_shows_what_may_be_read_and_nobody_else_s(arm: Arm) -> None:
    path = f"{SUBSCRIPTION}/{MACHINES}?statusOnly=true&api-version=2024-07-01"
    headers = {"Authorization": f"Bearer {arm.token}"}
    whole = arm.http.get(path, headers=headers).json()["value"]
    assert {vm["location"] for vm in whole} > {"eastus"}
    reads = ("Microsoft.Compute/virtualMachines/read",)
    arm.simulator.permissions.give("drill", Grant(SUBSCRIPTION, reads))
    assert arm.http.get(path, headers=headers).status_code == 403
    arm.simulator.permissions.give(
        "system", Grant(f"{SUBSCRIPTION}/resourceGroups/shop-east", reads)
    )
    seen = arm.http.get(path, headers=headers).json()["value"]
    assert {vm["id"].split("/")[4] for vm in seen} == {"shop-east"}


def test_a_token_is_for_an_identity_that_there_is(arm: Arm) -> None:
    environment = arm.simulator.environment()

    def ask(client: str) -> httpx.Response:
        query = {"resource": "https://management.azure.com", "api-version": "2019-08-01"}
        return arm.http.get(
            environment["IDENTITY_ENDPOINT"],
            params={**query, "client_id": client},
            headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
        )

    ids = [environment[f"{name}_CLIENT_ID"] for name in ("OBSERVE", "DRILL", "FAILOVER")]
    assert len({*ids}) == 3
    assert [ask(client).status_code for client in ids] == [200, 200, 200]
    refused = ask("00000000-0000-0000-0000-000000000000")
    assert refused.status_code == 400
    assert "client_id" in refused.text
    assert [r.identity for r in arm.simulator.requests[-4:]] == ["observe", "drill", "failover", ""]


def test_a_grant_to_nobody_is_refused_with_the_names_that_there_are(arm: Arm) -> None:
    answer = control(arm, "POST", "permissions", identity="cook", scope=GROUP, actions=["*"])
    assert answer.status_code == 400
    assert "no identity 'cook'; use one of observe, drill, failover, system" in answer.text
    assert control(arm, "POST", "permissions", identity="drill").status_code == 400


def test_an_estate_s_file_says_who_may_do_what() -> None:
    text = SHOP.read_text()
    more = f"identities:\n  - {{name: reader, may: [{{scope: {GROUP}, actions: ['*/read']}}]}}\n"
    (reader,) = parse_estate(text + more).identities
    assert (reader.name, reader.may) == ("reader", (Grant(GROUP, ("*/read",)),))
    with pytest.raises(EstateError, match="identities"):
        parse_estate(text + "identities: [{name: a}, {name: a}]\n")
