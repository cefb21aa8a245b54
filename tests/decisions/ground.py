"""The ground under the decisions: the real triggers, lookout, activity and entity on virtual time.

What is played here is the engine, in its plainest form (an entity's operation is run when it is asked for, a timer when
its time comes), and what is outside: the network, Traffic Manager and the vault.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func

from activities.acting import Acting
from activities.lookout import Lookout
from adapters.boundary import on_wire
from domain.caller import Caller, Role
from domain.errors import Transient
from domain.gate import Probe
from domain.plan import Plan
from domain.reach import Reach
from domain.replication import ProtectedItem
from domain.run import EndpointState, ProbeAnswer, ProfileState
from entities.region import region
from orchestrators.lookout import watch_region
from tests.entities.asked import Turn
from tests.ledger_in_memory import LedgerInMemory
from triggers.alerts import Alerts, Ledger
from triggers.lookout import Incidents

WATCH_EVERY = timedelta(seconds=15)  # the schedule of the timer in function_app.py
AZURE_MONITOR = Caller("azure-monitor", "Azure Monitor", frozenset({Role.SIGNAL}), is_app=True)
Json = dict[str, Any]


class Outside:
    """What can be seen from the vantage points, and read of Azure; a case scripts it."""

    def missed(self, point: str, probe: Probe) -> bool:
        """Say whether a probe from a vantage point is not answered now."""
        raise NotImplementedError

    def monitor(self) -> str | None:
        """Return the state of the source's endpoint, None where it cannot be read now."""
        raise NotImplementedError

    def health(self, item: str) -> str:
        """Return the replication health of an item."""
        return "Normal"


@dataclass(frozen=True)
class Point:
    """A vantage point of the played network."""

    name: str
    outside: Outside

    def ask(self, probes: Sequence[Probe], reach: Reach) -> tuple[ProbeAnswer, ...]:
        return tuple(self._one(probe) for probe in probes)

    def _one(self, probe: Probe) -> ProbeAnswer:
        missed = self.outside.missed(self.name, probe)
        return ProbeAnswer(probe=str(probe), ok=not missed, heard="no answer" if missed else "200")


@dataclass(frozen=True)
class Azure:
    """Traffic Manager and the vault, as far as the lookout reads them."""

    plans: Sequence[Plan]
    outside: Outside

    def profile(self, profile: str) -> ProfileState:
        monitor = self.outside.monitor()
        if monitor is None:
            raise Transient("unreachable", "Traffic Manager cannot be read")
        east = EndpointState(
            name=self.plans[0].traffic.source.name,
            type="ExternalEndpoints",
            target="east.example.com",
            status="Enabled",
            monitor=monitor,
        )
        return ProfileState(fqdn="shop.trafficmanager.net", ttl_seconds=30, endpoints=(east,))

    def items(self, vault: str) -> Sequence[ProtectedItem]:
        return ()


@dataclass
class Shelf:
    """The plans."""

    plans: Sequence[Plan]

    def plan(self, name: str) -> Plan:
        return next(plan for plan in self.plans if plan.name == name)

    def names(self) -> Sequence[str]:
        return [plan.name for plan in self.plans]

    def valid(self) -> Sequence[Plan]:
        return self.plans

    def each(self) -> Sequence[tuple[str, Plan]]:
        return [(plan.name, plan) for plan in self.plans]


@dataclass
class Lines:
    """The record, in memory."""

    kept: list[tuple[str, Json]] = field(default_factory=list)

    def keep(self, what: str, entry: Json) -> None:
        self.kept.append((what, entry))


@dataclass
class Told:
    """Who is told, in memory."""

    events: list[tuple[str, str, Json]] = field(default_factory=list)

    def tell(self, kind: str, subject: str, data: Json) -> object:
        self.events.append((kind, subject, data))
        return True


class Context:
    """What the lookout sees of the engine."""

    def __init__(self, ground: Ground, instance: str, given: Any) -> None:
        self._ground = ground
        self._given = given
        self.instance_id = instance
        self.again: Any = None

    @property
    def current_utc_datetime(self) -> datetime:
        return self._ground.now

    def get_input(self) -> Any:
        return self._given

    def call_activity(self, name: str, input_: Any) -> Any:
        return ("activity", name, input_)

    def call_entity(self, entity: Any, operation: str, input_: Any) -> Any:
        return ("entity", entity, operation, input_)

    def create_timer(self, fire_at: datetime) -> Any:
        return ("timer", fire_at)

    def set_custom_status(self, status: Any) -> None:
        json.dumps(status)

    def continue_as_new(self, input_: Any) -> None:
        self.again = input_


