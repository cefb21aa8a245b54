"""A stage for the runbooks: the real orchestrators and entities on the real engine, the activities played by a cast.

A test says what each activity answers: a fixed answer, a list of answers of which the last one stays, or a function of
the request. Whatever a test leaves unsaid, the cast plays as on a good night.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

from activities.acting import Acting
from activities.evidence import Draft
from activities.notices import Notice
from domain.errors import StepError, Transient
from domain.model import Model
from domain.plan import Plan
from domain.reply import Done, Refused
from domain.request import RunRequest
from domain.run import RunEnd
from domain.signals import Signal
from local.clock import VirtualClock
from local.host.contract import InstanceEnded, InstanceNotFound, Status
from local.host.engine import DurableEngine
from orchestrators.names import RUNBOOKS as NAMES
from orchestrators.names import bell
from tests.orchestrators.cast import Cast
from tests.orchestrators.playbill import CHANGES, PLAYED, StageApp

CLAIMS = ("claim_application", "leave_application")
START = datetime(2026, 3, 14, 2, 40, tzinfo=UTC)
RUN = "failover-shop-1"
ENDED = ("Completed", "Failed", "Terminated")

Reply = Model | Exception
Say = Callable[[Any], Reply]


def throttled(seconds: int | None = None) -> Refused:
    """Return a refusal that waiting may cure, with the server's wish if it has one."""
    after = None if seconds is None else timedelta(seconds=seconds)
    return Refused(code="throttled", message="too many", transient=True, retry_after=after)


def forbidden() -> Refused:
    """Return a refusal that stays."""
    return Refused(code="forbidden", message="the identity may not")


@dataclass(frozen=True, slots=True)
class Call:
    """One activity as the stage saw it: when in the story, which, what it was asked and what it said."""

    at: datetime
    name: str
    request: Any
    reply: Reply

    @property
    def seconds(self) -> float:
        """Return the story seconds since the curtain rose."""
        return (self.at - START).total_seconds()


def _is_commentary(call: Call) -> bool:
    return call.name == "announce" and call.request.kind in (
        "Leeward.RunStarted",
        "Leeward.StepEnded",
    )


