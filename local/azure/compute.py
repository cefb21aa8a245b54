"""Compute over ARM: machines and their power states."""

from __future__ import annotations

from typing import Any

from local.azure.arm import Answer, Call, Route, route
from local.azure.refusals import Refusal, resource_not_found
from local.azure.resources import Resources
from local.azure.shapes import ticks
from local.azure.world import RunningMachine, World

VERSIONS = r"20\d\d-\d\d-\d\d"
_VM = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.Compute/virtualMachines/{vm}"
)
_GROUP = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.Compute/virtualMachines"
)
_ALL = "/subscriptions/{subscription}/providers/Microsoft.Compute/virtualMachines"


class Compute:
    """Answers for the machines of the world."""

    def __init__(self, world: World, resources: Resources) -> None:
        self._world = world
        self._resources = resources

    def routes(self) -> list[Route]:
        """Return the operations that are simulated."""
        return [
            route("GET", _ALL, "virtualMachines/list", VERSIONS, self.list_all),
            route("GET", _GROUP, "virtualMachines/list", VERSIONS, self.list_all),
            route("GET", _VM, "virtualMachines/get", VERSIONS, self.get),
            route(
                "GET", f"{_VM}/instanceView", "virtualMachines/instanceView", VERSIONS, self.view
            ),
        ]

    def list_all(self, call: Call) -> Answer:
        """List every machine of the subscription or a resource group, with its power state for ``statusOnly=true``.

        simulated: for a machine of a region that is down, the list has no state to tell.
        """
        with_view = call.argument("statusOnly").lower() == "true"
        group = call.params.get("group", "").lower()
        there = [
            machine
            for machine in self._world.machines
            if machine.exists(call.now) and group in ("", machine.facts.resource_group.lower())
        ]
        value = [
            self._show(
                machine, call, with_view and not self._world.is_down(machine.facts.region, call.now)
            )
            for machine in there
        ]
        return Answer(200, {"value": value})

    def get(self, call: Call) -> Answer:
        """Show a machine."""
        with_view = call.argument("$expand").lower() == "instanceview"
        return Answer(200, self._show(self._find(call), call, with_view))

    def _show(self, machine: RunningMachine, call: Call, with_view: bool) -> dict[str, Any]:
        facts = machine.facts
        properties: dict[str, Any] = {
            "hardwareProfile": {"vmSize": facts.size},
            "provisioningState": "Succeeded",
            "vmId": machine.vm_id,
            "timeCreated": ticks(machine.powered[0].start),
            **self._resources.profile(machine),
        }
        if with_view:
            properties["instanceView"] = _view(machine, call)
        return {
            "name": facts.name,
            "id": self._resources.machine_id(machine),
            "type": "Microsoft.Compute/virtualMachines",
            "location": facts.region,
            "properties": properties,
        }

    def view(self, call: Call) -> Answer:
        """Show the instance view of a machine."""
        return Answer(200, _view(self._find(call), call))

    def _find(self, call: Call) -> RunningMachine:
        group, name = call.params["group"], call.params["vm"]
        machine = self._world.find(group, name, call.now)
        if machine is None:
            raise resource_not_found("Microsoft.Compute/virtualMachines", name, group)
        if self._world.is_down(machine.facts.region, call.now):
            # simulated: no source shows what ARM answers for a region that is gone
            raise Refusal(
                503,
                "ServiceUnavailable",
                f"The resource provider in region '{machine.facts.region}' does not answer.",
            )
        return machine


def _view(machine: RunningMachine, call: Call) -> dict[str, Any]:
    since = max(
        (span.start for span in machine.powered if span.start <= call.now),
        default=call.now,
    )
    powered = machine.is_powered(call.now)
    agent = "Ready" if machine.is_booted(call.now) else "Not Ready"
    return {
        "computerName": machine.facts.name,
        "osName": machine.facts.os.lower(),
        "vmAgent": {
            "vmAgentVersion": "2.9.1.1",
            "statuses": [
                {
                    "code": "ProvisioningState/succeeded",
                    "level": "Info",
                    "displayStatus": agent,
                    "time": ticks(call.now),
                }
            ],
        },
        "statuses": [
            {
                "code": "ProvisioningState/succeeded",
                "level": "Info",
                "displayStatus": "Provisioning succeeded",
                "time": ticks(since),
            },
            {
                "code": "PowerState/running" if powered else "PowerState/stopped",
                "level": "Info",
                "displayStatus": "VM running" if powered else "VM stopped",
            },
        ],
    }
