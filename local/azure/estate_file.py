"""Read an estate from YAML; every error names the line, the field and the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar, cast

import yaml

from local.azure.estate import (
    USUAL_ACCOUNTS,
    USUAL_IDENTITIES,
    Account,
    AutomationAccount,
    Container,
    ContainerMapping,
    Endpoint,
    Estate,
    EstateError,
    Fabric,
    Grant,
    Identity,
    Landing,
    Machine,
    Monitor,
    Network,
    Policy,
    Port,
    Profile,
    ProtectedItem,
    PublicName,
    Region,
    ScriptedRunbook,
    StorageAccount,
    Subnet,
    Subscription,
    Vault,
)

_T = TypeVar("_T")


def load_estate(path: Path) -> Estate:
    """Read an estate file; raises EstateError for anything that is not understood."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EstateError(f"{path}: cannot be read ({error.strerror}); give a YAML file") from error
    return parse_estate(text, str(path))


def parse_estate(text: str, source: str = "estate") -> Estate:
    """Read an estate from YAML text; ``source`` names it in errors."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise EstateError(f"{source}:{line}: not YAML: {error.problem}; mend it there") from error
    if node is None:
        raise EstateError(f"{source}:1: the file is empty; see local/estates/shop.yaml")
    root = _Section(node, source, "")
    try:
        estate = _estate(root)
    except EstateError as error:
        if str(error).startswith(source):
            raise
        raise EstateError(f"{source}: {error}") from error
    root.close()
    return estate


class _Section:
    """A YAML mapping that is read field by field and remembers what was asked for."""

    def __init__(self, node: yaml.Node, source: str, path: str) -> None:
        self.source = source
        self.path = path
        self.node = node
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, path or "the estate", "must be a mapping of fields")
        self._fields: dict[str, yaml.Node] = {}
        self._asked: dict[str, yaml.Node | None] = {}
        for key, value in node.value:
            if key.value in self._fields:
                raise self.wrong(key, self._name(key.value), "is given twice; keep one")
            self._fields[key.value] = value
        self._keys = {key.value: key for key, _ in node.value}

    def text(self, field: str, default: str | None = None) -> str:
        return self._scalar(field, str, default, "a text")

    def number(self, field: str, default: int | None = None) -> int:
        return self._scalar(field, int, default, "a whole number")

    def flag(self, field: str, default: bool) -> bool:
        return self._scalar(field, bool, default, "true or false")

    def choice(self, field: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(field, default)
        if value not in choices:
            node = self._fields[field]
            raise self.wrong(node, self._name(field), f"must be one of {', '.join(choices)}")
        return value

    def section(self, field: str) -> _Section:
        node = self._take(field)
        if node is None:
            raise self.wrong(self.node, self._name(field), "is missing; add it")
        inner = _Section(node, self.source, self._name(field))
        return inner

    def each(self, field: str, read: Callable[[_Section], _T]) -> tuple[_T, ...]:
        node = self._take(field)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong(node, self._name(field), "must be a list")
        found: list[_T] = []
        for index, entry in enumerate(node.value):
            section = _Section(entry, self.source, f"{self._name(field)}[{index}]")
            found.append(read(section))
            section.close()
        return tuple(found)

    def texts(self, field: str) -> tuple[str, ...]:
        node = self._take(field)
        if node is None:
            return ()
        value = yaml.safe_load(yaml.serialize(node))
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self.wrong(node, self._name(field), "must be a list of texts")
        return tuple(value)

    def spans(self, field: str) -> dict[str, tuple[float, float]]:
        node = self._take(field)
        if node is None:
            return {}
        value = yaml.safe_load(yaml.serialize(node))
        good = isinstance(value, dict) and all(_is_span(span) for span in value.values())
        if not good:
            raise self.wrong(node, self._name(field), "must map scenarios to [shortest, longest]")
        return {str(name): (float(low), float(high)) for name, (low, high) in value.items()}

    def close(self) -> None:
        for field in self._fields:
            if field not in self._asked:
                known = ", ".join(sorted(self._asked))
                what = f"is not known here; use one of {known}"
                raise self.wrong(self._keys[field], self._name(field), what)

    def wrong(self, node: yaml.Node, name: str, what: str) -> EstateError:
        return EstateError(f"{self.source}:{node.start_mark.line + 1}: {name} {what}")

    def _name(self, field: str) -> str:
        return f"{self.path}.{field}" if self.path else field

    def _take(self, field: str) -> yaml.Node | None:
        self._asked[field] = self._fields.get(field)
        return self._asked[field]

    def _scalar(self, field: str, kind: type[_T], default: _T | None, wanted: str) -> _T:
        node = self._take(field)
        if node is None:
            if default is None:
                raise self.wrong(self.node, self._name(field), f"is missing; give {wanted}")
            return default
        value = yaml.safe_load(yaml.serialize(node))
        if type(value) is not kind:
            raise self.wrong(node, self._name(field), f"is {value!r}; give {wanted}")
        return value


def _is_span(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 2):
        return False
    low, high = value
    return all(type(bound) in (int, float) for bound in value) and 0 <= low <= high


def _estate(root: _Section) -> Estate:
    vault = root.section("vault")
    made = Vault(vault.text("name"), vault.text("resource_group"), vault.text("region"))
    vault.close()
    return Estate(
        subscription=root.text("subscription"),
        regions=root.each("regions", lambda at: Region(at.text("name"), at.text("display_name"))),
        machines=root.each("virtual_machines", _machine),
        vault=made,
        fabrics=root.each("fabrics", lambda at: Fabric(at.text("name"), at.text("region"))),
        containers=root.each(
            "containers", lambda at: Container(at.text("name"), at.text("fabric"))
        ),
        policies=root.each("policies", _policy),
        mappings=root.each("container_mappings", _mapping),
        items=root.each("protected_items", _item),
        profiles=root.each("traffic_profiles", _profile),
        public_names=root.each("public_names", _public_name),
        networks=root.each("networks", _network),
        storage_accounts=root.each(
            "storage_accounts",
            lambda at: StorageAccount(
                at.text("name"), at.text("resource_group"), at.text("region")
            ),
        ),
        automation_accounts=root.each("automation_accounts", _automation_account),
        durations=root.spans("durations"),
        accounts=root.each("accounts", _account) or USUAL_ACCOUNTS,
        identities=root.each("identities", _identity) or USUAL_IDENTITIES,
        other_subscriptions=root.each(
            "other_subscriptions",
            lambda at: Subscription(at.text("id"), at.texts("resource_groups")),
        ),
    )


def _account(at: _Section) -> Account:
    return Account(name=at.text("name"), roles=at.texts("roles"))


def _identity(at: _Section) -> Identity:
    return Identity(
        name=at.text("name"),
        may=at.each("may", lambda in_: Grant(in_.text("scope"), in_.texts("actions"))),
    )


def _automation_account(at: _Section) -> AutomationAccount:
    return AutomationAccount(
        name=at.text("name"),
        resource_group=at.text("resource_group"),
        region=at.text("region"),
        runbooks=at.each(
            "runbooks",
            lambda in_: ScriptedRunbook(
                name=in_.text("name"),
                seconds=in_.number("seconds", 60),
                output=in_.text("output", ""),
                fails=in_.text("fails", ""),
            ),
        ),
    )


def _machine(at: _Section) -> Machine:
    return Machine(
        name=at.text("name"),
        resource_group=at.text("resource_group"),
        region=at.text("region"),
        private_ip=at.text("private_ip"),
        ports=at.each("ports", _port),
        boot_seconds=at.number("boot_seconds", 30),
        needs=at.texts("needs"),
        size=at.text("size", "Standard_D2s_v5"),
        os=cast(Literal["Linux", "Windows"], at.choice("os", ("Linux", "Windows"), "Linux")),
        network=at.text("network", ""),
        subnet=at.text("subnet", ""),
        data_disks=at.number("data_disks", 0),
        managed=at.flag("managed", True),
    )


def _network(at: _Section) -> Network:
    return Network(
        name=at.text("name"),
        resource_group=at.text("resource_group"),
        region=at.text("region"),
        subnets=at.each("subnets", lambda in_: Subnet(in_.text("name"), in_.text("prefix"))),
        peers=at.texts("peers"),
    )


def _port(at: _Section) -> Port:
    return Port(
        number=at.number("port"),
        protocol=cast(Literal["tcp", "http"], at.choice("protocol", ("tcp", "http"), "tcp")),
        path=at.text("path", "/"),
        status=at.number("status", 200),
    )


def _policy(at: _Section) -> Policy:
    return Policy(
        name=at.text("name"),
        history_minutes=at.number("history_minutes", 1440),
        crash_consistent_minutes=at.number("crash_consistent_minutes", 5),
        app_consistent_minutes=at.number("app_consistent_minutes", 60),
    )


def _mapping(at: _Section) -> ContainerMapping:
    return ContainerMapping(at.text("name"), at.text("from"), at.text("to"), at.text("policy"))


def _item(at: _Section) -> ProtectedItem:
    recovery = at.section("recovery")
    landing = Landing(
        resource_group=recovery.text("resource_group"),
        private_ip=recovery.text("private_ip"),
        network=recovery.text("network", "recovery-vnet"),
        subnet=recovery.text("subnet", "default"),
        test_ip=recovery.text("test_ip", ""),
        test_network=recovery.text("test_network", ""),
    )
    recovery.close()
    return ProtectedItem(
        name=at.text("name"),
        machine=at.text("machine"),
        container=at.text("container"),
        recovery=landing,
        pending_drill=at.flag("pending_drill", False),
        multi_vm_group=at.text("multi_vm_group", ""),
    )


def _public_name(at: _Section) -> PublicName:
    return PublicName(
        host=at.text("host"),
        address=at.text("address"),
        region=at.text("region"),
        machine=at.text("machine"),
        port=at.number("port", 80),
    )


def _profile(at: _Section) -> Profile:
    monitor = at.section("monitor")
    probe = Monitor(
        protocol=cast(Literal["HTTP", "TCP"], monitor.choice("protocol", ("HTTP", "TCP"), "HTTP")),
        port=monitor.number("port", 80),
        path=monitor.text("path", "/"),
        interval_seconds=monitor.number("interval_seconds", 30),
        timeout_seconds=monitor.number("timeout_seconds", 10),
        tolerated_failures=monitor.number("tolerated_failures", 3),
    )
    monitor.close()
    at.choice("routing", ("Priority",), "Priority")
    return Profile(
        name=at.text("name"),
        resource_group=at.text("resource_group"),
        fqdn=at.text("fqdn"),
        monitor=probe,
        endpoints=at.each("endpoints", _endpoint),
        ttl=at.number("ttl", 60),
    )


def _endpoint(at: _Section) -> Endpoint:
    status = at.choice("status", ("Enabled", "Disabled"), "Enabled")
    return Endpoint(
        name=at.text("name"),
        target=at.text("target"),
        priority=at.number("priority"),
        status=cast(Literal["Enabled", "Disabled"], status),
        location=at.text("location", ""),
    )
