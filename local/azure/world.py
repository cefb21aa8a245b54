"""The world outside ARM: which machine answers on which port at which instant.

Everything is a question about an instant, answered from what was switched on, off or cut when; so
probes of the past (Traffic Manager's) and of the present (the proxy's) agree.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from local.azure.estate import Estate, Machine, Port, PublicName


class Contact(StrEnum):
    """What came of connecting to a host and port."""

    REACHED = "reached"
    SILENT = "silent"
    REFUSED = "refused"
    UNKNOWN_NAME = "unknown name"


@dataclass(slots=True)
class Span:
    """A stretch of story time; open-ended while ``end`` is None."""

    start: datetime
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Return whether ``at`` lies in the span."""
        return self.start <= at and (self.end is None or at < self.end)


@dataclass(slots=True)
class RunningMachine:
    """A machine that exists, and when it was powered."""

    facts: Machine
    vm_id: str
    powered: list[Span] = field(default_factory=list)
    deleted: datetime | None = None

    def exists(self, at: datetime) -> bool:
        """Return whether the machine was there at an instant."""
        born = bool(self.powered) and self.powered[0].start <= at
        return born and (self.deleted is None or at < self.deleted)

    def is_powered(self, at: datetime) -> bool:
        """Return whether the machine was running, booted or not."""
        return any(span.holds(at) for span in self.powered)

    def is_booted(self, at: datetime) -> bool:
        """Return whether the ports of the machine listened."""
        boot = timedelta(seconds=self.facts.boot_seconds)
        return any(span.holds(at) and span.start + boot <= at for span in self.powered)


