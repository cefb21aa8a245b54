"""Traffic Manager's mind: which endpoints it believes in, and whom it answers.

Probes happen on story time: one interval after an endpoint is enabled and every interval from then
on. An answer counts at once, silence after the timeout. One good probe makes an endpoint Online;
more failures in a row than are tolerated make it Degraded. Between two changes of the world the
outcome of a probe cannot differ, so a settled endpoint is only probed again after the next change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from local.azure.estate import Endpoint, Monitor, Profile
from local.azure.world import Contact, World

SERVED = ("Online", "CheckingEndpoint")


@dataclass(frozen=True, slots=True)
class EndpointState:
    """What Traffic Manager shows of one endpoint."""

    status: str
    monitor: str


@dataclass(frozen=True, slots=True)
class TrafficChange:
    """One line of the audit list: the endpoints of a profile from an instant on."""

    at: datetime
    profile: str
    endpoints: dict[str, EndpointState]

    def enabled(self) -> list[str]:
        """Return the names of the enabled endpoints."""
        return [name for name, state in self.endpoints.items() if state.status == "Enabled"]


@dataclass(slots=True)
class _Probing:
    """How the probing of one endpoint stands."""

    facts: Endpoint
    monitor: str
    next_probe: datetime
    failures: int = 0
    due: list[tuple[datetime, str]] | None = None


class TrafficProfile:
    """One profile, brought up to an instant by `settle`."""

    def __init__(
        self,
        facts: Profile,
        world: World,
        began: datetime,
        note: Callable[[TrafficChange], None],
    ) -> None:
        self.name = facts.name
        self.resource_group = facts.resource_group
        self.fqdn = facts.fqdn
        self.ttl = facts.ttl
        self.status = "Enabled"
        self.monitor = facts.monitor
        self._world = world
        self._note = note
        self._probing: dict[str, _Probing] = {}
        for endpoint in facts.endpoints:
            self._probing[endpoint.name.lower()] = _Probing(
                endpoint, self._first_look(endpoint, began), began + self._interval()
            )
        self._record(began)

    def endpoints(self) -> list[tuple[Endpoint, str]]:
        """Return the endpoints with their monitor status."""
        return [(probing.facts, self._shown(probing)) for probing in self._probing.values()]

    def endpoint(self, name: str) -> tuple[Endpoint, str] | None:
        """Return one endpoint with its monitor status."""
        probing = self._probing.get(name.lower())
        return (probing.facts, self._shown(probing)) if probing else None

    def put(self, facts: Endpoint, now: datetime) -> None:
        """Add or replace an endpoint; what is new or newly enabled is probed afresh."""
        before = self._probing.get(facts.name.lower())
        if before is None or _needs_fresh_probing(before.facts, facts):
            fresh = _Probing(facts, "CheckingEndpoint", now + self._interval())
            self._probing[facts.name.lower()] = fresh
        else:
            before.facts = facts
        self._record(now)

    def replace(self, wanted: list[Endpoint], now: datetime) -> None:
        """Make the list of endpoints exactly this, in one change."""
        before = self._probing
        self._probing = {}
        for facts in wanted:
            known = before.get(facts.name.lower())
            if known is None or _needs_fresh_probing(known.facts, facts):
                known = _Probing(facts, "CheckingEndpoint", now + self._interval())
            known.facts = facts
            self._probing[facts.name.lower()] = known
        self._record(now)

    def remove(self, name: str, now: datetime) -> None:
        """Take an endpoint away."""
        del self._probing[name.lower()]
        self._record(now)

    def reconfigure(self, now: datetime, *, ttl: int, status: str, monitor: Monitor) -> None:
        """Change the profile; another monitor means that everything is probed afresh."""
        again = status == "Enabled" and self.status != "Enabled"
        self.ttl, self.status = ttl, status
        if again or monitor != self.monitor:
            self.monitor = monitor
            for probing in self._probing.values():
                probing.monitor, probing.failures = "CheckingEndpoint", 0
                probing.next_probe = now + self._interval()
        self._record(now)

    def settle(self, now: datetime) -> None:
        """Probe whatever was due by ``now``, in order."""
        verdicts: list[tuple[datetime, str, str]] = []
        for name, probing in self._probing.items():
            if probing.facts.status == "Enabled" and self.status == "Enabled":
                verdicts += [(at, name, verdict) for at, verdict in self._probe(probing, now)]
        for at, name, verdict in sorted(verdicts):
            if self._probing[name].monitor != verdict:
                self._probing[name].monitor = verdict
                self._record(at)

    def monitor_status(self) -> str:
        """Return profileMonitorStatus."""
        if self.status == "Disabled":
            return "Disabled"
        shown = [state for facts, state in self.endpoints() if facts.status == "Enabled"]
        if not shown:
            return "Inactive"
        for status, verdict in (
            ("Degraded", "Degraded"),
            ("CheckingEndpoint", "CheckingEndpoints"),
        ):
            if status in shown:
                return verdict
        return "Online"

    def answer(self) -> Endpoint | None:
        """Return the endpoint that DNS answers; None means NXDOMAIN.

        Where every enabled endpoint is degraded, all of them count as if they were online.
        """
        if self.status == "Disabled":
            return None
        enabled = [(f, s) for f, s in self.endpoints() if f.status == "Enabled"]
        served = [facts for facts, state in enabled if state in SERVED]
        candidates = served or [facts for facts, _ in enabled]
        return min(candidates, key=lambda facts: facts.priority, default=None)

    def _probe(self, probing: _Probing, now: datetime) -> list[tuple[datetime, str]]:
        """Run the probes of one endpoint that are due; return what it became and when."""
        verdicts = probing.due or []
        shown = verdicts[-1][1] if verdicts else probing.monitor
        while probing.next_probe <= now:
            at = probing.next_probe
            good, silent = self._try(probing.facts, at)
            known = at + timedelta(seconds=self.monitor.timeout_seconds) if silent else at
            probing.failures = 0 if good else probing.failures + 1
            if good:
                verdict = "Online"
            elif probing.failures > self.monitor.tolerated_failures:
                verdict = "Degraded"
            else:
                verdict = shown
            settled = verdict == shown and (good or verdict == "Degraded")
            if verdict != shown:
                verdicts.append((known, verdict))
                shown = verdict
            probing.next_probe = self._next(at, now, settled)
        probing.due = [entry for entry in verdicts if entry[0] > now]
        return [entry for entry in verdicts if entry[0] <= now]

    def _next(self, at: datetime, now: datetime, settled: bool) -> datetime:
        following = at + self._interval()
        if not settled:
            return following
        change = self._world.next_change(at)
        wake = min(change, now) if change is not None else now
        if wake <= following:
            return following
        return at + -((at - wake) // self._interval()) * self._interval()

    def _try(self, endpoint: Endpoint, at: datetime) -> tuple[bool, bool]:
        monitor = self.monitor
        reply = self._world.connect(endpoint.target, monitor.port, monitor.path, at)
        reached = reply.contact is Contact.REACHED
        good = reached and (monitor.protocol == "TCP" or reply.status == 200)
        return good, reply.contact is Contact.SILENT

    def _first_look(self, endpoint: Endpoint, began: datetime) -> str:
        if endpoint.status != "Enabled":
            return "Disabled"
        return "Online" if self._try(endpoint, began)[0] else "Degraded"

    def _shown(self, probing: _Probing) -> str:
        if probing.facts.status != "Enabled":
            return "Disabled"
        return "Inactive" if self.status == "Disabled" else probing.monitor

    def _interval(self) -> timedelta:
        return timedelta(seconds=self.monitor.interval_seconds)

    def _record(self, at: datetime) -> None:
        states = {f.name: EndpointState(f.status, shown) for f, shown in self.endpoints()}
        self._note(TrafficChange(at, self.name, states))


def _needs_fresh_probing(before: Endpoint, after: Endpoint) -> bool:
    newly = before.status != "Enabled" and after.status == "Enabled"
    return newly or before.target.lower() != after.target.lower()
