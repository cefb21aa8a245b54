"""Leeward in a chat: what people ask for in one line, who they are in the directory, and what they are told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field

from domain.caller import Caller, Role
from domain.model import Model, Recorded
from domain.request import Mode
from domain.run import Verdict

MOST_CHARACTERS = 500
# Enough of a digest to show that one has seen the question, little enough to be typed.
SHORTEST_DIGEST = 8
PLAN = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ChatVerb(StrEnum):
    """What may be asked for in a chat."""

    HELP = "help"
    STATUS = "status"
    PLANS = "plans"
    FAILOVER = "failover"
    DRILL = "drill"
    APPROVE = "approve"
    REJECT = "reject"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


NEEDS: Mapping[ChatVerb, Role] = {
    ChatVerb.STATUS: Role.READ,
    ChatVerb.PLANS: Role.READ,
    ChatVerb.FAILOVER: Role.OPERATE,
    ChatVerb.DRILL: Role.OPERATE,
    ChatVerb.PAUSE: Role.OPERATE,
    ChatVerb.RESUME: Role.OPERATE,
    ChatVerb.CANCEL: Role.OPERATE,
    ChatVerb.APPROVE: Role.APPROVE,
    ChatVerb.REJECT: Role.APPROVE,
}
READS = frozenset({ChatVerb.HELP, ChatVerb.STATUS, ChatVerb.PLANS})
USAGE: Mapping[ChatVerb, str] = {
    ChatVerb.HELP: "help",
    ChatVerb.STATUS: "status [RUN]",
    ChatVerb.PLANS: "plans",
    ChatVerb.FAILOVER: "failover PLAN [graceful|forced] [because REASON]",
    ChatVerb.DRILL: "drill PLAN [because REASON]",
    ChatVerb.APPROVE: "approve RUN DIGEST",
    ChatVerb.REJECT: "reject RUN DIGEST",
    ChatVerb.PAUSE: "pause RUN",
    ChatVerb.RESUME: "resume RUN",
    ChatVerb.CANCEL: "cancel RUN",
}


class Misunderstood(Exception):
    """The line is not one that Leeward understands; the text says how it is meant."""


class Asked(Recorded):
    """One line of a chat, understood."""

    verb: ChatVerb
    name: str | None = None
    mode: Mode | None = None
    reason: str | None = None
    digest: str | None = None


class Person(Model):
    """Who a chat account belongs to, and what it may do there."""

    oid: str = Field(min_length=1, max_length=100)
    name: str = Field(min_length=1, max_length=200)
    roles: frozenset[Role] = frozenset({Role.READ})

    @property
    def caller(self) -> Caller:
        """Return the person as every other door knows it."""
        return Caller(id=self.oid, name=self.name, roles=self.roles)


class People(Model):
    """Chat accounts by channel: ``TEAM/USER`` in Slack, the directory's object id in Teams."""

    slack: dict[str, Person] = Field(default_factory=dict)
    teams: dict[str, Person] = Field(default_factory=dict)


class Button(Recorded):
    """A button: in a chat that calls back it carries ``value``, elsewhere it opens ``path`` of the app."""

    text: str
    verdict: Verdict
    value: dict[str, str]
    path: str


class Message(Recorded):
    """What is said in a chat, whichever channel it is: plain text, no markup of any."""

    title: str
    text: str = ""
    facts: dict[str, str] = Field(default_factory=dict)
    buttons: tuple[Button, ...] = ()