@dataclass(slots=True, eq=False)
class Resource:
    """What hangs on a machine and may outlive it: an interface, a disk, a public address."""

    kind: str
    name: str
    group: str
    machine: RunningMachine
    born: datetime
    gone: datetime | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def exists(self, at: datetime) -> bool:
        """Return whether the resource was there at an instant."""
        return self.born <= at and (self.gone is None or at < self.gone)


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of one connection, with the machine and its http status where there is one."""

    contact: Contact
    machine: RunningMachine | None = None
    port: Port | None = None
    status: int = 0


class World:
    """Regions, machines and names on one story time line."""

    def __init__(self, estate: Estate, began: datetime) -> None:
        self.estate = estate
        self.machines: list[RunningMachine] = []
        self.resources: list[Resource] = []
        self.occupied: dict[str, set[str]] = {}
        self._outages: dict[str, list[Span]] = {region.name: [] for region in estate.regions}
        self._changes: list[datetime] = []
        self._names: dict[str, PublicName] = {}
        for name in estate.public_names:
            self._names[name.host.lower()] = self._names[name.address] = name
        for index, facts in enumerate(estate.machines):
            self.power_on(facts, f"{index:012d}", began - timedelta(days=1))

    def power_on(
        self,
        facts: Machine,
        vm_id: str,
        at: datetime,
        disks: tuple[str, ...] = (),
        **interface: Any,
    ) -> RunningMachine:
        """Create a machine with what hangs on it, or start the one of this name in this resource group again."""
        machine = self.find(facts.resource_group, facts.name, at)
        if machine is None:
            machine = RunningMachine(facts, vm_id)
            self.machines.append(machine)
            self._furnish(machine, at, disks or facts.disks, interface)
        if not machine.is_powered(at):
            machine.powered.append(Span(at))
            self._note(at, at + timedelta(seconds=facts.boot_seconds))
        return machine

    def power_off(self, machine: RunningMachine, at: datetime) -> None:
        """Stop a machine; its disks stay."""
        for span in machine.powered:
            if span.end is None:
                span.end = at
        self._note(at)

    def delete(
        self,
        machine: RunningMachine,
        at: datetime,
        leaves: frozenset[str] = frozenset(),
        takes: timedelta = timedelta(0),
    ) -> None:
        """Take a machine and what hangs on it away, one after the other, but for the kinds that it ``leaves``."""
        if "vm" not in leaves:
            self.power_off(machine, at)
            machine.deleted = at
        hanging = [r for r in self.resources if r.machine is machine and r.gone is None]
        for number, resource in enumerate(hanging, start=1):
            if resource.kind not in leaves:
                resource.gone = at + takes * number

    def taken(self, network: str, at: datetime) -> set[str]:
        """Return the private addresses of a network that somebody has."""
        used = {
            resource.machine.facts.private_ip
            for resource in self.resources
            if resource.kind == "nic"
            and resource.exists(at)
            and resource.machine.facts.network == network
        }
        return used | self.occupied.get(network, set())

    def _furnish(
        self,
        machine: RunningMachine,
        at: datetime,
        disks: tuple[str, ...],
        interface: dict[str, Any],
    ) -> None:
        facts = machine.facts
        names = [("nic", f"{facts.name}-nic"), *(("disk", disk) for disk in disks)]
        self.resources += [
            Resource(
                kind,
                name,
                facts.resource_group,
                machine,
                at,
                details=dict(interface) if kind == "nic" else {},
            )
            for kind, name in names
        ]

    def find(self, resource_group: str, name: str, at: datetime) -> RunningMachine | None:
        """Return the machine of that name, if it exists at that instant."""
        wanted = (resource_group.lower(), name.lower())
        for machine in self.machines:
            facts = machine.facts
            key = (facts.resource_group.lower(), facts.name.lower())
            if key == wanted and machine.exists(at):
                return machine
        return None

    def set_region(self, region: str, down: bool, at: datetime) -> None:
        """Cut a region off from the world, or connect it again."""
        if region not in self._outages:
            known = ", ".join(self._outages)
            raise ValueError(f"region {region!r} is not in the estate; use one of {known}")
        outages = self._outages[region]
        if down and not self.is_down(region, at):
            outages.append(Span(at))
        elif not down and outages and outages[-1].end is None:
            outages[-1].end = at
        self._note(at)

    def is_down(self, region: str, at: datetime) -> bool:
        """Return whether a region was cut off at an instant."""
        return any(span.holds(at) for span in self._outages[region])

    def down_at(self, region: str, at: datetime) -> datetime | None:
        """Return when the outage that holds at ``at`` began."""
        return next((span.start for span in self._outages[region] if span.holds(at)), None)

    def public_name(self, host: str) -> PublicName | None:
        """Return the public name, also by its address."""
        return self._names.get(host.lower().rstrip("."))

    def connect(self, host: str, port: int, path: str, at: datetime) -> Reply:
        """Connect to a private address or a public name, and ask for ``path`` if it speaks http."""
        public = self.public_name(host)
        if public is not None:
            if port != public.port:
                return Reply(Contact.SILENT)
            return self._ask(self._behind(public, at), port, path, at)
        for machine in self.machines:
            if machine.facts.private_ip == host and machine.exists(at):
                return self._ask(machine, port, path, at)
        known = host.replace(".", "").isdigit()
        return Reply(Contact.SILENT if known else Contact.UNKNOWN_NAME)

    def next_change(self, after: datetime) -> datetime | None:
        """Return the first instant after ``after`` at which an answer may differ."""
        index = bisect_right(self._changes, after)
        return self._changes[index] if index < len(self._changes) else None

    def _behind(self, public: PublicName, at: datetime) -> RunningMachine | None:
        return self._in_region(public.machine, public.region, at)

    def _in_region(self, name: str, region: str, at: datetime) -> RunningMachine | None:
        for machine in self.machines:
            facts = machine.facts
            if facts.name == name and facts.region == region and machine.exists(at):
                return machine
        return None

    def _ask(self, machine: RunningMachine | None, port: int, path: str, at: datetime) -> Reply:
        if machine is None or not self._is_up(machine, at):
            return Reply(Contact.SILENT)
        facts = machine.facts
        listening = next((entry for entry in facts.ports if entry.number == port), None)
        if listening is None:
            return Reply(Contact.REFUSED, machine)
        if listening.protocol == "tcp":
            return Reply(Contact.REACHED, machine, listening)
        if path.partition("?")[0] != listening.path:
            return Reply(Contact.REACHED, machine, listening, 404)
        status = listening.status if self._has_what_it_needs(machine, at) else 503
        return Reply(Contact.REACHED, machine, listening, status)

    def _has_what_it_needs(self, machine: RunningMachine, at: datetime) -> bool:
        for name in machine.facts.needs:
            needed = self._in_region(name, machine.facts.region, at)
            if needed is None or not self._is_up(needed, at):
                return False
            if not self._has_what_it_needs(needed, at):
                return False
        return True

    def _is_up(self, machine: RunningMachine, at: datetime) -> bool:
        return machine.is_booted(at) and not self.is_down(machine.facts.region, at)

    def _note(self, *instants: datetime) -> None:
        for instant in instants:
            insort(self._changes, instant)


def landed(facts: Machine, resource_group: str, region: str, **given: Any) -> Machine:
    """Return the facts of a machine as it comes up elsewhere."""
    return replace(facts, resource_group=resource_group, region=region, **given)
