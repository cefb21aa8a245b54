"""What a simulated Azure consists of: plain facts, checked against each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal


class EstateError(ValueError):
    """An estate that cannot be simulated; says what is wrong, where, and the mend."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription beside the vault's, and the resource groups that lie in it."""

    id: str
    resource_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """An Azure region."""

    name: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a machine listens on; ``path`` and ``status`` matter for http alone."""

    number: int
    protocol: Literal["tcp", "http"] = "tcp"
    path: str = "/"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine; its http ports answer 503 while a machine it ``needs`` does not answer."""

    name: str
    resource_group: str
    region: str
    private_ip: str
    ports: tuple[Port, ...] = ()
    boot_seconds: int = 30
    needs: tuple[str, ...] = ()
    size: str = "Standard_D2s_v5"
    os: Literal["Linux", "Windows"] = "Linux"
    network: str = ""
    subnet: str = ""
    data_disks: int = 0
    managed: bool = True

    @property
    def disks(self) -> tuple[str, ...]:
        """Return the names of the machine's disks, the operating system's first."""
        data = (f"{self.name}_DataDisk_{n}" for n in range(self.data_disks))
        return (f"{self.name}_OsDisk_1", *data)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a virtual network; Azure keeps its first four addresses and the last one."""

    name: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Network:
    """A virtual network, and the networks it is peered with, by name."""

    name: str
    resource_group: str
    region: str
    subnets: tuple[Subnet, ...]
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """A storage account that replication may pass through."""

    name: str
    resource_group: str
    region: str


@dataclass(frozen=True, slots=True)
class Vault:
    """The Recovery Services vault."""

    name: str
    resource_group: str
    region: str


@dataclass(frozen=True, slots=True)
class Fabric:
    """A region as the vault knows it."""

    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Container:
    """A protection container of a fabric."""

    name: str
    fabric: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How often recovery points are made and how long they are kept."""

    name: str
    history_minutes: int = 1440
    crash_consistent_minutes: int = 5
    app_consistent_minutes: int = 60


