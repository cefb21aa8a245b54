"""What must hold of the templates, each as a function that returns what is wrong; Azure is not asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from tree_sitter import Node

from domain.regions import region_key, regions_in
from tests.infra.templates import Template, is_existing, properties, templates, text, walk

Files = Mapping[str, str]

# Reviewed 2026-11: the newest stable version that the templates were written against.
API_VERSIONS = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Authorization/roleDefinitions": "2022-04-01",
    "Microsoft.Automation/automationAccounts": "2023-11-01",
    "Microsoft.DurableTask/schedulers": "2025-11-01",
    "Microsoft.EventGrid/systemTopics": "2025-02-15",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": "2025-02-15",
    "Microsoft.EventGrid/topics": "2025-02-15",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/activityLogAlerts": "2020-10-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Insights/scheduledQueryRules": "2022-06-15",
    "Microsoft.KeyVault/vaults": "2023-07-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2023-01-31",
    "Microsoft.Network/trafficManagerProfiles": "2022-04-01",
    "Microsoft.OperationalInsights/workspaces": "2023-09-01",
    "Microsoft.RecoveryServices/vaults": "2024-10-01",
    "Microsoft.RecoveryServices/vaults/replicationFabrics": "2024-10-01",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers": "2024-10-01",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers"
    "/replicationProtectionContainerMappings": "2024-10-01",
    "Microsoft.RecoveryServices/vaults/replicationPolicies": "2024-10-01",
    "Microsoft.Resources/resourceGroups": "2024-03-01",
    "Microsoft.Storage/storageAccounts": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2024-01-01",
    "Microsoft.Web/serverfarms": "2024-04-01",
    "Microsoft.Web/sites": "2024-04-01",
}
# fmt: off
FUNCTIONS = {
    "any", "array", "concat", "contains", "empty", "endsWith", "environment", "fail", "first", "flatten",
    "format", "guid", "items", "join", "json", "last", "length", "loadJsonContent",
    "loadTextContent", "map", "filter", "replace", "resourceGroup", "resourceId", "split", "startsWith",
    "string", "subscription", "subscriptionResourceId", "substring", "take", "tenant", "toLower",
    "toUpper", "toObject", "union", "uniqueString", "description", "minLength", "maxLength",
    "minValue", "maxValue", "allowed", "secure",
}
# fmt: on
BUILT_IN = {"array", "object", "string", "int", "bool", "true", "false", "null", "sys", "az"}
# Settings that the Functions host reads, not Leeward.
HOSTS_OWN = re.compile(
    r"FUNCTIONS_|AzureWebJobsStorage|AzureFunctionsJobHost__|APPLICATIONINSIGHTS_|AZURE_FUNCTIONS_|SCM_DO_BUILD_|ENABLE_ORYX_|DURABLE_TASK_SCHEDULER$"
)
# Where a protected region may be spoken of: replication reaches into it, alerts listen for it, applications lie there.
MAY_NAME_PROTECTED = {
    "main.bicep": {"protectedRegions", "protectedRegionNames", "applicationResourceGroups"},
    "modules/vault.bicep": {"protectedRegion"},
    "modules/watch.bicep": {"protectedRegionNames"},
}
HARDENED = {
    "Microsoft.Storage/storageAccounts": {
        "allowSharedKeyAccess": "false",
        "allowBlobPublicAccess": "false",
        "minimumTlsVersion": "'TLS1_2'",
        # Evidence is never replaced, and the record of signals, in append blobs beside it, still grows.
        "immutabilityPeriodSinceCreationInDays": "evidenceRetentionDays",
        "allowProtectedAppendWrites": "true",
    },
    "Microsoft.EventGrid/topics": {"disableLocalAuth": "true"},
    "Microsoft.Insights/components": {"DisableLocalAuth": "true"},
    "Microsoft.Web/sites": {
        "httpsOnly": "true",
        "minTlsVersion": "'1.2'",
        "ftpsState": "'Disabled'",
    },
    "Microsoft.KeyVault/vaults": {
        "enableRbacAuthorization": "true",
        "enablePurgeProtection": "true",
    },
}
# Event Grid opens the account of dead letters with its key; nothing else lies there, and no evidence.
EXEMPT = {
    "modules/dead-letters.bicep": {
        "allowSharedKeyAccess",
        "immutabilityPeriodSinceCreationInDays",
        "allowProtectedAppendWrites",
    }
}
ACTION = re.compile(r"Microsoft\.[A-Za-z]+/[A-Za-z/]+/(read|write|delete|action)")


def syntax(files: Files) -> list[str]:
    """Return where a file is no Bicep."""
    return [
        f"{one.path}:{node.start_point[0] + 1}: {'missing ' + node.type if node.is_missing else 'syntax error'}"
        for one in templates(files)
        for node in walk(one.root)
        if node.type == "ERROR" or node.is_missing
    ]


def symbols(files: Files) -> list[str]:
    """Return names that are used and not declared, or declared and not used."""
    said = []
    for one in templates(files):
        known = {d.name for d in one.declared if d.kind != "output"}
        known |= (
            one.local_names | BUILT_IN | FUNCTIONS
        )  # a call at the head of an array is parsed as a name
        used = {text(node) for node in one.uses}
        said += [
            f"{one.path}:{node.start_point[0] + 1}: {text(node)} is not declared"
            for node in one.uses
            if text(node) not in known
        ]
        said += [
            f"{one.path}:{node.start_point[0] + 1}: there is no function {text(node)}"
            for node in one.calls
            if text(node) not in FUNCTIONS
        ]
        said += [
            f"{one.path}:{d.line}: {d.kind} {d.name} is declared and not used"
            for d in one.declared
            if d.name not in used and (d.kind in ("param", "var", "type") or is_existing(d.node))
        ]
    return said


def wiring(files: Files) -> list[str]:
    """Return modules that are given too much or too little, and outputs that are not there or that nobody reads."""
    known = {one.path: one for one in templates(files)}
    said = []
    called: dict[str, Template] = {}
    read: set[tuple[str, str]] = set()
    for one in known.values():
        targets: dict[str, Template] = {}
        for module, path, given in one.modules():
            target = known.get(path)
            if target is None:
                said.append(f"{one.path}:{module.line}: there is no file {path}")
                continue
            targets[module.name] = called[path] = target
            takes = target.of("param")
            said += [
                f"{one.path}:{module.line}: {path} takes no {name}"
                for name in given
                if name not in takes
            ]
            said += [
                f"{one.path}:{module.line}: {path} needs {name}"
                for name, param in takes.items()
                if not param.default and name not in given
            ]
        for node in walk(one.root):
            # To the parser, all of "a ? b : c.outputs.d" is the member expression.
            found = re.search(r"\b(\w+)(?:\[\w+\])?\.outputs\.(\w+)$", text(node))
            if node.type != "member_expression" or not found or found[1] not in targets:
                continue
            read.add((targets[found[1]].path, found[2]))
            if found[2] not in targets[found[1]].of("output"):
                said.append(
                    f"{one.path}:{node.start_point[0] + 1}: {found[1]} has no output {found[2]}"
                )
    said += [
        f"{path}:{output.line}: nobody reads output {name}"
        for path, target in called.items()
        for name, output in target.of("output").items()
        if (path, name) not in read
    ]
    return said


def api_versions(files: Files) -> list[str]:
    """Return resources whose API version is not the reviewed one, or a preview."""
    said = []
    for one in templates(files):
        for kind, version, declared in one.resources():
            wanted = API_VERSIONS.get(kind)
            if wanted is None:
                said.append(
                    f"{one.path}:{declared.line}: {kind} was never reviewed; add its version"
                )
            elif version != wanted:
                said.append(
                    f"{one.path}:{declared.line}: {kind}@{version} is not the reviewed {wanted}"
                )
    return said


def documentation(files: Files) -> list[str]:
    """Return parameters and outputs that no sentence explains, or whose sentence is untrue about the default."""
    said = []
    for one in templates(files):
        for declared in one.declared:
            where = f"{one.path}:{declared.line}: {declared.kind} {declared.name}"
            if declared.kind not in ("param", "output"):
                continue
            if not declared.described:
                said.append(f"{where} has no description")
            elif declared.kind == "param":
                word = "Optional." if declared.default else "Required."
                if not declared.described.startswith(word):
                    said.append(f"{where}: its description must begin with {word}")
    return said


def protected_region(files: Files) -> list[str]:
    """Return what would put a part of Leeward into a protected region, or name a region outright."""
    said = []
    for one in templates(files):
        allowed = MAY_NAME_PROTECTED.get(one.path, set())
        for node in one.uses:
            name = text(node)
            at = f"{one.path}:{node.start_point[0] + 1}"
            if name.lower().startswith("protectedregion") and name not in allowed:
                said.append(f"{at}: {name} has no business here")
            elif name.lower().startswith("protectedregion") and one.path == "main.bicep":
                given = _given_as(node)
                if given and not given.lower().startswith("protectedregion"):
                    said.append(f"{at}: {given} is made of {name}; nothing of Leeward lies there")
        for node in walk(one.root):
            at = f"{one.path}:{node.start_point[0] + 1}"
            if node.type == "string" and not _is_prose(node):
                said += [
                    f"{at}: {text(node)} names the region {region}; take it from a parameter"
                    for region in regions_in(text(node))
                ]
            if node.type == "object_property" and text(node.named_children[0]) == "location":
                value = text(node.named_children[-1])
                fabric = one.path == "modules/vault.bicep" and value == "end.region"
                if value not in ("location", "'global'", "'Global'") and not fabric:
                    said.append(f"{at}: location is {value}; nothing of Leeward lies elsewhere")
    return said


def _given_as(node: Node) -> str:
    """Return the key of the object that an expression is given under, empty where it is not."""
    above = node.parent
    while above is not None and above.type != "object_property":
        above = above.parent
    return text(above.named_children[0]) if above else ""


def _is_prose(node: Node) -> bool:
    above = node.parent
    while above is not None and above.type not in ("decorator", "metadata_declaration"):
        above = above.parent
    return above is not None


def settings_in_protected_region(values: str, example: str) -> list[str]:
    """Return which parameters and settings would make Leeward depend on a protected region."""
    given = {name: one["value"] for name, one in json.loads(values)["parameters"].items()}
    protected = set(given["protectedRegions"])
    said = [
        f"main.parameters.json: {name} names {region}, a protected region"
        for name, value in given.items()
        if name not in MAY_NAME_PROTECTED["main.bicep"]
        for region in regions_in(json.dumps(value))
        if region in protected
    ]
    named = {region_key(name) for name in given["protectedRegionNames"]}
    if named != protected:
        said.append(
            "main.parameters.json: protectedRegionNames are not the names of protectedRegions"
        )
    return said + [
        f"the example's {key} names the region {region}; nothing that Leeward needs may lie in one it protects"
        for key, value in json.loads(example)["Values"].items()
        for region in regions_in(value)
    ]


def hardening(files: Files) -> list[str]:
    """Return resources that are not closed as they must be."""
    said = []
    for one in templates(files):
        for kind, _, declared in one.resources():
            if is_existing(declared.node):
                continue
            for key, wanted in HARDENED.get(kind, {}).items():
                if key in EXEMPT.get(one.path, ()):
                    continue
                values = [
                    text(node.named_children[-1])
                    for node in walk(declared.node)
                    if node.type == "object_property" and text(node.named_children[0]) == key
                ]
                if values != [wanted]:
                    said.append(f"{one.path}:{declared.line}: {kind} needs {key}: {wanted}")
    return said


def front_door(files: Files) -> list[str]:
    """Return how somebody without a token gets to what Leeward does not guard itself, durable management above all."""
    app = Template("modules/app.bicep", files["modules/app.bicep"])
    found = {
        text(node.named_children[0]): re.sub(r"\s", "", text(node.named_children[-1]))
        for node in walk(app.root)
        if node.type == "object_property" and len(node.named_children) > 1
    }
    wanted = {
        "platform": "{enabled:true}",
        "requireAuthentication": "true",
        "unauthenticatedClientAction": "'Return401'",
        # What is let through verifies a token, a signature or Event Grid's key by itself.
        "excludedPaths": "['/api/*','/runtime/webhooks/EventGrid','/runtime/webhooks/eventgrid']",
        "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "'true'",
    }
    return [
        f"modules/app.bicep: {key} is {found.get(key, 'not there')}, and must be {value}"
        for key, value in wanted.items()
        if found.get(key) != value
    ]


def parameters(files: Files, values: str) -> list[str]:
    """Return what azd's parameter file gives that the template does not take, or leaves out that it needs."""
    main = Template("main.bicep", files["main.bicep"])
    twice: list[str] = []

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    given = set(json.loads(values, object_pairs_hook=once)["parameters"])
    takes = main.of("param")
    return (
        [f"main.parameters.json: {name} is there twice, and the last one counts" for name in twice]
        + [
            f"main.parameters.json: main.bicep takes no {name}"
            for name in sorted(given - set(takes))
        ]
        + [
            f"main.parameters.json: main.bicep needs {name}"
            for name, param in takes.items()
            if not param.default and name not in given
        ]
    )


