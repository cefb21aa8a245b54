"""What the adapters can ask of Azure, read from their source: what no errand reaches, no role can be held against."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

VAULT = "Microsoft.RecoveryServices/vaults"
CONTAINERS = f"{VAULT}/replicationFabrics/replicationProtectionContainers"
GROUPS = {
    "replication_protected_items": f"{CONTAINERS}/replicationProtectedItems",
    "replication_protection_containers": CONTAINERS,
    "replication_protection_container_mappings": f"{CONTAINERS}/replicationProtectionContainerMappings",
    "replication_network_mappings": f"{VAULT}/replicationFabrics/replicationNetworks/replicationNetworkMappings",
    "replication_fabrics": f"{VAULT}/replicationFabrics",
    "replication_policies": f"{VAULT}/replicationPolicies",
    "replication_recovery_plans": f"{VAULT}/replicationRecoveryPlans",
    "replication_jobs": f"{VAULT}/replicationJobs",
    "recovery_points": f"{CONTAINERS}/replicationProtectedItems/recoveryPoints",
    "profiles": "Microsoft.Network/trafficManagerProfiles",
    "endpoints": "Microsoft.Network/trafficManagerProfiles/externalEndpoints",
}
ENDINGS = {"begin_create": "write", "begin_update": "write", "update": "write", "get": "read"}
# Lists at the vault have a name of their own.
OTHERWISE = {"replication_protected_items.list": f"{VAULT}/replicationProtectedItems/read"}
REQUESTS = {
    "automation.AzureAutomation.job": ("Microsoft.Automation/automationAccounts/jobs/read",),
    "automation.AzureAutomation.start": ("Microsoft.Automation/automationAccounts/jobs/write",),
    "automation.AzureAutomation.output": (
        "Microsoft.Automation/automationAccounts/jobs/output/read",
    ),
    "automation.AzureAutomation.stop": (
        "Microsoft.Automation/automationAccounts/jobs/stop/action",
    ),
    "compute.AzureCompute.power": ("Microsoft.Compute/virtualMachines/read",),
    "permissions.AzurePermissions.granted": ("Microsoft.Authorization/permissions/read",),
    "resources.AzureResources.region": (f"{VAULT}/read", "Microsoft.Storage/storageAccounts/read"),
    "resources.AzureResources.machine": ("Microsoft.Compute/virtualMachines/read",),
    "resources.AzureResources.address": ("Microsoft.Network/networkInterfaces/read",),
    "resources.AzureResources.locks": ("Microsoft.Authorization/locks/read",),
    "resources.AzureResources.network": ("Microsoft.Network/virtualNetworks/read",),
    "resources.AzureResources.is_free": (
        "Microsoft.Network/virtualNetworks/checkIpAddressAvailability/read",
    ),
    "resources.AzureResources.hanging": (
        "Microsoft.Compute/virtualMachines/read",
        "Microsoft.Compute/disks/read",
        "Microsoft.Network/networkInterfaces/read",
        "Microsoft.Network/publicIPAddresses/read",
    ),
}
"""What adapters without an SDK ask, method by method."""


def actions_in(files: dict[str, str]) -> dict[str, str]:
    """Return the actions that adapters ask for by SDK, with where; one that has no name here has a question mark."""
    return {
        action: f"{path}: {call}"
        for path, source in files.items()
        for call, action in _calls(source)
    }


def methods_in(files: dict[str, str]) -> set[str]:
    """Return the public methods of those adapters that write their requests themselves."""
    return {
        f"{Path(path).stem}.{kind.name}.{method.name}"
        for path, source in files.items()
        if "HttpRequest(" in source
        for kind in ast.walk(ast.parse(source))
        if isinstance(kind, ast.ClassDef)
        for method in kind.body
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
    }


def unreached(files: dict[str, str], asked: Iterable[str]) -> list[str]:
    """Return a sentence for all that adapters can ask of Azure and that no errand made them ask."""
    seen = {action.lower() for action in asked}
    found = actions_in(files)
    written = methods_in(files)
    found |= {action: name for name in written & REQUESTS.keys() for action in REQUESTS[name]}
    return [
        f"{where} asks for {action}, which no errand reaches; add one to tests/roles/errands.py"
        for action, where in sorted(found.items())
        if action.lower() not in seen
    ] + [
        f"{name} writes its own request; say in tests/roles/inventory.py which action that is"
        for name in sorted(written - REQUESTS.keys())
    ]


def _calls(source: str) -> Iterator[tuple[str, str]]:
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        known: dict[str, str] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
                group = node.value.attr
                if group.startswith("replication_") or group in GROUPS:
                    known[ast.unparse(node.targets[0])] = group
        for node in ast.walk(function):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            on = node.func.value
            whole = isinstance(on, ast.Attribute) and ast.unparse(on.value) == "client"
            group = (
                on.attr
                if isinstance(on, ast.Attribute) and whole
                else known.get(ast.unparse(on), "")
            )
            if group:
                call = f"{group}.{node.func.attr}"
                yield call, _action(group, node.func.attr)


def _action(group: str, operation: str) -> str:
    kind = GROUPS.get(group)
    if kind is None:
        return f"?{group}.{operation}"
    if f"{group}.{operation}" in OTHERWISE:
        return OTHERWISE[f"{group}.{operation}"]
    if operation in ENDINGS:
        return f"{kind}/{ENDINGS[operation]}"
    if operation.startswith("list"):
        return f"{kind}/read"
    words = operation.removeprefix("begin_").split("_")
    return f"{kind}/{words[0]}{''.join(word.capitalize() for word in words[1:])}/action"
