"""The templates as they are pass every check, and each check fails once its subject is broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from adapters.places import ContainerUrl, folder_or_container
from adapters.settings import OPTIONAL, REQUIRED
from tests.infra import checks, subscriptions
from tests.infra.templates import INFRA, ROOT, read_templates

Files = dict[str, str]
Check = Callable[[Files], list[str]]
PARAMETERS = (INFRA / "main.parameters.json").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "local.settings.json.example").read_text(encoding="utf-8")
READ = {*REQUIRED, *OPTIONAL}
ROLES = {path.name: path.read_text(encoding="utf-8") for path in (INFRA / "roles").glob("*.json")}


def settings(files: Files) -> list[str]:
    return checks.settings(files, EXAMPLE, READ)


def parameters(files: Files) -> list[str]:
    return checks.parameters(files, PARAMETERS)


CHECKS: dict[str, Check] = {
    "syntax": checks.syntax,
    "symbols": checks.symbols,
    "wiring": checks.wiring,
    "api versions": checks.api_versions,
    "documentation": checks.documentation,
    "protected region": checks.protected_region,
    "hardening": checks.hardening,
    "front door": checks.front_door,
    "listening": subscriptions.listening,
    "parameters": parameters,
    "settings": settings,
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_templates_pass(name: str) -> None:
    assert CHECKS[name](read_templates()) == []


BROKEN = {
    "a brace is lost": ("syntax", "modules/topic.bicep", "  }\n}\n", "  }\n", "error"),
    "a name is misspelt": (
        "symbols",
        "modules/topic.bicep",
        "${suffix}",
        "${sufix}",
        "sufix is not",
    ),
    "a parameter is for nothing": (
        "symbols",
        "modules/topic.bicep",
        "param location string",
        "param location string\n\n@description('Optional. For nothing.')\nparam idle string = ''",
        "param idle is declared and not used",
    ),
    "a function is made up": (
        "symbols",
        "main.bicep",
        "uniqueString(",
        "uniqeString(",
        "no function",
    ),
    "a module lacks what it needs": (
        "wiring",
        "main.bicep",
        "    deadLetterContainer: deadLetters.outputs.container\n",
        "",
        "needs deadLetterContainer",
    ),
    "a module is given too much": (
        "wiring",
        "main.bicep",
        "    apiObjectId: apiObjectId\n",
        "    apiObjectId: apiObjectId\n    apiSecret: apiClientId\n",
        "takes no apiSecret",
    ),
    "an output is asked for that is not there": (
        "wiring",
        "main.bicep",
        "storage.outputs.plansUrl",
        "storage.outputs.planUrl",
        "no output planUrl",
    ),
    "an output is for nobody": (
        "wiring",
        "modules/health-topic.bicep",
        "resource topic",
        "@description('Its name.')\noutput name string = topic.name\n\nresource topic",
        "nobody reads output name",
    ),
    "an output of each that is not there": (
        "wiring",
        "main.bicep",
        "people[at].outputs.id",
        "people[at].outputs.ids",
        "people has no output ids",
    ),
    "a role for no subscription but one": (
        "symbols",
        "modules/roles.bicep",
        "map(subscriptionIds, id => '/subscriptions/${id}')",
        "[subscription().id]",
        "param subscriptionIds is declared and not used",
    ),
    "an alert that listens elsewhere than it lies": (
        "listening",
        "modules/watch.bicep",
        "scopes: [subscription().id]",
        "scopes: [subscription().id, '/subscriptions/${suffix}']",
        "scopes is [subscription().id, '/subscriptions/${suffix}'], and must be",
    ),
    "a topic of another subscription": (
        "listening",
        "modules/health-topic.bicep",
        "source: subscription().id",
        "source: '/subscriptions/${suffix}'",
        "source is '/subscriptions/${suffix}', and must be",
    ),
    "alerts of Leeward's own subscription alone": (
        "listening",
        "main.bicep",
        "for (place, at) in watched: {\n    name: 'watch'",
        "for (place, at) in take(watched, 1): {\n    name: 'watch'",
        "modules/watch.bicep is not deployed to each of watched",
    ),
    "a topic for Leeward's own subscription alone": (
        "listening",
        "main.bicep",
        "for place in watched: if (place.makesTopic)",
        "for place in listeningPlaces: if (place.makesTopic)",
        "modules/health-topic.bicep is not deployed to each of watched",
    ),
    "applications that nobody listens for": (
        "listening",
        "main.bicep",
        "union([here.subscription], map(applicationGroupIds, id => toLower(split(id, '/')[2])))",
        "[here.subscription]",
        "watched is not made of applicationGroupIds",
    ),
    "people who cannot be called from there": (
        "listening",
        "main.bicep",
        "people[at].outputs.id",
        "people[0].outputs.id",
        "calls people by people[0].outputs.id",
    ),
    "a preview version": (
        "api versions",
        "modules/storage.bicep",
        "storageAccounts@2024-01-01",
        "storageAccounts@2024-01-01-preview",
        "is not the reviewed",
    ),
    "a type nobody reviewed": (
        "api versions",
        "modules/topic.bicep",
        "Microsoft.EventGrid/topics@2025-02-15",
        "Microsoft.EventGrid/domains@2025-02-15",
        "never reviewed",
    ),
    "a parameter without a word": (
        "documentation",
        "modules/topic.bicep",
        "@description('Required. Tags.')\n",
        "",
        "tags has no description",
    ),
    "a description that lies about the default": (
        "documentation",
        "modules/traffic.bicep",
        "Optional. Path",
        "Required. Path",
        "must begin with Optional",
    ),
    "storage in the protected region": (
        "protected region",
        "modules/storage.bicep",
        "  location: location\n",
        "  location: 'eastus'\n",
        "location is 'eastus'",
    ),
    "a store of the protected region by its address": (
        "protected region",
        "modules/app.bicep",
        "  LEDGER: sharedStore\n",
        "  LEDGER: 'https://stleewardeastus.blob.core.windows.net/shared'\n",
        "names the region eastus",
    ),
    "a proxy that is made of the protected region": (
        "protected region",
        "main.bicep",
        "    probeProxy: probeProxy\n",
        "    probeProxy: 'http://proxy.${protectedRegions[0]}.example.com:3128'\n",
        "probeProxy is made of protectedRegions",
    ),
    "the app beside what it protects": (
        "protected region",
        "main.bicep",
        "    location: location\n    suffix: suffix\n    hosting",
        "    location: protectedRegions[0]\n    suffix: suffix\n    hosting",
        "nothing of Leeward lies elsewhere",
    ),
    "a setting that depends on the protected region": (
        "protected region",
        "modules/app.bicep",
        "var isFlex",
        "param protectedRegions array\nvar isFlex",
        "",
    ),
    "shared keys": (
        "hardening",
        "modules/storage.bicep",
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
        "needs allowSharedKeyAccess: false",
    ),
    "evidence that can be replaced": (
        "hardening",
        "modules/storage.bicep",
        "immutabilityPeriodSinceCreationInDays: evidenceRetentionDays",
        "state: 'Unlocked'",
        "needs immutabilityPeriodSinceCreationInDays",
    ),
    "a record that cannot grow": (
        "hardening",
        "modules/storage.bicep",
        "allowProtectedAppendWrites: true",
        "allowProtectedAppendWrites: false",
        "needs allowProtectedAppendWrites: true",
    ),
    "plain http": (
        "hardening",
        "modules/app.bicep",
        "httpsOnly: true",
        "httpsOnly: false",
        "httpsOnly",
    ),
    "durable management is let through": (
        "front door",
        "modules/app.bicep",
        "'/runtime/webhooks/EventGrid'",
        "'/runtime/webhooks/*'",
        "excludedPaths is ['/api/*','/runtime/webhooks/*',",
    ),
    "nobody is asked for a token": (
        "front door",
        "modules/app.bicep",
        "requireAuthentication: true",
        "requireAuthentication: false",
        "requireAuthentication is false",
    ),
    "objects in events": (
        "front door",
        "modules/app.bicep",
        "  AZURE_FUNCTIONS_DURABLE_STRICT_TYPING: 'true'\n",
        "",
        "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING is not there",
    ),
    "azd gives too little": (
        "parameters",
        "main.bicep",
        "param environmentName string",
        "param environmentName string\n\n@description('Required. New.')\nparam fresh string",
        "needs fresh",
    ),
    "a setting under another name": (
        "settings",
        "modules/app.bicep",
        "PLAN_STORE:",
        "PLANS:",
        "PLANS",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_check_sees_what_is_broken(case: str) -> None:
    name, path, old, new, told = BROKEN[case]
    files = read_templates()
    assert old in files[path], "the case breaks nothing; follow the template"
    files[path] = files[path].replace(old, new, 1)
    if case == "a setting that depends on the protected region":
        files[path] += "\noutput x array = protectedRegions\n"
        told = "protectedRegions has no business here"
    said = CHECKS[name](files)
    assert any(told in sentence for sentence in said), said


def test_the_example_and_the_code_name_the_same_settings() -> None:
    broken = EXAMPLE.replace('"PLAN_STORE"', '"PLAN_SHELF"')
    said = checks.settings(read_templates(), broken, READ)
    assert said == [
        "the example has PLAN_SHELF, which the app does not read",
        "the app reads PLAN_STORE, which the example lacks",
    ]


def test_no_event_is_made_an_object_of_anywhere() -> None:
    """Deployed, as the example has it, in `make up`, in the demo and in every test of the whole app."""
    name = "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"
    assert json.loads(EXAMPLE)["Values"][name] == "true"
    for path in ("local/up/command.py", "local/demo/play.py", "tests/journeys/world.py"):
        assert re.search(rf'"?{name}"?(: |=)"true"', (ROOT / path).read_text(encoding="utf-8")), (
            path
        )


def test_no_parameter_and_no_setting_names_a_protected_region() -> None:
    assert checks.settings_in_protected_region(PARAMETERS, EXAMPLE) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("location", "eastus"),
        ("sharedLockEndpoint", "https://stleewardeastus.blob.core.windows.net/"),
        ("probeProxy", "http://proxy.eastus.example.com:3128"),
        ("vaultId", "/subscriptions/s/resourceGroups/rg-EastUS/providers/x/vaults/v"),
        ("vantagePoints", "home=http://proxy.eastus.example.com:3128"),
    ],
)
def test_a_parameter_that_names_a_protected_region_is_seen(key: str, value: str) -> None:
    broken = json.loads(PARAMETERS)
    broken["parameters"][key]["value"] = value
    said = checks.settings_in_protected_region(json.dumps(broken), EXAMPLE)
    assert said == [f"main.parameters.json: {key} names eastus, a protected region"]


@pytest.mark.parametrize("key", ["LEDGER", "EVIDENCE_STORE", "PROBE_PROXY", "EVENT_TOPIC_ENDPOINT"])
def test_a_setting_that_names_a_region_is_seen(key: str) -> None:
    broken = json.loads(EXAMPLE)
    broken["Values"][key] = "https://leeward.westeurope-1.example.com/x"
    (said,) = checks.settings_in_protected_region(PARAMETERS, json.dumps(broken))
    assert said.startswith(f"the example's {key} names the region westeurope;")


def test_a_protected_region_by_another_name_is_seen() -> None:
    broken = PARAMETERS.replace('"East US"', '"West US"')
    (said,) = checks.settings_in_protected_region(broken, EXAMPLE)
    assert "protectedRegionNames are not the names" in said


def test_the_roles_are_plain_lists() -> None:
    assert {*ROLES} == {
        f"{key}.json" for key in ("observe", "drill", "failover", "protect", "linked")
    }
    assert checks.roles(ROLES) == []
    wild = {"drill.json": ROLES["drill.json"].replace("/testFailover/action", "/*")}
    assert any("is no single action" in said for said in checks.roles(wild))


KEPT_IN = {"PLAN_STORE": "plansUrl", "EVIDENCE_STORE": "evidenceUrl", "LEDGER": "sharedUrl"}


@pytest.mark.parametrize(("key", "output"), KEPT_IN.items())
def test_what_storage_hands_over_is_an_address_that_the_app_takes(key: str, output: str) -> None:
    files = read_templates()
    found = re.search(rf"^output {output} string = '(.*)'$", files["modules/storage.bicep"], re.M)
    assert found
    endpoint = "https://stleewardx7abc.blob.core.windows.net/"
    url = found[1].replace("${account.properties.primaryEndpoints.blob}", endpoint)
    wrong: list[str] = []
    place = folder_or_container({key: url}, key, ROOT, wrong)
    assert wrong == []
    assert isinstance(place, ContainerUrl)
    container = (
        rf"resource \w+ 'containers' = .*?name: '{place.name}'|var containers = .*'{place.name}'"
    )
    assert re.search(container, files["modules/storage.bicep"], re.S), "the container is made, too"


def test_a_parameter_that_is_there_twice_is_seen() -> None:
    twice = PARAMETERS.replace('"operatorMails"', '"applicationResourceGroups"', 1)
    told = checks.parameters(read_templates(), twice)
    assert (
        "main.parameters.json: applicationResourceGroups is there twice, and the last one counts"
        in told
    )