@dataclass(frozen=True, slots=True)
class ContainerMapping:
    """The right to replicate from one container to another under a policy."""

    name: str
    source: str
    target: str
    policy: str


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a protected machine comes up after a failover, and in a drill."""

    resource_group: str
    private_ip: str
    network: str = "recovery-vnet"
    subnet: str = "default"
    test_ip: str = ""
    test_network: str = ""


@dataclass(frozen=True, slots=True)
class ProtectedItem:
    """A machine that the vault replicates."""

    name: str
    machine: str
    container: str
    recovery: Landing
    pending_drill: bool = False
    multi_vm_group: str = ""


@dataclass(frozen=True, slots=True)
class PublicName:
    """A public host name and the machine and port behind it in one region."""

    host: str
    address: str
    region: str
    machine: str
    port: int = 80


@dataclass(frozen=True, slots=True)
class Monitor:
    """How Traffic Manager probes the endpoints of a profile."""

    protocol: Literal["HTTP", "TCP"] = "HTTP"
    port: int = 80
    path: str = "/"
    interval_seconds: int = 30
    timeout_seconds: int = 10
    tolerated_failures: int = 3


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An external endpoint of a Traffic Manager profile."""

    name: str
    target: str
    priority: int
    status: Literal["Enabled", "Disabled"] = "Enabled"
    location: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A Traffic Manager profile with Priority routing."""

    name: str
    resource_group: str
    fqdn: str
    monitor: Monitor
    endpoints: tuple[Endpoint, ...]
    ttl: int = 60


@dataclass(frozen=True, slots=True)
class Account:
    """A person, by user name, or an app, by any other name, and the app roles the tenant assigned to it."""

    name: str
    roles: tuple[str, ...] = ()

    @property
    def is_app(self) -> bool:
        """Say whether it is an app."""
        return "@" not in self.name


ON_CALL = ("Leeward.Read", "Leeward.Operate", "Leeward.Approve")
USUAL_ACCOUNTS = (
    Account("alice@shop.example", ON_CALL),
    Account("bob@shop.example", ("Leeward.Read", "Leeward.Approve")),
    Account("olivia@shop.example", ON_CALL),
    Account("rita@shop.example", ("Leeward.Read",)),
    Account("azure-monitor", ("Leeward.Signal",)),
    Account("pipeline", ("Leeward.Read", "Leeward.Operate")),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be done at a scope and below: actions as Azure names them, with ``*`` for any."""

    scope: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned managed identity of the app, and what it may do."""

    name: str
    may: tuple[Grant, ...] = ()


USUAL_IDENTITIES = (Identity("observe"), Identity("drill"), Identity("failover"))


@dataclass(frozen=True, slots=True)
class ScriptedRunbook:
    """A runbook: how long it runs, what it writes, and what it fails with, if it does."""

    name: str
    seconds: int = 60
    output: str = ""
    fails: str = ""


@dataclass(frozen=True, slots=True)
class AutomationAccount:
    """An Azure Automation account with its runbooks."""

    name: str
    resource_group: str
    region: str
    runbooks: tuple[ScriptedRunbook, ...] = ()


@dataclass(frozen=True, slots=True)
class Estate:
    """One simulated Azure: what exists when the story begins."""

    subscription: str
    regions: tuple[Region, ...]
    machines: tuple[Machine, ...]
    vault: Vault
    fabrics: tuple[Fabric, ...]
    containers: tuple[Container, ...]
    policies: tuple[Policy, ...]
    mappings: tuple[ContainerMapping, ...]
    items: tuple[ProtectedItem, ...]
    profiles: tuple[Profile, ...] = ()
    public_names: tuple[PublicName, ...] = ()
    networks: tuple[Network, ...] = ()
    storage_accounts: tuple[StorageAccount, ...] = ()
    automation_accounts: tuple[AutomationAccount, ...] = ()
    durations: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    accounts: tuple[Account, ...] = USUAL_ACCOUNTS
    identities: tuple[Identity, ...] = USUAL_IDENTITIES
    other_subscriptions: tuple[Subscription, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an estate whose parts name each other wrongly."""
        regions = {region.name for region in self.regions}
        machines = {machine.name for machine in self.machines}
        fabrics = {fabric.name for fabric in self.fabrics}
        containers = {container.name for container in self.containers}
        policies = {policy.name for policy in self.policies}
        for machine in self.machines:
            _known(regions, "regions", machine.region, f"machine {machine.name}: region")
            for needed in machine.needs:
                _known(machines, "machines", needed, f"machine {machine.name}: needs")
        _known(regions, "regions", self.vault.region, "vault: region")
        for fabric in self.fabrics:
            _known(regions, "regions", fabric.region, f"fabric {fabric.name}: region")
        for container in self.containers:
            _known(fabrics, "fabrics", container.fabric, f"container {container.name}: fabric")
        for mapping in self.mappings:
            where = f"mapping {mapping.name}"
            _known(containers, "containers", mapping.source, f"{where}: from")
            _known(containers, "containers", mapping.target, f"{where}: to")
            _known(policies, "policies", mapping.policy, f"{where}: policy")
        for item in self.items:
            where = f"protected item {item.name}"
            _known(machines, "machines", item.machine, f"{where}: machine")
            _known(containers, "containers", item.container, f"{where}: container")
            sources = {mapping.source for mapping in self.mappings}
            _known(sources, "mappings (from)", item.container, f"{where}: container")
        for name in self.public_names:
            _known(regions, "regions", name.region, f"public name {name.host}: region")
            _known(machines, "machines", name.machine, f"public name {name.host}: machine")
        networks = {network.name for network in self.networks}
        for network in self.networks:
            _known(regions, "regions", network.region, f"network {network.name}: region")
            for peer in network.peers:
                _known(networks, "networks", peer, f"network {network.name}: peers")
        for account in self.storage_accounts:
            _known(regions, "regions", account.region, f"storage account {account.name}: region")
        for automation in self.automation_accounts:
            where = f"automation account {automation.name}: region"
            _known(regions, "regions", automation.region, where)
        groups = (g.lower() for other in self.other_subscriptions for g in other.resource_groups)
        _unique("resource groups of other subscriptions", groups)
        if self.subscription_of(self.vault.resource_group) != self.subscription:
            raise EstateError("subscription: the vault's group lies in another; name that one here")
        _unique("automation accounts", (account.name for account in self.automation_accounts))
        _unique("networks", (network.name for network in self.networks))
        _unique("storage accounts", (account.name for account in self.storage_accounts))
        _unique("regions", (region.name for region in self.regions))
        _unique("machines", (machine.name for machine in self.machines))
        _unique("protected items", (item.name for item in self.items))
        _unique("identities", (identity.name for identity in self.identities))
        _unique("accounts", (account.name for account in self.accounts))
        _unique("public names", (name.host for name in self.public_names))

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Return every subscription, the vault's first."""
        return (self.subscription, *(other.id for other in self.other_subscriptions))

    def subscription_of(self, group: str) -> str:
        """Return the subscription that a resource group lies in; simulated: no two have a group of one name."""
        for other in self.other_subscriptions:
            if group.lower() in (name.lower() for name in other.resource_groups):
                return other.id
        return self.subscription

    def group_id(self, group: str) -> str:
        """Return the ARM id of a resource group."""
        return f"/subscriptions/{self.subscription_of(group)}/resourceGroups/{group}"

    def region(self, name: str) -> Region:
        """Return a region by name."""
        return next(region for region in self.regions if region.name == name)

    def machine(self, name: str) -> Machine:
        """Return a machine by name."""
        return next(machine for machine in self.machines if machine.name == name)

    def container(self, name: str) -> Container:
        """Return a container by name."""
        return next(container for container in self.containers if container.name == name)

    def fabric(self, name: str) -> Fabric:
        """Return a fabric by name."""
        return next(fabric for fabric in self.fabrics if fabric.name == name)

    def mapping_from(self, container: str) -> ContainerMapping:
        """Return the mapping that leads out of a container."""
        return next(mapping for mapping in self.mappings if mapping.source == container)

    def policy(self, name: str) -> Policy:
        """Return a policy by name."""
        return next(policy for policy in self.policies if policy.name == name)


def _known(known: Iterable[str], kind: str, name: str, where: str) -> None:
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise EstateError(f"{where} {name!r} is not among the {kind} ({there}); add it or name one")


def _unique(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise EstateError(f"{kind}: {name!r} occurs twice; rename one")
        seen.add(name)