def settings_of(files: Files) -> set[str]:
    """Return the keys of the app's settings, the host's own left out."""
    app = Template("modules/app.bicep", files["modules/app.bicep"])
    keys: set[str] = set()
    for name, declared in app.of("var").items():
        if name.endswith("Settings"):
            for node in walk(declared.node):
                if node.type == "object":
                    keys |= set(properties(node))
    return {key for key in keys if not HOSTS_OWN.match(key)}


def settings(files: Files, example: str, read: Iterable[str]) -> list[str]:
    """Return where the templates, the example and what the app reads do not name the same settings."""
    given = {k for k in json.loads(example)["Values"] if not HOSTS_OWN.match(k)}
    deployed, known = settings_of(files), set(read)
    return [
        *(f"infra sets {key}, which the app does not read" for key in sorted(deployed - known)),
        *(f"the app reads {key}, which infra does not set" for key in sorted(known - deployed)),
        *(f"the example has {key}, which the app does not read" for key in sorted(given - known)),
        *(f"the app reads {key}, which the example lacks" for key in sorted(known - given)),
    ]


def roles(definitions: Mapping[str, str]) -> list[str]:
    """Return roles with actions that are no plain actions, twice there, or out of order."""
    said = []
    for path, content in definitions.items():
        role = json.loads(content)
        actions = list(role["actions"])
        said += [
            f"{path}: {a} is there for no reason" for a, why in role["actions"].items() if not why
        ]
        said += [f"{path}: {a} is no single action" for a in actions if not ACTION.fullmatch(a)]
        if actions != sorted(set(actions), key=str.casefold):
            said.append(f"{path}: keep the actions sorted, each once")
        if not role.get("name") or not role.get("description"):
            said.append(f"{path}: name and description are wanted")
    return said
