"""Traffic Manager over ARM: profiles and external endpoints."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from datetime import datetime
from typing import Any, Literal, cast

from local.azure.arm import Answer, Call, Route, route
from local.azure.estate import Endpoint, Monitor, Profile
from local.azure.refusals import Refusal, not_simulated, resource_not_found
from local.azure.traffic import TrafficChange, TrafficProfile
from local.azure.world import World

VERSIONS = r"2026-09-01|2022-04-01(-preview)?"
_ALL = "/subscriptions/{subscription}/providers/Microsoft.Network/trafficManagerProfiles"
_GROUP = (
    "/subscriptions/{subscription}/resourceGroups/{group}"
    "/providers/Microsoft.Network/trafficManagerProfiles"
)
_PROFILE = _GROUP + "/{profile}"
_ENDPOINT = _PROFILE + "/{kind}/{endpoint}"
_KIND = "Microsoft.Network/trafficManagerProfiles"
_TTL = range(2**31)


class TrafficManager:
    """Answers for the profiles of a subscription."""

    def __init__(
        self,
        profiles: Mapping[str, TrafficProfile],
        world: World,
        note: Callable[[TrafficChange], None],
    ) -> None:
        self.profiles = dict(profiles)
        self._world = world
        self._note = note

    def routes(self) -> list[Route]:
        """Return the operations that are simulated."""
        table: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
            ("GET", _ALL, "profiles/list", self.list),
            ("GET", _GROUP, "profiles/list", self.list),
            ("GET", _PROFILE, "profiles/get", self.get),
            ("PUT", _PROFILE, "profiles/createOrUpdate", self.put),
            ("PATCH", _PROFILE, "profiles/update", self.patch),
            ("GET", _ENDPOINT, "endpoints/get", self.get_endpoint),
            ("PUT", _ENDPOINT, "endpoints/createOrUpdate", self.put_endpoint),
            ("PATCH", _ENDPOINT, "endpoints/update", self.patch_endpoint),
            ("DELETE", _ENDPOINT, "endpoints/delete", self.delete_endpoint),
        ]
        return [route(m, template, name, VERSIONS, handler) for m, template, name, handler in table]

    def settle(self, now: datetime) -> None:
        """Let every probe happen that was due by ``now``."""
        for profile in self.profiles.values():
            profile.settle(now)

    def by_fqdn(self, host: str) -> TrafficProfile | None:
        """Return the profile that answers for a host name."""
        wanted = host.lower().rstrip(".")
        return next((p for p in self.profiles.values() if p.fqdn.lower() == wanted), None)

    def list(self, call: Call) -> Answer:
        """List the profiles of the subscription or of a resource group."""
        group = call.params.get("group", "").lower()
        found = [p for p in self.profiles.values() if group in ("", p.resource_group.lower())]
        return Answer(200, {"value": [self._body(profile) for profile in found]})

    def get(self, call: Call) -> Answer:
        """Show a profile with its endpoints."""
        return Answer(200, self._body(self._find(call)))

    def put(self, call: Call) -> Answer:
        """Create or replace a profile."""
        wish = _properties(call)
        existing = self.profiles.get(call.params["profile"].lower())
        if existing is not None:
            self._change(existing, wish, call.now)
            self._replace_endpoints(existing, wish, call.now)
            return Answer(200, self._body(existing), accepted=True)
        made = TrafficProfile(self._new(call, wish), self._world, call.now, self._note)
        self.profiles[made.name.lower()] = made
        return Answer(201, self._body(made), accepted=True)

    def patch(self, call: Call) -> Answer:
        """Change a profile; a list of endpoints replaces the old one whole (simulated)."""
        profile = self._find(call)
        wish = _properties(call)
        self._change(profile, wish, call.now)
        if "endpoints" in wish:
            self._replace_endpoints(profile, wish, call.now)
        return Answer(200, self._body(profile), accepted=True)

    def get_endpoint(self, call: Call) -> Answer:
        """Show an endpoint."""
        profile = self._find(call)
        facts, monitor = self._endpoint(profile, call)
        return Answer(200, self._endpoint_body(profile, facts, monitor))

    def put_endpoint(self, call: Call) -> Answer:
        """Create or replace an endpoint."""
        profile = self._find(call)
        name = call.params["endpoint"]
        new = profile.endpoint(name) is None
        profile.put(self._checked(profile, _endpoint(name, _properties(call))), call.now)
        answer = self.get_endpoint(call)
        return Answer(201 if new else 200, answer.body, accepted=True)

    def patch_endpoint(self, call: Call) -> Answer:
        """Change an endpoint; what is not sent stays."""
        profile = self._find(call)
        facts, _ = self._endpoint(profile, call)
        profile.put(self._checked(profile, _merged(facts, _properties(call))), call.now)
        return Answer(200, self.get_endpoint(call).body, accepted=True)

    def delete_endpoint(self, call: Call) -> Answer:
        """Take an endpoint away."""
        profile = self._find(call)
        facts, _ = self._endpoint(profile, call)
        profile.remove(facts.name, call.now)
        return Answer(200, {"operationResult": True}, accepted=True)

    def _find(self, call: Call) -> TrafficProfile:
        name, group = call.params["profile"], call.params["group"]
        profile = self.profiles.get(name.lower())
        if profile is None or profile.resource_group.lower() != group.lower():
            raise resource_not_found(_KIND, name, group)
        return profile

    def _endpoint(self, profile: TrafficProfile, call: Call) -> tuple[Endpoint, str]:
        if call.params["kind"].lower() != "externalendpoints":
            raise not_simulated(f"endpoints of type {call.params['kind']}")
        found = profile.endpoint(call.params["endpoint"])
        if found is None:
            name = f"{profile.name}/externalEndpoints/{call.params['endpoint']}"
            raise resource_not_found(_KIND, name, profile.resource_group)
        return found

    def _checked(self, profile: TrafficProfile, wanted: Endpoint) -> Endpoint:
        for other, _ in profile.endpoints():
            if other.name.lower() != wanted.name.lower() and other.priority == wanted.priority:
                raise _bad(
                    f"The priority {wanted.priority} is already used by endpoint '{other.name}'. "
                    "Priorities must be unique in a profile."
                )
        return wanted

    def _change(self, profile: TrafficProfile, wish: dict[str, Any], now: datetime) -> None:
        if wish.get("trafficRoutingMethod", "Priority") != "Priority":
            raise not_simulated(f"routing method {wish['trafficRoutingMethod']}")
        monitor = _monitor(profile.monitor, wish.get("monitorConfig") or {})
        ttl = _number(wish.get("dnsConfig") or {}, "ttl", profile.ttl, _TTL)
        status = wish.get("profileStatus", profile.status)
        profile.reconfigure(now, ttl=ttl, status=str(status), monitor=monitor)

    def _replace_endpoints(
        self, profile: TrafficProfile, wish: dict[str, Any], now: datetime
    ) -> None:
        profile.replace([_listed(entry) for entry in wish.get("endpoints") or []], now)

    def _new(self, call: Call, wish: dict[str, Any]) -> Profile:
        dns = wish.get("dnsConfig") or {}
        relative = dns.get("relativeName")
        if not relative:
            raise _bad("The dnsConfig.relativeName is missing.")
        if wish.get("trafficRoutingMethod", "Priority") != "Priority":
            raise not_simulated(f"routing method {wish['trafficRoutingMethod']}")
        return Profile(
            name=call.params["profile"],
            resource_group=call.params["group"],
            fqdn=f"{relative}.trafficmanager.net",
            monitor=_monitor(Monitor(), wish.get("monitorConfig") or {}),
            endpoints=tuple(_listed(entry) for entry in wish.get("endpoints") or []),
            ttl=_number(dns, "ttl", 60, _TTL),
        )

    def _id(self, profile: TrafficProfile) -> str:
        group = self._world.estate.group_id(profile.resource_group)
        return f"{group}/providers/{_KIND}/{profile.name}"

    def _body(self, profile: TrafficProfile) -> dict[str, Any]:
        monitor = profile.monitor
        return {
            "id": self._id(profile),
            "name": profile.name,
            "type": _KIND,
            "location": "global",
            "tags": {},
            "properties": {
                "profileStatus": profile.status,
                "trafficRoutingMethod": "Priority",
                "dnsConfig": {
                    "relativeName": profile.fqdn.partition(".")[0],
                    "fqdn": profile.fqdn,
                    "ttl": profile.ttl,
                },
                "monitorConfig": {
                    "profileMonitorStatus": profile.monitor_status(),
                    "protocol": monitor.protocol,
                    "port": monitor.port,
                    "path": monitor.path,
                    "intervalInSeconds": monitor.interval_seconds,
                    "toleratedNumberOfFailures": monitor.tolerated_failures,
                    "timeoutInSeconds": monitor.timeout_seconds,
                },
                "endpoints": [
                    self._endpoint_body(profile, facts, shown)
                    for facts, shown in profile.endpoints()
                ],
            },
        }

    def _endpoint_body(
        self, profile: TrafficProfile, facts: Endpoint, shown: str
    ) -> dict[str, Any]:
        return {
            "id": f"{self._id(profile)}/externalEndpoints/{facts.name}",
            "name": facts.name,
            "type": f"{_KIND}/externalEndpoints",
            "properties": {
                "endpointStatus": facts.status,
                "endpointMonitorStatus": shown,
                "target": facts.target,
                "weight": 1,
                "priority": facts.priority,
                "endpointLocation": facts.location,
            },
        }


def _bad(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def _properties(call: Call) -> dict[str, Any]:
    properties = call.body().get("properties")
    if not isinstance(properties, dict):
        raise _bad("The request has no properties.")
    return properties


def _listed(entry: dict[str, Any]) -> Endpoint:
    return _endpoint(str(entry.get("name") or ""), entry.get("properties") or {})


def _endpoint(name: str, wish: dict[str, Any]) -> Endpoint:
    if not name or not wish.get("target"):
        raise _bad("An external endpoint needs a name and a target.")
    return _merged(Endpoint(name, "", 1), wish)


def _merged(facts: Endpoint, wish: dict[str, Any]) -> Endpoint:
    status = wish.get("endpointStatus", facts.status)
    if status not in ("Enabled", "Disabled"):
        raise _bad(f"The endpointStatus '{status}' is not known. Send Enabled or Disabled.")
    if wish.get("alwaysServe", "Disabled") != "Disabled":
        raise not_simulated("alwaysServe")
    return Endpoint(
        name=facts.name,
        target=str(wish.get("target", facts.target)),
        priority=_number(wish, "priority", facts.priority, range(1, 1001)),
        status=cast(Literal["Enabled", "Disabled"], status),
        location=str(wish.get("endpointLocation", facts.location)),
    )


def _monitor(before: Monitor, wish: dict[str, Any]) -> Monitor:
    protocol = wish.get("protocol", before.protocol)
    if protocol not in ("HTTP", "TCP"):
        raise not_simulated(f"probing by {protocol}")
    interval = _number(wish, "intervalInSeconds", before.interval_seconds, (10, 30))
    longest = 10 if interval == 30 else 9
    return Monitor(
        protocol=cast(Literal["HTTP", "TCP"], protocol),
        port=_number(wish, "port", before.port, range(1, 65536)),
        path=str(wish.get("path", before.path)),
        interval_seconds=interval,
        timeout_seconds=_number(
            wish,
            "timeoutInSeconds",
            min(before.timeout_seconds, longest),
            range(5, longest + 1),
        ),
        tolerated_failures=_number(
            wish, "toleratedNumberOfFailures", before.tolerated_failures, range(10)
        ),
    )


def _number(wish: dict[str, Any], name: str, before: int, possible: Container[int]) -> int:
    """Return a number that was sent, or the one before; the words of the refusal are simulated."""
    sent = wish.get(name)
    if sent is None:
        return before
    if type(sent) is not int or sent not in possible:
        raise _bad(f"The value {sent!r} of {name} is not possible.")
    return sent