@dataclass
class Stage:
    """An engine on virtual time, the cast, and all that was said."""

    engine: DurableEngine
    clock: VirtualClock
    calls: list[Call] = field(default_factory=list)
    cast: Cast = field(default_factory=Cast)
    script: dict[str, Any] = field(default_factory=dict)
    cues: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    """What people do in the story, and when."""
    turns: int = 0
    _said: dict[str, int] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def answers(self, **script: Any) -> None:
        """Say what activities answer: a value, a list of values whose last one stays, or a function."""
        self.script.update(script)

    def play(self, name: str, payload: Any) -> Any:
        """Answer one call of an activity as `on_wire` would."""
        activity = next(each for each in PLAYED if each.__name__ == name)
        hints = get_type_hints(activity)
        request_type: type[Model] = next(t for n, t in hints.items() if n != "return")
        request = request_type.model_validate(payload)
        with self._guard:
            reply = self._fenced(name, request) or self._reply(name, request)
            self.calls.append(Call(self.clock.now(), name, request, reply))
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, Refused):
            return reply.wire()
        assert isinstance(reply, hints["return"]), f"{name} cannot answer {reply!r}"
        return Done(value=reply.wire()).wire()

    def _fenced(self, name: str, request: Any) -> Refused | None:
        """Hold what changes something to its run's claim, as the app does."""
        if name not in CHANGES:
            return None
        try:
            Acting(self.cast.ledger, "here").hold_to(request)
        except StepError as error:
            transient = isinstance(error, Transient)
            return Refused(code=error.code, message=error.message, transient=transient)
        return None

    def _reply(self, name: str, request: Any) -> Reply:
        said = self.script.get(name)
        if isinstance(said, list):
            turn = self._said.get(name, 0)
            self._said[name] = turn + 1
            said = said[min(turn, len(said) - 1)]
        if callable(said):
            said = said(request)
        if said is None:
            said = getattr(self.cast, name)(request, self.clock.now())
        reply: Reply = said
        return reply

    # -- the story ---------------------------------------------------------------------

    def begin(
        self,
        plan: Plan,
        run: str = RUN,
        requested_by: str = "alice",
        signals: tuple[Signal, ...] = (),
        **wishes: Any,
    ) -> str:
        """Start a run of the plan: a failover, where no ``kind`` is wished for."""
        request = RunRequest(
            plan=plan, requested_by=requested_by, reason="a test", signals=signals, **wishes
        )
        return self.engine.start_new(NAMES[request.kind], twice(request.wire()), run)

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        """Let something happen so many story seconds after the curtain rose."""
        self.cues.append((START + timedelta(seconds=seconds), do))

    def decide(
        self,
        plan: Plan,
        gate: str = "approval",
        verdict: str = "approve",
        by: str = "bob",
        digest: str | None = None,
        ring: bool = True,
        **more: Any,
    ) -> None:
        """Lay a decision on the run's desk, about what is asked there or else about the plan, and ring its bell."""
        decision = {
            "gate": gate,
            "verdict": verdict,
            "by": by,
            "digest": digest or self.asked(gate) or plan.digest(),
            "at": None,
            **more,
        }
        opened = self.desk()["gates"].get(gate, {"rings": 0})
        self.engine.signal_entity("desk", RUN, "decide", twice(decision))
        if ring:
            self.ring(gate, opened["rings"] + 1, opened.get("bell"))

    def asked(self, gate: str = "approval") -> str | None:
        """Return the digest that is asked about at a gate, None where nothing is."""
        found = self.desk()["gates"].get(gate)
        return str(found["digest"]) if found else None

    def desk(self, run: str = RUN) -> Any:
        """Return the desk of a run."""
        state = json.loads(self.engine.entity_state("desk", run) or "null")
        return {"gates": {}, **(state or {})}

    def say(self, verb: str, by: str = "carol", ring: int | None = None, **more: Any) -> None:
        """Lay a word of control on the run's desk, and ring that bell of the run if one is given."""
        word = {"verb": verb, "by": by, "point": None, "points": {}, "step": None, **more}
        self.engine.signal_entity("desk", RUN, "control", twice(word))
        if ring is not None:
            with suppress(InstanceNotFound, InstanceEnded):
                self.engine.raise_event(RUN, bell("control", ring), "{}")

    def ring(self, gate: str = "approval", number: int = 1, where: str | None = None) -> None:
        """Ring the bell of a gate; it does not matter whether anybody still listens."""
        with suppress(InstanceNotFound, InstanceEnded):
            self.engine.raise_event(where or f"{RUN}.{gate}", bell(gate, number), "{}")

    def settle(self) -> None:
        """Wait until nothing can happen at the present time."""
        assert self.engine.wait_idle(20), "the engine is still busy after 20 s"

    def run_to_end(self, run: str = RUN) -> RunEnd:
        """Move time from one thing to the next until the run has ended, and return its end."""
        status = self.finish(run)
        assert status.runtime_status == "Completed", status.output
        return RunEnd.model_validate(status.output)

    def finish(self, instance_id: str) -> Status:
        """Move time from one thing to the next until the instance has ended."""
        while True:
            self.settle()
            status = self.engine.status(instance_id)
            if status.runtime_status in ENDED:
                return status
            self._move()

    def run_for(self, seconds: float) -> None:
        """Move time on by so many seconds at most, and stop there."""
        until = self.clock.now() + timedelta(seconds=seconds)
        self.cues.append((until, lambda: None))
        while self.clock.now() < until:
            self.settle()
            self._move()
        self.settle()

    def _move(self) -> None:
        """Move to whatever comes first: a timer of the engine, or a cue."""
        self.turns += 1
        assert self.turns < 20_000, "the story does not end"
        self.cues.sort(key=lambda cue: cue[0])
        due = self.engine.next_due()
        cue = self.cues[0] if self.cues else None
        if cue is not None and (due is None or cue[0] <= due):
            self.cues.pop(0)
            self.clock.advance(cue[0])
            self.engine.wake()
            self.settle()
            cue[1]()
            return
        assert due is not None, "nothing is due and the run has not ended"
        self.clock.advance(due)
        self.engine.wake()

    # -- what was seen -----------------------------------------------------------------

    def called(self, *names: str) -> list[Call]:
        """Return the calls of these activities in order, of all but commentary and claims where none is named."""
        told = (call for call in self.calls if not _is_commentary(call))
        return [call for call in told if (call.name in names if names else call.name not in CLAIMS)]

    def commentary(self) -> list[Notice]:
        """Return what was announced of the run's course: its start, and each step that ended."""
        return [call.request for call in self.calls if _is_commentary(call)]

    def names(self) -> list[str]:
        """Return the names of all calls in order, without the commentary."""
        return [call.name for call in self.called()]

    def changes(self) -> list[tuple[str, bool]]:
        """Return every change of an endpoint that was asked for: its name, and whether it was to be enabled."""
        return [(c.request.endpoint.name, c.request.enabled) for c in self.called("set_endpoint")]

    @property
    def draft(self) -> Draft:
        """Return the newest record that was given to be sealed."""
        draft: Draft = self.called("seal_evidence")[-1].request
        return draft

    def facts(self) -> list[str]:
        """Return the facts of the newest record."""
        return [fact.what for fact in self.draft.facts]

    def lock(self, app: str = "shop") -> Any:
        """Return the state of an application's lock."""
        return json.loads(self.engine.entity_state("lock", app) or "null")

    def shown(self, run: str = RUN) -> Any:
        """Return what an instance shows of itself."""
        return self.engine.status(run).custom_status

    @property
    def seconds(self) -> float:
        """Return the story seconds since the curtain rose."""
        return (self.clock.now() - START).total_seconds()


def twice(value: Any) -> str:
    """Return a value as the SDK's client sends it: JSON within JSON."""
    return json.dumps(json.dumps(value))


@contextmanager
def raised(folder: Path) -> Iterator[Stage]:
    """Raise the curtain: an engine of its own, from the same night on."""
    clock = VirtualClock(START)
    stages: list[Stage] = []
    app = StageApp(lambda name, payload: stages[0].play(name, payload))
    engine = DurableEngine(app, folder / "stage.db", clock, default_version="1.0")
    stages.append(Stage(engine, clock))
    engine.start()
    try:
        yield stages[0]
    finally:
        engine.stop()