def understand(line: str) -> Asked:
    """Return what a line asks for; raises Misunderstood with the usage."""
    words, _, reason = line.strip()[:MOST_CHARACTERS].partition(" because ")
    verb_word, *rest = words.split() or ["help"]
    try:
        verb = ChatVerb(verb_word.casefold())
    except ValueError:
        raise Misunderstood(
            f"{verb_word[:40]} is not understood; ask for {', '.join(ChatVerb)}"
        ) from None
    why = " ".join(reason.split()) or None
    match verb:
        case ChatVerb.HELP | ChatVerb.PLANS:
            _no_more(verb, rest)
            return Asked(verb=verb)
        case ChatVerb.STATUS:
            _no_more(verb, rest[1:])
            return Asked(verb=verb, name=_named(verb, rest, RUN) if rest else None)
        case ChatVerb.FAILOVER:
            _no_more(verb, rest[2:])
            return Asked(verb=verb, name=_named(verb, rest, PLAN), mode=_mode(rest[1:]), reason=why)
        case ChatVerb.DRILL:
            _no_more(verb, rest[1:])
            return Asked(verb=verb, name=_named(verb, rest, PLAN), reason=why)
        case ChatVerb.APPROVE | ChatVerb.REJECT:
            _no_more(verb, rest[2:])
            digest = rest[1].casefold() if len(rest) > 1 else ""
            if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_DIGEST},64}}", digest):
                raise Misunderstood(
                    f"give the digest of the question, its first {SHORTEST_DIGEST} characters at least: "
                    f"{USAGE[verb]}"
                )
            return Asked(verb=verb, name=_named(verb, rest, RUN), digest=digest)
        case _:
            _no_more(verb, rest[1:])
            return Asked(verb=verb, name=_named(verb, rest, RUN))


def _named(verb: ChatVerb, rest: list[str], pattern: re.Pattern[str]) -> str:
    if not rest or not pattern.fullmatch(rest[0]):
        raise Misunderstood(f"it goes like this: {USAGE[verb]}")
    return rest[0]


def _mode(rest: list[str]) -> Mode | None:
    if not rest:
        return None
    try:
        return Mode(rest[0].casefold())
    except ValueError:
        raise Misunderstood(f"it goes like this: {USAGE[ChatVerb.FAILOVER]}") from None


def _no_more(verb: ChatVerb, rest: list[str]) -> None:
    if rest:
        raise Misunderstood(f"it goes like this: {USAGE[verb]}")


def question_of(run: str, waits: Mapping[str, Any]) -> Message:
    """Return the message that asks for a decision, with a button for each answer."""
    value = {"run": run, "gate": str(waits["gate"]), "digest": str(waits["digest"])}
    path = f"/api/approval/{run}"
    shown = {
        "Run": run,
        "Gate": value["gate"],
        "Plan": str(waits.get("plan") or ""),
        "Until": str(waits.get("until") or ""),
        "Digest": value["digest"][:16],
    }
    return Message(
        title="A decision is needed",
        text=str(waits.get("says") or ""),
        facts={key: text for key, text in shown.items() if text},
        buttons=tuple(
            Button(text=text, verdict=verdict, value={**value, "verdict": verdict.value}, path=path)
            for text, verdict in (("Approve", Verdict.APPROVE), ("Reject", Verdict.REJECT))
        ),
    )


TITLES: Mapping[str, str] = {
    "Leeward.RunStarted": "A run has started",
    "Leeward.RunEnded": "A run has ended",
    "Leeward.RunStuck": "A run is stuck",
    "Leeward.IncidentOpened": "An incident is believed",
    "Leeward.DrillSkipped": "A drill was skipped",
    "Leeward.DrillMissed": "A drill was missed",
    "Leeward.ReadinessChanged": "Readiness has changed",
    "Leeward.BreakGlass": "Somebody broke the glass",
}
KEPT_CHARACTERS = 600


def notice_of(kind: str, subject: str, data: Mapping[str, Any]) -> Message | None:
    """Return what a chat is told of a notice about ``runs/ID``, ``plans/NAME`` or ``incidents/ID``; None for noise."""
    what, _, name = subject.partition("/")
    if kind == "Leeward.DecisionNeeded":
        return question_of(name, data)
    if kind not in TITLES:
        return None
    plain = {key: str(value)[:KEPT_CHARACTERS] for key, value in data.items() if _is_plain(value)}
    because = plain.pop("because", "") or plain.pop("why", "")
    facts = {_words(key): value for key, value in plain.items()}
    return Message(title=TITLES[kind], text=because, facts={_words(what[:-1]): name, **facts})


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def _words(key: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key)
    return spaced[:1].upper() + spaced[1:].lower()