class Ground:
    """The app's decision path on virtual time; it is the client of the triggers too."""

    def __init__(
        self,
        plans: Sequence[Plan],
        outside: Outside,
        start: datetime,
        points: Sequence[str],
        ledger: Ledger | None = None,
    ) -> None:
        self.now = start
        self._client = cast(Any, self)
        self.runs: list[tuple[datetime, str, Json]] = []
        self.lines = Lines()
        self.told = Told()
        shelf, azure = Shelf(plans), Azure(plans, outside)
        lookout = Lookout(shelf, {name: Point(name, outside) for name in points}, azure, azure)
        self._activities: Mapping[str, Callable[[Json], Json]] = {
            "look_around": on_wire(lookout.look_around)
        }
        self.alerts = Alerts(shelf, ledger or self.lines)
        claims = Acting(LedgerInMemory(), "here")
        self.incidents = Incidents(shelf, ledger or self.lines, self.told, claims)
        self._entities: dict[str, str] = {}
        self.largest = 0
        self._statuses: dict[str, str] = {}
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._loop = asyncio.new_event_loop()
        self.at(start, self._watch)

    def close(self) -> None:
        """Let the event loop go."""
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    # -- time --------------------------------------------------------------------------

    def at(self, when: datetime, what: Callable[[], None]) -> None:
        """Let something happen at a time."""
        heapq.heappush(self._due, (when, next(self._order), what))

    def run_until(self, end: datetime) -> None:
        """Let everything happen that is due by then."""
        while self._due and self._due[0][0] <= end:
            self.now, _, what = heapq.heappop(self._due)
            what()
        self.now = end

    def _watch(self) -> None:
        self.awaited(self.incidents.on_watch(cast(Any, None), self._client))
        self.at(self.now + WATCH_EVERY, self._watch)

    def awaited(self, coroutine: Any) -> Any:
        """Run a trigger."""
        return self._loop.run_until_complete(coroutine)

    # -- what is sent --------------------------------------------------------------------

    def send_event(self, event: Json) -> None:
        """Deliver one event of Event Grid as the Functions runtime does, in either schema."""
        if "specversion" in event:
            arrived: Any = SimpleNamespace(
                id=event["id"],
                type=event["type"],
                subject=event.get("subject"),
                get_json=lambda: event.get("data"),
            )
        else:
            arrived = func.EventGridEvent(
                id=event["id"],
                data=event.get("data"),  # type: ignore[arg-type]
                topic=event.get("topic", ""),
                subject=event.get("subject", ""),
                event_type=event.get("eventType", ""),
                event_time=None,
                data_version="1",
            )
        self.awaited(self.alerts.on_health_event(arrived, self._client))

    def send_alert(self, body: bytes) -> int:
        """Post one alert, and return the status it was answered with."""
        request = func.HttpRequest(
            method="POST", url="http://app/api/alerts", body=body, headers={}, params={}
        )
        return int(
            self.awaited(self.alerts.on_alert(request, self._client, AZURE_MONITOR)).status_code
        )

    # -- the client of the triggers --------------------------------------------------------

    async def signal_entity(self, entity: Any, operation: str, given: Any = None) -> None:
        self._operate(entity.key, operation, given)

    async def read_entity_state(self, entity: Any) -> Any:
        stored = self._entities.get(f"{entity.name} {entity.key}")
        return SimpleNamespace(
            entity_exists=stored is not None, entity_state=json.loads(stored or "null")
        )

    async def get_status(self, instance: str, **more: Any) -> Any:
        status = self._statuses.get(instance)
        return SimpleNamespace(runtime_status=SimpleNamespace(name=status)) if status else None

    async def start_new(self, name: str, instance: str, given: Any = None) -> str:
        assert self._statuses.get(instance) is None, f"{instance} is started over"
        self._statuses[instance] = "Running"
        given = json.loads(json.dumps(given))
        if name == watch_region.__name__:
            self._begin(instance, given)
        else:
            self.runs.append((self.now, instance, given))
        return instance

    # -- the engine ------------------------------------------------------------------------

    def state(self, key: str) -> Json:
        """Return what a region's entity remembers."""
        found: Json = json.loads(self._entities.get(f"region {key}", "{}"))
        return found

    def _operate(self, key: str, operation: str, given: Any) -> Any:
        name = f"region {key}"
        turn = Turn(
            json.loads(self._entities.get(name, "null")), operation, json.loads(json.dumps(given))
        )
        region(turn)
        stored = json.dumps(turn.state)
        self._entities[name] = stored
        self.largest = max(self.largest, len(stored))
        return json.loads(json.dumps(turn.result))

    def _begin(self, instance: str, given: Any) -> None:
        context = Context(self, instance, given)
        self._go_on(context, watch_region(cast(Any, context)), None)

    def _go_on(self, context: Context, steps: Iterator[Any], answer: Any) -> None:
        while True:
            try:
                wish = steps.send(answer)  # type: ignore[attr-defined]
            except StopIteration:
                if context.again is not None:
                    self._begin(context.instance_id, context.again)
                return
            if wish[0] == "timer":
                self.at(wish[1], lambda: self._go_on(context, steps, None))
                return
            if wish[0] == "activity":
                answer = self._activities[wish[1]](json.loads(json.dumps(wish[2])))
            else:
                answer = self._operate(wish[1].key, wish[2], wish[3])
